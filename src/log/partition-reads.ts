import type { LocalPartition } from './local-partition.ts'
import { goneFailure, type LogCore, storageFailure } from './log-core.ts'
import type { LogFailure, ReadLimits, ReadResult } from './ports.ts'
import { batchBaseOffset, batchLeaderEpoch, batchOffsetCount, batchRecordCount, patchBatch } from './record-batch.ts'
import { readSegment } from './segment-reader.ts'
import type { PartitionTail } from './tail-cache.ts'

/** The cleaner is never so fast that a read meets it again and again. */
const TRIES_MAX = 5
/** Segments without a single record that a read passes over. */
const EMPTY_READS_MAX = 64
/** Damaged places that are told one by one; a disk that has more is past telling. */
const REPORTED_DAMAGE_MAX = 1000

export const NOTHING: ReadResult = { batches: [], sizeBytes: 0 }

/** Whole batches from memory or disk, below the high watermark. Segments that compaction left without a record are passed over. */
export async function readPartition(
  partition: LocalPartition,
  core: LogCore,
  tail: PartitionTail,
  fromOffset: number,
  limits: ReadLimits,
): Promise<ReadResult | LogFailure> {
  let best = await readFrom(partition, core, tail, fromOffset, limits)
  for (let reads = 1; reads < EMPTY_READS_MAX; reads++) {
    const next = behindEmpty(best)
    if (next === null || next >= Math.min(limits.endOffset, partition.highWatermark)) break
    const further = await readFrom(partition, core, tail, next, limits)
    // What a reader has got tells it to come again behind that, and then it is told what is there.
    if ('code' in further || further.batches.length === 0) break
    best = further
  }
  return best
}

/** The offset behind a read that gave nothing but a batch without records; null for any other. */
function behindEmpty(read: ReadResult | LogFailure): number | null {
  if ('code' in read || read.batches.length !== 1) return null
  const only = read.batches[0] as Uint8Array
  return batchRecordCount(only) === 0 ? batchBaseOffset(only) + batchOffsetCount(only) : null
}

async function readFrom(
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
  const read = await guarded<ReadResult | LogFailure>(partition, core, async () => {
    const segment = partition.segmentOf(fromOffset)
    if (segment === undefined) return outOfRange(partition, fromOffset)
    const onDamage = (position: number): void => {
      if (partition.segments.includes(segment)) reportDamage(core, segment.log.path, position, fromOffset)
    }
    return readSegment(segment, core.indexCache, fromOffset, partition.endOf(segment), { ...limits, endOffset }, onDamage)
  })
  if ('batches' in read) for (const batch of read.batches) mendEpoch(partition, batch)
  // Retention may have taken the segment while it was read, and with it what is known of its aborted transactions.
  return fromOffset < partition.logStartOffset ? outOfRange(partition, fromOffset) : read
}

/** The leader epoch lies outside the CRC: what the state knows of it counts, or damage would send consumers elsewhere. */
function mendEpoch(partition: LocalPartition, batch: Uint8Array): void {
  const baseOffset = batchBaseOffset(batch)
  const epoch = partition.epochOf(baseOffset)
  if (epoch >= 0 && batchLeaderEpoch(batch) !== epoch) patchBatch(batch, baseOffset, epoch)
}

/**
 * Runs a read of the past when the disk has a turn for it; what the disk answers becomes a failure. It is run again where the cleaner put
 * another segment in the place of one meanwhile.
 */
export async function guarded<T>(partition: LocalPartition, core: LogCore, work: () => Promise<T>): Promise<T | LogFailure> {
  for (let tries = 1; ; tries++) {
    if (partition.gone) return goneFailure(partition.folder)
    const { layout } = partition
    const isFinal = () => partition.layout === layout || tries === TRIES_MAX
    try {
      const result = await core.readGate.run(work)
      if (isFinal()) return result
    } catch (error) {
      if (partition.gone) return goneFailure(partition.folder)
      if (isFinal()) return storageFailure(`${partition.folder} could not be read`, error)
    }
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
