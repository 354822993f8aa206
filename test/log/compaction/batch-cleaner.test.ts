import assert from 'node:assert/strict'
import test from 'node:test'
import type { TransactionVerdict } from '../../../src/log/compaction/aborted-trace.ts'
import { AbortedTrace } from '../../../src/log/compaction/aborted-trace.ts'
import { type CleaningRules, cleanBatch, UncleanableError } from '../../../src/log/compaction/batch-cleaner.ts'
import { KeyOffsets } from '../../../src/log/compaction/key-offsets.ts'
import { Pacer } from '../../../src/log/compaction/pacer.ts'
import { buildMarker } from '../../../src/log/marker.ts'
import {
  type BatchRecord,
  batchBaseOffset,
  batchBaseTimestampMs,
  batchDeleteHorizonMs,
  batchOffsetCount,
  batchRecordsSection,
  buildBatch,
  checkBatch,
  LOG_APPEND_TIME_BIT,
  patchBatch,
  readBatchHeader,
  readRecords,
  setBatchMaxTimestamp,
  TRANSACTIONAL_BIT,
} from '../../../src/log/record-batch.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { COMPRESSION_CODECS, compress, compressSync, decompress, decompressSync } from '../../../src/util/compression.ts'
import { keyed, shown } from './compaction-harness.ts'

const NOW_MS = 1_800_000_000_000
const RETENTION_MS = 1_000
const TOOLS = { compress, decompress, pacer: new Pacer(new ManualClock(), () => Number.MAX_VALUE), decompressedBytesMax: 1_000_000 }

/** What follows 100 offsets later: `last` says where each key stands last. */
function rules(last: Readonly<Record<string, number>>, others: Partial<CleaningRules> = {}): CleaningRules {
  const keys = new KeyOffsets(100_000)
  for (const [key, offset] of Object.entries(last)) keys.put(Buffer.from(key), offset)
  return { keys, mappedEnd: 1_000, nowMs: NOW_MS, deleteRetentionMs: RETENTION_MS, lastOfProducer: new Map(), ...others }
}

const at = (batch: Uint8Array, baseOffset: number): Uint8Array => {
  patchBatch(batch, baseOffset, 3)
  return batch
}

const clean = (batch: Uint8Array, cleaning: CleaningRules, verdict: TransactionVerdict = 'plain') => cleanBatch(batch, verdict, cleaning, TOOLS)

function recordsOf(batch: Uint8Array | null): BatchRecord[] {
  assert.ok(batch !== null)
  assert.equal(checkBatch(batch), null)
  const { attributes } = readBatchHeader(batch)
  const records = readRecords(batch, decompressSync(attributes & 7, batchRecordsSection(batch), 1_000_000))
  assert.ok(Array.isArray(records))
  return records
}

test('a batch of which nothing is superseded stays as it is', async () => {
  const batch = at(keyed(['a=1', 'b=2']), 10)
  assert.equal(await clean(batch, rules({ a: 10, b: 11 })), batch)
})

for (const codec of Object.values(COMPRESSION_CODECS)) {
  test(`records that are superseded go; offsets, timestamps, headers, producer and epoch of the others stay (codec ${codec})`, async () => {
    const headers = [{ key: 'h', value: Buffer.from([0xff, 0]) }]
    const records = ['a', 'b', 'c', 'd'].map((key, i) => ({ key: Buffer.from(key), value: Buffer.from(`v${i}`), headers, timestampMs: NOW_MS - 10 * i }))
    const options = {
      attributes: codec,
      producerId: 7,
      producerEpoch: 2,
      baseSequence: 40,
      ...(codec !== 0 && { compress: (s: Uint8Array) => compressSync(codec, s) }),
    }
    const batch = at(buildBatch(records, options), 10)
    const left = await clean(batch, rules({ a: 50, b: 11, c: 50, d: 13 }))
    assert.deepEqual(recordsOf(left).map(shown), ['11:b=v1', '13:d=v3'])
    assert.deepEqual(
      recordsOf(left).map(({ timestampMs }) => timestampMs),
      [NOW_MS - 10, NOW_MS - 30],
    )
    assert.deepEqual(recordsOf(left)[0]?.headers, headers)
    const header = readBatchHeader(left as Uint8Array)
    assert.deepEqual({ ...header, crc: 0, sizeBytes: 0 }, { ...readBatchHeader(batch), crc: 0, sizeBytes: 0, recordCount: 2, maxTimestampMs: NOW_MS - 10 })
    assert.equal(batchOffsetCount(left as Uint8Array), 4)
  })
}

