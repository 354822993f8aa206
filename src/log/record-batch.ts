/**
 * Kafka's record batch v2, the only record format there is: in memory, on disk and on the wire.
 *
 * A header of 61 bytes, then records, compressed as one block where the attributes say so. The CRC-32C covers everything
 * from the attributes on; base offset and leader epoch lie before it, so the log patches them for free.
 * Format: https://kafka.apache.org/documentation/#recordbatch
 */
import { readInt16, readInt32, readInt64, readUint32, writeInt16, writeInt32, writeInt64 } from '../util/big-endian.ts'
import { crc32c } from '../util/crc32c.ts'
import { decodeRecords, encodeRecords, type RecordFault } from './records.ts'

/** Bytes before the first record. */
export const BATCH_HEADER_BYTES = 61
/** Base offset and length: what the length field does not count. */
export const BATCH_PREFIX_BYTES = 12
/** `magic` of the only format there is. */
export const BATCH_MAGIC = 2

const BATCH_LENGTH = 8
const LEADER_EPOCH = 12
const MAGIC = 16
const CRC = 17
const ATTRIBUTES = 21
const LAST_OFFSET_DELTA = 23
const BASE_TIMESTAMP = 27
const MAX_TIMESTAMP = 35
const PRODUCER_ID = 43
const PRODUCER_EPOCH = 51
const BASE_SEQUENCE = 53
const RECORD_COUNT = 57

/** Bits of the attributes. */
const COMPRESSION_MASK = 0x07
export const LOG_APPEND_TIME_BIT = 0x08
export const TRANSACTIONAL_BIT = 0x10
export const CONTROL_BIT = 0x20

/** The base timestamp is the moment at which tombstones and markers in the batch may go (KIP-534). */
const DELETE_HORIZON_BIT = 0x40

/** Reads of single fields of the batch that begins at `at`; nothing is checked. */
export const batchBaseOffset = (bytes: Uint8Array, at = 0): number => readInt64(bytes, at)
/** Bytes of the whole batch, header and all. */
export const batchSizeBytes = (bytes: Uint8Array, at = 0): number => BATCH_PREFIX_BYTES + readInt32(bytes, at + BATCH_LENGTH)
export const batchLeaderEpoch = (bytes: Uint8Array, at = 0): number => readInt32(bytes, at + LEADER_EPOCH)
export const batchMagic = (bytes: Uint8Array, at = 0): number => bytes[at + MAGIC] as number
const batchCrc = (bytes: Uint8Array, at = 0): number => readUint32(bytes, at + CRC)
export const batchAttributes = (bytes: Uint8Array, at = 0): number => readInt16(bytes, at + ATTRIBUTES)
export const batchCompression = (bytes: Uint8Array, at = 0): number => batchAttributes(bytes, at) & COMPRESSION_MASK
export const batchIsTransactional = (bytes: Uint8Array, at = 0): boolean => (batchAttributes(bytes, at) & TRANSACTIONAL_BIT) !== 0
export const batchIsControl = (bytes: Uint8Array, at = 0): boolean => (batchAttributes(bytes, at) & CONTROL_BIT) !== 0
export const batchIsLogAppendTime = (bytes: Uint8Array, at = 0): boolean => (batchAttributes(bytes, at) & LOG_APPEND_TIME_BIT) !== 0
/** When its tombstones and markers may go; null: nobody has set that yet (KIP-534). */
export const batchDeleteHorizonMs = (bytes: Uint8Array, at = 0): number | null =>
  (batchAttributes(bytes, at) & DELETE_HORIZON_BIT) === 0 ? null : batchBaseTimestampMs(bytes, at)
