/**
 * Kafka's `.timeindex`: entries of 12 bytes, {largest timestamp so far, last offset of the batch that has it, relative to the
 * segment's base}, both rising: no record up to that offset is younger.
 */
import { readInt32, readInt64, writeInt32, writeInt64 } from '../util/big-endian.ts'
import { lastSlot } from './offset-index.ts'

export const TIME_ENTRY_BYTES = 12

export interface TimeEntry {
  readonly timestampMs: number
  readonly relativeOffset: number
}

export function writeTimeEntry(entry: Uint8Array, timestampMs: number, relativeOffset: number): void {
  writeInt64(entry, 0, timestampMs)
  writeInt32(entry, 8, relativeOffset)
}

export function readTimeEntry(entries: Uint8Array, slot = 0): TimeEntry {
  return { timestampMs: readInt64(entries, slot * TIME_ENTRY_BYTES), relativeOffset: readInt32(entries, slot * TIME_ENTRY_BYTES + 8) }
}

/** The slot of the last entry whose timestamp lies below `timestampMs`: all records up to its offset are older. -1 where there is none. */
export function lastBefore(entries: Uint8Array, timestampMs: number): number {
  return lastSlot(entries.length / TIME_ENTRY_BYTES, (slot) => readInt64(entries, slot * TIME_ENTRY_BYTES) < timestampMs)
}

/** The slot of the last entry whose offset lies at or below `relativeOffset`; -1 where there is none. */
export function floorTimeByOffset(entries: Uint8Array, relativeOffset: number): number {
  return lastSlot(entries.length / TIME_ENTRY_BYTES, (slot) => readInt32(entries, slot * TIME_ENTRY_BYTES + 8) <= relativeOffset)
}

/** Whether both columns rise. */
export function timeEntriesAreSane(entries: Uint8Array): boolean {
  let before: TimeEntry = { timestampMs: -2, relativeOffset: -1 }
  for (let slot = 0; slot < entries.length / TIME_ENTRY_BYTES; slot++) {
    const entry = readTimeEntry(entries, slot)
    if (entry.timestampMs <= before.timestampMs || entry.relativeOffset <= before.relativeOffset) return false
    before = entry
  }
  return true
}
