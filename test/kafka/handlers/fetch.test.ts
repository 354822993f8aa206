import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Partition } from '../../../src/broker/topics/partition.ts'
import type { KafkaSettings } from '../../../src/kafka/handler.ts'
import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { batchBaseOffset, batchOffsetCount, batchSizeBytes } from '../../../src/log/record-batch.ts'
import { batchOf } from '../lib/batches.ts'
import { startKafka } from '../lib/harness.ts'
import { HeldLog, type HeldPartition } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

const FETCH = [FetchRequest, FetchResponse] as const
const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

interface Ask {
  readonly offset?: number
  readonly partition?: number
  readonly partitionMaxBytes?: number
  readonly currentLeaderEpoch?: number
  readonly lastFetchedEpoch?: number
}

interface Options {
  readonly version?: number
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly sessionId?: number
  readonly sessionEpoch?: number
  readonly isolationLevel?: number
  readonly topic?: string
  readonly topicId?: string
}

async function setup(partitions = 1, settings: Partial<KafkaSettings> = {}) {
  const log = new HeldLog()
  const kafka = await startKafka(log, { settings })
  const topic = kafka.topics.create({ name: 't', partitions }, () => {})
  assert.ok('partitions' in topic)
  const client = await RawClient.connect(kafka.address)
  const producer = await RawClient.connect(kafka.address)
  const request = (asks: readonly Ask[], options: Options) => ({
    maxWaitMs: options.maxWaitMs ?? 0,
    minBytes: options.minBytes ?? 1,
    maxBytes: options.maxBytes ?? 50_000_000,
    sessionId: options.sessionId ?? 0,
    sessionEpoch: options.sessionEpoch ?? -1,
    isolationLevel: options.isolationLevel ?? 0,
    topics: [
      {
        topic: options.topic ?? 't',
        topicId: options.topicId ?? topic.id,
        partitions: asks.map((ask) => ({
          partition: ask.partition ?? 0,
          fetchOffset: ask.offset ?? 0,
          partitionMaxBytes: ask.partitionMaxBytes ?? 1_000_000,
          currentLeaderEpoch: ask.currentLeaderEpoch ?? -1,
          lastFetchedEpoch: ask.lastFetchedEpoch ?? -1,
          replicaDirectoryId: NO_ID,
        })),
      },
    ],
    forgottenTopicsData: [],
  })
  const send = (asks: readonly Ask[], options: Options = {}) => client.send(FetchRequest, options.version ?? 12, request(asks, options))
  const fetchAll = (asks: readonly Ask[], options: Options = {}) => client.ask(FETCH, options.version ?? 12, request(asks, options))
  const fetch = async (ask: Ask = {}, options: Options = {}) => {
    const partition = (await fetchAll([ask], options)).responses[0]?.partitions[0]
    assert.ok(partition)
    return { ...partition, offsets: offsetsOf(partition.records) }
  }
  const produce = (values: readonly string[], index = 0) => {
    const topicData = [{ name: 't', topicId: topic.id, partitionData: [{ index, records: batchOf(values) }] }]
    return producer.ask([ProduceRequest, ProduceResponse], 9, { acks: -1, timeoutMs: 1_000, topicData })
  }
  /** Resolves when the next Fetch waits on the first partition. */
  const parked = () =>
    new Promise<void>((resolve) => {
      const waited = topic.partitions[0] as Partition
      const add = waited.addReader
      waited.addReader = (reader) => {
        waited.addReader = add
        waited.addReader(reader)
        resolve()
      }
    })
  const end = async () => {
    await client[Symbol.asyncDispose]()
    await producer[Symbol.asyncDispose]()
    await kafka[Symbol.asyncDispose]()
  }
  const partition = topic.partitions[0]?.log as HeldPartition
  return { kafka, log, topic, client, producer, fetch, fetchAll, send, parked, produce, partition, [Symbol.asyncDispose]: end }
}

/** Base offset and number of offsets of each batch in an answer. */
function offsetsOf(records: readonly Uint8Array[] | null): [number, number][] {
  const bytes = Buffer.concat(records ?? [])
  const found: [number, number][] = []
  for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) found.push([batchBaseOffset(bytes, at), batchOffsetCount(bytes, at)])
  return found
}

test('every version gives whole batches, by name up to 12 and by id from 13', async () => {
  await using t = await setup()
  await t.produce(['a', 'b'])
  await t.produce(['c'])
  for (let version = 4; version <= 18; version++) {
    const got = await t.fetch({}, { version })
    assert.equal(got.errorCode, 0, `version ${version}`)
    assert.deepEqual(got.offsets, [
      [0, 2],
      [2, 1],
    ])
    assert.equal(got.highWatermark, 3)
    assert.equal(got.abortedTransactions, null)
  }
})

