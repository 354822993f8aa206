/**
 * A journal group on disk. 64 bytes of header, 56 bytes per entry, then the bytes of the inline entries one after the other;
 * padded to 4 KiB.
 *
 *   0 magic  4 crc32c of all that follows  8 sequence i64  16 journal id, 16 bytes  32 group length u32 without padding
 *   36 entry count u32  40 freed sequence + 1, i64  48 sequence of the group before, i64  56 zeros
 *   entry: 0 topic id, 16 bytes  16 partition i32  20 kind i32 (0 inline, 1 reference)  24 segment base i64
 *   32 position i64  40 length i64  48 end offset i64
 */
import { readInt32, readInt64, readUint32, writeInt32, writeInt64 } from '../util/big-endian.ts'
import { crc32c } from '../util/crc32c.ts'

const GROUP_ALIGNMENT = 4096
const HEADER_BYTES = 64
const ENTRY_BYTES = 56
const MAGIC = 0x454c_4a31
const CRC_FROM = 8
/** Shorter buffers are copied together: that is cheaper than one more vector of a write. */
const COPY_BELOW_BYTES = 8192

/** Bytes that lie, or shall lie, at a place in a segment. */
export interface JournalEntry {
  /** 16 bytes. */
  readonly topicId: Uint8Array
  readonly partition: number
  readonly segmentBase: number
  readonly position: number
  readonly length: number
  /** The offset behind the last batch of these bytes. */
  readonly endOffset: number
  /** Null for a reference: the segment itself was synced before. */
  readonly bytes: readonly Uint8Array[] | null
}

/** A group that was read back; `bytes` of its entries are views into the file's bytes. */
export interface JournalGroup {
  readonly sequence: number
  /** The sequence of the group that was written before. */
  readonly previous: number
  /** All groups up to this sequence were in synced segments when it was written; -1: it does not say. */
  readonly freed: number
  readonly entries: readonly JournalEntry[]
}

/** Where a group lies in its file. */
export interface PlacedGroup extends JournalGroup {
  readonly position: number
  readonly paddedBytes: number
}

/** What a group says of itself and of those before it. */
export type GroupLinks = Pick<JournalGroup, 'sequence' | 'previous' | 'freed'>

/** Packs groups into as few buffers as it can, with one buffer of its own that is used again for each. */
export class GroupEncoder {
  readonly #journalId: Uint8Array
  #staging = Buffer.allocUnsafeSlow(262_144)

  /** `journalId`: 16 random bytes of this data directory, so that no record's payload can pass for a group. */
  constructor(journalId: Uint8Array) {
    this.#journalId = journalId
  }

