import { KafkaClient, onConnections } from '../kafka-client.ts'
import type { LogModel } from '../log-model.ts'
import { actor, receiverActor, type Workload } from '../stage.ts'
import { TransactionModel } from '../transaction-model.ts'
import { Producer } from '../workloads/kafka-producers.ts'
import { createTopic, EXCUSED } from '../workloads/kafka-readers.ts'
import { Subscriber } from '../workloads/mqtt-subscriber.ts'
import { Seat, type Work } from '../workloads/transactional-producer.ts'
import { fetchFiltered, readAllCommitted, TransactionReader } from '../workloads/transactional-readers.ts'
import { fetchOffset, type PartitionName } from '../workloads/transactional-requests.ts'
import type { World } from '../world.ts'

const INPUT = 'raw'
const OUTPUTS = ['paid', 'shipped']
const PARTITIONS = 2
const OUTPUT_PARTITIONS = OUTPUTS.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, index) => ({ topic, index })))

const PRODUCERS = [
  { transactionalId: 'tx1', protocol: 1, timeoutMs: 3_000 },
  { transactionalId: 'tx2', protocol: 2, timeoutMs: 3_000 },
  { transactionalId: 'tx3', protocol: 2, timeoutMs: 1_500 },
] as const
const CONSUMERS = [
  { transactionalId: 'copy1', protocol: 1, timeoutMs: 2_500, index: 0 },
  { transactionalId: 'copy2', protocol: 2, timeoutMs: 2_500, index: 1 },
] as const

/** Until what vanished in the middle is aborted: its timeout, the look for it, and the broker's start. */
const ABORT_PATIENCE_MS = 20_000

/** Transactional producers of both protocols, a consume-transform-produce loop of each, and readers of every isolation. */
export const transactions: Workload = {
  topics: [{ name: INPUT, partitions: PARTITIONS, alwaysDurable: true }],
  start({ world, model, actors }) {
    const transactions = new TransactionModel(world)
    const input = new Producer(world, model, { name: 'in', topic: INPUT, partitions: PARTITIONS, acks: -1, idempotent: true })
    const seats = [
      ...PRODUCERS.map((options) => new Seat(world, transactions, { ...options, ...told(model), work: async () => anyWork(world, options.transactionalId) })),
      ...CONSUMERS.map(
        (options) => new Seat(world, transactions, { ...options, ...told(model), work: (client) => consume(world, client, transactions, options) }),
      ),
    ]
    const readers = OUTPUT_PARTITIONS.flatMap((partition) =>
      (['read_committed', 'read_uncommitted'] as const).map(
        (isolation) => new TransactionReader(world.drawingFrom(`${isolation} ${partition.topic}-${partition.index}`), transactions, partition, isolation),
      ),
    )
    const subscriber = new Subscriber(world, model, { name: 'paid-at-least', level: 5, filter: 'paid/#', qos: 1, receiveMaximum: 50, clean: false })
    let asking = true
    actors.push(actor('producer of input', () => input.idle))
    for (const seat of seats) actors.push(actor(`transactional id ${seat.options.transactionalId}`, () => seat.idle))
    for (const reader of readers) actors.push(actor('reader of transactions', () => reader.done))
    actors.push(actor('asker about offsets of transactions', () => !asking))
    actors.push(receiverActor('subscriber of transactions', subscriber))
    void (async () => {
      for (const topic of OUTPUTS) await createTopic(world, topic, PARTITIONS, [{ name: 'segment.bytes', value: '1048576' }])
      for (const run of [input, ...seats, ...readers, subscriber]) void run.run()
      await onConnections(world, 300, (client) => askOffsets(world, client, transactions))
      asking = false
    })()
    return {
      verify: async () => {
        const found = new Map<string, readonly string[]>()
        for (const partition of OUTPUT_PARTITIONS) {
          const values = await readAllCommitted(world, partition, ABORT_PATIENCE_MS)
          if (values === null) return
          found.set(`${partition.topic}-${partition.index}`, values)
        }
        transactions.verify(found)
        if (transactions.isCertain) await verifyOffsets(world, transactions)
        for (const { value } of subscriber.received) {
          const transaction = transactions.transactions.get(value.slice(0, value.lastIndexOf('.')))
          if (transaction?.outcome !== 'committed') world.violate(`the subscriber was given ${value}, whose transaction was not committed`)
        }
      },
      close: () => {
        subscriber.closed = true
      },
    }
  },
}

