import { defineCommand, EXIT, flag } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { KafkaClient, OFFSET_AT } from '../kafka-client/client.ts'
import { printJson, printTable } from '../output.ts'

export const command = defineCommand({
  description: 'Shows a topic: the offsets of its partitions, and its configs ("default" where the topic sets none itself).',
  arguments: [{ name: 'topic', doc: 'Its name.' }],
  options: { ...BROKER_OPTIONS, json: flag('--json', 'Print it as one JSON line.') },
  examples: [{ command: 'elytra topic describe orders', what: 'offsets and configs' }],
  run: async (io, [name = ''], options) => {
    await using connection = await connectKafka(io, options)
    const client = new KafkaClient(connection)
    const topic = await client.topic(name)
    const [starts, ends, configs] = await Promise.all([
      client.offsets(name, topic.partitions, OFFSET_AT.earliest),
      client.offsets(name, topic.partitions, OFFSET_AT.latest),
      client.topicConfigs(name),
    ])
    const partitions = topic.partitions.map((partition) => ({ partition, start: starts.get(partition) ?? 0, end: ends.get(partition) ?? 0 }))
    if (options.json) {
      const values = Object.fromEntries(configs.map(({ name: key, value }) => [key, value]))
      printJson(io, { topic: name, id: topic.id, partitions, configs: values, set: configs.filter(({ isSet }) => isSet).map(({ name: key }) => key) })
      return EXIT.ok
    }
    io.stdout.write(`${name}  id ${topic.id}\n\n`)
    printTable(
      io,
      ['partition', 'start', 'end', 'records'],
      partitions.map(({ partition, start, end }) => [partition, start, end, end - start]),
    )
    io.stdout.write('\n')
    printTable(
      io,
      ['config', 'value', 'source'],
      configs.map(({ name: key, value, isSet }) => [key, value ?? '', isSet ? 'topic' : 'default']),
    )
    return EXIT.ok
  },
})
