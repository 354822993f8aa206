/** A compacted log with transactions, decided by a seed: what is appended, when it is compacted, and what becomes of each record. */
import { LocalLog } from '../../../src/log/local-log.ts'
import type { LocalPartition } from '../../../src/log/local-partition.ts'
import { buildMarker } from '../../../src/log/marker.ts'
import type { PartitionSettings } from '../../../src/log/ports.ts'
import { buildBatch, TRANSACTIONAL_BIT } from '../../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from '../../../src/log/settings.ts'
import type { Timer } from '../../../src/runtime/clock.ts'
import type { Logger } from '../../../src/telemetry/logger.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { type Compress, compressSync, type Decompress, decompressSync } from '../../../src/util/compression.ts'
import { type FuzzDisk, START_MS, StillClock } from './fuzz-disk.ts'
import { appended } from './log-plan.ts'

const TOPIC_ID = 'q0Y9pCK3TtuXyPBV8uIcmQ'
const LOG_SETTINGS: LogSettings = { ...DEFAULT_LOG_SETTINGS, journalFileBytes: 65_536, bypassBytes: 4_096, tailCacheBytes: 0, stateSnapshotBytes: 3_000 }
const PARTITION_SETTINGS: PartitionSettings = {
  segmentBytes: 1_200,
  segmentMs: 604_800_000,
  indexIntervalBytes: 200,
  retentionMs: -1,
  retentionBytes: -1,
  deleteOld: false,
  // Tombstones and markers stay: what is gone was superseded.
  compaction: { minDirtyRatio: 0, minLagMs: 0, maxLagMs: Number.MAX_SAFE_INTEGER, deleteRetentionMs: 86_400_000 },
}
/** No thread pool: the same seed is the same bytes. */
const inflate: Decompress = async (codec, input, maxBytes) => decompressSync(codec, input, maxBytes)
const deflate: Compress = async (codec, input, level) => compressSync(codec, input, level)
/** Rounds of timers in which the cleaner ends, with much to spare. */
const CLEANING_ROUNDS = 40
const TURNS_PER_ROUND = 4

type Step =
  | {
      readonly do: 'put'
      readonly producerId: number
      readonly records: readonly { readonly key: string; readonly value: string | null }[]
      readonly codec: 0 | 4
      readonly durable: boolean
    }
  | { readonly do: 'end'; readonly producerId: number; readonly type: 'commit' | 'abort' }
  | { readonly do: 'clean' }
  | { readonly do: 'restart' }

export interface TablePlan {
  readonly steps: readonly Step[]
  readonly checkpointBytes: number
  /** Closed in order, or killed. */
  readonly clean: boolean
}

/** What was appended at an offset. */
export interface TableEntry {
  readonly key: string
  readonly value: string | null
  readonly fate: 'visible' | 'open' | 'aborted' | 'marker'
}

export interface TableModel {
  readonly entries: readonly TableEntry[]
  /** Offsets below were acknowledged as durable, or closed over. */
  readonly promised: number
}

export function tablePlan(seed: number): TablePlan {
  const random = new SeededRandom(seed)
  const open = new Set<number>()
  let value = 0
  const steps = Array.from({ length: random.between(8, 50) }, (): Step => {
    if (random.chance(0.1)) return { do: 'clean' }
    if (random.chance(0.04)) return { do: 'restart' }
    if (open.size > 0 && random.chance(0.35)) {
      const producerId = random.pick([...open])
      open.delete(producerId)
      return { do: 'end', producerId, type: random.chance(0.5) ? 'commit' : 'abort' }
    }
    const producerId = random.pick([-1, -1, 5, 6, 7])
    if (producerId > 5) open.add(producerId)
    const records = Array.from({ length: random.between(1, 4) }, () => ({
      key: `k${random.below(random.pick([3, 12]))}`,
      value: random.chance(0.15) ? null : `${value++}`.padEnd(random.pick([4, 40, 120]), '.'),
    }))
    return { do: 'put', producerId, records, codec: random.chance(0.2) ? 4 : 0, durable: random.chance(0.7) }
  })
  return { steps, checkpointBytes: random.pick([600, 3_000]), clean: random.chance(0.5) }
}

