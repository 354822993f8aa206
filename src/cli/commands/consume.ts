import { systemClock } from '../../runtime/system-clock.ts'
import { type CommandIo, defineCommand, EXIT, flag, usageError, whole, word, wordList } from '../command.ts'
import { BROKER_OPTIONS, openKafka, readCredentials } from '../connect.ts'
import { type FetchPosition, KafkaClient, OFFSET_AT } from '../kafka-client/client.ts'
import { Consumer } from '../kafka-client/consumer.ts'
import { GroupMember } from '../kafka-client/group-member.ts'
import { OFFSET_LANGUAGE, parseStartAt, positionAt, type StartAt } from '../offset-language.ts'
import { tell, writeAll } from '../output.ts'
import { FORMAT_LANGUAGE, formatRecord, parseFormat, type ShownRecord } from '../record-format.ts'
import { recordToJson } from '../record-json.ts'

/** How long a Fetch waits for records: the longest that stopping takes. */
const MAX_WAIT_MS = 500

export const command = defineCommand({
  description:
    'Prints records, from the start of the topics on, and waits for more. With --group several of these share the partitions, and go on where the group\n' +
    'has committed (-o counts only where it has not). Records of a partition come in order.',
  arguments: [{ name: 'topics...', doc: 'Where from.' }],
  options: {
    ...BROKER_OPTIONS,
    offset: word('-o, --offset <offset>', `Where to begin: ${OFFSET_LANGUAGE}.`, 'start'),
    partition: wordList('-p, --partition <number>', 'Only this partition; may be given again.'),
    group: word('-g, --group <id>', 'Be a member of this consumer group.'),
    count: whole('-n, --count <number>', 'Stop after so many records.', { min: 1 }),
    exit: flag('-e, --exit', 'Stop at the end: where the topics ended when this began.'),
    format: word('-f, --format <format>', `How to print a record: ${FORMAT_LANGUAGE}`, '%v\\n'),
    json: flag('--json', 'Print a JSON line per record: what produce --json reads.'),
  },
  examples: [
    { command: 'elytra consume orders', what: 'all values, then those to come' },
    { command: "elytra consume orders -o -10 --exit -f '%o %k %v\\n'", what: 'the last ten of each partition, with offset and key' },
    { command: 'elytra consume orders -o @-1h --json', what: 'those of the last hour, as JSON lines' },
    { command: 'elytra consume orders -g billing', what: 'as a member of the group billing' },
  ],
  run: async (io, topics, options) => {
    if (options.group !== undefined && options.partition.length > 0)
      throw usageError('--partition and --group exclude each other: the group assigns partitions')
    const startAt = parseStartAt(options.offset, systemClock.now())
    const format = parseFormat(options.format)
    const print = options.json ? (record: ShownRecord) => `${recordToJson(record)}\n` : (record: ShownRecord) => formatRecord(format, record)
    const credentials = await readCredentials(io, options)
    await using connection = await openKafka(options, credentials)
    const client = new KafkaClient(connection)
    const consumer = new Consumer(client, ({ topic, partition }) =>
      tell(io, `elytra: the position in ${topic}, partition ${partition} is gone (retention?); going on at its start`),
    )
    const plan = { client, consumer, topics, startAt, ...(options.count === undefined ? {} : { count: options.count }), exit: options.exit, print }
    if (options.group === undefined) {
      const wanted = options.partition.map(parsePartition)
      consumer.assign(await startPositions(client, topics, startAt, (partition) => wanted.length === 0 || wanted.includes(partition)))
      await pump(io, plan, null)
      return EXIT.ok
    }
    await using groupConnection = await openKafka(options, credentials)
    await using member = new GroupMember(groupConnection, systemClock, options.group, topics, async (names) =>
      (await client.topics(names)).map(({ name, partitions }) => ({ topic: name, partitions })),
    )
    await pump(io, plan, member)
    return EXIT.ok
  },
})

interface Plan {
  readonly client: KafkaClient
  readonly consumer: Consumer
  readonly topics: readonly string[]
  readonly startAt: StartAt
  readonly count?: number
  readonly exit: boolean
  readonly print: (record: ShownRecord) => string | Uint8Array
}

