/**
 * Kafka's `.index`: entries of 8 bytes, {last offset of a batch relative to the segment's base, position where the batch
 * begins}, both rising.
 */
import { readInt32, writeInt32 } from '../util/big-endian.ts'

export const OFFSET_ENTRY_BYTES = 8

export interface OffsetEntry {
  readonly relativeOffset: number
  readonly position: number
}

export function writeOffsetEntry(entry: Uint8Array, relativeOffset: number, position: number): void {
  writeInt32(entry, 0, relativeOffset)
  writeInt32(entry, 4, position)
}

export function readOffsetEntry(entries: Uint8Array, slot: number): OffsetEntry {
  return { relativeOffset: readInt32(entries, slot * OFFSET_ENTRY_BYTES), position: readInt32(entries, slot * OFFSET_ENTRY_BYTES + 4) }
}

/** The slot of the last entry at or below `relativeOffset`; -1 where all lie above. */
export function floorByOffset(entries: Uint8Array, relativeOffset: number): number {
  return lastSlot(entries.length / OFFSET_ENTRY_BYTES, (slot) => readInt32(entries, slot * OFFSET_ENTRY_BYTES) <= relativeOffset)
}

/** The slot of the last entry at or below `position`; -1 where all lie above. */
export function floorByPosition(entries: Uint8Array, position: number): number {
  return lastSlot(entries.length / OFFSET_ENTRY_BYTES, (slot) => readInt32(entries, slot * OFFSET_ENTRY_BYTES + 4) <= position)
}

/** Whether both columns rise and every position lies below `segmentBytes`. */
export function offsetEntriesAreSane(entries: Uint8Array, segmentBytes: number): boolean {
  let before: OffsetEntry = { relativeOffset: -1, position: -1 }
  for (let slot = 0; slot < entries.length / OFFSET_ENTRY_BYTES; slot++) {
    const entry = readOffsetEntry(entries, slot)
    if (entry.relativeOffset <= before.relativeOffset || entry.position <= before.position || entry.position >= segmentBytes) return false
    before = entry
  }
  return true
}

/** The last slot for which `holds`, which must be true up to some slot and false behind it; -1 where there is none. */
export function lastSlot(count: number, holds: (slot: number) => boolean): number {
  let low = 0
  let high = count
  while (low < high) {
    const middle = (low + high) >>> 1
    if (holds(middle)) low = middle + 1
    else high = middle
  }
  return low - 1
}
