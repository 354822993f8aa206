import { defineCommand, EXIT, flag, usageError, whole, wordList } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { KafkaClient } from '../kafka-client/client.ts'
import { printJson, tell } from '../output.ts'

/** CreateTopics: let the broker choose. */
const BROKER_DEFAULT = -1

export const command = defineCommand({
  description: 'Creates a topic. Without a number of partitions it has those of the broker setting num.partitions.',
  arguments: [{ name: 'topic', doc: 'Its name: letters, digits, ".", "_" and "-", at most 249.' }],
  options: {
    ...BROKER_OPTIONS,
    partitions: whole('-p, --partitions <number>', 'How many partitions.', { min: 1 }),
    config: wordList('-c, --config <key=value>', 'A topic config, such as retention.ms=86400000; may be given again.'),
    json: flag('--json', 'Print the topic as JSON.'),
  },
  examples: [
    { command: 'elytra topic create orders', what: 'as many partitions as the broker gives by default' },
    { command: 'elytra topic create orders -p 12 -c retention.ms=86400000', what: '12 partitions, one day' },
  ],
  run: async (io, [name = ''], options) => {
    const configs = new Map(options.config.map(parseConfig))
    await using connection = await connectKafka(io, options)
    const created = await new KafkaClient(connection).createTopic(name, options.partitions ?? BROKER_DEFAULT, configs)
    if (options.json) printJson(io, { topic: name, partitions: created.partitions })
    else tell(io, `created topic ${name} with ${created.partitions} partitions`)
    return EXIT.ok
  },
})

function parseConfig(words: string): [string, string] {
  const equals = words.indexOf('=')
  if (equals <= 0) throw usageError(`--config: must be KEY=VALUE, not "${words}"`)
  return [words.slice(0, equals), words.slice(equals + 1)]
}