test('a batch without a record left goes', async () => {
  assert.equal(await clean(at(keyed(['a=1', 'b=2']), 10), rules({ a: 50, b: 51 })), null)
})

test("a producer's last batch stays, without records, so that its last sequence is known", async () => {
  const batch = at(keyed(['a=1', 'b=2'], { producerId: 9, producerEpoch: 1, baseSequence: 5 }), 10)
  const left = await clean(batch, rules({ a: 50, b: 51 }, { lastOfProducer: new Map([[9, 10]]) }))
  assert.deepEqual(recordsOf(left), [])
  const { producerId, producerEpoch, baseSequence, baseOffset, lastOffsetDelta, leaderEpoch } = readBatchHeader(left as Uint8Array)
  assert.deepEqual([producerId, producerEpoch, baseSequence, baseOffset, lastOffsetDelta, leaderEpoch], [9, 1, 5, 10, 1, 3])
  // Once the producer has gone on, the header has no use.
  assert.equal(await clean(left as Uint8Array, rules({}, { lastOfProducer: new Map([[9, 90]]) })), null)
})

test('records beyond what was mapped stay, whatever the map says', async () => {
  const batch = at(keyed(['a=1', 'a=2', 'a=3']), 10)
  assert.deepEqual(recordsOf(await clean(batch, rules({ a: 11 }, { mappedEnd: 12 }))).map(shown), ['11:a=2', '12:a=3'])
})

test('a record without a key, from before the topic was compacted, goes', async () => {
  const batch = at(
    buildBatch([
      { key: null, value: Buffer.from('x'), timestampMs: 1 },
      { key: Buffer.from(''), value: Buffer.from('y'), timestampMs: 1 },
    ]),
    10,
  )
  assert.deepEqual(recordsOf(await clean(batch, rules({ '': 11 }))).map(shown), ['11:=y'])
})

test('a tombstone is given a delete horizon, stays until then, and goes (KIP-534)', async () => {
  const batch = at(keyed(['a', 'b=2'], { timestampMs: NOW_MS - 50 }), 10)
  const last = { a: 10, b: 11 }
  const marked = (await clean(batch, rules(last))) as Uint8Array
  assert.equal(batchDeleteHorizonMs(marked), NOW_MS + RETENTION_MS)
  assert.equal(batchBaseTimestampMs(marked), NOW_MS + RETENTION_MS)
  assert.deepEqual(recordsOf(marked).map(shown), ['10:a', '11:b=2'])
  for (const { timestampMs } of recordsOf(marked)) assert.equal(timestampMs, NOW_MS - 50)
  assert.equal(readBatchHeader(marked).maxTimestampMs, NOW_MS - 50)
  assert.equal(await clean(marked, rules(last, { nowMs: NOW_MS + RETENTION_MS - 1 })), marked)
  const after = await clean(marked, rules(last, { nowMs: NOW_MS + RETENTION_MS }))
  assert.deepEqual(recordsOf(after).map(shown), ['11:b=2'])
  assert.equal(recordsOf(after)[0]?.timestampMs, NOW_MS - 50)
})

test('a tombstone that is superseded goes at once', async () => {
  assert.deepEqual(recordsOf(await clean(at(keyed(['a', 'b=2']), 10), rules({ a: 50, b: 11 }))).map(shown), ['11:b=2'])
})

test('a delete retention of centuries is one that can be told', async () => {
  const marked = await clean(at(keyed(['a']), 10), rules({ a: 10 }, { deleteRetentionMs: 9e18 }))
  assert.equal(recordsOf(marked)[0]?.timestampMs, 1_700_000_000_000)
})

