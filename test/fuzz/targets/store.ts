import assert from 'node:assert/strict'
import type { PartitionLog } from '../../../src/log/ports.ts'
import {
  type BatchRecord,
  batchBaseOffset,
  batchCompression,
  batchOffsetCount,
  batchRecordsSection,
  buildBatch,
  checkBatch,
  readRecords,
} from '../../../src/log/record-batch.ts'
import { decompressSync } from '../../../src/util/compression.ts'
import { FuzzDisk } from '../lib/fuzz-disk.ts'
import { appended, type LogModel, type LogPlan, logPlan, modelOf, type OpenLog, openLog, timestampOf, writeLog } from '../lib/log-plan.ts'
import { BOOT, CLEAN, checkRefusal, Damage, INDEX, JOURNAL, METADATA, SEGMENT, STATE, spotsOf } from '../lib/store-damage.ts'
import type { Meta, Target } from '../lib/target.ts'
import { noRejections } from '../lib/unhandled.ts'

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
