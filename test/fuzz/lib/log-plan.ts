import { LocalLog } from '../../../src/log/local-log.ts'
import type { AppendGroup, PartitionLog, PartitionSettings, StateMachine } from '../../../src/log/ports.ts'
import { buildBatch } from '../../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from '../../../src/log/settings.ts'
import type { Logger } from '../../../src/telemetry/logger.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { compressSync } from '../../../src/util/compression.ts'
import { type FuzzDisk, START_MS, StillClock } from './fuzz-disk.ts'

const TOPIC_IDS = ['q0Y9pCK3TtuXyPBV8uIcmQ', 'b0Y9pCK3TtuXyPBV8uIcmA']
const STATE_KIND = 7
const LOG_SETTINGS: LogSettings = {
  ...DEFAULT_LOG_SETTINGS,
  journalFileBytes: 65_536,
  bypassBytes: 4_096,
  tailCacheBytes: 0,
  stateSnapshotBytes: 3_000,
}
const PARTITION_SETTINGS: PartitionSettings = {
  segmentBytes: 4_000,
  segmentMs: 604_800_000,
  indexIntervalBytes: 300,
  retentionMs: -1,
  retentionBytes: -1,
  deleteOld: true,
}

/** One step of writing a log. */
type Step =
  | { readonly do: 'append'; readonly partition: number; readonly sizes: readonly number[]; readonly durable: boolean; readonly codec: 0 | 4 }
  | { readonly do: 'state'; readonly key: string; readonly value: string }
  | { readonly do: 'restart' }

/** What is written, decided by a seed; and so what must be read. */
export interface LogPlan {
  readonly partitions: number
  readonly checkpointBytes: number
  readonly steps: readonly Step[]
  /** Closed in order, or killed. */
  readonly clean: boolean
}

export function logPlan(seed: number): LogPlan {
  const random = new SeededRandom(seed)
  const partitions = random.between(1, 2)
  const steps = Array.from({ length: random.between(3, 40) }, (): Step => {
    if (random.chance(0.15)) return { do: 'state', key: `key-${random.below(4)}`, value: `value-${random.below(1000)}`.padEnd(random.pick([8, 200])) }
    if (random.chance(0.04)) return { do: 'restart' }
    const sizes = Array.from({ length: random.between(1, 4) }, () => random.pick([5, 50, 300]))
    const large = random.chance(0.05)
    return { do: 'append', partition: random.below(partitions), sizes: large ? [4_500] : sizes, durable: random.chance(0.6), codec: random.chance(0.2) ? 4 : 0 }
  })
  return { partitions, checkpointBytes: random.pick([1_500, 6_000, 1_000_000]), steps, clean: random.chance(0.5) }
}

/** What each partition holds, by offset, and the state: all that was acknowledged, since nothing is given up before. */
export interface LogModel {
  readonly values: readonly (readonly string[])[]
  /** Offsets below were acknowledged as durable, or closed over. */
  readonly promised: readonly number[]
  readonly state: ReadonlyMap<string, string>
}

export function modelOf(plan: LogPlan): LogModel {
  const values = Array.from({ length: plan.partitions }, (): string[] => [])
  const promised = values.map(() => 0)
  const state = new Map<string, string>()
  const promiseAll = (): void => {
    for (const [i, own] of values.entries()) promised[i] = own.length
  }
  for (const step of plan.steps) {
    if (step.do === 'state') state.set(step.key, step.value)
    else if (step.do === 'restart') promiseAll()
    else {
      const own = values[step.partition] as string[]
      for (const size of step.sizes) own.push(valueAt(step.partition, own.length, size))
      if (step.durable) promised[step.partition] = own.length
    }
  }
  if (plan.clean) promiseAll()
  return { values, promised, state }
}

function valueAt(partition: number, offset: number, size: number): string {
  return `${partition}:${offset}:`.padEnd(size, 'abcdefgh')
}

export function timestampOf(offset: number): number {
  return START_MS + offset * 10
}

/** The state that a log of this plan keeps. */
export class KeyValues implements StateMachine {
  readonly kind = STATE_KIND
  readonly values = new Map<string, string>()

  apply(key: string, value: Uint8Array | null): void {
    if (value === null) this.values.delete(key)
    else this.values.set(key, Buffer.from(value).toString())
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const [key, value] of this.values) yield [key, Buffer.from(value)]
  }
}

export interface OpenLog {
  readonly log: LocalLog
  readonly partitions: readonly PartitionLog[]
  readonly state: KeyValues
}

/** Opens the log of a plan on a disk, as it may be; rejects where the log refuses. */
export async function openLog(disk: FuzzDisk, plan: LogPlan, logger: Logger | null): Promise<OpenLog> {
  const log = new LocalLog(disk, new StillClock(), new SeededRandom(42), logger, { ...LOG_SETTINGS, checkpointBytes: plan.checkpointBytes })
  const state = new KeyValues()
  log.register(state)
  await log.open()
  const partitions: PartitionLog[] = []
  for (let i = 0; i < plan.partitions; i++) partitions.push(await log.openPartition(TOPIC_IDS[i] as string, `topic${i}`, 0, PARTITION_SETTINGS))
  log.start()
  return { log, partitions, state }
}

export function appended(log: LocalLog, group: Pick<AppendGroup, 'batches' | 'state' | 'durability'>): Promise<number> {
  return new Promise((resolve, reject) => {
    let base = -1
    log.append({
      ...group,
      onAssigned: (offsets) => {
        base = offsets[0] ?? -1
      },
      onDone: (failure) => (failure === null ? resolve(base) : reject(new Error(`an append failed: ${failure.code} ${failure.message}`))),
    })
  })
}

/** Writes everything; the files as they are at the end. */
export async function writeLog(disk: FuzzDisk, plan: LogPlan): Promise<{ path: string; bytes: Buffer }[]> {
  let open = await openLog(disk, plan, null)
  const lengths = open.partitions.map(() => 0)
  for (const step of plan.steps) {
    if (step.do === 'restart') {
      await open.log.close()
      open = await openLog(disk, plan, null)
    } else if (step.do === 'state') {
      open.state.values.set(step.key, step.value)
      await appended(open.log, { batches: [], state: [{ kind: STATE_KIND, key: step.key, value: Buffer.from(step.value) }], durability: 'durable' })
    } else {
      const from = lengths[step.partition] as number
      const records = step.sizes.map((size, i) => ({
        key: null,
        value: Buffer.from(valueAt(step.partition, from + i, size)),
        timestampMs: timestampOf(from + i),
      }))
      const bytes = buildBatch(records, step.codec === 0 ? {} : { attributes: step.codec, compress: (section) => compressSync(step.codec, section) })
      const partition = open.partitions[step.partition] as PartitionLog
      await appended(open.log, { batches: [{ partition, bytes }], state: [], durability: step.durable ? 'durable' : 'written' })
      lengths[step.partition] = from + step.sizes.length
    }
  }
  if (plan.clean) await open.log.close()
  const files = disk.dump()
  if (!plan.clean) await open.log.close()
  return files
}