test('an offset inside a batch gives the whole batch', async () => {
  await using t = await setup()
  await t.produce(['a', 'b', 'c'])
  assert.deepEqual((await t.fetch({ offset: 2 })).offsets, [[0, 3]])
})

test('an offset at the end gives nothing, beyond it or negative 1', async () => {
  await using t = await setup()
  await t.produce(['a'])
  const atEnd = await t.fetch({ offset: 1 })
  assert.equal(atEnd.errorCode, 0)
  assert.deepEqual(atEnd.records, [])
  for (const offset of [2, -1]) {
    const got = await t.fetch({ offset })
    assert.equal(got.errorCode, 1)
    assert.equal(got.highWatermark, -1)
    assert.equal(got.lastStableOffset, -1)
    assert.equal(got.logStartOffset, -1)
    assert.deepEqual(got.records, [])
  }
})

test('an offset below the log start gets 1', async () => {
  await using t = await setup()
  await t.produce(['a'])
  await t.produce(['b'])
  t.partition.logStartOffset = 1
  assert.equal((await t.fetch({ offset: 0 })).errorCode, 1)
})

test('the first batch comes even where it is larger than all limits, the next ones do not', async () => {
  await using t = await setup(2)
  await t.produce(['x'.repeat(5_000)])
  await t.produce(['y'])
  await t.produce(['z'], 1)
  assert.deepEqual((await t.fetch({ partitionMaxBytes: 10 })).offsets, [[0, 1]])
  assert.deepEqual((await t.fetch({}, { maxBytes: 0 })).offsets, [[0, 1]])
  const both = await t.fetchAll([{}, { partition: 1 }], { maxBytes: 100 })
  const [first, second] = both.responses[0]?.partitions ?? []
  assert.deepEqual(offsetsOf(first?.records ?? null), [[0, 1]])
  assert.deepEqual(offsetsOf(second?.records ?? null), [])
  assert.equal(second?.errorCode, 0)
})

test('the first batch that is larger than the limits may come from a later partition', async () => {
  await using t = await setup(2)
  await t.produce(['x'.repeat(5_000)], 1)
  const both = await t.fetchAll([{}, { partition: 1 }], { maxBytes: 10 })
  assert.deepEqual(offsetsOf(both.responses[0]?.partitions[1]?.records ?? null), [[0, 1]])
})

test('records from the disk are served like those from memory', async () => {
  await using t = await setup()
  await t.produce(['a', 'b'])
  t.partition.onDisk = true
  assert.deepEqual((await t.fetch({ offset: 1 })).offsets, [[0, 2]])
})

test('the less memory is left, the smaller answers from the disk become, and min.bytes holds nobody up', async () => {
  await using t = await setup(1, { maxFetchMemoryBytes: 400_000 })
  for (let batch = 0; batch < 5; batch++) await t.produce(['x'.repeat(100_000)])
  t.partition.onDisk = true
  const ask = { maxWaitMs: 60_000, minBytes: 450_000 }
  assert.deepEqual((await t.fetch({}, ask)).offsets, [[0, 1]])
  // A second time: what the first answer took is free again.
  assert.deepEqual((await t.fetch({ offset: 1 }, ask)).offsets, [[1, 1]])
})

test('a Fetch waits for records and gets them when they are visible', async () => {
  await using t = await setup()
  t.log.held = true
  const parked = t.parked()
  t.send([{}], { maxWaitMs: 60_000 })
  await parked
  const produced = t.produce(['a'])
  while (t.partition.logEndOffset === 0) await new Promise(setImmediate)
  assert.equal(t.client.unread, 0)
  t.log.release()
  const { value } = await t.client.answer(FetchResponse, 12)
  assert.deepEqual(offsetsOf(value.responses[0]?.partitions[0]?.records ?? null), [[0, 1]])
  await produced
})

