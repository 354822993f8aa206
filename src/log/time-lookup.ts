/** Finding records by time: by record, not by batch (rule 14 of ListOffsets). */
import { type BatchPlace, findGoodBatch, WALK_BYTES, walkGoodBatches } from './batch-walk.ts'
import type { LocalPartition } from './local-partition.ts'
import type { LogCore } from './log-core.ts'
import type { TimestampedOffset } from './ports.ts'
import {
  type BatchRecord,
  batchBaseOffset,
  batchCompression,
  batchLeaderEpoch,
  batchMaxTimestampMs,
  batchOffsetCount,
  batchRecordsSection,
  batchSizeBytes,
  readRecords,
} from './record-batch.ts'
import type { Segment } from './segment.ts'
import { placeBefore, rebuildIndexes } from './segment-reader.ts'
import { lastBefore, readTimeEntry, TIME_ENTRY_BYTES, timeEntriesAreSane } from './time-index.ts'

/** The first record at or after `timestampMs` between log start and high watermark. */
export async function findTime(partition: LocalPartition, core: LogCore, timestampMs: number): Promise<TimestampedOffset | null> {
  for (const segment of [...partition.segments]) {
    if (partition.endOf(segment) <= partition.logStartOffset) continue
    if ((await checkTimes(partition, core, segment)) && segment.maxTimestamp().timestampMs < timestampMs) continue
    const found = await findInSegment(partition, core, segment, timestampMs)
    if (found !== null) return found
  }
  return null
}

/**
 * Whether the time index of a segment can be believed: what an earlier process wrote is held against the batches, once. A wrong index is made
 * again where nothing is appended to its segment any more.
 */
export async function checkTimes(partition: LocalPartition, core: LogCore, segment: Segment): Promise<boolean> {
  if (segment.times === 'unchecked') {
    const holds = await lastTimeHolds(partition, core, segment)
    segment.times = holds && segment.rebuilding === null ? 'true' : 'false'
  }
  if (segment.times === 'false' && segment.isClosed) {
    core.indexCache.forget(segment.offsetIndex)
    core.indexCache.forget(segment.timeIndex)
    await rebuildIndexes(segment, segment.writtenBytes, partition.endOf(segment))
  }
  return segment.times === 'true'
}

/**
 * Whether the last entry speaks of a batch that is there, and no younger one follows it: entries behind it may be gone, where a disk that failed
 * to sync them said nothing when it was asked again.
 */
async function lastTimeHolds(partition: LocalPartition, core: LogCore, segment: Segment): Promise<boolean> {
  const { timestampMs, offset } = segment.maxTimestamp()
  const to = segment.writtenBytes
  const endOffset = partition.endOf(segment)
  const isEmpty = timestampMs < 0
  // No entry is made where no record has a time: one that says so is damaged.
  let isThere = isEmpty && segment.timeIndex.entries === 0
  let isLargest = true
  let place: BatchPlace | null = await placeBefore(segment, core.indexCache, offset, endOffset)
  while (place !== null && isLargest) {
    const walked = await walkGoodBatches(segment.log, place, to, WALK_BYTES, (bytes, at) => {
      const last = batchBaseOffset(bytes, at) + batchOffsetCount(bytes, at) - 1
      const batchMs = batchMaxTimestampMs(bytes, at)
      if (last === offset && !isEmpty) isThere = batchMs === timestampMs
      else if (last > offset || isEmpty) isLargest = batchMs <= timestampMs
      return isLargest && (isThere || last < offset)
    })
    place = walked.bad ? await findGoodBatch(segment.log, walked, { to, endOffset }) : null
  }
  return isThere && isLargest
}

/** The largest timestamp of the batch whose last offset is `offset`; null where there is none. */
async function maxTimestampAt(partition: LocalPartition, core: LogCore, segment: Segment, offset: number): Promise<number | null> {
  let timestampMs: number | null = null
  const place = await placeBefore(segment, core.indexCache, offset, partition.endOf(segment))
  await walkGoodBatches(segment.log, place, segment.writtenBytes, WALK_BYTES, (bytes, at) => {
    const last = batchBaseOffset(bytes, at) + batchOffsetCount(bytes, at) - 1
    if (last === offset) timestampMs = batchMaxTimestampMs(bytes, at)
    return last < offset
  })
  return timestampMs
}

async function findInSegment(partition: LocalPartition, core: LogCore, segment: Segment, timestampMs: number): Promise<TimestampedOffset | null> {
  const from = await offsetBefore(partition, core, segment, timestampMs)
  let place = await placeBefore(segment, core.indexCache, Math.max(from, partition.logStartOffset), partition.endOf(segment))
  for (;;) {
    const candidate = await firstBatch(partition, segment, place, (maxMs, baseOffset) => maxMs >= timestampMs && baseOffset < partition.highWatermark)
    if (candidate === null) return null
    const records = await recordsAt(segment, core, candidate.position, candidate.sizeBytes)
    // Stored as the client sent it: its header tells that one of its records is late enough, and readers are to find out which.
    if (records === null)
      return { offset: Math.max(candidate.baseOffset, partition.logStartOffset), timestampMs: candidate.maxTimestampMs, leaderEpoch: candidate.leaderEpoch }
    const record = records.find((each) => each.timestampMs >= timestampMs && each.offset >= partition.logStartOffset && each.offset < partition.highWatermark)
    if (record !== undefined) return { offset: record.offset, timestampMs: record.timestampMs, leaderEpoch: candidate.leaderEpoch }
    place = { position: candidate.position + candidate.sizeBytes, offset: candidate.endOffset }
  }
}

