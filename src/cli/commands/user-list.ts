import { defineCommand, EXIT, flag } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { KafkaClient } from '../kafka-client/client.ts'
import { printJson, printTable, tell } from '../output.ts'

export const command = defineCommand({
  description: 'Lists the users and the ways they can log in by SCRAM (PLAIN and MQTT passwords are checked against the same records).',
  arguments: [],
  options: { ...BROKER_OPTIONS, json: flag('--json', 'Print a JSON line per user.') },
  examples: [{ command: 'elytra user list --user alice', what: 'all users, as the administrator' }],
  run: async (io, _args, options) => {
    await using connection = await connectKafka(io, options)
    const users = await new KafkaClient(connection).users()
    if (options.json) for (const { name, mechanisms } of users) printJson(io, { user: name, mechanisms })
    else if (users.length === 0) tell(io, 'there are no users: everybody on this machine may do everything; elytra user add NAME makes the administrator')
    else
      printTable(
        io,
        ['user', 'mechanisms'],
        users.map(({ name, mechanisms }) => [name, mechanisms.join(', ')]),
      )
    return EXIT.ok
  },
})