/** What MQTT subscribers are due. */
function told(model: LogModel) {
  return {
    onSend: (value: string, { topic, index }: PartitionName, key: string): void => {
      const [transactionalId, transaction, record] = value.split('.') as [string, string, string]
      const number = Number(transaction) * 1_000 + Number(record)
      const sender = `${transactionalId}.${topic}-${index}`
      model.send({ value, topic, sender, number, guarantee: 'exactly-once', durable: true, mqttTopic: `${topic}/${key}` })
    },
    onCommitted: ({ records }: { readonly records: readonly { readonly value: string }[] }): void => {
      for (const { value } of records) {
        const sent = model.sent.get(value)
        if (sent !== undefined) sent.acknowledged = true
      }
    },
  }
}

/** Batches for some partitions, now and then with an offset of the id's own group. */
function anyWork({ random }: World, transactionalId: string): Work {
  const batches = Array.from({ length: 1 + random.below(5) }, () => ({
    ...random.pick(OUTPUT_PARTITIONS),
    count: 1 + random.below(random.chance(0.1) ? 15 : 3),
  }))
  const offset = random.chance(0.4) ? { topic: INPUT, index: 0, group: `of ${transactionalId}`, from: -1, offset: random.below(1_000_000) } : null
  return { batches, offset }
}

/** The next records of one partition of the input, each to become one of the output. */
async function consume(
  world: World,
  client: KafkaClient,
  model: TransactionModel,
  { transactionalId, index }: (typeof CONSUMERS)[number],
): Promise<Work | null> {
  const { random } = world
  const group = `of ${transactionalId}`
  const floor = model.floorOf(group, `${INPUT}-${index}`)
  const committed = await fetchOffset(client, { group, topic: INPUT, index, stable: true })
  if (committed.errorCode !== 0) {
    world.count(`consuming: OffsetFetch error ${committed.errorCode}`)
    if (committed.errorCode !== UNSTABLE_OFFSET_COMMIT && !EXCUSED.has(committed.errorCode))
      world.violate(`OffsetFetch of ${group} answered ${committed.errorCode}`)
    return null
  }
  model.offsetFetched(group, `${INPUT}-${index}`, committed.offset, committed.metadata, floor)
  const from = Math.max(committed.offset, 0)
  const got = await fetchFiltered(world, client, { topic: INPUT, index }, from, 'read_committed', { maxWaitMs: 300, maxBytes: 5_000 })
  const taken = got.records.slice(0, 1 + random.below(20))
  if (taken.length === 0) return null
  const batches = taken.map(() => ({ ...random.pick(OUTPUT_PARTITIONS), count: 1 }))
  return { batches, offset: { topic: INPUT, index, group, from, offset: from + taken.length } }
}

const UNSTABLE_OFFSET_COMMIT = 88
const GROUPS = [...PRODUCERS.map((each) => ({ ...each, index: 0 })), ...CONSUMERS].map(({ transactionalId, index }) => ({
  group: `of ${transactionalId}`,
  topic: INPUT,
  index,
}))

/** Offsets of a group are those of the last committed transaction, whether asked for stable ones or not. */
async function askOffsets(world: World, client: KafkaClient, model: TransactionModel): Promise<void> {
  const { random } = world
  const place = random.pick(GROUPS)
  const partition = `${place.topic}-${place.index}`
  const floor = model.floorOf(place.group, partition)
  const got = await fetchOffset(client, { ...place, stable: random.chance(0.5) })
  if (got.errorCode === 0) model.offsetFetched(place.group, partition, got.offset, got.metadata, floor)
  else if (got.errorCode !== UNSTABLE_OFFSET_COMMIT && !EXCUSED.has(got.errorCode)) world.violate(`OffsetFetch of ${place.group} answered ${got.errorCode}`)
  await world.sleep(random.below(800))
}

async function verifyOffsets(world: World, model: TransactionModel): Promise<void> {
  const client = await KafkaClient.open(world)
  for (const place of GROUPS) {
    const partition = `${place.topic}-${place.index}`
    const got = await fetchOffset(client, { ...place, stable: true }).catch(() => null)
    const last = model.lastOffset(place.group, partition)
    if (got?.errorCode !== 0) world.violate(`at the end, OffsetFetch of ${place.group} answered ${got?.errorCode}`)
    else if (got.offset !== (last?.offset?.offset ?? -1) || (last !== undefined && got.metadata !== last.name))
      world.violate(`at the end, ${place.group} has offset ${got.offset} "${got.metadata}", the last transaction is ${last?.name} with ${last?.offset?.offset}`)
  }
  for (const { transactionalId, index } of CONSUMERS) model.verifyConsumed(`of ${transactionalId}`, `${INPUT}-${index}`)
  client.close()
}
