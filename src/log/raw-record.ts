import { readVarint, varintSize, writeVarint } from '../util/varint.ts'

/** A record as it lies in a batch, with no more of it read than the cleaner must know. */
export interface RawRecord {
  /** The whole record, its length included. */
  readonly start: number
  readonly end: number
  /** Relative to the batch's base timestamp. */
  readonly timestampDelta: number
  readonly offsetDelta: number
  /** What follows the timestamp delta. */
  readonly restAt: number
  readonly key: Uint8Array | null
  readonly hasValue: boolean
}

/** The attributes of a record: one byte, of no meaning yet. */
const ATTRIBUTES_BYTES = 1

/** The next record of a decompressed section; null where the bytes at `at` are none. */
export function readRawRecord(section: Uint8Array, at: number): RawRecord | null {
  const reader = { bytes: section, at, end: section.length }
  const length = readVarint(reader)
  const end = reader.at + length
  // Also false for NaN.
  if (!(length > ATTRIBUTES_BYTES && end <= section.length)) return null
  reader.at += ATTRIBUTES_BYTES
  const timestampDelta = readVarint(reader)
  const restAt = reader.at
  const offsetDelta = readVarint(reader)
  const keyLength = readVarint(reader)
  const keyAt = reader.at
  if (!(keyAt + keyLength <= end)) return null
  if (keyLength > 0) reader.at += keyLength
  const valueLength = readVarint(reader)
  if (Number.isNaN(valueLength) || !(reader.at <= end) || !Number.isSafeInteger(timestampDelta) || !(offsetDelta >= 0)) return null
  return {
    start: at,
    end,
    timestampDelta,
    offsetDelta,
    restAt,
    key: keyLength < 0 ? null : section.subarray(keyAt, keyAt + keyLength),
    hasValue: valueLength >= 0,
  }
}

/** The records one after the other, with timestamps relative to a base that lies `shiftMs` above that of their batch. */
export function joinRecords(section: Uint8Array, records: readonly RawRecord[], shiftMs: number): Uint8Array {
  if (shiftMs === 0) return joinUnchanged(section, records)
  let size = 0
  const lengths = records.map(({ timestampDelta, restAt, end }) => {
    const length = ATTRIBUTES_BYTES + varintSize(timestampDelta - shiftMs) + end - restAt
    size += varintSize(length) + length
    return length
  })
  const out = Buffer.allocUnsafe(size)
  let at = 0
  for (const [i, { timestampDelta, restAt, end }] of records.entries()) {
    at = writeVarint(out, at, lengths[i] as number)
    out[at] = 0
    at = writeVarint(out, at + ATTRIBUTES_BYTES, timestampDelta - shiftMs)
    out.set(section.subarray(restAt, end), at)
    at += end - restAt
  }
  return out
}

/** Runs of records that were neighbours are copied together. */
function joinUnchanged(section: Uint8Array, records: readonly RawRecord[]): Uint8Array {
  const parts: Uint8Array[] = []
  for (let i = 0; i < records.length; ) {
    const first = records[i] as RawRecord
    let { end } = first
    while (++i < records.length && (records[i] as RawRecord).start === end) end = (records[i] as RawRecord).end
    parts.push(section.subarray(first.start, end))
  }
  return Buffer.concat(parts)
}
