import type { LocalPartition } from './local-partition.ts'
import { goneFailure, type LogCore, storageFailure } from './log-core.ts'
import type { LogFailure, ReadLimits, ReadResult } from './ports.ts'
import { readSegment } from './segment-reader.ts'
import type { PartitionTail } from './tail-cache.ts'

export const NOTHING: ReadResult = { batches: [], sizeBytes: 0 }

/** Whole batches from memory or disk, below the high watermark. */
export async function readPartition(
  partition: LocalPartition,
  core: LogCore,
  tail: PartitionTail,
  fromOffset: number,
  limits: ReadLimits,
): Promise<ReadResult | LogFailure> {
  if (partition.gone) return goneFailure(partition.folder)
  if (fromOffset < partition.logStartOffset || fromOffset > partition.logEndOffset) return outOfRange(partition, fromOffset)
  const endOffset = Math.min(limits.endOffset, partition.highWatermark)
  if (fromOffset >= endOffset) return NOTHING
  const cached = tail.read(fromOffset, { ...limits, endOffset })
  if (cached !== undefined) return cached
  const segment = partition.segmentOf(fromOffset)
  if (segment === undefined) return outOfRange(partition, fromOffset)
  const read = await guarded(partition, core, () => readSegment(segment, core.indexCache, fromOffset, { ...limits, endOffset }))
  // Retention may have taken the segment while it was read.
  return 'code' in read && fromOffset < partition.logStartOffset ? outOfRange(partition, fromOffset) : read
}

/** Runs a read of the past when the disk has a turn for it; what the disk answers becomes a failure. */
export async function guarded<T>(partition: LocalPartition, core: LogCore, work: () => Promise<T>): Promise<T | LogFailure> {
  if (partition.gone) return goneFailure(partition.folder)
  try {
    return await core.readGate.run(work)
  } catch (error) {
    return partition.gone ? goneFailure(partition.folder) : storageFailure(`${partition.folder} could not be read`, error)
  }
}

function outOfRange(partition: LocalPartition, offset: number): LogFailure {
  return {
    code: 'offset-out-of-range',
    message: `${partition.topicName}-${partition.index} holds offsets ${partition.logStartOffset} to ${partition.logEndOffset}; ${offset} is outside`,
  }
}
