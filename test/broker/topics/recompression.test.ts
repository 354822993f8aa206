import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS } from '../../../src/broker/errors.ts'
import { Partition } from '../../../src/broker/topics/partition.ts'
import { Recompression } from '../../../src/broker/topics/recompression.ts'
import { Topic } from '../../../src/broker/topics/topic.ts'
import { batchCompression, batchRecordsSection, buildBatch, checkBatch, readRecords, withRecordsSection } from '../../../src/log/record-batch.ts'
import { type CompressionCodec, compressSync, decompressSync } from '../../../src/util/compression.ts'
import { HeldPartition } from '../../kafka/lib/held-log.ts'

const NOW_MS = 1_700_000_000_000

/** Codecs that work when the test says so, the latest asked first. */
function setup(configs: Record<string, string>, maxWaitingBytes = 1_000_000) {
  const waiting: (() => void)[] = []
  const later = <T>(run: () => T): Promise<T> =>
    new Promise((resolve, reject) => {
      waiting.push(() => {
        try {
          resolve(run())
        } catch (error) {
          reject(error)
        }
      })
    })
  const recompression = new Recompression(
    (codec, input, maxBytes) => later(() => decompressSync(codec, input, maxBytes)),
    (codec, input, level) => later(() => compressSync(codec, input, level)),
    maxWaitingBytes,
  )
  const topic = new Topic('AAAAAAAAAAAAAAAAAAAAAw', 't', new Map(Object.entries(configs)))
  const partition = new Partition(topic, new HeldPartition(topic.id, 't', 0))
  const out: (Uint8Array | string)[] = []
  const prepare = (batch: Uint8Array) => recompression.prepare(partition, batch, NOW_MS, (ready) => out.push('error' in ready ? ready.error.name : ready))
  const work = async () => {
    while (waiting.length > 0) {
      waiting.pop()?.()
      await new Promise(setImmediate)
    }
  }
  return { recompression, topic, prepare, work, out }
}

function batch(value: string, codec: CompressionCodec = 0): Uint8Array {
  const plain = buildBatch([{ key: null, value: Buffer.from(value), timestampMs: NOW_MS }], { producerId: 7, producerEpoch: 1, baseSequence: 3 })
  return codec === 0 ? plain : withRecordsSection(plain, codec, compressSync(codec, batchRecordsSection(plain)))
}

function textOf(bytes: Uint8Array | string | undefined): string {
  assert.ok(bytes instanceof Uint8Array)
  assert.equal(checkBatch(bytes), null)
  const records = readRecords(bytes, decompressSync(batchCompression(bytes), batchRecordsSection(bytes), 1_000_000))
  assert.ok(Array.isArray(records))
  return records.map(({ value }) => Buffer.from(value ?? []).toString()).join()
}

test('every codec becomes every other, the records stay', async () => {
  for (const [codec, name] of ['uncompressed', 'gzip', 'snappy', 'lz4', 'zstd'].entries()) {
    const t = setup({ 'compression.type': name })
    for (const from of [0, 1, 2, 3, 4] as const) t.prepare(batch(`from ${from}`, from))
    await t.work()
    assert.deepEqual(
      t.out.map((bytes) => [batchCompression(bytes as Uint8Array), textOf(bytes)]),
      [0, 1, 2, 3, 4].map((from) => [codec, `from ${from}`]),
    )
  }
})

test('a topic that takes what producers send touches nothing, and nothing waits', () => {
  const t = setup({})
  const bytes = batch('a', 4)
  t.prepare(bytes)
  assert.equal(t.out[0], bytes)
})

test('batches of a partition keep their order, also those that need no work', async () => {
  const t = setup({ 'compression.type': 'gzip' })
  for (const [value, codec] of [
    ['a', 0],
    ['b', 1],
    ['c', 4],
    ['d', 1],
  ] as const)
    t.prepare(batch(value, codec))
  t.topic.setConfigs(new Map())
  t.prepare(batch('e', 0))
  assert.equal(t.out.length, 0)
  await t.work()
  assert.deepEqual(t.out.map(textOf), ['a', 'b', 'c', 'd', 'e'])
  t.prepare(batch('f', 0))
  assert.equal(t.out.length, 6)
  assert.equal(t.recompression.waitingBytes, 0)
})

test('what cannot be decompressed is corrupt, what becomes too large is too large', async () => {
  const t = setup({ 'compression.type': 'zstd', 'max.decompressed.message.bytes': '1000' })
  const cut = compressSync(1, Buffer.from('no records').fill(7)).subarray(0, -9)
  t.prepare(withRecordsSection(batch('a'), 1, cut))
  t.prepare(batch('x'.repeat(2_000), 1))
  t.prepare(batch('fine', 1))
  await t.work()
  assert.deepEqual([t.out[0], t.out[1]], [ERRORS.corruptMessage.name, ERRORS.messageTooLarge.name])
  assert.equal(textOf(t.out[2]), 'fine')
})

test('beyond the bytes under way a batch is refused for the moment, in its turn', async () => {
  const t = setup({ 'compression.type': 'zstd' }, 200)
  t.prepare(batch('x'.repeat(100)))
  t.prepare(batch('y'.repeat(100)))
  assert.equal(t.out.length, 0)
  await t.work()
  assert.equal(t.out[1], ERRORS.requestTimedOut.name)
})

test('the level is that of the topic', async () => {
  const text = Array.from({ length: 3_000 }, (_, index) => `${index * 7919} words`).join(' ')
  const sizes = []
  for (const level of ['1', '9']) {
    const t = setup({ 'compression.type': 'gzip', 'compression.gzip.level': level })
    t.prepare(batch(text))
    await t.work()
    sizes.push((t.out[0] as Uint8Array).length)
  }
  assert.ok((sizes[0] as number) > (sizes[1] as number), `${sizes}`)
})
