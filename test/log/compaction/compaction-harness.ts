import { LocalLog } from '../../../src/log/local-log.ts'
import type { LocalPartition } from '../../../src/log/local-partition.ts'
import type { CompactionSettings, PartitionSettings } from '../../../src/log/ports.ts'
import {
  type BatchOptions,
  type BatchRecord,
  batchBaseOffset,
  batchIsControl,
  batchOffsetCount,
  buildBatch,
  readRecords,
} from '../../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from '../../../src/log/settings.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import type { FileSystem } from '../../../src/runtime/files.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import type { Logger } from '../../../src/telemetry/logger.ts'
import { SETTINGS } from '../log-harness.ts'

export const COMPACT: CompactionSettings = { minDirtyRatio: 0, minLagMs: 0, maxLagMs: Number.MAX_SAFE_INTEGER, deleteRetentionMs: 86_400_000 }

/** Small segments, cleaned whenever there is anything new. */
export const COMPACTED: PartitionSettings = { ...SETTINGS, segmentBytes: 400, deleteOld: false, compaction: COMPACT }

export async function openCompacting(
  fileSystem: FileSystem,
  settings: Partial<LogSettings> = {},
  clock: Clock = systemClock,
  logger: Logger | null = null,
): Promise<LocalLog> {
  const log = new LocalLog(fileSystem, clock, systemRandom, logger, {
    ...DEFAULT_LOG_SETTINGS,
    journalFileBytes: 1_048_576,
    checkpointMs: 5,
    cleanerBackoffMs: 5,
    ...settings,
  })
  await log.open()
  return log
}

/** `key=value`, `key` for a tombstone. */
export function keyed(records: readonly string[], options: BatchOptions & { readonly timestampMs?: number } = {}): Uint8Array {
  return buildBatch(
    records.map((record) => {
      const [key = '', value] = record.split('=')
      return { key: Buffer.from(key), value: value === undefined ? null : Buffer.from(value), timestampMs: options.timestampMs ?? 1_700_000_000_000 }
    }),
    options,
  )
}

/** A record as `offset:key=value`. */
export function shown({ offset, key, value }: BatchRecord): string {
  return `${offset}:${key === null ? 'null' : Buffer.from(key).toString()}${value === null ? '' : `=${Buffer.from(value).toString()}`}`
}

/** All batches from `offset` on, as `read` gives them. */
export async function batchesFrom(partition: LocalPartition, offset = partition.logStartOffset): Promise<Uint8Array[]> {
  const batches: Uint8Array[] = []
  for (let next = offset; next < partition.highWatermark; ) {
    const read = await partition.read(next, { maxBytes: 65_536, atLeastOne: true, endOffset: partition.highWatermark })
    if ('code' in read) throw new Error(`${read.code}: ${read.message}`)
    const last = read.batches.at(-1)
    if (last === undefined) throw new Error(`nothing at ${next}, the high watermark is ${partition.highWatermark}`)
    batches.push(...read.batches)
    next = batchBaseOffset(last) + batchOffsetCount(last)
  }
  return batches
}

/** All records from `offset` on, without markers. */
export async function recordsFrom(partition: LocalPartition, offset = partition.logStartOffset): Promise<string[]> {
  const batches = await batchesFrom(partition, offset)
  return batches.flatMap((batch) => (batchIsControl(batch) ? [] : (readRecords(batch) as BatchRecord[]).filter((each) => each.offset >= offset).map(shown)))
}

/** Resolves once the cleaner has taken all below `offset` into account; fails after ten seconds. */
export async function cleanedUpTo(partition: LocalPartition, offset: number): Promise<void> {
  await until(() => partition.cleanerMark.cleanBelow >= offset)
}

/** Looks again and again; fails after ten seconds. */
export async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; !holds(); tries++) {
    if (tries > 2_000) throw new Error(`waited ten seconds in vain for ${holds}`)
    await new Promise<void>((resolve) => {
      systemClock.after(5, resolve)
    })
  }
}
