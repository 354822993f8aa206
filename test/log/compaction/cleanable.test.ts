import assert from 'node:assert/strict'
import test from 'node:test'
import { cleanableOf, isDue } from '../../../src/log/compaction/cleanable.ts'
import type { LocalPartition } from '../../../src/log/local-partition.ts'
import { buildMarker } from '../../../src/log/marker.ts'
import { TRANSACTIONAL_BIT } from '../../../src/log/record-batch.ts'
import { MemoryFiles } from '../../../src/storage/memory-files.ts'
import { append, TOPIC_ID } from '../log-harness.ts'
import { COMPACT, COMPACTED, keyed, openCompacting } from './compaction-harness.ts'

const T0 = 1_700_000_000_000

/** A log in memory that nobody cleans, with one batch per segment. */
async function setup(t: { after(run: () => Promise<void>): void }) {
  const log = await openCompacting(new MemoryFiles(), { cleanerEnabled: false })
  t.after(() => log.close())
  const partition = log.createPartition(TOPIC_ID, 'table', 0, { ...COMPACTED, segmentBytes: 80 }) as LocalPartition
  log.start()
  const write = async (...batches: Uint8Array[]): Promise<void> => {
    for (const bytes of batches) assert.ok(Array.isArray(await append(log, { batches: [{ partition, bytes }] })))
  }
  const at = (nowMs: number, settings: Partial<typeof COMPACT> = {}) => cleanableOf(partition, { ...COMPACT, ...settings }, nowMs, true)
  return { partition, write, at }
}

test('the segment that is written to is not cleanable, what lies before it is', async (t) => {
  const { partition, write, at } = await setup(t)
  assert.equal(await at(T0), null)
  await write(keyed(['a=1']))
  assert.equal(await at(T0), null)
  await write(keyed(['a=2']), keyed(['a=3']))
  const found = await at(T0)
  assert.deepEqual([found?.firstDirtyOffset, found?.endOffset, found?.dirtyRatio], [0, 2, 1])
  partition.cleanerMark = { cleanBelow: 2, rewrittenBelow: 2 }
  assert.equal(await at(T0), null)
})

test('a log is due when more of it is new than the ratio says', async (t) => {
  const { partition, write, at } = await setup(t)
  await write(...Array.from({ length: 11 }, (_, i) => keyed([`k${i}=v`])))
  partition.cleanerMark = { cleanBelow: 8, rewrittenBelow: 8 }
  const found = await at(T0)
  assert.ok(found !== null && Math.abs(found.dirtyRatio - 0.2) < 0.01)
  assert.equal(isDue(found, { ...COMPACT, minDirtyRatio: 0.1 }), true)
  assert.equal(isDue(found, { ...COMPACT, minDirtyRatio: 0.5 }), false)
})

test('records younger than min.compaction.lag.ms wait, and those behind them', async (t) => {
  const { write, at } = await setup(t)
  await write(keyed(['a=1'], { timestampMs: T0 }), keyed(['a=2'], { timestampMs: T0 + 500 }), keyed(['a=3'], { timestampMs: T0 }), keyed(['a=4']))
  assert.equal((await at(T0 + 600, { minLagMs: 200 }))?.endOffset, 1)
  assert.equal((await at(T0 + 700, { minLagMs: 200 }))?.endOffset, 3)
  assert.equal(await at(T0 + 100, { minLagMs: 200 }), null)
})

test('what lies there longer than max.compaction.lag.ms is due, however little it is', async (t) => {
  const { partition, write, at } = await setup(t)
  await write(...Array.from({ length: 12 }, (_, i) => keyed([`k${i}=v`], { timestampMs: T0 + i })))
  partition.cleanerMark = { cleanBelow: 10, rewrittenBelow: 10 }
  const early = await at(T0 + 1_010, { maxLagMs: 1_000, minDirtyRatio: 0.9 })
  const late = await at(T0 + 1_011, { maxLagMs: 1_000, minDirtyRatio: 0.9 })
  assert.ok(early !== null && late !== null)
  assert.deepEqual([isDue(early, { ...COMPACT, minDirtyRatio: 0.9 }), isDue(late, { ...COMPACT, minDirtyRatio: 0.9 })], [false, true])
})

test('nothing is cleanable from the first open transaction on', async (t) => {
  const { write, at } = await setup(t)
  const producer = { producerId: 5, producerEpoch: 0 }
  await write(keyed(['a=1']), keyed(['b=1']))
  await write(keyed(['c=1'], { ...producer, baseSequence: 0, attributes: TRANSACTIONAL_BIT }), keyed(['d=1']), keyed(['e=1']))
  assert.equal((await at(T0))?.endOffset, 2)
  await write(buildMarker({ type: 'abort', ...producer, coordinatorEpoch: 0, timestampMs: T0 }), keyed(['f=1']))
  assert.equal((await at(T0))?.endOffset, 6)
})

test('what DeleteRecords took is not dirty', async (t) => {
  const { partition, write, at } = await setup(t)
  await write(...Array.from({ length: 6 }, (_, i) => keyed([`k${i}=v`])))
  await new Promise<void>((resolve) => partition.raiseStart(3, () => resolve()))
  assert.equal((await at(T0))?.firstDirtyOffset, 3)
})
