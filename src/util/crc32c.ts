import { crc32c as native } from '@node-rs/crc32'

const TABLE = makeTable()

/** Below this many bytes the call into native code costs more than the table. */
const NATIVE_FROM_BYTES = 256

/**
 * CRC-32C (Castagnoli) of `bytes`, as an unsigned 32-bit number. `previous` is the CRC of the bytes before, to go on from
 * it.
 */
export function crc32c(bytes: Uint8Array, previous = 0): number {
  if (bytes.length >= NATIVE_FROM_BYTES) return native(bytes as Buffer, previous)
  let crc = ~previous
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ (TABLE[(crc ^ (bytes[i] as number)) & 0xff] as number)
  return ~crc >>> 0
}

function makeTable(): Int32Array {
  const table = new Int32Array(256)
  for (let n = 0; n < 256; n++) {
    let crc = n
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0x82f63b78 : crc >>> 1
    table[n] = crc
  }
  return table
}
