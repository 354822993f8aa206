import { readRawRecord } from '../../log/raw-record.ts'
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  BATCH_PREFIX_BYTES,
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchBaseTimestampMs,
  batchCompression,
  batchCrcHolds,
  batchLastOffsetDelta,
  batchMagic,
  batchMaxTimestampMs,
  batchProducerId,
  batchRecordCount,
  batchRecordsSection,
  batchSizeBytes,
  CONTROL_BIT,
  readRecords,
} from '../../log/record-batch.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import type { TopicSettings } from './topic-config.ts'

/** A record that is to blame, as Produce v8 and above can say. */
interface RecordFailure {
  /** The place of the record in its batch. */
  readonly batchIndex: number
  readonly message: string
}

/** Why a batch was refused. */
export interface BatchFailure extends Failure {
  readonly records: readonly RecordFailure[]
}

/** The shortest record: length, attributes, two deltas, two nulls, no headers, one byte each. */
const LEAST_RECORD_BYTES = 7
/** Of a batch up to its magic, and of the shortest there ever was (magic 0). */
const BYTES_UP_TO_MAGIC = 17
const LEAST_BATCH_BYTES = BATCH_PREFIX_BYTES + 14
/** zstd, the last codec there is. */
const LAST_COMPRESSION = 4
/** A faulty batch names at most this many of its records. */
const MAX_NAMED_RECORDS = 100

/**
 * Whether `bytes` are exactly one batch that a topic with these settings takes, from its header and CRC alone (rules 11 to
 * 13); null where they are. In Kafka's order: shape, base offset, size, CRC, then what the header says.
 */
export function checkBatchForTopic(bytes: Uint8Array, settings: TopicSettings, nowMs: number): BatchFailure | null {
  const shape = checkShape(bytes)
  if (shape !== null) return shape
  const size = batchSizeBytes(bytes)
  if (size < BATCH_HEADER_BYTES) return refused(ERRORS.corruptMessage, `a record batch has at least ${BATCH_HEADER_BYTES} bytes, not ${size}`)
  if (batchBaseOffset(bytes) !== 0) return refused(ERRORS.invalidRecord, `the base offset of a produced batch is 0, not ${batchBaseOffset(bytes)}`)
  if (bytes.length > settings.maxMessageBytes) {
    return refused(ERRORS.messageTooLarge, `the record batch has ${bytes.length} bytes; max.message.bytes is ${settings.maxMessageBytes}`)
  }
  if (!batchCrcHolds(bytes)) return refused(ERRORS.corruptMessage, 'the CRC-32C of the record batch does not match its bytes')
  // As Kafka answers: it meets an exception.
  if (batchCompression(bytes) > LAST_COMPRESSION) return refused(ERRORS.unknownServerError, `there is no compression ${batchCompression(bytes)}`)
  const header = checkHeader(bytes)
  if (header !== null) return refused(ERRORS.invalidRecord, header)
  const keyless = settings.isCompacted && batchCompression(bytes) === 0 ? checkKeys(bytes, batchRecordsSection(bytes)) : null
  if (keyless !== null) return keyless
  return settings.logAppendTime ? null : checkTimestamps(bytes, settings, nowMs)
}

/** Exactly one whole batch of magic 2. */
function checkShape(bytes: Uint8Array): BatchFailure | null {
  const size = nextBatch(bytes, 0)
  if (size === 'corrupt') return refused(ERRORS.corruptMessage, 'the length or the magic of the record batch is none')
  if (size === 'none') return refused(ERRORS.invalidRecord, 'a produce request holds exactly one record batch per partition')
  if (batchMagic(bytes) !== BATCH_MAGIC) return refused(ERRORS.invalidRecord, `record batches have magic ${BATCH_MAGIC}, not ${batchMagic(bytes)}`)
  if (size === bytes.length) return null
  if (nextBatch(bytes, size) === 'corrupt') return refused(ERRORS.corruptMessage, 'the length or the magic of what stands behind the record batch is none')
  return refused(ERRORS.invalidRecord, 'a produce request holds exactly one record batch per partition')
}

