import { CommandError, type CommandIo, defineCommand, EXIT, flag } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { KafkaClient, OFFSET_AT } from '../kafka-client/client.ts'
import { printJson, tell } from '../output.ts'

export const command = defineCommand({
  description: 'Deletes topics and all their records, for good.',
  arguments: [{ name: 'topics...', doc: 'Their names.' }],
  options: {
    ...BROKER_OPTIONS,
    yes: flag('-y, --yes', 'Do it. Without this the command only says what it would delete.'),
    json: flag('--json', 'Print a JSON line per topic.'),
  },
  examples: [
    { command: 'elytra topic delete orders', what: 'what would go' },
    { command: 'elytra topic delete orders --yes', what: 'delete it' },
  ],
  run: async (io, names, options) => {
    await using connection = await connectKafka(io, options)
    const client = new KafkaClient(connection)
    for (const name of names) {
      const records = await countRecords(client, name)
      if (options.yes) await client.deleteTopic(name)
      report(io, name, records, options)
    }
    if (!options.yes) throw new CommandError('nothing was deleted; --yes does it')
    return EXIT.ok
  },
})

async function countRecords(client: KafkaClient, name: string): Promise<number> {
  const { partitions } = await client.topic(name)
  const starts = await client.offsets(name, partitions, OFFSET_AT.earliest)
  const ends = await client.offsets(name, partitions, OFFSET_AT.latest)
  return partitions.reduce((sum, partition) => sum + (ends.get(partition) ?? 0) - (starts.get(partition) ?? 0), 0)
}

function report(io: CommandIo, topic: string, records: number, { yes, json }: { readonly yes: boolean; readonly json: boolean }): void {
  if (json) printJson(io, { topic, records, deleted: yes })
  else tell(io, `${yes ? 'deleted' : 'would delete'} topic ${topic} with ${records} ${records === 1 ? 'record' : 'records'}`)
}
