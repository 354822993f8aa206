import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS } from '../../../src/broker/errors.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import {
  batchAttributes,
  batchCrcHolds,
  batchMaxTimestampMs,
  buildBatch,
  CONTROL_BIT,
  LOG_APPEND_TIME_BIT,
  TRANSACTIONAL_BIT,
} from '../../../src/log/record-batch.ts'
import { COMPRESSION_CODECS, compressSync } from '../../../src/util/compression.ts'
import { batchOf } from '../lib/batches.ts'
import { startKafka } from '../lib/harness.ts'
import { HeldLog, type HeldPartition } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

const PRODUCE = [ProduceRequest, ProduceResponse] as const
const ZSTD = 4

async function setup(configs: Record<string, string> = {}) {
  const log = new HeldLog()
  const kafka = await startKafka(log)
  const topic = kafka.topics.create({ name: 't', configs: new Map(Object.entries(configs)) }, () => {})
  assert.ok('partitions' in topic)
  const client = await RawClient.connect(kafka.address)
  const produce = async (
    records: Uint8Array | null,
    options: { version?: number; acks?: number; name?: string; index?: number; transactionalId?: string } = {},
  ) => {
    const { version = 9, acks = -1, name = 't', index = 0, transactionalId = null } = options
    const topicData = [{ name, topicId: topic.id, partitionData: [{ index, records }] }]
    const answer = await client.ask(PRODUCE, version, { transactionalId, acks, timeoutMs: 1_000, topicData })
    const partition = answer.responses[0]?.partitionResponses[0]
    assert.ok(partition)
    return partition
  }
  const partition = topic.partitions[0]?.log as HeldPartition
  const end = async () => {
    await client[Symbol.asyncDispose]()
    await kafka[Symbol.asyncDispose]()
  }
  return { kafka, log, topic, client, produce, partition, [Symbol.asyncDispose]: end }
}

test('a batch gets its base offset in every version', async () => {
  await using t = await setup()
  for (let version = 3; version <= 13; version++) {
    const answer = await t.produce(batchOf(['a', 'b']), { version })
    assert.equal(answer.errorCode, 0, `version ${version}`)
    assert.equal(answer.baseOffset, (version - 3) * 2)
    assert.equal(answer.logAppendTimeMs, -1)
    assert.equal(answer.logStartOffset, version >= 5 ? 0 : -1)
  }
})

test('acks other than -1, 0 and 1 get 21, and nothing is appended', async () => {
  await using t = await setup()
  for (const acks of [2, -2, 100]) assert.equal((await t.produce(batchOf(['a']), { acks })).errorCode, 21)
  assert.equal(t.partition.logEndOffset, 0)
})

test('acks=1 does not wait for the commit', async () => {
  await using t = await setup()
  t.log.held = true
  assert.equal((await t.produce(batchOf(['a']), { acks: 1 })).errorCode, 0)
})

test('acks=0 is never answered, and an error closes the connection (rule 10)', async () => {
  await using t = await setup()
  const topicData = (name: string) => [{ name, topicId: '', partitionData: [{ index: 0, records: batchOf(['a']) }] }]
  t.client.send(ProduceRequest, 9, { acks: 0, timeoutMs: 1_000, topicData: topicData('t') })
  assert.equal((await t.produce(batchOf(['b']))).baseOffset, 1)
  t.client.send(ProduceRequest, 9, { acks: 0, timeoutMs: 1_000, topicData: topicData('nowhere') })
  assert.equal(await t.client.nextFrame(), null)
})