/** What begins at a place, in Kafka's order: the size of a whole batch of any magic, or less than one, or what can never be one. */
function nextBatch(bytes: Uint8Array, at: number): number | 'none' | 'corrupt' {
  const left = bytes.length - at
  if (left < BATCH_PREFIX_BYTES) return 'none'
  const size = batchSizeBytes(bytes, at)
  if (size < LEAST_BATCH_BYTES) return 'corrupt'
  if (left < BYTES_UP_TO_MAGIC) return 'none'
  if (batchMagic(bytes, at) > BATCH_MAGIC) return 'corrupt'
  return size > left ? 'none' : size
}

/** The batch without bytes behind it that are less than another one: Kafka passes over them. */
export function withoutTail(bytes: Uint8Array): Uint8Array {
  if (bytes.length < BATCH_PREFIX_BYTES || batchSizeBytes(bytes) >= bytes.length) return bytes
  const size = nextBatch(bytes, 0)
  return typeof size === 'number' && nextBatch(bytes, size) === 'none' ? bytes.subarray(0, size) : bytes
}

function checkHeader(bytes: Uint8Array): string | null {
  const count = batchRecordCount(bytes)
  if (count <= 0) return `a record batch has at least one record, not ${count}`
  if (batchLastOffsetDelta(bytes) !== count - 1) return `the last offset delta of ${count} records is ${count - 1}, not ${batchLastOffsetDelta(bytes)}`
  if ((batchAttributes(bytes) & CONTROL_BIT) !== 0) return 'clients are not allowed to write control records'
  if (batchProducerId(bytes) >= 0 && batchBaseSequence(bytes) < 0) return `the sequence of producer ${batchProducerId(bytes)} is ${batchBaseSequence(bytes)}`
  const compression = batchCompression(bytes)
  if (compression === 0 && count * LEAST_RECORD_BYTES > bytes.length - BATCH_HEADER_BYTES) return `${count} records do not fit into ${bytes.length} bytes`
  return null
}

/** Compaction has nothing to keep a record without a key by. `section`: the records of a batch, decompressed; null where all have one. */
export function checkKeys(batch: Uint8Array, section: Uint8Array): BatchFailure | null {
  const records: RecordFailure[] = []
  let at = 0
  for (let batchIndex = 0; batchIndex < batchRecordCount(batch) && records.length < MAX_NAMED_RECORDS; batchIndex++) {
    const record = readRawRecord(section, at)
    if (record === null) return refused(ERRORS.invalidRecord, `record ${batchIndex} of the batch is malformed`)
    if (record.key === null) records.push({ batchIndex, message: 'a compacted topic takes no record without a key' })
    at = record.end
  }
  if (records.length === 0) return null
  return { ...failure(ERRORS.invalidRecord, `${records.length} records of the batch have no key, which a compacted topic needs`), records }
}

/** CreateTime against the broker's clock, by the header's first and largest timestamp. */
function checkTimestamps(bytes: Uint8Array, settings: TopicSettings, nowMs: number): BatchFailure | null {
  // Beyond that a time is no number that can be told again.
  const latest = Math.min(nowMs + settings.timestampAfterMaxMs, Number.MAX_SAFE_INTEGER)
  const earliest = nowMs - settings.timestampBeforeMaxMs
  const base = batchBaseTimestampMs(bytes)
  if (batchMaxTimestampMs(bytes) <= latest && base <= latest && base >= earliest) return null
  const message = 'One or more records have been rejected due to invalid timestamp'
  return { ...failure(ERRORS.invalidTimestamp, message), records: recordsOutside(bytes, earliest, latest) }
}

function recordsOutside(bytes: Uint8Array, earliest: number, latest: number): RecordFailure[] {
  const records = batchCompression(bytes) === 0 ? readRecords(bytes) : []
  if (!Array.isArray(records)) return []
  return records
    .map((record, batchIndex) => ({ batchIndex, timestampMs: record.timestampMs }))
    .filter(({ timestampMs }) => timestampMs < earliest || timestampMs > latest)
    .slice(0, MAX_NAMED_RECORDS)
    .map(({ batchIndex, timestampMs }) => ({
      batchIndex,
      message: `timestamp ${timestampMs} of the record is out of range: it should be within [${earliest}, ${latest}]`,
    }))
}

function refused(error: Failure['error'], message: string): BatchFailure {
  return { ...failure(error, message), records: [] }
}