/** An offset that all records before it are older; the segment's first where the time index does not say, or says what is not so. */
async function offsetBefore(partition: LocalPartition, core: LogCore, segment: Segment, timestampMs: number): Promise<number> {
  const times = await core.indexCache.entries(segment.timeIndex, TIME_ENTRY_BYTES)
  const slot = segment.times === 'true' && timeEntriesAreSane(times) ? lastBefore(times, timestampMs) : -1
  if (slot === -1) return segment.baseOffset
  const entry = readTimeEntry(times, slot)
  const offset = segment.baseOffset + entry.relativeOffset
  return (await maxTimestampAt(partition, core, segment, offset)) === entry.timestampMs ? offset : segment.baseOffset
}

/** The record with the largest timestamp that can be read; the first of them where several have it. */
export async function findMaxTimestamp(partition: LocalPartition, core: LogCore): Promise<TimestampedOffset | null> {
  let best: Segment | null = null
  let largestMs = -1
  for (const segment of [...partition.segments]) {
    if (partition.endOf(segment) <= partition.logStartOffset || segment.writtenBytes === 0) continue
    await checkTimes(partition, core, segment)
    const timestampMs = segment.baseOffset < partition.logStartOffset ? await largestFrom(partition, core, segment) : segment.maxTimestamp().timestampMs
    if (timestampMs <= largestMs) continue
    best = segment
    largestMs = timestampMs
  }
  return best === null ? null : findInSegment(partition, core, best, largestMs)
}

/** The largest timestamp of the records from the log start on, in the segment that holds it: its index speaks of those below too. */
async function largestFrom(partition: LocalPartition, core: LogCore, segment: Segment): Promise<number> {
  const start = partition.logStartOffset
  const place = await placeBefore(segment, core.indexCache, start, partition.endOf(segment))
  let largestMs = -1
  const straddling: Pick<Candidate, 'position' | 'sizeBytes' | 'maxTimestampMs'>[] = []
  await walkGoodBatches(segment.log, place, segment.writtenBytes, WALK_BYTES, (bytes, at, position) => {
    const baseOffset = batchBaseOffset(bytes, at)
    if (baseOffset >= start) largestMs = Math.max(largestMs, batchMaxTimestampMs(bytes, at))
    else if (baseOffset + batchOffsetCount(bytes, at) > start)
      straddling.push({ position, sizeBytes: batchSizeBytes(bytes, at), maxTimestampMs: batchMaxTimestampMs(bytes, at) })
    return true
  })
  for (const { position, sizeBytes, maxTimestampMs } of straddling) {
    const records = await recordsAt(segment, core, position, sizeBytes)
    if (records === null) largestMs = Math.max(largestMs, maxTimestampMs)
    else for (const { offset, timestampMs } of records) if (offset >= start) largestMs = Math.max(largestMs, timestampMs)
  }
  return largestMs
}

interface Candidate {
  readonly position: number
  readonly sizeBytes: number
  readonly baseOffset: number
  readonly leaderEpoch: number
  readonly endOffset: number
  readonly maxTimestampMs: number
}

/** The first good batch that fits; damaged ones cannot be read anyhow, and are passed over. */
async function firstBatch(
  partition: LocalPartition,
  segment: Segment,
  from: BatchPlace,
  fits: (maxTimestampMs: number, baseOffset: number) => boolean,
): Promise<Candidate | null> {
  let found: Candidate | null = null
  let place: BatchPlace | null = from
  while (place !== null && found === null) {
    const to = segment.writtenBytes
    const walked = await walkGoodBatches(segment.log, place, to, WALK_BYTES, (bytes, at, position) => {
      const baseOffset = batchBaseOffset(bytes, at)
      if (!fits(batchMaxTimestampMs(bytes, at), baseOffset)) return true
      const endOffset = baseOffset + batchOffsetCount(bytes, at)
      const maxTimestampMs = batchMaxTimestampMs(bytes, at)
      found = { position, sizeBytes: batchSizeBytes(bytes, at), baseOffset, leaderEpoch: batchLeaderEpoch(bytes, at), endOffset, maxTimestampMs }
      return false
    })
    place = walked.bad ? await findGoodBatch(segment.log, walked, { to, endOffset: partition.endOf(segment) }) : null
  }
  return found
}

/** Null where what its client sent as a batch cannot be read: its CRC holds, what is in it nobody looked at. */
async function recordsAt(segment: Segment, core: LogCore, position: number, sizeBytes: number): Promise<BatchRecord[] | null> {
  const batch = Buffer.allocUnsafe(sizeBytes)
  await segment.log.read(batch, position)
  const codec = batchCompression(batch)
  try {
    const section = codec === 0 ? batchRecordsSection(batch) : await core.decompress(codec, batchRecordsSection(batch), core.settings.decompressedBytesMax)
    const records = readRecords(batch, section)
    return Array.isArray(records) ? records : null
  } catch {
    return null
  }
}
