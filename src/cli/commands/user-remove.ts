import { defineCommand, EXIT, flag } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { KafkaClient } from '../kafka-client/client.ts'
import { printJson, tell } from '../output.ts'

export const command = defineCommand({
  description: 'Removes a user: it cannot log in any more. The last administrator stays.',
  arguments: [{ name: 'name', doc: 'The user.' }],
  options: { ...BROKER_OPTIONS, json: flag('--json', 'Print the user as JSON.') },
  examples: [{ command: 'elytra user remove bob --user alice', what: 'as the administrator alice' }],
  run: async (io, [name = ''], options) => {
    await using connection = await connectKafka(io, options)
    await new KafkaClient(connection).deleteUser(name)
    if (options.json) printJson(io, { user: name, removed: true })
    else tell(io, `removed user ${name}`)
    return EXIT.ok
  },
})
