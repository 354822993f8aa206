import type { LocalPartition } from '../local-partition.ts'
import type { CompactionSettings } from '../ports.ts'
import { BATCH_HEADER_BYTES, batchBaseTimestampMs, batchDeleteHorizonMs, batchMaxTimestampMs } from '../record-batch.ts'
import type { Segment } from '../segment.ts'

/** What the cleaner could do in a partition. */
export interface Cleanable {
  /** All below was compacted with all keys up to here. */
  readonly firstDirtyOffset: number
  /** Nothing from here on may be touched yet. */
  readonly endOffset: number
  /** The share of what would be new to the cleaner, of all that it would read. */
  readonly dirtyRatio: number
  /** Records lie longer in it than `max.compaction.lag.ms` allows. */
  readonly isOverdue: boolean
}

/** What of a partition the cleaner would clean now; null where there is nothing new (LogCleanerManager.grabFilthiestCompactedLog). */
export async function cleanableOf(partition: LocalPartition, settings: CompactionSettings, nowMs: number, isVolatile: boolean): Promise<Cleanable | null> {
  const segments = closedSegments(partition, settings, nowMs, isVolatile)
  const last = segments.at(-1)
  if (last === undefined) return null
  const firstDirtyOffset = Math.max(partition.cleanerMark.cleanBelow, partition.logStartOffset)
  const endOffset = partition.endOf(last)
  if (endOffset <= firstDirtyOffset) return null
  const dirty = segments.filter((segment) => partition.endOf(segment) > firstDirtyOffset)
  const allBytes = sizeOf(segments)
  const dirtyRatio = allBytes === 0 ? 0 : sizeOf(dirty) / allBytes
  return { firstDirtyOffset, endOffset, dirtyRatio, isOverdue: await isOverdue(dirty, nowMs - settings.maxLagMs) }
}

/** Whether it is worth the work. */
export function isDue({ dirtyRatio, isOverdue: overdue }: Cleanable, { minDirtyRatio }: CompactionSettings): boolean {
  return overdue || dirtyRatio > minDirtyRatio
}

/**
 * From the first on: what lies wholly below the last stable offset, is on disk and known to be, so that nothing writes it again after a crash,
 * and is no younger than `min.compaction.lag.ms`. Never the one that is appended to.
 */
function closedSegments(partition: LocalPartition, { minLagMs }: CompactionSettings, nowMs: number, isVolatile: boolean): Segment[] {
  const closed: Segment[] = []
  const { recoveryPoint, lastStableOffset } = partition
  for (const segment of partition.segments) {
    const isSafe = isVolatile || (!segment.isDirty && segment.baseOffset < recoveryPoint.segmentBase)
    if (segment === partition.activeSegment || !segment.isClosed || !isSafe) break
    const endOffset = partition.endOf(segment)
    if (endOffset > lastStableOffset || (!isVolatile && endOffset > recoveryPoint.offset)) break
    if (minLagMs > 0 && segment.maxTimestamp().timestampMs > nowMs - minLagMs && endOffset > partition.cleanerMark.cleanBelow) break
    closed.push(segment)
  }
  return closed
}

function sizeOf(segments: readonly Segment[]): number {
  return segments.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)
}

/** Whether the first record of any of them was made before `beforeMs`. */
async function isOverdue(segments: readonly Segment[], beforeMs: number): Promise<boolean> {
  if (beforeMs <= 0) return false
  for (const segment of segments) {
    const timestampMs = await firstTimestampOf(segment)
    if (timestampMs > 0 && timestampMs < beforeMs) return true
  }
  return false
}

async function firstTimestampOf(segment: Segment): Promise<number> {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  if ((await segment.log.read(header, 0)) < BATCH_HEADER_BYTES) return -1
  // Where the base timestamp is a delete horizon, the first record's is not known from the header.
  return batchDeleteHorizonMs(header) === null ? batchBaseTimestampMs(header) : batchMaxTimestampMs(header)
}
