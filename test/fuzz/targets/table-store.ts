import assert from 'node:assert/strict'
import type { LocalPartition } from '../../../src/log/local-partition.ts'
import type { AbortedTransaction } from '../../../src/log/ports.ts'
import {
  type BatchRecord,
  batchBaseOffset,
  batchCompression,
  batchIsControl,
  batchIsTransactional,
  batchLeaderEpoch,
  batchOffsetCount,
  batchProducerId,
  batchRecordsSection,
  buildBatch,
  checkBatch,
  readRecords,
} from '../../../src/log/record-batch.ts'
import { decompressSync } from '../../../src/util/compression.ts'
import { FuzzDisk, START_MS } from '../lib/fuzz-disk.ts'
import { appended } from '../lib/log-plan.ts'
import { batchesOf, checkRefusal, Damage, JOURNAL, SEGMENT, spotsOf } from '../lib/store-damage.ts'
import { type OpenTable, openTable, type TableModel, type TablePlan, tableModel, tablePlan, writeTable } from '../lib/table-plan.ts'
import type { Meta, Spot, Target } from '../lib/target.ts'
import { noRejections } from '../lib/unhandled.ts'

/** What is made again from the log, or is right without them. */
const BESIDE = /\.(index|timeindex|txnindex)$|cleaner-mark\.json$|^topics\/.*leader-epoch-checkpoint$|clean-shutdown\.json$/
const TXN_ENTRY_BYTES = 34
const MOST_BYTES = 65_536

export const tableStore: Target = {
  name: 'table-store',
  about:
    'data directories of a compacted log with transactions, with rot in segments, indexes of aborted transactions, checkpoints and marks: the last record of each key is there, or damage is told; who is committed is told right',
  variants: 5,
  maxMutations: 2,
  slowMs: 5_000,
  minimiseChecks: 30,
  keepsBytes: true,
  without: ['swap-parts', 'move', 'repeat', 'repeat-part'],

  async generate(random) {
    const seed = random.below(2 ** 31)
    const files = await writeTable(new FuzzDisk(), tablePlan(seed))
    const meta = { seed, paths: files.map(({ path }) => path) }
    return { meta, parts: files.map(({ bytes }) => bytes), spots: files.map(({ path, bytes }) => spots(path, bytes)) }
  },

  async check(meta, parts, valid) {
    await noRejections(() => checkTable(meta, parts, tablePlan(meta.seed as number), valid))
  },
}

function spots(path: string, bytes: Buffer): Spot[] {
  if (!path.endsWith('.txnindex')) return spotsOf(path, bytes)
  return Array.from({ length: Math.floor(bytes.length / TXN_ENTRY_BYTES) }, (_, i) =>
    [2, 10, 18, 26].map((at) => ({ at: i * TXN_ENTRY_BYTES + at, bytes: 8 })),
  ).flat()
}

async function checkTable(meta: Meta, parts: readonly Buffer[], plan: TablePlan, valid: boolean): Promise<void> {
  const original = valid ? parts : (await writeTable(new FuzzDisk(), plan)).map(({ bytes }) => bytes)
  const paths = meta.paths as readonly string[]
  const damage = new Damage(paths, original, parts, meta.touched as readonly number[] | undefined)
  const disk = new FuzzDisk()
  for (const [i, bytes] of parts.entries()) if (bytes.length > 0) disk.put(paths[i] as string, bytes)
  const told: string[] = []
  const tell = (fields: object, message: string): number => told.push(`${message} ${JSON.stringify(fields)}`)
  let open: OpenTable
  try {
    open = await openTable(disk, plan, { debug: () => {}, info: () => {}, warn: tell, error: tell })
  } catch (error) {
    checkRefusal(error, damage)
    return
  }
  const model = tableModel(plan)
  const written = recordsOf(paths, original)
  const before = await readTable(open.partition, model, !damage.touches(SEGMENT))
  const missing = [...written].filter((offset) => offset < model.promised && !before.offsets.has(offset))
  // After a crash only the journal knows what was promised since the last checkpoint: where it and a segment are gone, nobody can tell.
  const isDoubleFault = !plan.clean && damage.touches(JOURNAL) && damage.touches(SEGMENT)
  assert.ok(missing.length === 0 || told.length > 0 || isDoubleFault, `offsets ${missing.slice(0, 5)} are missing, and nothing was said`)
  if (!damage.moved(SEGMENT)) {
    const intact = intactRecords(paths, original, parts)
    const lost = missing.filter((offset) => intact.has(offset))
    assert.deepEqual(lost, [], 'whole in their segment, and not served')
  }
  const wrong = before.wrong.length === 0 ? null : `offset ${before.wrong[0]} is ${model.entries[before.wrong[0] as number]?.fate}, readers are told otherwise`
  assert.ok(wrong === null || (damage.touches(SEGMENT) && told.length > 0), wrong ?? '')
  if (damage.only(BESIDE)) {
    assert.deepEqual(missing, [])
    assert.deepEqual(before.otherEpochs, [], 'another leader epoch than that of the batch')
    const firstOpen = model.entries.findIndex(({ fate }) => fate === 'open')
    assert.equal(open.partition.lastStableOffset, firstOpen === -1 ? open.partition.highWatermark : firstOpen, 'the last stable offset')
  }
  await checkGoesOn(disk, plan, open, model, before)
}

