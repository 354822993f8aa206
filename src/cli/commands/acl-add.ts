import { type Acl, ANY_HOST } from '../../broker/security/acl.ts'
import { checkTopicOfAcl, jsonOfAcl, parseOperations, parsePrincipal, parseResource, printPrincipal } from '../acl-words.ts'
import { defineCommand, EXIT, flag, word } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { createAcls } from '../kafka-client/acls.ts'
import { printJson, tell } from '../output.ts'

export const command = defineCommand({
  description:
    'Lets a user do something, or denies it. Users who are no administrators may nothing until they are let; a denial wins over everything that lets.\n' +
    'Reading and writing imply describing. Rights on a topic are rights on the MQTT topics in it; a topic whose name has a slash or a wildcard is an MQTT\n' +
    'topic filter, and counts for MQTT clients alone.',
  arguments: [
    { name: 'user', doc: 'The user; `*` is everybody. A client with a certificate: its subject.' },
    {
      name: 'operations',
      doc: 'Separated by commas: read, write, create, delete, alter, describe, describe-configs, alter-configs, cluster-action, idempotent-write, create-tokens, describe-tokens, two-phase-commit, all.',
    },
    {
      name: 'resource',
      doc: '`topic:NAME`, `group:NAME`, `transactional-id:NAME`, `user:User:NAME`, `delegation-token:ID` or `cluster`. `topic:ord*` is every name that begins so.',
    },
  ],
  options: {
    ...BROKER_OPTIONS,
    deny: flag('--deny', 'Deny it.'),
    host: word('--host <address>', 'Only from this address.', ANY_HOST),
    literal: flag('--literal', 'A `*` at the end of the name is part of it.'),
    json: flag('--json', 'Print a JSON line per right.'),
  },
  examples: [
    { command: 'elytra acl add bob read,write topic:orders --user alice', what: 'by the administrator alice' },
    { command: 'elytra acl add bob read group:billing', what: 'a consumer group' },
    { command: 'elytra acl add sensors write "topic:plant/+/temperature"', what: 'MQTT topics' },
    { command: 'elytra acl add "*" read "topic:secret*" --deny', what: 'for nobody but administrators' },
  ],
  run: async (io, [user = '', operations = '', resource = ''], options) => {
    const principal = parsePrincipal(user)
    const named = parseResource(resource, options.literal)
    checkTopicOfAcl(named)
    const permission = options.deny ? 'deny' : 'allow'
    const acls = parseOperations(operations).map((operation): Acl => ({ ...named, principal, host: options.host, operation, permission }))
    await using connection = await connectKafka(io, options)
    await createAcls(connection, acls)
    if (options.json) for (const acl of acls) printJson(io, jsonOfAcl(acl))
    else tell(io, `${options.deny ? 'denied' : 'allowed'} ${printPrincipal(principal)}: ${operations} on ${resource}`)
    return EXIT.ok
  },
})
