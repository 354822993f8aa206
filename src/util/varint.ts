/**
 * Zigzag varints of Kafka's record format: 7 bits a byte, low bits first. Values are numbers: exact up to 2^53, which is
 * beyond every length, offset delta and timestamp delta that exists.
 */

/** Where a read varint ended; reused by its owner, so that reading allocates nothing. */
export interface VarintReader {
  readonly bytes: Uint8Array
  /** The next byte to read. */
  at: number
  /** Reads may not reach this. */
  readonly end: number
}

/** The next varint; NaN where the bytes end within it or it is longer than 10 bytes. */
export function readVarint(reader: VarintReader): number {
  const { bytes, end } = reader
  const first = bytes[reader.at] as number
  if (reader.at < end && first < 0x80) {
    reader.at++
    return (first >>> 1) ^ -(first & 1)
  }
  let zigzag = 0
  let scale = 1
  for (let at = reader.at; at < end && at < reader.at + 10; at++) {
    const byte = bytes[at] as number
    zigzag += (byte & 0x7f) * scale
    if (byte < 0x80) {
      reader.at = at + 1
      return zigzag % 2 === 0 ? zigzag / 2 : -(zigzag + 1) / 2
    }
    scale *= 128
  }
  return Number.NaN
}

/** Bytes that `writeVarint` takes for `value`. */
export function varintSize(value: number): number {
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value
  let size = 1
  while (zigzag >= 0x80) {
    zigzag = Math.floor(zigzag / 128)
    size++
  }
  return size
}

/** Writes `value` at `at`; answers where it ended. */
export function writeVarint(bytes: Uint8Array, at: number, value: number): number {
  let zigzag = value < 0 ? -2 * value - 1 : 2 * value
  while (zigzag >= 0x80) {
    bytes[at++] = (zigzag % 128) | 0x80
    zigzag = Math.floor(zigzag / 128)
  }
  bytes[at++] = zigzag
  return at
}
