import type { RecordHeader, RecordInput } from '../../log/record-batch.ts'
import { systemClock } from '../../runtime/system-clock.ts'
import { partitionOfKey } from '../../util/murmur2.ts'
import { type CommandIo, defineCommand, EXIT, flag, oneOf, usageError, whole, word, wordList } from '../command.ts'
import { BROKER_OPTIONS, connectKafka } from '../connect.ts'
import { KafkaClient } from '../kafka-client/client.ts'
import { printJson, tell } from '../output.ts'
import { FORMAT_LANGUAGE, parseFormat } from '../record-format.ts'
import { formatParser, jsonParser, type RecordParser } from '../record-input.ts'
import type { GivenRecord } from '../record-json.ts'

/** Records are sent when so many bytes have gathered for a partition, and at the latest when stdin pauses. */
const MAX_BATCH_BYTES = 512 * 1024

export const command = defineCommand({
  description:
    'Produces records: one of the options --value, or those of stdin, a line each. The same key always goes to the same partition (as Kafka’s Java\n' +
    'client, and MQTT here, choose it); records without a key go around. A topic that does not exist is made where the broker allows it.',
  arguments: [{ name: 'topic', doc: 'Where to.' }],
  options: {
    ...BROKER_OPTIONS,
    value: word('-v, --value <text>', 'Produce this one value and read nothing.'),
    tombstone: flag('--tombstone', 'Produce one null value for the key.'),
    key: word('-k, --key <text>', 'The key of every record that brings none.'),
    header: wordList('-H, --header <name=value>', 'A header of every record; may be given again.'),
    partition: whole('-p, --partition <number>', 'This partition, whatever the key.'),
    acks: oneOf('--acks <acks>', 'Wait for the disk (all), or only for the broker (1).', ['all', '1'], 'all'),
    json: flag('--json', 'Read JSON lines as consume --json prints them, and print where each record went.'),
    format: word('-f, --format <format>', `How to read stdin: ${FORMAT_LANGUAGE}`, '%v\\n'),
  },
  examples: [
    { command: 'elytra produce orders -k eu/42 -v \'{"total":7}\'', what: 'one record; MQTT subscribers of orders/eu/42 get it too' },
    { command: 'seq 10 | elytra produce numbers', what: 'a record per line' },
    { command: "printf 'a\\t1\\nb\\t2\\n' | elytra produce pairs -f '%k\\t%v\\n'", what: 'key and value separated by a tab' },
    { command: 'elytra consume a --json --exit | elytra produce b --json', what: 'copy a topic: keys, values and headers' },
  ],
  run: async (io, [topic = ''], options) => {
    const headers = options.header.map(parseHeader)
    const key = options.key === undefined ? null : Buffer.from(options.key)
    if (options.tombstone && options.value !== undefined) throw usageError('--tombstone and --value exclude each other: a tombstone has no value')
    const parser = options.json ? jsonParser() : formatParser(parseFormat(options.format))
    await using connection = await connectKafka(io, options)
    const client = new KafkaClient(connection)
    const { partitions } = await client.topic(topic, { create: true })
    if (options.partition !== undefined && !partitions.includes(options.partition)) {
      throw usageError(`topic "${topic}" has ${partitions.length} partitions; partition ${options.partition} does not exist`)
    }
    const choose = partitionChooser(partitions.length, options.partition)
    const acks = options.acks === 'all' ? -1 : 1
    const print = options.json ? (partition: number, offset: number) => printJson(io, { topic, partition, offset }) : () => {}
    let count = 0
    const send = async (given: readonly GivenRecord[]): Promise<void> => {
      const records = given.map((record) => ({
        key: record.key ?? key,
        value: record.value,
        headers: [...record.headers, ...headers],
        timestampMs: systemClock.now(),
      }))
      const batches = batchesOf(records, choose)
      await Promise.all(
        batches.map(async ({ partition, records: batch }) => {
          const first = await client.produce(topic, partition, batch, acks)
          for (const index of batch.keys()) print(partition, first + index)
        }),
      )
      count += records.length
    }
    if (options.value !== undefined) await send([{ key, value: Buffer.from(options.value), headers: [] }])
    else if (options.tombstone) await send([{ key, value: null, headers: [] }])
    else await sendInput(io, parser, send)
    if (!options.json) tell(io, `produced ${count} ${count === 1 ? 'record' : 'records'} to ${topic}`)
    return EXIT.ok
  },
})

async function sendInput(io: CommandIo, parser: RecordParser, send: (records: readonly GivenRecord[]) => Promise<void>): Promise<void> {
  for await (const chunk of chunksOf(io)) {
    const records = parser.push(chunk)
    if (records.length > 0) await send(records)
  }
  const rest = parser.end()
  if (rest.length > 0) await send(rest)
}

/** What comes in on stdin, until it ends or the user asks to stop. */
async function* chunksOf(io: CommandIo): AsyncGenerator<Buffer> {
  const chunks = io.stdin[Symbol.asyncIterator]()
  const stopped = new Promise<{ done: true; value: undefined }>((resolve) => {
    io.stop.addEventListener('abort', () => resolve({ done: true, value: undefined }), { once: true })
  })
  for (;;) {
    const next = await Promise.race([chunks.next(), stopped])
    if (next.done) return
    yield Buffer.from(next.value)
  }
}

function parseHeader(words: string): RecordHeader {
  const equals = words.indexOf('=')
  if (equals <= 0) throw usageError(`--header: must be NAME=VALUE, not "${words}"`)
  return { key: words.slice(0, equals), value: Buffer.from(words.slice(equals + 1)) }
}

/** By key; without one the partitions take turns, one turn for each call of `next`. */
function partitionChooser(count: number, fixed: number | undefined): { next(): void; of(record: RecordInput): number } {
  let turn = -1
  return {
    next: () => {
      turn = (turn + 1) % count
    },
    of: ({ key }) => fixed ?? (key === null ? Math.max(turn, 0) : partitionOfKey(key, count)),
  }
}

/** Records by partition, in batches of a bounded size. Keyless records of one call stay together. */
function batchesOf(records: readonly RecordInput[], choose: ReturnType<typeof partitionChooser>): { partition: number; records: RecordInput[] }[] {
  choose.next()
  const batches: { partition: number; records: RecordInput[] }[] = []
  const open = new Map<number, { records: RecordInput[]; bytes: number }>()
  for (const record of records) {
    const partition = choose.of(record)
    const bytes = (record.key?.length ?? 0) + (record.value?.length ?? 0)
    const batch = open.get(partition)
    if (batch !== undefined && batch.bytes + bytes <= MAX_BATCH_BYTES) {
      batch.records.push(record)
      batch.bytes += bytes
      continue
    }
    const begun = { records: [record], bytes }
    open.set(partition, begun)
    batches.push({ partition, records: begun.records })
  }
  return batches
}
