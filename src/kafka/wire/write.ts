/**
 * What compiled encoders call for all that is not worth being written out in each of them. The caller has made room.
 * Values that do not fit are bugs of this program, hence RangeError.
 */

/** Strings up to this many characters are written faster by a loop than by a call into native code. */
const SHORT_STRING = 24
const UUID_BYTES = 16
const UUID_CHARACTERS = 22

export function bad(field: string, value: unknown): never {
  throw new RangeError(`field ${field} cannot be written: ${value === undefined ? 'it is missing' : JSON.stringify(value)}`)
}

/** Writes UTF-8 at `at`, where 3 bytes per character are free; gives the position after it. */
export function writeText(buffer: Buffer, at: number, text: string): number {
  if (text.length > SHORT_STRING) return at + buffer.write(text, at)
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index)
    if (code > 127) return at + buffer.write(text, at)
    buffer[at + index] = code
  }
  return at + text.length
}

/** An int16 length and the text. */
export function writeString(buffer: Buffer, at: number, text: string): number {
  const end = writeText(buffer, at + 2, text)
  const length = end - at - 2
  if (length > 32_767) throw new RangeError(`a string of ${length} bytes does not fit into a message that counts them in 16 bits`)
  buffer[at] = length >>> 8
  buffer[at + 1] = length
  return end
}

/** A varint of the length plus one, and the text. */
export function writeCompactString(buffer: Buffer, at: number, text: string): number {
  if (text.length < 42) {
    // At most 126 bytes: the length takes one byte whatever the characters are.
    const end = writeText(buffer, at + 1, text)
    buffer[at] = end - at
    return end
  }
  const start = writeVarint(buffer, at, Buffer.byteLength(text) + 1)
  return start + buffer.write(text, start)
}

/** An unsigned varint of up to 5 bytes. */
export function writeVarint(buffer: Uint8Array, at: number, value: number): number {
  while (value > 127) {
    buffer[at++] = (value & 0x7f) | 0x80
    value >>>= 7
  }
  buffer[at++] = value
  return at
}

export function writeUuid(buffer: Buffer, at: number, text: string): void {
  if (typeof text !== 'string' || text.length !== UUID_CHARACTERS || buffer.write(text, at, UUID_BYTES, 'base64url') !== UUID_BYTES) bad('uuid', text)
}

/** The saturated bounds stand for the bounds of int64: `int64` in fields.ts says why. */
export function writeInt64(buffer: Buffer, at: number, value: number, field: string): void {
  if (!Number.isSafeInteger(value)) bad(field, value)
  const highest = value === Number.MAX_SAFE_INTEGER
  const lowest = value === Number.MIN_SAFE_INTEGER
  const high = highest ? 0x7fffffff : lowest ? 0x80000000 : Math.floor(value / 4_294_967_296)
  const low = highest ? 0xffffffff : lowest ? 0 : value
  buffer[at] = high >>> 24
  buffer[at + 1] = high >>> 16
  buffer[at + 2] = high >>> 8
  buffer[at + 3] = high
  buffer[at + 4] = low >>> 24
  buffer[at + 5] = low >>> 16
  buffer[at + 6] = low >>> 8
  buffer[at + 7] = low
}

export function bytesOf(slices: readonly Uint8Array[]): number {
  let total = 0
  for (const slice of slices) total += slice.length
  return total
}

/** Puts the length of the tagged field at [start, end) in front of it, where one byte is free. Gives the new end. */
export function closeTag(buffer: Buffer, start: number, end: number): number {
  const length = end - start
  if (length < 128) {
    buffer[start - 1] = length
    return end
  }
  const shift = length < 1 << 14 ? 1 : length < 1 << 21 ? 2 : length < 1 << 28 ? 3 : 4
  buffer.copyWithin(start + shift, start, end)
  writeVarint(buffer, start - 1, length)
  return end + shift
}
