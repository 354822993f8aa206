import { defineCommand, EXIT, flag } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { KafkaClient } from '../kafka-client/client.ts'
import { printJson, printTable, tell } from '../output.ts'

export const command = defineCommand({
  description: 'Lists the topics and their partitions.',
  arguments: [],
  options: { ...BROKER_OPTIONS, json: flag('--json', 'Print a JSON line per topic.') },
  examples: [{ command: 'elytra topic list', what: 'all topics' }],
  run: async (io, _args, options) => {
    await using connection = await connectKafka(io, options)
    const topics = (await new KafkaClient(connection).topics(null)).sort((left, right) => (left.name < right.name ? -1 : 1))
    if (options.json) for (const { name, id, partitions } of topics) printJson(io, { topic: name, id, partitions: partitions.length })
    else if (topics.length === 0) tell(io, 'there are no topics yet; elytra topic create NAME makes one')
    else
      printTable(
        io,
        ['topic', 'partitions'],
        topics.map(({ name, partitions }) => [name, partitions.length]),
      )
    return EXIT.ok
  },
})
