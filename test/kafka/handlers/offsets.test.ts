import assert from 'node:assert/strict'
import { test } from 'node:test'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../src/kafka/messages/delete-records.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../src/kafka/messages/list-offsets.ts'
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../../../src/kafka/messages/offset-for-leader-epoch.ts'
import { batchOf } from '../lib/batches.ts'
import { startKafka } from '../lib/harness.ts'
import { HeldLog, type HeldPartition } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

const LIST = [ListOffsetsRequest, ListOffsetsResponse] as const
const EPOCH = [OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse] as const
const DELETE = [DeleteRecordsRequest, DeleteRecordsResponse] as const

async function setup() {
  const kafka = await startKafka(new HeldLog())
  const topic = kafka.topics.create({ name: 't' }, () => {})
  assert.ok('partitions' in topic)
  const partition = topic.partitions[0]?.log as HeldPartition
  // Offsets 0 and 1 at 1,000 ms, 2 at 2,000 ms.
  partition.add(batchOf(['a', 'b'], { timestampMs: 1_000 }))
  partition.add(batchOf(['c'], { timestampMs: 2_000 }))
  partition.show()
  const client = await RawClient.connect(kafka.address)
  const list = async (timestamp: number, options: { version?: number; index?: number; epoch?: number } = {}) => {
    const partitions = [{ partitionIndex: options.index ?? 0, timestamp, currentLeaderEpoch: options.epoch ?? -1 }]
    const request = { replicaId: -1, isolationLevel: 0, topics: [{ name: 't', partitions }], timeoutMs: 0 }
    const found = (await client.ask(LIST, options.version ?? 11, request)).topics[0]?.partitions[0]
    assert.ok(found)
    return found
  }
  const end = async () => {
    await client[Symbol.asyncDispose]()
    await kafka[Symbol.asyncDispose]()
  }
  return { kafka, client, partition, list, [Symbol.asyncDispose]: end }
}

test('the latest and the earliest offset have no timestamp, in every version', async () => {
  await using t = await setup()
  for (let version = 1; version <= 11; version++) {
    const latest = await t.list(-1, { version })
    assert.deepEqual([latest.errorCode, latest.offset, latest.timestamp], [0, 3, -1], `version ${version}`)
    assert.equal(latest.leaderEpoch, version >= 4 ? t.partition.leaderEpoch : -1)
    const earliest = await t.list(-2, { version })
    assert.deepEqual([earliest.errorCode, earliest.offset, earliest.timestamp], [0, 0, -1])
  }
})

test('a time gives the first record at or after it, and -1 where there is none', async () => {
  await using t = await setup()
  assert.equal((await t.list(1_500)).offset, 2)
  assert.equal((await t.list(0)).offset, 0)
  const none = await t.list(3_000)
  assert.deepEqual([none.errorCode, none.offset, none.timestamp], [0, -1, -1])
})

test('special timestamps are known from their version on, before that 35 (rule 14)', async () => {
  await using t = await setup()
  for (const [timestamp, first] of [
    [-3, 7],
    [-4, 8],
    [-5, 9],
    [-6, 11],
  ] as const) {
    assert.equal((await t.list(timestamp, { version: first - 1 })).errorCode, 35, String(timestamp))
    assert.equal((await t.list(timestamp, { version: first })).errorCode, 0, String(timestamp))
  }
  assert.equal((await t.list(-7)).errorCode, 35)
  assert.equal((await t.list(-3)).offset, 2)
  assert.equal((await t.list(-4)).offset, 0)
  assert.deepEqual([(await t.list(-5)).offset, (await t.list(-6)).offset], [-1, -1])
})

test('a partition named twice gets 42, an unknown one 3, a wrong epoch 74 or 75', async () => {
  await using t = await setup()
  const twice = { partitionIndex: 0, timestamp: -1 }
  const request = { replicaId: -1, isolationLevel: 0, topics: [{ name: 't', partitions: [twice, twice] }], timeoutMs: 0 }
  const answer = await t.client.ask(LIST, 5, request)
  assert.deepEqual(
    answer.topics[0]?.partitions.map(({ errorCode }) => errorCode),
    [42],
  )
  assert.equal((await t.list(-1, { index: 4 })).errorCode, 3)
  assert.equal((await t.list(-1, { epoch: t.partition.leaderEpoch - 1 })).errorCode, 74)
  assert.equal((await t.list(-1, { epoch: t.partition.leaderEpoch + 1 })).errorCode, 75)
})

test('an isolation level that there is not gets -1 for whatever was asked, as Kafka answers', async () => {
  await using t = await setup()
  const partitions = [0, 4].map((partitionIndex) => ({ partitionIndex, timestamp: -1 }))
  for (const isolationLevel of [2, -1]) {
    const { topics } = await t.client.ask(LIST, 5, { replicaId: -1, isolationLevel, topics: [{ name: 't', partitions }], timeoutMs: 0 })
    assert.deepEqual(
      topics[0]?.partitions.map(({ errorCode, offset }) => [errorCode, offset]),
      [
        [-1, -1],
        [-1, -1],
      ],
    )
  }
})

test('OffsetForLeaderEpoch tells where an epoch ended, -1 where it is not known', async () => {
  await using t = await setup()
  for (const version of [2, 3, 4]) {
    const ask = async (leaderEpoch: number, partition = 0) => {
      const partitions = [{ partition, leaderEpoch }]
      return (await t.client.ask(EPOCH, version, { topics: [{ topic: 't', partitions }] })).topics[0]?.partitions[0]
    }
    const known = await ask(t.partition.leaderEpoch)
    assert.deepEqual([known?.errorCode, known?.leaderEpoch, known?.endOffset], [0, t.partition.leaderEpoch, 3])
    const unknown = await ask(99)
    assert.deepEqual([unknown?.errorCode, unknown?.leaderEpoch, unknown?.endOffset], [0, -1, -1])
    assert.equal((await ask(0, 9))?.errorCode, 3)
  }
})

test('DeleteRecords raises the start up to the high watermark and not beyond: 1 (rule 9)', async () => {
  await using t = await setup()
  const remove = async (offset: number, partitionIndex = 0) => {
    const topics = [{ name: 't', partitions: [{ partitionIndex, offset }] }]
    const found = (await t.client.ask(DELETE, 2, { topics, timeoutMs: 1_000 })).topics[0]?.partitions[0]
    return [found?.errorCode, found?.lowWatermark]
  }
  assert.deepEqual(await remove(4), [1, -1])
  assert.deepEqual(await remove(2), [0, 2])
  assert.deepEqual(await remove(1), [0, 2])
  assert.deepEqual(await remove(-1), [0, 3])
  assert.deepEqual(await remove(0, 5), [3, -1])
})