  /** The group's buffers and their sum, which is `groupBytes`; valid until the next call. */
  encode(links: GroupLinks, entries: readonly JournalEntry[]): { readonly buffers: readonly Uint8Array[]; readonly sizeBytes: number } {
    const tableEnd = HEADER_BYTES + entries.length * ENTRY_BYTES
    const { payloadBytes, copiedBytes } = measure(entries)
    const length = tableEnd + payloadBytes
    const padded = alignGroup(length)
    const staging = this.#stagingOf(tableEnd + copiedBytes + (padded - length))
    writeHeader(staging, { ...links, journalId: this.#journalId, length, entryCount: entries.length })
    entries.forEach((entry, i) => {
      writeEntry(staging, HEADER_BYTES + i * ENTRY_BYTES, entry)
    })
    const buffers = gather(staging, tableEnd, entries, padded - length)
    writeInt32(staging, 4, groupCrc(buffers, length))
    return { buffers, sizeBytes: padded }
  }

  #stagingOf(bytes: number): Buffer {
    if (bytes > this.#staging.length) {
      // A rare, large group does not keep its memory.
      if (bytes > 4 * 1_048_576) return Buffer.allocUnsafeSlow(bytes)
      this.#staging = Buffer.allocUnsafeSlow(bytes)
    }
    return this.#staging
  }
}

export function alignGroup(bytes: number): number {
  return Math.ceil(bytes / GROUP_ALIGNMENT) * GROUP_ALIGNMENT
}

/** Bytes of a group with these entries, a multiple of 4 KiB. */
export function groupBytes(entries: readonly JournalEntry[]): number {
  return alignGroup(HEADER_BYTES + entries.length * ENTRY_BYTES + measure(entries).payloadBytes)
}

function measure(entries: readonly JournalEntry[]): { payloadBytes: number; copiedBytes: number } {
  let payloadBytes = 0
  let copiedBytes = 0
  for (const { bytes } of entries) {
    if (bytes === null) continue
    for (const part of bytes) {
      payloadBytes += part.length
      if (part.length < COPY_BELOW_BYTES) copiedBytes += part.length
    }
  }
  return { payloadBytes, copiedBytes }
}

function writeHeader(out: Buffer, header: GroupLinks & { journalId: Uint8Array; length: number; entryCount: number }): void {
  writeInt32(out, 0, MAGIC)
  writeInt64(out, 8, header.sequence)
  out.set(header.journalId, 16)
  writeInt32(out, 32, header.length)
  writeInt32(out, 36, header.entryCount)
  writeInt64(out, 40, header.freed + 1)
  writeInt64(out, 48, header.previous)
  out.fill(0, 56, HEADER_BYTES)
}

function writeEntry(out: Buffer, at: number, entry: JournalEntry): void {
  out.set(entry.topicId, at)
  writeInt32(out, at + 16, entry.partition)
  writeInt32(out, at + 20, entry.bytes === null ? 1 : 0)
  writeInt64(out, at + 24, entry.segmentBase)
  writeInt64(out, at + 32, entry.position)
  writeInt64(out, at + 40, entry.length)
  writeInt64(out, at + 48, entry.endOffset)
}

/** Header, table and small parts through `staging`, large ones as they are, zeros at the end. */
function gather(staging: Buffer, tableEnd: number, entries: readonly JournalEntry[], padding: number): Uint8Array[] {
  const buffers: Uint8Array[] = []
  let from = 0
  let at = tableEnd
  for (const { bytes } of entries) {
    if (bytes === null) continue
    for (const part of bytes) {
      if (part.length < COPY_BELOW_BYTES) {
        staging.set(part, at)
        at += part.length
      } else {
        if (at > from) buffers.push(staging.subarray(from, at))
        buffers.push(part)
        from = at
      }
    }
  }
  staging.fill(0, at, at + padding)
  at += padding
  if (at > from) buffers.push(staging.subarray(from, at))
  return buffers
}

/** Over the first `length` bytes but for magic and CRC themselves. */
function groupCrc(buffers: readonly Uint8Array[], length: number): number {
  let crc = 0
  let left = length - CRC_FROM
  buffers.forEach((buffer, i) => {
    const part = i === 0 ? buffer.subarray(CRC_FROM) : buffer
    const counted = part.length <= left ? part : part.subarray(0, left)
    if (counted.length > 0) crc = crc32c(counted, crc)
    left -= counted.length
  })
  return crc
}

/** All whole groups of a journal file with rising sequences, whatever lies between them. */
export function readGroups(file: Buffer, journalId: Uint8Array): PlacedGroup[] {
  const groups: PlacedGroup[] = []
  for (let position = 0; position + HEADER_BYTES <= file.length; ) {
    const group = readGroup(file, position, journalId)
    if (group !== null && group.sequence > (groups.at(-1)?.sequence ?? -1)) groups.push(group)
    position += group?.paddedBytes ?? GROUP_ALIGNMENT
  }
  return groups
}

/** What of the journal counts. */
export interface JournalChain<G extends JournalGroup> {
  /** The newest group, the one before it, and so on as far as they are there; the oldest first. With gaps, where any is missing. */
  readonly groups: readonly G[]
  /** Groups that are not there and whose batches may be in no segment. Only the newest of them is known where there are several in a row. */
  readonly missing: readonly number[]
}

/**
 * Follows the groups from the newest back. Each was written when the one before it was on disk: one that is missing in between is damaged, not
 * torn. What older groups left behind the newest is no part of it. `freedBefore`: groups up to it are not needed, nor is any that is told to
 * be free by the newest.
 */
export function linkGroups<G extends JournalGroup>(found: readonly G[], freedBefore: number): JournalChain<G> {
  const bySequence = new Map(found.map((group) => [group.sequence, group]))
  const descending = [...bySequence.values()].sort((a, b) => b.sequence - a.sequence)
  const freed = Math.max(freedBefore, descending[0]?.freed ?? 0)
  const groups: G[] = []
  const missing: number[] = []
  for (let group = descending[0]; group !== undefined; ) {
    groups.unshift(group)
    const older = group.sequence
    // A former version's groups do not say what was before them.
    const previous = group.freed < 0 ? (descending.find(({ sequence }) => sequence < older)?.sequence ?? 0) : group.previous
    const before = bySequence.get(previous)
    if (before === undefined && previous <= freed) break
    if (before === undefined) missing.push(previous)
    group = before ?? descending.find(({ sequence }) => sequence < previous && sequence > freed)
  }
  return { groups, missing }
}

/** The highest sequence that any header in the file carries, whole or torn, old or new; 0 where there is none. */
export function highestSequence(file: Buffer, journalId: Uint8Array): number {
  let highest = 0
  for (let at = 0; at + HEADER_BYTES <= file.length; at += GROUP_ALIGNMENT) {
    if (isHeader(file, at, journalId)) highest = Math.max(highest, readInt64(file, at + 8))
  }
  return highest
}

/** A sequence that is no safe integer is a flipped bit: what is counted on from there would never rise again. */
function isHeader(file: Buffer, at: number, journalId: Uint8Array): boolean {
  if (readInt32(file, at) !== MAGIC || file.compare(journalId, 0, 16, at + 16, at + 32) !== 0) return false
  return isCount(readInt64(file, at + 8) + 1)
}

function isCount(value: number): boolean {
  return Number.isSafeInteger(value) && value >= 0
}

function readGroup(file: Buffer, position: number, journalId: Uint8Array): PlacedGroup | null {
  if (position + HEADER_BYTES > file.length || !isHeader(file, position, journalId)) return null
  const length = readUint32(file, position + 32)
  const entryCount = readUint32(file, position + 36)
  const tableEnd = HEADER_BYTES + entryCount * ENTRY_BYTES
  if (length < tableEnd || position + length > file.length) return null
  if (crc32c(file.subarray(position + CRC_FROM, position + length)) !== readUint32(file, position + 4)) return null
  const links = { sequence: readInt64(file, position + 8), freed: readInt64(file, position + 40) - 1, previous: readInt64(file, position + 48) }
  // A chain that does not lead back would never end.
  if (!isCount(links.freed + 1) || !isCount(links.previous) || links.previous >= links.sequence) return null
  const entries: JournalEntry[] = []
  let payload = position + tableEnd
  for (let i = 0; i < entryCount; i++) {
    const entry = readEntry(file, position + HEADER_BYTES + i * ENTRY_BYTES, payload)
    if (!isPlace(entry)) return null
    if (entry.bytes !== null) payload += entry.length
    if (payload > position + length) return null
    entries.push(entry)
  }
  return { ...links, entries, position, paddedBytes: alignGroup(length) }
}

/** Whether a segment can have these numbers. */
function isPlace({ partition, segmentBase, position, length, endOffset }: JournalEntry): boolean {
  return [partition, segmentBase, position, length, endOffset].every(isCount)
}

function readEntry(file: Buffer, at: number, payload: number): JournalEntry {
  const length = readInt64(file, at + 40)
  return {
    topicId: file.subarray(at, at + 16),
    partition: readInt32(file, at + 16),
    segmentBase: readInt64(file, at + 24),
    position: readInt64(file, at + 32),
    length,
    endOffset: readInt64(file, at + 48),
    bytes: readInt32(file, at + 20) === 1 ? null : [file.subarray(payload, payload + length)],
  }
}
