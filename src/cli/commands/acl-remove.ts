import { type AclFilter, ANY_HOST } from '../../broker/security/acl.ts'
import { jsonOfAcl, parseOperations, parsePrincipal, parseResource } from '../acl-words.ts'
import { CommandError, defineCommand, EXIT, flag, word } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { deleteAcls } from '../kafka-client/acls.ts'
import { printJson, tell } from '../output.ts'

export const command = defineCommand({
  description: 'Takes back what `elytra acl add` with the same words added.',
  arguments: [
    { name: 'user', doc: 'The user, as it was added.' },
    { name: 'operations', doc: 'Separated by commas, as they were added; `any`: whatever was added.' },
    { name: 'resource', doc: 'The resource, as it was added.' },
  ],
  options: {
    ...BROKER_OPTIONS,
    deny: flag('--deny', 'Take back a denial.'),
    host: word('--host <address>', 'The address it was added for.', ANY_HOST),
    literal: flag('--literal', 'A `*` at the end of the name is part of it.'),
    json: flag('--json', 'Print a JSON line per right that is gone.'),
  },
  examples: [
    { command: 'elytra acl remove bob write topic:orders --user alice', what: 'by the administrator alice' },
    { command: 'elytra acl remove bob any topic:orders', what: 'everything bob was let do with it' },
  ],
  run: async (io, [user = '', operations = '', resource = ''], options) => {
    const named = parseResource(resource, options.literal)
    const permission = options.deny ? ('deny' as const) : ('allow' as const)
    const asked = operations === 'any' ? [null] : parseOperations(operations)
    const filters = asked.map((operation): AclFilter => ({ ...named, principal: parsePrincipal(user), host: options.host, operation, permission }))
    await using connection = await connectKafka(io, options)
    const removed = await deleteAcls(connection, filters)
    if (removed.length === 0) throw new CommandError('there is no such right; elytra acl list shows those there are')
    if (options.json) for (const acl of removed) printJson(io, jsonOfAcl(acl))
    else tell(io, `removed ${removed.length} right${removed.length === 1 ? '' : 's'}`)
    return EXIT.ok
  },
})