test('an unknown topic or partition gets 3, an unknown topic id 100', async () => {
  await using t = await setup()
  assert.equal((await t.produce(batchOf(['a']), { name: 'nowhere' })).errorCode, 3)
  assert.equal((await t.produce(batchOf(['a']), { index: 7 })).errorCode, 3)
  assert.equal((await t.produce(batchOf(['a']), { index: -1 })).errorCode, 3)
  const topicData = [{ name: '', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ', partitionData: [{ index: 0, records: batchOf(['a']) }] }]
  const answer = await t.client.ask(PRODUCE, 13, { acks: -1, timeoutMs: 1_000, topicData })
  assert.equal(answer.responses[0]?.partitionResponses[0]?.errorCode, 100)
})

test('no batch, half a batch, two batches, another magic and null get 87 (rule 11)', async () => {
  await using t = await setup()
  const batch = batchOf(['a'])
  const oldMagic = batchOf(['a'])
  oldMagic[16] = 1
  for (const records of [new Uint8Array(0), batch.subarray(0, 60), batch.subarray(0, batch.length - 1), Buffer.concat([batch, batch]), oldMagic, null]) {
    assert.equal((await t.produce(records)).errorCode, 87)
  }
  assert.equal(t.partition.logEndOffset, 0)
})

test('what is behind a batch and less than another one is passed over; what can never be one, and magic above 2, get 2, as Kafka answers', async () => {
  await using t = await setup()
  const batch = batchOf(['a'])
  const newMagic = Buffer.from(batchOf(['a']))
  newMagic[16] = 3
  for (const records of [newMagic, newMagic.subarray(0, 20), Buffer.concat([batch, Buffer.alloc(12)]), Buffer.concat([batch, newMagic])]) {
    assert.equal((await t.produce(records)).errorCode, 2)
  }
  for (const behind of [new Uint8Array(1), batch.subarray(0, 16), batch.subarray(0, -1)]) {
    assert.equal((await t.produce(Buffer.concat([batchOf(['a']), behind]))).errorCode, 0)
  }
  assert.equal(t.partition.logEndOffset, 3)
})

test('a codec that there is not gets -1, as Kafka answers', async () => {
  await using t = await setup()
  const build = (attributes: number) => buildBatch([{ key: null, value: Buffer.from('a'), timestampMs: 1 }], { attributes })
  for (const codec of [5, 6, 7]) assert.equal((await t.produce(build(codec))).errorCode, -1)
  assert.equal(t.partition.logEndOffset, 0)
})

test('a base offset, a wrong count, a control batch and a missing sequence get 87', async () => {
  await using t = await setup()
  const twoBytes = (at: number, value: number) => {
    const bytes = Buffer.from(batchOf(['a', 'b']))
    bytes.writeInt32BE(value, at)
    return bytes
  }
  assert.equal((await t.produce(batchOf(['a'], { baseOffset: 5 }))).errorCode, 87)
  assert.equal((await t.produce(batchOf(['a'], { attributes: CONTROL_BIT }))).errorCode, 87)
  assert.equal((await t.produce(batchOf(['a'], { producerId: 4, producerEpoch: 0, baseSequence: -1 }))).errorCode, 87)
  // The CRC is checked before the counts, as Kafka does.
  assert.equal((await t.produce(twoBytes(57, 3))).errorCode, 2)
})

test('topics of the names that Kafka keeps for its coordinators take nothing: 17', async () => {
  await using t = await setup()
  for (const name of ['__consumer_offsets', '__transaction_state']) {
    assert.ok('partitions' in t.kafka.topics.create({ name }, () => {}))
    assert.equal((await t.produce(batchOf(['a']), { name })).errorCode, 17)
  }
})

test('a flipped bit gets 2', async () => {
  await using t = await setup()
  const batch = batchOf(['a'])
  batch[batch.length - 1] = (batch[batch.length - 1] as number) ^ 1
  assert.equal((await t.produce(batch)).errorCode, 2)
})

test('a batch above max.message.bytes gets 10, one of exactly that size is taken', async () => {
  const batch = batchOf(['x'.repeat(1_000)])
  await using t = await setup({ 'max.message.bytes': String(batch.length) })
  assert.equal((await t.produce(batchOf(['x'.repeat(1_001)]))).errorCode, 10)
  assert.equal((await t.produce(batch)).errorCode, 0)
})

test('zstd before version 7 gets 76', async () => {
  await using t = await setup()
  const packed = batchOf(['a'], { attributes: ZSTD, compress: (section) => compressSync(COMPRESSION_CODECS.zstd, section) })
  assert.equal((await t.produce(packed, { version: 6 })).errorCode, 76)
  assert.equal((await t.produce(packed, { version: 7 })).errorCode, 0)
})

test('a timestamp more than an hour ahead gets 32 and names its records', async () => {
  await using t = await setup()
  const answer = await t.produce(batchOf(['a', 'b'], { timestampMs: Date.now() + 3_700_000 }))
  assert.equal(answer.errorCode, 32)
  assert.deepEqual(
    answer.recordErrors.map(({ batchIndex }) => batchIndex),
    [0, 1],
  )
})

test('LogAppendTime stamps the batch and answers the stamp (rule 12)', async () => {
  await using t = await setup({ 'message.timestamp.type': 'LogAppendTime' })
  const before = Date.now()
  const answer = await t.produce(batchOf(['a'], { timestampMs: 5 }))
  assert.ok(answer.logAppendTimeMs >= before)
  const stored = t.partition.batches[0] as Uint8Array
  assert.equal(batchAttributes(stored) & LOG_APPEND_TIME_BIT, LOG_APPEND_TIME_BIT)
  assert.equal(batchMaxTimestampMs(stored), answer.logAppendTimeMs)
  assert.ok(batchCrcHolds(stored))
})

test('a transactional batch gets 53 without a transactional id, 49 with one that nobody holds', async () => {
  await using t = await setup()
  const batch = () => batchOf(['a'], { attributes: TRANSACTIONAL_BIT, producerId: 1, producerEpoch: 0, baseSequence: 0 })
  assert.equal((await t.produce(batch())).errorCode, 53)
  assert.equal((await t.produce(batch(), { transactionalId: 'x' })).errorCode, 49)
  assert.equal(t.partition.logEndOffset, 0)
})

test('the verdict on an idempotent producer is answered, a duplicate with its first offset (rule 13)', async () => {
  await using t = await setup()
  const batch = () => batchOf(['a', 'b'], { producerId: 1, producerEpoch: 0, baseSequence: 0 })
  t.partition.verdict = { outcome: 'out-of-order', isKnown: true, baseOffset: -1, logAppendTimeMs: -1 }
  assert.equal((await t.produce(batch())).errorCode, 45)
  t.partition.verdict = { outcome: 'fenced', isKnown: true, baseOffset: -1, logAppendTimeMs: -1 }
  assert.equal((await t.produce(batch())).errorCode, 47)
  t.partition.verdict = { outcome: 'duplicate', isKnown: true, baseOffset: 17, logAppendTimeMs: -1 }
  const answer = await t.produce(batch())
  assert.equal(answer.errorCode, 0)
  assert.equal(answer.baseOffset, 17)
  assert.equal(t.partition.logEndOffset, 0)
})

test("Kafka's own internal topics are not written to: 17", async () => {
  await using t = await setup()
  t.kafka.topics.create({ name: '__consumer_offsets' }, () => {})
  assert.equal((await t.produce(batchOf(['a']), { name: '__consumer_offsets' })).errorCode, 17)
})

test('a disk that refuses is answered with 56', async () => {
  await using t = await setup()
  t.log.failure = { code: 'storage-error', message: 'no space left on device' }
  const answer = await t.produce(batchOf(['a']))
  assert.equal(answer.errorCode, ERRORS.kafkaStorageError.kafka)
  assert.match(answer.errorMessage ?? '', /no space left/)
  t.log.failure = null
  t.partition.readOnly = { code: 'storage-error', message: 'read-only since the disk failed' }
  assert.equal((await t.produce(batchOf(['a']))).errorCode, ERRORS.kafkaStorageError.kafka)
})

test('a compacted topic takes no record without a key, and says which have none, whatever the codec', async () => {
  await using t = await setup({ 'cleanup.policy': 'compact' })
  const records = ['a', null, 'b', null].map((key) => ({
    key: key === null ? null : Buffer.from(key),
    value: Buffer.from('v'),
    timestampMs: 1_700_000_000_000,
  }))
  for (const codec of Object.values(COMPRESSION_CODECS)) {
    const pack = (given: typeof records) =>
      buildBatch(given, { attributes: codec, ...(codec !== 0 && { compress: (section: Uint8Array) => compressSync(codec, section) }) })
    const refused = await t.produce(pack(records))
    assert.equal(refused.errorCode, 87, `codec ${codec}`)
    assert.deepEqual(
      refused.recordErrors.map(({ batchIndex }) => batchIndex),
      [1, 3],
    )
    const taken = await t.produce(pack(records.filter(({ key }) => key !== null)))
    assert.equal(taken.errorCode, 0)
  }
  assert.equal(t.partition.logEndOffset, 2 * Object.keys(COMPRESSION_CODECS).length)
})