test('with LogAppendTime the time of the batch stays', async () => {
  const batch = at(keyed(['a=1', 'b=2'], { attributes: LOG_APPEND_TIME_BIT }), 10)
  setBatchMaxTimestamp(batch, NOW_MS)
  const left = await clean(batch, rules({ a: 50, b: 11 }))
  assert.equal(readBatchHeader(left as Uint8Array).maxTimestampMs, NOW_MS)
})

test('records of an aborted transaction go, also the last of their key', async () => {
  const batch = at(keyed(['a=1'], { attributes: TRANSACTIONAL_BIT, producerId: 5, producerEpoch: 0, baseSequence: 0 }), 10)
  assert.equal(await clean(batch, rules({}), 'aborted'), null)
})

test('a marker that nothing needs stays for the delete retention', async () => {
  const marker = at(buildMarker({ type: 'abort', producerId: 5, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: NOW_MS - 10 }), 20)
  assert.equal(await clean(marker, rules({}), 'needed-marker'), marker)
  const marked = (await clean(marker, rules({}), 'spent-marker')) as Uint8Array
  assert.equal(checkBatch(marked), null)
  assert.equal(batchDeleteHorizonMs(marked), NOW_MS + RETENTION_MS)
  assert.equal(recordsOf(marked)[0]?.timestampMs, NOW_MS - 10)
  assert.deepEqual(recordsOf(marked)[0]?.key, recordsOf(marker)[0]?.key)
  assert.equal(await clean(marked, rules({}, { nowMs: NOW_MS + RETENTION_MS - 1 }), 'spent-marker'), marked)
  assert.equal(await clean(marked, rules({}, { nowMs: NOW_MS + RETENTION_MS }), 'spent-marker'), null)
  const isLast = rules({}, { nowMs: NOW_MS + RETENTION_MS, lastOfProducer: new Map([[5, 20]]) })
  assert.equal(await clean(marked, isLast, 'spent-marker'), marked)
})

test('whose records were aborted, and which markers are needed, is known as the batches go by', () => {
  const transactional = (producerId: number, baseOffset: number) =>
    at(keyed(['a=1'], { attributes: TRANSACTIONAL_BIT, producerId, producerEpoch: 0, baseSequence: 0 }), baseOffset)
  const marker = (type: 'abort' | 'commit', producerId: number, baseOffset: number) =>
    at(buildMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 1 }), baseOffset)
  const aborted = [
    { producerId: 5, firstOffset: 1, lastOffset: 4, lastStableOffset: 5 },
    { producerId: 6, firstOffset: 6, lastOffset: 99, lastStableOffset: 100 },
  ]
  const trace = new AbortedTrace(aborted)
  const said = [
    at(keyed(['x=1']), 0),
    transactional(5, 1),
    transactional(7, 2),
    transactional(5, 3),
    marker('abort', 5, 4),
    transactional(5, 5),
    transactional(6, 6),
    marker('commit', 5, 7),
    marker('commit', 7, 8),
    marker('commit', 8, 9),
    marker('abort', 8, 10),
  ].map((batch) => `${batchBaseOffset(batch)} ${trace.look(batch)}`)
  assert.deepEqual(said, [
    '0 plain',
    '1 aborted',
    '2 plain',
    '3 aborted',
    '4 needed-marker',
    '5 plain',
    '6 aborted',
    '7 needed-marker',
    '8 needed-marker',
    '9 spent-marker',
    '10 spent-marker',
  ])
})

test('a batch whose records are none ends the cleaning', async () => {
  const garbage = at(buildBatch([{ key: Buffer.from('a'), value: null, timestampMs: 1 }], { attributes: 1, compress: () => Buffer.from('no gzip') }), 10)
  await assert.rejects(clean(garbage, rules({ a: 10 })), UncleanableError)
  const cut = at(
    buildBatch([{ key: Buffer.from('a'), value: null, timestampMs: 1 }], { attributes: 2, compress: () => compressSync(2, Buffer.from([30, 0, 0])) }),
    10,
  )
  await assert.rejects(clean(cut, rules({ a: 10 })), UncleanableError)
})