test('a Fetch that waits reads again only where something came', async () => {
  const count = 50
  await using t = await setup(count)
  const reads: number[] = []
  for (const { index, log } of t.topic.partitions) {
    // Whoever reads a partition asks for its epoch first.
    const { leaderEpoch } = log
    Object.defineProperty(log, 'leaderEpoch', {
      get: () => {
        reads.push(index)
        return leaderEpoch
      },
    })
  }
  await t.produce(['a'], 3)
  const size = batchOf(['a']).length
  const parked = t.parked()
  t.send(
    Array.from({ length: count }, (_, partition) => ({ partition })),
    { maxWaitMs: 60_000, minBytes: 3 * size },
  )
  await parked
  reads.length = 0
  await t.produce(['b'], 7)
  await t.produce(['c'], 3)
  const { value } = await t.client.answer(FetchResponse, 12)
  const told = value.responses[0]?.partitions.map(({ partitionIndex, records, highWatermark }) => [partitionIndex, offsetsOf(records).length, highWatermark])
  assert.deepEqual(
    told?.filter(([index]) => index === 3 || index === 7),
    [
      [3, 2, 2],
      [7, 1, 1],
    ],
  )
  assert.equal(told?.length, count)
  assert.deepEqual(new Set(reads), new Set([3, 7]))
})

test('a Fetch waits until there are min.bytes', async () => {
  await using t = await setup(2)
  const size = batchOf(['a']).length
  const parked = t.parked()
  t.send([{}, { partition: 1 }], { maxWaitMs: 60_000, minBytes: 2 * size + 1 })
  await parked
  await t.produce(['a'])
  await t.produce(['b'], 1)
  assert.equal(t.client.unread, 0)
  await t.produce(['c'])
  const { value } = await t.client.answer(FetchResponse, 12)
  assert.deepEqual(
    value.responses[0]?.partitions.map(({ records }) => offsetsOf(records)),
    [
      [
        [0, 1],
        [1, 1],
      ],
      [[0, 1]],
    ],
  )
})

test('a Fetch that waits is answered empty when its time is over', async () => {
  await using t = await setup()
  const got = await t.fetch({}, { maxWaitMs: 20 })
  assert.equal(got.errorCode, 0)
  assert.deepEqual(got.records, [])
})

test('an error in any partition answers at once', async () => {
  await using t = await setup()
  const got = await t.fetchAll([{}, { partition: 9 }], { maxWaitMs: 60_000 })
  assert.deepEqual(
    got.responses[0]?.partitions.map(({ errorCode }) => errorCode),
    [0, 3],
  )
})

test('a Fetch that waits on a topic that is deleted gets its error', async () => {
  await using t = await setup()
  const parked = t.parked()
  t.send([{}], { maxWaitMs: 60_000, version: 13 })
  await parked
  t.kafka.topics.delete(t.topic, () => {})
  const { value } = await t.client.answer(FetchResponse, 13)
  assert.equal(value.responses[0]?.partitions[0]?.errorCode, 100)
})

