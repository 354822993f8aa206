import { BATCH_HEADER_BYTES } from '../../../src/log/record-batch.ts'
import { writeInt16, writeInt32, writeInt64 } from '../../../src/util/big-endian.ts'

/** A record batch that has nothing but a header: all that sharing looks at. */
export function header(first: number, last: number, { producerId = -1, attributes = 0 } = {}): Uint8Array {
  const bytes = new Uint8Array(BATCH_HEADER_BYTES)
  writeInt64(bytes, 0, first)
  writeInt32(bytes, 8, BATCH_HEADER_BYTES - 12)
  writeInt16(bytes, 21, attributes)
  writeInt32(bytes, 23, last - first)
  writeInt64(bytes, 43, producerId)
  writeInt32(bytes, 57, last - first + 1)
  return bytes
}