export const batchLastOffsetDelta = (bytes: Uint8Array, at = 0): number => readInt32(bytes, at + LAST_OFFSET_DELTA)
/** Offsets the batch spans: its next batch begins at base offset + this. */
export const batchOffsetCount = (bytes: Uint8Array, at = 0): number => readInt32(bytes, at + LAST_OFFSET_DELTA) + 1
export const batchBaseTimestampMs = (bytes: Uint8Array, at = 0): number => readInt64(bytes, at + BASE_TIMESTAMP)
export const batchMaxTimestampMs = (bytes: Uint8Array, at = 0): number => readInt64(bytes, at + MAX_TIMESTAMP)
/** -1 where the producer is not idempotent. */
export const batchProducerId = (bytes: Uint8Array, at = 0): number => readInt64(bytes, at + PRODUCER_ID)
export const batchProducerEpoch = (bytes: Uint8Array, at = 0): number => readInt16(bytes, at + PRODUCER_EPOCH)
export const batchBaseSequence = (bytes: Uint8Array, at = 0): number => readInt32(bytes, at + BASE_SEQUENCE)
/** Records in the batch; fewer than its offsets where compaction took some. */
export const batchRecordCount = (bytes: Uint8Array, at = 0): number => readInt32(bytes, at + RECORD_COUNT)
/** The records as they lie in the batch: compressed where `batchCompression` is not 0. */
export const batchRecordsSection = (batch: Uint8Array): Uint8Array => batch.subarray(BATCH_HEADER_BYTES, batchSizeBytes(batch))

/** All header fields at once, for people and tests; hot paths read single fields. */
export interface BatchHeader {
  readonly baseOffset: number
  readonly sizeBytes: number
  readonly leaderEpoch: number
  readonly magic: number
  readonly crc: number
  readonly attributes: number
  readonly lastOffsetDelta: number
  readonly baseTimestampMs: number
  readonly maxTimestampMs: number
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly recordCount: number
}

export function readBatchHeader(bytes: Uint8Array, at = 0): BatchHeader {
  return {
    baseOffset: batchBaseOffset(bytes, at),
    sizeBytes: batchSizeBytes(bytes, at),
    leaderEpoch: batchLeaderEpoch(bytes, at),
    magic: batchMagic(bytes, at),
    crc: batchCrc(bytes, at),
    attributes: batchAttributes(bytes, at),
    lastOffsetDelta: batchLastOffsetDelta(bytes, at),
    baseTimestampMs: batchBaseTimestampMs(bytes, at),
    maxTimestampMs: batchMaxTimestampMs(bytes, at),
    producerId: batchProducerId(bytes, at),
    producerEpoch: batchProducerEpoch(bytes, at),
    baseSequence: batchBaseSequence(bytes, at),
    recordCount: batchRecordCount(bytes, at),
  }
}

/** What is wrong with bytes that should be a batch. */
export interface BatchFault {
  readonly fault: /** Fewer bytes than a header, or than the header says. */
    | 'truncated'
    /** More bytes than the header says. */
    | 'trailing'
    | 'magic'
    | 'crc'
    /** Record count, last offset delta and the records do not agree. */
    | RecordFault
  readonly message: string
}

/**
 * Whether `bytes` are exactly one whole batch whose CRC holds; null where they are. The records themselves are not looked
 * at: `readRecords` does that.
 */
export function checkBatch(bytes: Uint8Array): BatchFault | null {
  if (bytes.length < BATCH_HEADER_BYTES) return { fault: 'truncated', message: `${bytes.length} bytes are less than a batch header` }
  if (batchMagic(bytes) !== BATCH_MAGIC) return { fault: 'magic', message: `magic ${batchMagic(bytes)} is not ${BATCH_MAGIC}` }
  const size = batchSizeBytes(bytes)
  if (size < BATCH_HEADER_BYTES || size > bytes.length) return { fault: 'truncated', message: `the batch says ${size} bytes, ${bytes.length} are there` }
  if (size < bytes.length) return { fault: 'trailing', message: `the batch says ${size} bytes, ${bytes.length - size} more follow` }
  return batchCrcHolds(bytes) ? null : { fault: 'crc', message: 'the CRC-32C of the batch does not match its bytes' }
}