/** It is compacted once more, takes an append, starts again: the last record of each key is there still. */
async function checkGoesOn(disk: FuzzDisk, plan: TablePlan, open: OpenTable, model: TableModel, before: Served): Promise<void> {
  const end = open.partition.logEndOffset
  const bytes = buildBatch([{ key: Buffer.from('behind'), value: Buffer.from('it'), timestampMs: START_MS }])
  assert.equal(await appended(open.log, { batches: [{ partition: open.partition, bytes }], state: [], durability: 'durable' }), end)
  const longer = { ...model, entries: model.entries.slice(0, end) }
  while (longer.entries.length < end) longer.entries.push({ key: '', value: null, fate: 'marker' })
  longer.entries.push({ key: 'behind', value: 'it', fate: 'visible' })
  await open.tidy()
  const latest = new Map<string, number>()
  for (const offset of before.committed) latest.set((model.entries[offset] as { key: string }).key, offset)
  const expected = [...latest.values(), end]
  const missingIn = (served: Served): number[] => expected.filter((offset) => !served.offsets.has(offset))
  assert.deepEqual(missingIn(await readTable(open.partition, longer, false)), [], 'compaction took the last record of a key')
  await open.log.close()
  const again = await openTable(disk, plan, null)
  assert.equal(again.partition.logEndOffset, end + 1, 'what was appended is gone')
  assert.deepEqual(missingIn(await readTable(again.partition, longer, false)), [], 'the last record of a key is gone after another start')
  await again.log.close()
}

interface Served {
  readonly offsets: ReadonlySet<number>
  /** Those that a reader of committed records is given, in their order. */
  readonly committed: readonly number[]
  /** Offsets whose fate readers are told wrong. */
  readonly wrong: readonly number[]
  readonly otherEpochs: readonly number[]
}

/** Reads all, each batch held against what was appended. */
async function readTable(partition: LocalPartition, model: TableModel, whole: boolean): Promise<Served> {
  const served = { offsets: new Set<number>(), committed: [] as number[], wrong: [] as number[], otherEpochs: [] as number[] }
  const { logStartOffset, highWatermark, lastStableOffset } = partition
  for (let next = logStartOffset; next < highWatermark; ) {
    const read = await partition.read(next, { maxBytes: MOST_BYTES, atLeastOne: true, endOffset: highWatermark })
    if ('code' in read) {
      assert.equal(read.code, 'corrupt', read.message)
      assert.ok(!whole, `no segment was touched, and offset ${next} is not served: ${read.message}`)
      const { resumeOffset = next + 1 } = read
      assert.ok(resumeOffset > next, `the damage at ${next} ends at ${resumeOffset}`)
      next = resumeOffset
      continue
    }
    const last = read.batches.at(-1)
    assert.ok(last !== undefined, `nothing at ${next}, below ${highWatermark}`)
    const end = batchBaseOffset(last) + batchOffsetCount(last)
    assert.ok(end > next, `a read at ${next} ends at ${end}`)
    const aborted = partition.abortedTransactions(next, end)
    for (const batch of read.batches) {
      if (partition.epochOf(batchBaseOffset(batch)) !== batchLeaderEpoch(batch)) served.otherEpochs.push(batchBaseOffset(batch))
      for (const offset of checkedRecords(batch, model)) {
        served.offsets.add(offset)
        const isAborted = isOfAborted(batch, aborted)
        const { fate } = model.entries[offset] as { fate: string }
        if (fate === 'marker') continue
        if (!isAborted && offset < lastStableOffset) served.committed.push(offset)
        if (isAborted !== (fate === 'aborted') && (isAborted || offset < lastStableOffset)) served.wrong.push(offset)
      }
    }
    next = end
  }
  return served
}

function isOfAborted(batch: Uint8Array, aborted: readonly AbortedTransaction[]): boolean {
  const base = batchBaseOffset(batch)
  return (
    batchIsTransactional(batch) &&
    aborted.some(({ producerId, firstOffset, lastOffset }) => producerId === batchProducerId(batch) && firstOffset <= base && base <= lastOffset)
  )
}

/** The offsets of a whole batch, whose records are what was appended. */
function checkedRecords(batch: Uint8Array, { entries }: TableModel): number[] {
  assert.equal(checkBatch(batch), null)
  const records = readRecords(batch, decompressSync(batchCompression(batch), batchRecordsSection(batch), MOST_BYTES))
  assert.ok(Array.isArray(records), JSON.stringify(records))
  return (records as BatchRecord[]).map(({ offset, key, value }) => {
    const entry = entries[offset]
    assert.ok(entry !== undefined, `offset ${offset} was never appended`)
    const text = (bytes: Uint8Array | null): string | null => (bytes === null ? null : Buffer.from(bytes).toString())
    if (batchIsControl(batch)) assert.equal(entry.fate, 'marker', `a marker at ${offset}`)
    else assert.deepEqual([text(key), text(value)], [entry.key, entry.value], `another record at ${offset}`)
    return offset
  })
}

/** Offsets of all records in the segments. */
function recordsOf(paths: readonly string[], parts: readonly Buffer[], counts: (part: number, at: number, size: number) => boolean = () => true): Set<number> {
  const offsets = new Set<number>()
  for (const [i, path] of paths.entries()) {
    if (!SEGMENT.test(path)) continue
    const bytes = parts[i] as Buffer
    for (const { at, size } of batchesOf(bytes)) {
      if (!counts(i, at, size)) continue
      const batch = bytes.subarray(at, at + size)
      const records = readRecords(batch, decompressSync(batchCompression(batch), batchRecordsSection(batch), MOST_BYTES))
      if (Array.isArray(records)) for (const { offset } of records) offsets.add(offset)
    }
  }
  return offsets
}

/** Of records whose batch stands where it was written, as it was. */
function intactRecords(paths: readonly string[], original: readonly Buffer[], now: readonly Buffer[]): Set<number> {
  return recordsOf(paths, original, (part, at, size) =>
    (original[part] as Buffer).subarray(at, at + size).equals((now[part] as Buffer).subarray(at, at + size)),
  )
}
