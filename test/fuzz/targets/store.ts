import assert from 'node:assert/strict'
import type { PartitionLog } from '../../../src/log/ports.ts'
import {
  type BatchRecord,
  batchBaseOffset,
  batchCompression,
  batchOffsetCount,
  batchRecordsSection,
  batchSizeBytes,
  buildBatch,
  checkBatch,
  readRecords,
} from '../../../src/log/record-batch.ts'
import { decompressSync } from '../../../src/util/compression.ts'
import { FuzzDisk } from '../lib/fuzz-disk.ts'
import { appended, type LogModel, type LogPlan, logPlan, modelOf, type OpenLog, openLog, timestampOf, writeLog } from '../lib/log-plan.ts'
import type { Meta, Spot, Target } from '../lib/target.ts'
import { noRejections } from '../lib/unhandled.ts'

/** Files without which the log may refuse to start. */
const MAY_REFUSE = /^(elytra-meta\.json|state\/|journal-)/
/** What a refusal must name, so that a person can do something. */
const NAMES_A_FILE = /elytra-meta\.json|snapshot-\d+|state|journal-\d|topics\/|data directory/
const INDEX = /\.(index|timeindex)$/
const SEGMENT = /^topics\/topic(\d)-0\/(\d{20})\.log$/
const JOURNAL = /^journal-/
const CLEAN = /clean-shutdown\.json$/
const STATE = /^state\//
const BOOT = /^boot\.json$/
const METADATA = /partition\.metadata$/
const MOST_BYTES = 1_048_576

export const store: Target = {
  name: 'store',
  about:
    'data directories with rot in journals, segments, indexes, state, marks: nothing is invented, nothing intact is lost, damage is told or refused by name',
  variants: 5,
  maxMutations: 2,
  slowMs: 5_000,
  minimiseChecks: 30,
  keepsBytes: true,
  // Whole batches at another place of the same or another log carry nothing that tells whose they are.
  without: ['swap-parts', 'move', 'repeat', 'repeat-part'],

  async generate(random) {
    const seed = random.below(2 ** 31)
    const files = await writeLog(new FuzzDisk(), logPlan(seed))
    const meta = { seed, paths: files.map(({ path }) => path), otherBoot: false }
    return { meta, parts: files.map(({ bytes }) => bytes), spots: files.map(({ path, bytes }) => spotsOf(path, bytes)) }
  },

  async check(meta, parts, valid) {
    const plan = logPlan(meta.seed as number)
    await noRejections(() => checkLog(meta, parts, plan, valid))
  },
}

async function checkLog(meta: Meta, parts: readonly Buffer[], plan: LogPlan, valid: boolean): Promise<void> {
  const original = valid ? parts : (await writeLog(new FuzzDisk(), plan)).map(({ bytes }) => bytes)
  const paths = meta.paths as readonly string[]
  const damage = new Damage(paths, original, parts, meta.touched as readonly number[] | undefined)
  const disk = new FuzzDisk()
  for (const [i, bytes] of parts.entries()) if (bytes.length > 0) disk.put(paths[i] as string, bytes)
  const told: string[] = []
  const tell = (fields: object, message: string): number => told.push(`${message} ${JSON.stringify(fields)}`)
  const logger = { debug: () => {}, info: () => {}, warn: tell, error: tell }
  let open: OpenLog
  try {
    open = await openLog(disk, plan, logger)
  } catch (error) {
    checkRefusal(error, damage)
    return
  }
  const model = modelOf(plan)
  const served = await checkPartitions(open, model, damage)
  const missing = served.flatMap((own, i) => Array.from({ length: model.promised[i] as number }, (_, offset) => offset).filter((offset) => !own.has(offset)))
  // After a crash only the journal knows what was promised since the last checkpoint: where it and a segment are gone, nobody can tell.
  const isDoubleFault = !plan.clean && damage.touches(JOURNAL) && damage.touches(SEGMENT)
  assert.ok(missing.length === 0 || told.length > 0 || isDoubleFault, `offsets ${missing.slice(0, 5)} are missing, and nothing was said`)
  // Where the state log ended is said by the last orderly shutdown, and by the journal since then.
  const isUnknown = damage.touches(CLEAN) && damage.touches(STATE)
  if (!isUnknown) assert.deepEqual([...open.state.values].sort(), [...model.state].sort(), 'the state is another, and nobody refused')
  if (!valid && damage.touchedBytes % 3 !== 0) await open.log.close()
  else await checkGoesOn(disk, plan, open, served)
}

