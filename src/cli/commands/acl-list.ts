import type { AclFilter } from '../../broker/security/acl.ts'
import { jsonOfAcl, parsePrincipal, parseResource, printPrincipal, printResource } from '../acl-words.ts'
import { defineCommand, EXIT, flag, word } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { describeAcls } from '../kafka-client/acls.ts'
import { printJson, printTable, tell } from '../output.ts'

export const command = defineCommand({
  description: 'Lists who may do what. Administrators may do everything and are not listed.',
  arguments: [],
  options: {
    ...BROKER_OPTIONS,
    of: word('--of <user>', 'Only what speaks of this very user; `*` is everybody.'),
    on: word('--on <resource>', 'Only what applies to this resource: `topic:orders`, `cluster`.'),
    json: flag('--json', 'Print a JSON line per right.'),
  },
  examples: [
    { command: 'elytra acl list --user alice', what: 'all, as the administrator alice' },
    { command: 'elytra acl list --on topic:orders', what: 'also those of prefixes and of every topic' },
  ],
  run: async (io, _args, options) => {
    const resource = options.on === undefined ? null : parseResource(options.on, true)
    const filter: AclFilter = {
      resourceType: resource?.resourceType ?? null,
      resourceName: resource?.resourceName ?? null,
      patternType: resource === null ? 'any' : 'match',
      principal: options.of === undefined ? null : parsePrincipal(options.of),
      host: null,
      operation: null,
      permission: null,
    }
    await using connection = await connectKafka(io, options)
    const acls = await describeAcls(connection, filter)
    if (options.json) for (const acl of acls) printJson(io, jsonOfAcl(acl))
    else if (acls.length === 0) tell(io, 'there are no such rights')
    else {
      const rows = acls.map((acl) => [printPrincipal(acl.principal), acl.permission, acl.operation, printResource(acl), acl.host])
      printTable(
        io,
        ['user', 'permission', 'operation', 'resource', 'host'],
        rows.sort((left, right) => (left.join('\0') < right.join('\0') ? -1 : 1)),
      )
    }
    return EXIT.ok
  },
})