/** Whether the CRC of a whole batch matches its bytes. */
export function batchCrcHolds(batch: Uint8Array): boolean {
  return crc32c(batch.subarray(ATTRIBUTES, batchSizeBytes(batch))) === batchCrc(batch)
}

/** Sets what lies outside the CRC. */
export function patchBatch(batch: Uint8Array, baseOffset: number, leaderEpoch: number): void {
  writeInt64(batch, 0, baseOffset)
  writeInt32(batch, LEADER_EPOCH, leaderEpoch)
}

/** LogAppendTime: sets the attribute and the largest timestamp, and computes the CRC anew. Record deltas stay, readers ignore them. */
export function stampLogAppendTime(batch: Uint8Array, nowMs: number): void {
  writeInt16(batch, ATTRIBUTES, batchAttributes(batch) | LOG_APPEND_TIME_BIT)
  writeInt64(batch, MAX_TIMESTAMP, nowMs)
  sealBatch(batch)
}

/** The same batch with its records as `section`, compressed by the codec of that number; the CRC is computed anew. */
export function withRecordsSection(batch: Uint8Array, codec: number, section: Uint8Array): Uint8Array {
  const bytes = Buffer.allocUnsafe(BATCH_HEADER_BYTES + section.length)
  bytes.set(batch.subarray(0, BATCH_HEADER_BYTES))
  bytes.set(section, BATCH_HEADER_BYTES)
  writeInt32(bytes, BATCH_LENGTH, bytes.length - BATCH_PREFIX_BYTES)
  writeInt16(bytes, ATTRIBUTES, (batchAttributes(batch) & ~COMPRESSION_MASK) | codec)
  sealBatch(bytes)
  return bytes
}

/** What a batch becomes whose records were thinned out; its offsets, leader epoch and producer stay. */
export interface ThinnedBatch {
  /** The records that stay, compressed as the batch was. */
  readonly section: Uint8Array
  readonly recordCount: number
  readonly maxTimestampMs: number
  /** Null: the base timestamp stays. Else the timestamps of `section` are relative to it. */
  readonly deleteHorizonMs: number | null
}

/** The same batch with fewer records; the CRC is computed anew. */
export function thinnedBatch(batch: Uint8Array, { section, recordCount, maxTimestampMs, deleteHorizonMs }: ThinnedBatch): Uint8Array {
  const bytes = withRecordsSection(batch, recordCount === 0 ? 0 : batchCompression(batch), section)
  writeInt64(bytes, MAX_TIMESTAMP, maxTimestampMs)
  writeInt32(bytes, RECORD_COUNT, recordCount)
  if (deleteHorizonMs !== null) {
    writeInt16(bytes, ATTRIBUTES, batchAttributes(bytes) | DELETE_HORIZON_BIT)
    writeInt64(bytes, BASE_TIMESTAMP, deleteHorizonMs)
  }
  sealBatch(bytes)
  return bytes
}

/** A batch without records, of nobody, in the place of those that stood at its offsets. */
export function emptyBatch(baseOffset: number, offsetCount: number, leaderEpoch: number): Uint8Array {
  const bytes = Buffer.alloc(BATCH_HEADER_BYTES)
  patchBatch(bytes, baseOffset, leaderEpoch)
  writeInt32(bytes, BATCH_LENGTH, BATCH_HEADER_BYTES - BATCH_PREFIX_BYTES)
  bytes[MAGIC] = BATCH_MAGIC
  writeInt32(bytes, LAST_OFFSET_DELTA, offsetCount - 1)
  writeInt64(bytes, BASE_TIMESTAMP, -1)
  writeInt64(bytes, MAX_TIMESTAMP, -1)
  writeInt64(bytes, PRODUCER_ID, -1)
  writeInt16(bytes, PRODUCER_EPOCH, -1)
  writeInt32(bytes, BASE_SEQUENCE, -1)
  sealBatch(bytes)
  return bytes
}

/** CreateTime: mends a largest timestamp that the producer set wrongly, and computes the CRC anew. */
export function setBatchMaxTimestamp(batch: Uint8Array, maxTimestampMs: number): void {
  writeInt64(batch, MAX_TIMESTAMP, maxTimestampMs)
  sealBatch(batch)
}