/** Which files differ from what was written, and how. */
class Damage {
  readonly touched: readonly string[]
  readonly touchedBytes: number
  readonly #paths: readonly string[]
  readonly #original: readonly Buffer[]
  readonly #now: readonly Buffer[]

  /** `touched`: the parts that were mutated, where that is known already. */
  constructor(paths: readonly string[], original: readonly Buffer[], now: readonly Buffer[], touched?: readonly number[]) {
    this.#paths = paths
    this.#original = original
    this.#now = now
    this.touched = paths.filter((_, i) => touched?.includes(i) ?? !(original[i] as Buffer).equals(now[i] as Buffer))
    this.touchedBytes = now.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  touches(pattern: RegExp): boolean {
    return this.touched.some((path) => pattern.test(path))
  }

  only(pattern: RegExp): boolean {
    return this.touched.every((path) => pattern.test(path))
  }

  /** Whether a file of these has another length; a segment that is only cut does not count. */
  moved(pattern: RegExp): boolean {
    return this.#paths.some((path, i) => {
      const [original, now] = [this.#original[i] as Buffer, this.#now[i] as Buffer]
      const isCut = pattern !== INDEX && now.length < original.length && original.subarray(0, now.length).equals(now)
      return pattern.test(path) && now.length > 0 && now.length !== original.length && !isCut
    })
  }