test('unknown topic names get 3, unknown ids 100', async () => {
  await using t = await setup()
  assert.equal((await t.fetch({}, { topic: 'nowhere' })).errorCode, 3)
  assert.equal((await t.fetch({}, { version: 13, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' })).errorCode, 100)
  assert.equal((await t.fetch({ partition: 5 }, { version: 13 })).errorCode, 3)
})

test('a newer leader epoch gets 75, an older one 74 (KIP-320)', async () => {
  await using t = await setup()
  assert.equal((await t.fetch({ currentLeaderEpoch: t.partition.leaderEpoch + 1 })).errorCode, 75)
  assert.equal((await t.fetch({ currentLeaderEpoch: t.partition.leaderEpoch - 1 })).errorCode, 74)
  assert.equal((await t.fetch({ currentLeaderEpoch: t.partition.leaderEpoch })).errorCode, 0)
})

test('a session is told what changed, and only that (KIP-227)', async () => {
  await using t = await setup(3)
  await t.produce(['a'])
  const made = await t.fetchAll([{}, { partition: 1 }, { partition: 2 }], { sessionEpoch: 0 })
  assert.ok(made.sessionId > 0)
  assert.equal(made.responses[0]?.partitions.length, 3)
  await t.produce(['b'], 2)
  const { sessionId } = made
  const next = await t.fetchAll([{ offset: 1 }], { sessionId, sessionEpoch: 1 })
  assert.equal(next.sessionId, sessionId)
  assert.deepEqual(
    next.responses[0]?.partitions.map(({ partitionIndex, records }) => [partitionIndex, offsetsOf(records)]),
    [[2, [[0, 1]]]],
  )
  const nothing = await t.fetchAll([{ partition: 2, offset: 1 }], { sessionId, sessionEpoch: 2 })
  assert.deepEqual([nothing.errorCode, nothing.responses], [0, []])
})

test('a session that waits is told what came, and nothing where nothing came', async () => {
  await using t = await setup(2)
  const { sessionId } = await t.fetchAll([{}, { partition: 1 }], { sessionEpoch: 0 })
  const parked = t.parked()
  t.send([{}], { sessionId, sessionEpoch: 1, maxWaitMs: 60_000 })
  await parked
  await t.produce(['a'], 1)
  const { value } = await t.client.answer(FetchResponse, 12)
  assert.deepEqual(
    value.responses[0]?.partitions.map(({ partitionIndex }) => partitionIndex),
    [1],
  )
  const late = await t.fetchAll([{ partition: 1, offset: 1 }], { sessionId, sessionEpoch: 2, maxWaitMs: 10 })
  assert.deepEqual([late.errorCode, late.sessionId, late.responses], [0, sessionId, []])
})

test('a partition of a session that gave records comes after the others next time', async () => {
  await using t = await setup(2)
  for (let times = 0; times < 3; times++) for (const index of [0, 1]) await t.produce(['x'.repeat(1_000)], index)
  const { sessionId } = await t.fetchAll([{}, { partition: 1 }], { sessionEpoch: 0, maxBytes: 1 })
  const given: number[] = []
  const at = [0, 0]
  for (let sessionEpoch = 1; sessionEpoch <= 4; sessionEpoch++) {
    const asks = at.map((offset, partition) => ({ partition, offset }))
    const { responses } = await t.fetchAll(asks, { sessionId, sessionEpoch, maxBytes: 1 })
    for (const { partitionIndex, records } of responses[0]?.partitions ?? []) {
      if (offsetsOf(records).length === 0) continue
      given.push(partitionIndex)
      at[partitionIndex] = (at[partitionIndex] ?? 0) + 1
    }
  }
  assert.deepEqual(given, [0, 1, 0, 1])
})

test('a request that was overtaken on another connection gets 71', async () => {
  await using t = await setup()
  const other = await RawClient.connect(t.kafka.address)
  const { sessionId } = await t.fetchAll([{}], { sessionEpoch: 0 })
  const parked = t.parked()
  t.send([{}], { sessionId, sessionEpoch: 1, maxWaitMs: 30 })
  await parked
  const overtaking = { maxWaitMs: 0, minBytes: 1, sessionId, sessionEpoch: 2, topics: [], forgottenTopicsData: [] }
  assert.equal((await other.ask(FETCH, 12, overtaking)).errorCode, 0)
  const { value } = await t.client.answer(FetchResponse, 12)
  assert.deepEqual([value.errorCode, value.sessionId, value.responses], [71, sessionId, []])
  await other[Symbol.asyncDispose]()
})

test('a session nobody made gets 70', async () => {
  await using t = await setup()
  const gone = await t.fetchAll([{}], { sessionId: 5, sessionEpoch: 1 })
  assert.deepEqual([gone.errorCode, gone.sessionId, gone.responses], [70, 0, []])
})

test('read_committed has a list of aborted transactions, if an empty one', async () => {
  await using t = await setup()
  await t.produce(['a'])
  const got = await t.fetch({}, { isolationLevel: 1 })
  assert.deepEqual(got.abortedTransactions, [])
  assert.deepEqual(got.offsets, [[0, 1]])
})

test('an isolation level that there is not shows nothing: -1, as Kafka answers', async () => {
  await using t = await setup()
  await t.produce(['a'])
  for (const isolationLevel of [2, -1]) {
    const { errorCode, records } = await t.fetch({}, { isolationLevel })
    assert.deepEqual([errorCode, records], [-1, []])
  }
})

test('negative limits of bytes get -1 where there is something to read, as Kafka answers', async () => {
  await using t = await setup()
  await t.produce(['a'])
  assert.equal((await t.fetch({ partitionMaxBytes: -1 })).errorCode, -1)
  assert.equal((await t.fetch({ partitionMaxBytes: -1, offset: 1 })).errorCode, 0)
  assert.equal((await t.fetch({}, { maxBytes: -1 })).errorCode, -1)
})

test('a client that goes away leaves no reader behind', async () => {
  await using t = await setup()
  const parked = t.parked()
  t.send([{}], { maxWaitMs: 60_000 })
  await parked
  const waited = t.topic.partitions[0] as Partition
  const removed: unknown[] = []
  const remove = waited.removeReader.bind(waited)
  waited.removeReader = (reader) => {
    removed.push(reader)
    remove(reader)
  }
  t.client.socket.end()
  await t.client.closed
  while (t.kafka.server.connectionCount > 1) await new Promise(setImmediate)
  assert.equal(removed.length, 1)
  await t.produce(['nobody waits for this'])
})
