/** Records within a batch: a varint length, attributes, deltas, key, value, headers. */
import { readVarint, type VarintReader, varintSize, writeVarint } from '../util/varint.ts'
import type { BatchRecord, RecordHeader, RecordInput } from './record-batch.ts'

export type RecordFault =
  /** A record ends within a field, or a field within a record. */
  | 'record'
  /** Fewer or more records than the header says. */
  | 'count'

/** What the batch header says of its records. */
export interface RecordContext {
  readonly count: number
  readonly baseOffset: number
  /** Offsets of records rise, and none lies beyond this one. */
  readonly lastOffsetDelta: number
  readonly baseTimestampMs: number
  /** With LogAppendTime the timestamp of every record, else null. */
  readonly appendTimestampMs: number | null
}

const NO_HEADERS: readonly RecordHeader[] = []
/** The smallest record: length, attributes, two deltas, null key, null value, no headers. */
const MIN_RECORD_BYTES = 7

/** The records of an uncompressed section, as views into it. */
export function decodeRecords(section: Uint8Array, context: RecordContext): BatchRecord[] | { readonly fault: RecordFault; readonly message: string } {
  // A hostile count must not size anything before the bytes were seen.
  if (context.count < 0 || context.count > section.length / MIN_RECORD_BYTES) {
    return { fault: 'count', message: `${context.count} records cannot be in ${section.length} bytes` }
  }
  const reader = { bytes: section, at: 0, end: section.length }
  const records: BatchRecord[] = []
  const lastOffset = context.baseOffset + context.lastOffsetDelta
  let before = context.baseOffset - 1
  for (let i = 0; i < context.count; i++) {
    const record = decodeRecord(reader, context)
    if (record === null) return { fault: 'record', message: `record ${i} of ${context.count} is cut or malformed` }
    // Readers go on behind the record they have: an offset of another batch would make them pass over what lies between.
    if (record.offset <= before || record.offset > lastOffset) {
      return { fault: 'record', message: `record ${i} of ${context.count} has offset ${record.offset}, not one between ${before} and ${lastOffset + 1}` }
    }
    before = record.offset
    records.push(record)
  }
  if (reader.at !== section.length) return { fault: 'count', message: `${section.length - reader.at} bytes follow the last of ${context.count} records` }
  return records
}

function decodeRecord(outer: VarintReader, context: RecordContext): BatchRecord | null {
  const length = readVarint(outer)
  // Also false for NaN.
  if (!(length >= MIN_RECORD_BYTES - 1 && length <= outer.end - outer.at)) return null
  const reader = { bytes: outer.bytes, at: outer.at + 1, end: outer.at + length }
  const timestampDelta = readVarint(reader)
  const offsetDelta = readVarint(reader)
  const key = readBlob(reader)
  const value = readBlob(reader)
  const headers = readHeaders(reader)
  const timestampMs = context.appendTimestampMs ?? context.baseTimestampMs + timestampDelta
  // Also false for NaN: a time that no number holds exactly could not be told to anybody.
  if (
    !Number.isSafeInteger(timestampMs) ||
    Number.isNaN(timestampDelta) ||
    Number.isNaN(offsetDelta) ||
    key === undefined ||
    value === undefined ||
    headers === undefined
  )
    return null
  if (reader.at !== reader.end) return null
  outer.at = reader.end
  return {
    offset: context.baseOffset + offsetDelta,
    timestampMs,
    key,
    value,
    headers,
  }
}

/** Undefined where malformed. As Kafka reads it, any negative length is null. */
function readBlob(reader: VarintReader): Uint8Array | null | undefined {
  const length = readVarint(reader)
  if (length < 0) return null
  if (!(length >= 0 && length <= reader.end - reader.at)) return undefined
  const blob = reader.bytes.subarray(reader.at, reader.at + length)
  reader.at += length
  return blob
}

function readHeaders(reader: VarintReader): readonly RecordHeader[] | undefined {
  const count = readVarint(reader)
  if (count === 0) return NO_HEADERS
  if (!(count > 0 && count <= (reader.end - reader.at) / 2)) return undefined
  const headers: RecordHeader[] = []
  for (let i = 0; i < count; i++) {
    const key = readBlob(reader)
    if (key === undefined || key === null) return undefined
    const value = readBlob(reader)
    if (value === undefined) return undefined
    headers.push({ key: Buffer.from(key.buffer, key.byteOffset, key.length).toString(), value })
  }
  return headers
}

/** The records as one block, behind `reserveBytes` of zeros. */
export function encodeRecords(records: readonly RecordInput[], baseTimestampMs: number, reserveBytes: number): Buffer {
  const bodies = new Array<number>(records.length)
  let size = reserveBytes
  for (let i = 0; i < records.length; i++) {
    const body = bodySize(records[i] as RecordInput, i, baseTimestampMs)
    bodies[i] = body
    size += varintSize(body) + body
  }
  const out = Buffer.allocUnsafe(size)
  out.fill(0, 0, reserveBytes)
  let at = reserveBytes
  for (let i = 0; i < records.length; i++) at = writeRecord(out, writeVarint(out, at, bodies[i] as number), records[i] as RecordInput, i, baseTimestampMs)
  return out
}

function bodySize(record: RecordInput, offsetDelta: number, baseTimestampMs: number): number {
  let size = 1 + varintSize(record.timestampMs - baseTimestampMs) + varintSize(offsetDelta) + blobSize(record.key) + blobSize(record.value)
  const headers = record.headers ?? NO_HEADERS
  size += varintSize(headers.length)
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key)
    size += varintSize(keyBytes) + keyBytes + blobSize(header.value)
  }
  return size
}

function blobSize(blob: Uint8Array | null): number {
  return blob === null ? 1 : varintSize(blob.length) + blob.length
}

function writeRecord(out: Buffer, start: number, record: RecordInput, offsetDelta: number, baseTimestampMs: number): number {
  out[start] = 0
  let at = writeVarint(out, start + 1, record.timestampMs - baseTimestampMs)
  at = writeVarint(out, at, offsetDelta)
  at = writeBlob(out, at, record.key)
  at = writeBlob(out, at, record.value)
  const headers = record.headers ?? NO_HEADERS
  at = writeVarint(out, at, headers.length)
  for (const header of headers) {
    const keyBytes = Buffer.byteLength(header.key)
    at = writeVarint(out, at, keyBytes)
    at += out.write(header.key, at)
    at = writeBlob(out, at, header.value)
  }
  return at
}

function writeBlob(out: Buffer, start: number, blob: Uint8Array | null): number {
  if (blob === null) return writeVarint(out, start, -1)
  const at = writeVarint(out, start, blob.length)
  out.set(blob, at)
  return at + blob.length
}
