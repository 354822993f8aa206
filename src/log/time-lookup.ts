/** Finding records by time: by record, not by batch (rule 14 of ListOffsets). */
import type { LocalPartition } from './local-partition.ts'
import type { LogCore } from './log-core.ts'
import type { LogFailure, TimestampedOffset } from './ports.ts'
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
import { positionBefore, WALK_BYTES, walkBatches } from './segment-reader.ts'
import { lastBefore, readTimeEntry, TIME_ENTRY_BYTES, timeEntriesAreSane } from './time-index.ts'

/** The first record at or after `timestampMs` between log start and high watermark. */
export async function findTime(partition: LocalPartition, core: LogCore, timestampMs: number): Promise<TimestampedOffset | LogFailure | null> {
  for (const segment of [...partition.segments]) {
    if (partition.endOf(segment) <= partition.logStartOffset || segment.maxTimestamp().timestampMs < timestampMs) continue
    const found = await findInSegment(partition, core, segment, timestampMs)
    if (found !== null) return found
  }
  return null
}

async function findInSegment(partition: LocalPartition, core: LogCore, segment: Segment, timestampMs: number): Promise<TimestampedOffset | LogFailure | null> {
  const times = await core.indexCache.entries(segment.timeIndex, TIME_ENTRY_BYTES)
  const slot = timeEntriesAreSane(times) ? lastBefore(times, timestampMs) : -1
  const from = slot === -1 ? segment.baseOffset : segment.baseOffset + readTimeEntry(times, slot).relativeOffset
  let position = await positionBefore(segment, core.indexCache, Math.max(from, partition.logStartOffset))
  for (;;) {
    const candidate = await firstBatch(segment, position, (maxMs, baseOffset) => maxMs >= timestampMs && baseOffset < partition.highWatermark)
    if (candidate === null) return null
    const records = await recordsAt(segment, core, candidate.position, candidate.sizeBytes)
    if (!Array.isArray(records)) return records
    const record = records.find((each) => each.timestampMs >= timestampMs && each.offset >= partition.logStartOffset && each.offset < partition.highWatermark)
    if (record !== undefined) return { offset: record.offset, timestampMs: record.timestampMs, leaderEpoch: candidate.leaderEpoch }
    position = candidate.position + candidate.sizeBytes
  }
}

/** The record with the largest timestamp that can be read; the first of them where several have it. */
export async function findMaxTimestamp(partition: LocalPartition, core: LogCore): Promise<TimestampedOffset | LogFailure | null> {
  let best: Segment | null = null
  let largestMs = -1
  for (const segment of [...partition.segments]) {
    if (partition.endOf(segment) <= partition.logStartOffset || segment.writtenBytes === 0) continue
    const timestampMs = segment.baseOffset < partition.logStartOffset ? await largestFrom(partition, core, segment) : segment.maxTimestamp().timestampMs
    if (typeof timestampMs !== 'number') return timestampMs
    if (timestampMs <= largestMs) continue
    best = segment
    largestMs = timestampMs
  }
  return best === null ? null : findInSegment(partition, core, best, largestMs)
}

/** The largest timestamp of the records from the log start on, in the segment that holds it: its index speaks of those below too. */
async function largestFrom(partition: LocalPartition, core: LogCore, segment: Segment): Promise<number | LogFailure> {
  const start = partition.logStartOffset
  const from = await positionBefore(segment, core.indexCache, start)
  let largestMs = -1
  const straddling: Pick<Candidate, 'position' | 'sizeBytes'>[] = []
  await walkBatches(segment.log, from, segment.writtenBytes, { whole: false, chunkBytes: WALK_BYTES }, (bytes, at, position) => {
    const baseOffset = batchBaseOffset(bytes, at)
    if (baseOffset >= start) largestMs = Math.max(largestMs, batchMaxTimestampMs(bytes, at))
    else if (baseOffset + batchOffsetCount(bytes, at) > start) straddling.push({ position, sizeBytes: batchSizeBytes(bytes, at) })
    return true
  })
  for (const { position, sizeBytes } of straddling) {
    const records = await recordsAt(segment, core, position, sizeBytes)
    if (!Array.isArray(records)) return records
    for (const { offset, timestampMs } of records) if (offset >= start) largestMs = Math.max(largestMs, timestampMs)
  }
  return largestMs
}

interface Candidate {
  readonly position: number
  readonly sizeBytes: number
  readonly leaderEpoch: number
}

async function firstBatch(segment: Segment, from: number, fits: (maxTimestampMs: number, baseOffset: number) => boolean): Promise<Candidate | null> {
  let found: Candidate | null = null
  await walkBatches(segment.log, from, segment.writtenBytes, { whole: false, chunkBytes: WALK_BYTES }, (bytes, at, position) => {
    if (!fits(batchMaxTimestampMs(bytes, at), batchBaseOffset(bytes, at))) return true
    found = { position, sizeBytes: batchSizeBytes(bytes, at), leaderEpoch: batchLeaderEpoch(bytes, at) }
    return false
  })
  return found
}

async function recordsAt(segment: Segment, core: LogCore, position: number, sizeBytes: number): Promise<BatchRecord[] | LogFailure> {
  const batch = Buffer.allocUnsafe(sizeBytes)
  await segment.log.read(batch, position)
  const codec = batchCompression(batch)
  try {
    const section = codec === 0 ? batchRecordsSection(batch) : await core.decompress(codec, batchRecordsSection(batch), core.settings.decompressedBytesMax)
    const records = readRecords(batch, section)
    if (Array.isArray(records)) return records
    return { code: 'corrupt', message: `${segment.log.path}: the batch at position ${position} is damaged: ${records.message}` }
  } catch (error) {
    return { code: 'corrupt', message: `${segment.log.path}: the batch at position ${position} cannot be decompressed`, cause: error }
  }
}
