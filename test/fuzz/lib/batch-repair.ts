import { crc32c } from '../../../src/util/crc32c.ts'

const LENGTH_AT = 8
const PREFIX_BYTES = 12
const CRC_AT = 17
const CHECKED_FROM = 21
const HEADER_BYTES = 61

/** The length and the CRC as they should be for these bytes. */
export function repairBatch(batch: Buffer): Buffer {
  if (batch.length < HEADER_BYTES) return batch
  batch.writeInt32BE(batch.length - PREFIX_BYTES, LENGTH_AT)
  return resealBatch(batch)
}

/** The CRC alone. */
export function resealBatch(batch: Buffer): Buffer {
  if (batch.length >= HEADER_BYTES) batch.writeUInt32BE(crc32c(batch.subarray(CHECKED_FROM)), CRC_AT)
  return batch
}
