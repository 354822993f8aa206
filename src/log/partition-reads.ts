import type { LocalPartition } from './local-partition.ts'
import { goneFailure, type LogCore, storageFailure } from './log-core.ts'
import type { LogFailure, ReadLimits, ReadResult } from './ports.ts'
import { batchBaseOffset, batchLeaderEpoch, patchBatch } from './record-batch.ts'
import { readSegment } from './segment-reader.ts'
import type { PartitionTail } from './tail-cache.ts'

/** Damaged places that are told one by one; a disk that has more is past telling. */
const REPORTED_DAMAGE_MAX = 1000

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
  const unwritten = partition.readUnwritten(fromOffset, { ...limits, endOffset })
  if (unwritten !== undefined) return unwritten
  const segment = partition.segmentOf(fromOffset)
  if (segment === undefined) return outOfRange(partition, fromOffset)
  const onDamage = (position: number): void => reportDamage(core, segment.log.path, position, fromOffset)
  const read = await guarded(partition, core, () =>
    readSegment(segment, core.indexCache, fromOffset, partition.endOf(segment), { ...limits, endOffset }, onDamage),
  )
  if ('batches' in read) for (const batch of read.batches) mendEpoch(partition, batch)
  // Retention may have taken the segment while it was read.
  return 'code' in read && fromOffset < partition.logStartOffset ? outOfRange(partition, fromOffset) : read
}

/** The leader epoch lies outside the CRC: what the state knows of it counts, or damage would send consumers elsewhere. */
function mendEpoch(partition: LocalPartition, batch: Uint8Array): void {
  const baseOffset = batchBaseOffset(batch)
  const epoch = partition.epochOf(baseOffset)
  if (epoch >= 0 && batchLeaderEpoch(batch) !== epoch) patchBatch(batch, baseOffset, epoch)
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

/** Readers come again and again to a damaged place: it is told once. */
function reportDamage({ logger, reportedDamage }: LogCore, file: string, position: number, offset: number): void {
  const place = `${file}:${position}`
  if (reportedDamage.has(place) || reportedDamage.size >= REPORTED_DAMAGE_MAX) return
  reportedDamage.add(place)
  logger.error({ file, position, offset }, 'a batch is damaged; it is not served')
}

function outOfRange(partition: LocalPartition, offset: number): LogFailure {
  return {
    code: 'offset-out-of-range',
    message: `${partition.topicName}-${partition.index} holds offsets ${partition.logStartOffset} to ${partition.logEndOffset}; ${offset} is outside`,
  }
}