export interface RecordHeader {
  readonly key: string
  readonly value: Uint8Array | null
}

/** A record to write. */
export interface RecordInput {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers?: readonly RecordHeader[]
  /** Whole milliseconds since the Unix epoch. */
  readonly timestampMs: number
}

/** A record as read: views into the bytes it was read from. */
export interface BatchRecord {
  readonly offset: number
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/**
 * The records of a batch, as views. `section` are its records decompressed; where the batch is not compressed it need not be
 * given. A fault where the bytes are not the records the header announces, or what remains after them.
 */
export function readRecords(batch: Uint8Array, section: Uint8Array = batchRecordsSection(batch)): BatchRecord[] | BatchFault {
  return decodeRecords(section, {
    count: batchRecordCount(batch),
    baseOffset: batchBaseOffset(batch),
    lastOffsetDelta: batchLastOffsetDelta(batch),
    baseTimestampMs: batchBaseTimestampMs(batch),
    appendTimestampMs: batchIsLogAppendTime(batch) ? batchMaxTimestampMs(batch) : null,
  })
}

export interface BatchOptions {
  /** Default 0. */
  readonly baseOffset?: number
  /** Default -1; the log sets it. */
  readonly leaderEpoch?: number
  /** Default -1: no idempotent producer. */
  readonly producerId?: number
  readonly producerEpoch?: number
  readonly baseSequence?: number
  /** More attribute bits, such as CONTROL_BIT; the bits of compression say how `compress` packed. */
  readonly attributes?: number
  /** Packs the records; the bits of compression in `attributes` must name how. */
  readonly compress?: (section: Uint8Array) => Uint8Array
}

/** One batch of at least one record; offsets follow each other in the order given. Copies every record once. */
export function buildBatch(records: readonly RecordInput[], options: BatchOptions = {}): Uint8Array {
  const first = records[0]
  if (first === undefined) throw new RangeError('a batch has at least one record')
  let maxTimestampMs = first.timestampMs
  for (const record of records) if (record.timestampMs > maxTimestampMs) maxTimestampMs = record.timestampMs
  const batch = options.compress === undefined ? encodeRecords(records, first.timestampMs, BATCH_HEADER_BYTES) : compressed(records, options.compress)
  writeInt64(batch, 0, options.baseOffset ?? 0)
  writeInt32(batch, BATCH_LENGTH, batch.length - BATCH_PREFIX_BYTES)
  writeInt32(batch, LEADER_EPOCH, options.leaderEpoch ?? -1)
  batch[MAGIC] = BATCH_MAGIC
  writeInt16(batch, ATTRIBUTES, options.attributes ?? 0)
  writeInt32(batch, LAST_OFFSET_DELTA, records.length - 1)
  writeInt64(batch, BASE_TIMESTAMP, first.timestampMs)
  writeInt64(batch, MAX_TIMESTAMP, maxTimestampMs)
  writeInt64(batch, PRODUCER_ID, options.producerId ?? -1)
  writeInt16(batch, PRODUCER_EPOCH, options.producerEpoch ?? -1)
  writeInt32(batch, BASE_SEQUENCE, options.baseSequence ?? -1)
  writeInt32(batch, RECORD_COUNT, records.length)
  sealBatch(batch)
  return batch
}

function compressed(records: readonly RecordInput[], compress: (section: Uint8Array) => Uint8Array): Uint8Array {
  const section = compress(encodeRecords(records, (records[0] as RecordInput).timestampMs, 0))
  const batch = Buffer.allocUnsafe(BATCH_HEADER_BYTES + section.length)
  batch.set(section, BATCH_HEADER_BYTES)
  return batch
}

/** Sets the CRC to what the bytes are now. */
function sealBatch(batch: Uint8Array): void {
  writeInt32(batch, CRC, crc32c(batch.subarray(ATTRIBUTES, batchSizeBytes(batch))))
}