export function tableModel({ steps, clean }: TablePlan): TableModel {
  const entries: { key: string; value: string | null; fate: TableEntry['fate'] }[] = []
  const open = new Map<number, number[]>()
  let promised = 0
  for (const step of steps) {
    if (step.do === 'restart') promised = entries.length
    else if (step.do === 'end') {
      for (const offset of open.get(step.producerId) ?? []) (entries[offset] as { fate: string }).fate = step.type === 'commit' ? 'visible' : 'aborted'
      open.delete(step.producerId)
      entries.push({ key: '', value: null, fate: 'marker' })
      promised = entries.length
    } else if (step.do === 'put') {
      for (const { key, value } of step.records) {
        if (step.producerId > 5) open.set(step.producerId, [...(open.get(step.producerId) ?? []), entries.length])
        entries.push({ key, value, fate: step.producerId > 5 ? 'open' : 'visible' })
      }
      if (step.durable) promised = entries.length
    }
  }
  return { entries, promised: clean ? entries.length : promised }
}

/** Time stands still; its timers fire when they are told to, all at once. */
class SteppedClock extends StillClock {
  #timers: (() => void)[] = []

  override after(_delayMs: number, run: () => void): Timer {
    this.#timers.push(run)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((timer) => timer !== run)
      },
    }
  }

  fire(): void {
    for (const run of this.#timers.splice(0)) run()
  }
}

export interface OpenTable {
  readonly log: LocalLog
  readonly partition: LocalPartition
  /** Has everything synced and compacted that can be. */
  tidy(): Promise<void>
}

/** Opens the log of a plan on a disk, as it may be; rejects where the log refuses. */
export async function openTable(disk: FuzzDisk, plan: TablePlan, logger: Logger | null): Promise<OpenTable> {
  const clock = new SteppedClock()
  const settings = { ...LOG_SETTINGS, checkpointBytes: plan.checkpointBytes }
  const log = new LocalLog(disk, clock, new SeededRandom(42), logger, settings, inflate, deflate)
  await log.open()
  const partition = (await log.openPartition(TOPIC_ID, 'topic0', 0, PARTITION_SETTINGS)) as LocalPartition
  log.start()
  const tidy = async (): Promise<void> => {
    for (let round = 0; round < CLEANING_ROUNDS; round++) {
      clock.fire()
      for (let turn = 0; turn < TURNS_PER_ROUND; turn++) await new Promise((resolve) => setImmediate(resolve))
    }
  }
  return { log, partition, tidy }
}

/** Writes everything; the files as they are at the end, and how often something was compacted. */
export async function writeTable(disk: FuzzDisk, plan: TablePlan): Promise<{ path: string; bytes: Buffer }[]> {
  let open = await openTable(disk, plan, null)
  const sequences = new Map<number, number>()
  for (const step of plan.steps) {
    const { log, partition } = open
    if (step.do === 'clean') await open.tidy()
    else if (step.do === 'restart') {
      await log.close()
      open = await openTable(disk, plan, null)
    } else if (step.do === 'end') {
      const bytes = buildMarker({ type: step.type, producerId: step.producerId, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: START_MS })
      await appended(log, { batches: [{ partition, bytes }], state: [], durability: 'durable' })
    } else {
      const { producerId, records, codec } = step
      const baseSequence = sequences.get(producerId) ?? 0
      if (producerId >= 0) sequences.set(producerId, baseSequence + records.length)
      const bytes = buildBatch(
        records.map(({ key, value }) => ({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestampMs: START_MS })),
        {
          attributes: codec | (producerId > 5 ? TRANSACTIONAL_BIT : 0),
          ...(codec !== 0 && { compress: (section: Uint8Array) => compressSync(codec, section) }),
          ...(producerId >= 0 && { producerId, producerEpoch: 0, baseSequence }),
        },
      )
      await appended(log, { batches: [{ partition, bytes }], state: [], durability: step.durable ? 'durable' : 'written' })
    }
  }
  if (plan.clean) await open.log.close()
  const files = disk.dump()
  if (!plan.clean) await open.log.close()
  return files
}
