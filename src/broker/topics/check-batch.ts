import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  BATCH_PREFIX_BYTES,
  batchAttributes,
  batchBaseOffset,
  batchBaseSequence,
  batchCompression,
  batchCrcHolds,
  batchLastOffsetDelta,
  batchMagic,
  batchProducerId,
  batchRecordCount,
  batchSizeBytes,
  CONTROL_BIT,
} from '../../log/record-batch.ts'
import { beginsAsCompressed } from '../../util/compression-heads.ts'
import { ERRORS } from '../errors.ts'
import { type BatchFailure, checkHeaderTimestamps, checkRecords, refused } from './check-records.ts'
import type { TopicSettings } from './topic-config.ts'

/** Of a batch up to its magic, and of the shortest there ever was (magic 0). */
const BYTES_UP_TO_MAGIC = 17
const LEAST_BATCH_BYTES = BATCH_PREFIX_BYTES + 14
/** zstd, the last codec there is. */
const LAST_COMPRESSION = 4

/**
 * Whether `bytes` are exactly one batch that a topic with these settings takes (rules 11 to 13); null where they are. In Kafka's
 * order: shape, base offset, size, CRC, what the header says, what the records are. A compressed batch is not unpacked (rule
 * 12): what is known of its records is what its header says of them, and how the codec begins.
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
  if (batchCompression(bytes) === 0) return checkRecords(bytes, bytes, BATCH_HEADER_BYTES, settings, nowMs)
  if (!beginsAsCompressed(batchCompression(bytes), bytes, BATCH_HEADER_BYTES))
    return refused(ERRORS.corruptMessage, 'the records are not compressed as the batch says')
  return settings.logAppendTime ? null : checkHeaderTimestamps(bytes, settings, nowMs)
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
  return null
}
