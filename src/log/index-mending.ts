/** Indexes at a start: what of them can be believed is kept, the rest is made again from the segment. */
import type { BatchPlace } from './batch-walk.ts'
import type { LogCore } from './log-core.ts'
import { floorByOffset, floorByPosition, OFFSET_ENTRY_BYTES, offsetEntriesAreSane, readOffsetEntry } from './offset-index.ts'
import type { Segment } from './segment.ts'
import { noteBatches, placeOf, rebuildIndexes } from './segment-reader.ts'
import { floorTimeByOffset, readTimeEntry, TIME_ENTRY_BYTES, timeEntriesAreSane } from './time-index.ts'

/** A segment that is longer than this, and two index intervals, has entries. */
const SCAN_BYTES = 1_048_576

export interface IndexWork {
  readonly core: LogCore
  readonly machineFailed: boolean
  readonly indexIntervalBytes: number
}

/** Keeps the index entries before the place where the scan begins; all are made anew where they are wrong. */
export async function trimIndexes({ core, machineFailed }: IndexWork, segment: Segment, from: BatchPlace): Promise<void> {
  const { indexCache } = core
  const offsets = await indexCache.entries(segment.offsetIndex, OFFSET_ENTRY_BYTES)
  const times = await indexCache.entries(segment.timeIndex, TIME_ENTRY_BYTES)
  indexCache.forget(segment.offsetIndex)
  indexCache.forget(segment.timeIndex)
  const keptOffsets = floorByPosition(offsets, from.position - 1) + 1
  const keptTimes = floorTimeByOffset(times, from.offset - 1 - segment.baseOffset) + 1
  const sane =
    offsetEntriesAreSane(offsets.subarray(0, keptOffsets * OFFSET_ENTRY_BYTES), from.position) &&
    timeEntriesAreSane(times.subarray(0, keptTimes * TIME_ENTRY_BYTES))
  if (!sane || (keptTimes === 0 && from.position > 0)) {
    await rebuildIndexes(segment, from.position, from.offset)
  } else if (machineFailed) {
    // Indexes are synced when their segment is closed: the newest entries of an open one may be gone, and with them the largest timestamp.
    const slot = keptTimes === 0 ? -1 : Math.min(keptOffsets - 1, floorByOffset(offsets, readTimeEntry(times, keptTimes - 1).relativeOffset))
    segment.resetIndexes({ offsetEntries: slot + 1, timeEntries: keptTimes })
    const begin = { position: 0, offset: segment.baseOffset }
    // An entry that is not true is worth less than none.
    const place = slot === -1 ? begin : await placeOf(segment, readOffsetEntry(offsets, slot))
    if (place === null) await rebuildIndexes(segment, from.position, from.offset)
    else await noteBatches(segment, place, { to: from.position, endOffset: from.offset })
  } else {
    segment.resetIndexes({ offsetEntries: keptOffsets, timeEntries: keptTimes })
  }
}

/** An index that is missing, or not made of whole, rising entries, is made anew from the segment. */
export async function mendIndexes({ core, indexIntervalBytes }: IndexWork, segment: Segment, endOffset: number): Promise<void> {
  if (segment.writtenBytes === 0) return
  const { offsetIndex, timeIndex } = segment
  const expected = segment.writtenBytes > 2 * indexIntervalBytes + SCAN_BYTES ? 1 : 0
  if (offsetIndex.isWhole && timeIndex.isWhole && timeIndex.entries > 0 && offsetIndex.entries >= expected) return
  await rebuildIndexes(segment, segment.writtenBytes, endOffset)
  // One that compaction left without a record has nothing for an index.
  if (timeIndex.entries > 0 || offsetIndex.entries > 0) core.logger.warn({ file: segment.log.path }, 'the indexes of a segment are made again')
}
