import type { Segment } from '../segment.ts'

/** Offsets and positions of a segment are 32-bit numbers relative to its base. */
const MAX_RELATIVE = 0x7fff_ffff

/** Segments that become one. */
export interface SegmentGroup {
  readonly segments: readonly Segment[]
  readonly endOffset: number
}

/** Neighbours are taken together as long as they fit into one segment as they are (Cleaner.groupSegmentsBySize). */
export function groupSegments(segments: readonly Segment[], segmentBytes: number, endOf: (segment: Segment) => number): SegmentGroup[] {
  const groups: { segments: Segment[]; endOffset: number; sizeBytes: number }[] = []
  for (const segment of segments) {
    const group = groups.at(-1)
    const endOffset = endOf(segment)
    const fits =
      group !== undefined && group.sizeBytes + segment.writtenBytes <= segmentBytes && endOffset - (group.segments[0] as Segment).baseOffset <= MAX_RELATIVE
    if (fits) {
      group.segments.push(segment)
      group.sizeBytes += segment.writtenBytes
      group.endOffset = endOffset
    } else {
      groups.push({ segments: [segment], endOffset, sizeBytes: segment.writtenBytes })
    }
  }
  return groups
}