  /** Offsets of a partition whose batches stand in its segments as they were written. */
  intact(partition: number): Set<number> {
    const offsets = new Set<number>()
    for (const [i, path] of this.#paths.entries()) {
      const match = SEGMENT.exec(path)
      if (match === null || Number(match[1]) !== partition) continue
      const bytes = this.#original[i] as Buffer
      for (const { at, size } of batchesOf(bytes)) {
        if (!bytes.subarray(at, at + size).equals((this.#now[i] as Buffer).subarray(at, at + size))) continue
        for (let offset = 0; offset < batchOffsetCount(bytes, at); offset++) offsets.add(batchBaseOffset(bytes, at) + offset)
      }
    }
    return offsets
  }
}

function batchesOf(bytes: Buffer): { at: number; size: number }[] {
  const batches = []
  for (let at = 0; at + 61 <= bytes.length; ) {
    const size = batchSizeBytes(bytes, at)
    if (size < 61) break
    batches.push({ at, size })
    at += size
  }
  return batches
}

function checkRefusal(error: unknown, damage: Damage): void {
  assert.ok(error instanceof Error, `refused with ${String(error)}`)
  const isOurs = error.constructor === Error
  assert.ok(isOurs && NAMES_A_FILE.test(error.message), `refused without the name of a file: ${error.stack}`)
  assert.ok(
    damage.touched.some((path) => MAY_REFUSE.test(path)),
    `refused for ${damage.touched}: ${error.stack}`,
  )
}

/** The offsets that are served, by partition. */
async function checkPartitions({ partitions }: OpenLog, model: LogModel, damage: Damage): Promise<Set<number>[]> {
  const served: Set<number>[] = []
  for (const [i, partition] of partitions.entries()) {
    const values = model.values[i] as readonly string[]
    // The header of a last batch that is damaged is believed where it says that more offsets were given: none is given twice.
    assert.ok(partition.logEndOffset <= values.length || damage.touches(SEGMENT), `the log ends at ${partition.logEndOffset}, ${values.length} were written`)
    const own = await read(partition, values)
    served.push(own)
    const promised = model.promised[i] as number
    // Nothing but segments holds batches for good; a journal that is gone takes nothing with it that is in them.
    // Where the machine may have failed, a folder whose owner cannot be read was never this topic's for certain.
    if (damage.touches(BOOT) && damage.touches(METADATA)) continue
    // A disk moves no bytes; where an editor did, in several places, not every whole batch is found again.
    if (damage.moved(SEGMENT)) continue
    for (const offset of damage.intact(i)) {
      assert.ok(offset >= promised || own.has(offset), `topic${i} offset ${offset} is whole in its segment, and not served`)
    }
    // An index that ends early is true as far as it goes.
    if (damage.only(INDEX) && !damage.moved(INDEX)) await checkTimes(partition, values)
  }
  return served
}

async function read(partition: PartitionLog, values: readonly string[]): Promise<Set<number>> {
  const served = new Set<number>()
  const { logStartOffset, highWatermark, topicName } = partition
  for (let offset = logStartOffset; offset < highWatermark; ) {
    const result = await partition.read(offset, { maxBytes: MOST_BYTES, atLeastOne: true, endOffset: highWatermark })
    if ('code' in result) {
      assert.equal(result.code, 'corrupt', `${topicName} offset ${offset}: ${result.message}`)
      offset++
      continue
    }
    assert.ok(result.batches.length > 0, `${topicName} has nothing at ${offset}, below ${highWatermark}`)
    for (const batch of result.batches) offset = checkServed(batch, offset, values, served)
  }
  return served
}

/** One batch: whole, where it was asked for, with what was written. */
function checkServed(batch: Uint8Array, from: number, values: readonly string[], served: Set<number>): number {
  assert.equal(checkBatch(batch), null)
  const base = batchBaseOffset(batch)
  const end = base + batchOffsetCount(batch)
  assert.ok(base <= from && from < end, `asked for ${from}, got a batch from ${base} to ${end}`)
  const records = readRecords(batch, decompressSync(batchCompression(batch), batchRecordsSection(batch), MOST_BYTES))
  assert.ok(Array.isArray(records))
  for (const { offset, value } of records as BatchRecord[]) {
    assert.equal(value === null ? null : Buffer.from(value).toString(), values[offset], `another record at ${offset}`)
    served.add(offset)
  }
  return end
}

async function checkTimes(partition: PartitionLog, values: readonly string[]): Promise<void> {
  for (let offset = 0; offset < values.length; offset += 7) {
    const found = await partition.offsetForTime(timestampOf(offset))
    assert.equal(found !== null && 'offset' in found ? found.offset : found, offset, `the offset of the time of ${offset}`)
  }
}

/** The log takes appends, and has everything after another start. */
async function checkGoesOn(disk: FuzzDisk, plan: LogPlan, open: OpenLog, served: readonly Set<number>[]): Promise<void> {
  const ends: number[] = []
  for (const partition of open.partitions) {
    const bytes = buildBatch([{ key: null, value: Buffer.from('behind'), timestampMs: timestampOf(10_000) }])
    const end = partition.logEndOffset
    assert.equal(await appended(open.log, { batches: [{ partition, bytes }], state: [], durability: 'durable' }), end)
    ends.push(end)
  }
  await open.log.close()
  const again = await openLog(disk, plan, null)
  for (const [i, partition] of again.partitions.entries()) {
    assert.equal(partition.logEndOffset, (ends[i] as number) + 1, 'what was appended is gone')
    for (const offset of [...(served[i] as Set<number>), ends[i] as number]) {
      const result = await partition.read(offset, { maxBytes: 1, atLeastOne: true, endOffset: partition.highWatermark })
      assert.ok('batches' in result && result.batches.length === 1, `offset ${offset} is no longer served`)
    }
  }
  await again.log.close()
}

/** Headers of batches and of journal groups, entries of indexes. */
function spotsOf(path: string, bytes: Buffer): Spot[] {
  if (path.endsWith('.log') || path.includes('snapshot')) {
    const fields = [
      { at: 0, bytes: 8 },
      { at: 8, bytes: 4 },
      { at: 12, bytes: 4 },
      { at: 16, bytes: 1 },
      { at: 17, bytes: 4 },
      { at: 23, bytes: 4 },
      { at: 57, bytes: 4 },
    ]
    return batchesOf(bytes).flatMap(({ at }) => fields.map((field) => ({ ...field, at: at + field.at })))
  }
  if (path.startsWith('journal-')) {
    const spots: Spot[] = []
    for (let at = 0; at + 64 <= bytes.length; at += 4096) {
      if (bytes.readInt32BE(at) !== 0) spots.push(...[0, 8, 16, 32, 36, 40, 48, 64, 88, 96, 104, 112, 200, 400].map((field) => ({ at: at + field, bytes: 8 })))
    }
    return spots
  }
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => ({ at: i * 4, bytes: 4 }))
}