/** Prints until told to stop, `count` or the end; commits what was printed where there is a group. */
async function pump(io: CommandIo, plan: Plan, member: GroupMember | null): Promise<void> {
  const { consumer } = plan
  const printed = new Map<string, FetchPosition>()
  let left = plan.count ?? Number.POSITIVE_INFINITY
  let ends: readonly FetchPosition[] | null = null
  const commit = async (): Promise<void> => {
    await member?.commit([...printed.values()])
    printed.clear()
  }
  while (!io.stop.aborted && left > 0) {
    if (member?.mustJoin) {
      // What was printed under the old assignment is committed before others read those partitions.
      await commit()
      consumer.assign(await groupPositions(plan, member))
      ends = null
    }
    if (plan.exit) {
      ends ??= await endsOf(plan.client, consumer.positions)
      if (reached(consumer.positions, ends)) break
    }
    if (consumer.positions.length === 0) {
      await new Promise<void>((resolve) => systemClock.after(MAX_WAIT_MS, resolve))
      continue
    }
    const records = (await consumer.poll(MAX_WAIT_MS)).slice(0, left)
    for (const record of records) {
      await writeAll(io, plan.print(record))
      printed.set(`${record.topic}/${record.partition}`, { topic: record.topic, partition: record.partition, offset: record.offset + 1 })
    }
    left -= records.length
    await commit()
  }
}

async function startPositions(
  client: KafkaClient,
  topics: readonly string[],
  at: StartAt,
  wanted: (partition: number) => boolean = () => true,
): Promise<FetchPosition[]> {
  const positions: FetchPosition[] = []
  for (const { name, partitions } of await client.topics(topics)) {
    const chosen = partitions.filter(wanted)
    if (chosen.length === 0) throw usageError(`topic "${name}" has ${partitions.length} partitions; none of those asked for`)
    for (const [partition, offset] of await offsetsAt(client, name, chosen, at)) positions.push({ topic: name, partition, offset })
  }
  return positions
}

async function offsetsAt(client: KafkaClient, topic: string, partitions: readonly number[], at: StartAt): Promise<Map<number, number>> {
  const [starts, ends, timed] = await Promise.all([
    client.offsets(topic, partitions, OFFSET_AT.earliest),
    client.offsets(topic, partitions, OFFSET_AT.latest),
    at.kind === 'time' ? client.offsets(topic, partitions, at.timestampMs) : new Map<number, number>(),
  ])
  return new Map(partitions.map((partition) => [partition, positionAt(at, starts.get(partition) ?? 0, ends.get(partition) ?? 0, timed.get(partition) ?? -1)]))
}

/** Joins the group; begins where it has committed, else where `-o` says. */
async function groupPositions(plan: Plan, member: GroupMember): Promise<FetchPosition[]> {
  const positions: FetchPosition[] = []
  for (const { topic, partitions } of await member.join()) {
    const committed = await member.committed(topic, partitions)
    const fresh = await offsetsAt(plan.client, topic, partitions, plan.startAt)
    for (const partition of partitions) positions.push({ topic, partition, offset: committed.get(partition) ?? fresh.get(partition) ?? 0 })
  }
  return positions
}

async function endsOf(client: KafkaClient, positions: readonly FetchPosition[]): Promise<FetchPosition[]> {
  const ends: FetchPosition[] = []
  for (const [topic, parts] of Map.groupBy(positions, (position) => position.topic)) {
    const offsets = await client.offsets(
      topic,
      parts.map(({ partition }) => partition),
      OFFSET_AT.latest,
    )
    for (const [partition, offset] of offsets) ends.push({ topic, partition, offset })
  }
  return ends
}

function reached(positions: readonly FetchPosition[], ends: readonly FetchPosition[]): boolean {
  return ends.every((end) => {
    const position = positions.find(({ topic, partition }) => topic === end.topic && partition === end.partition)
    return position === undefined || position.offset >= end.offset
  })
}

function parsePartition(words: string): number {
  if (!/^\d+$/.test(words)) throw usageError(`--partition: must be a number, not "${words}"`)
  return Number(words)
}
