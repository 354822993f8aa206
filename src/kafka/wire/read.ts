import { isUtf8 } from 'node:buffer'
import { MalformedMessage } from './malformed-message.ts'

/**
 * What compiled decoders call for all that is not worth being written out in each of them. Nothing here reads past `end`.
 */

/** Most array elements one message may hold: what a frame can make the heap grow by is bounded, whatever its bytes say. */
export const MAX_ELEMENTS = 1_000_000

/** Node's Buffer has these since ever, and its own toString() ends in them; the type definitions leave them out. */
interface Slices {
  latin1Slice(start: number, end: number): string
  utf8Slice(start: number, end: number): string
  base64urlSlice(start: number, end: number): string
}

export function fail(message: string): never {
  throw new MalformedMessage(message)
}

export function truncated(): never {
  throw new MalformedMessage('the message ends before its last field')
}

/**
 * An unsigned varint whose first byte, at `at`, has its high bit set. Value and length come back in one number, value * 8 +
 * length, since the caller keeps its position in a local variable.
 */
export function longVarint(buffer: Uint8Array, at: number, end: number): number {
  let value = (buffer[at] as number) & 0x7f
  let factor = 128
  for (let length = 2; length <= 5; length++) {
    if (at + length > end) truncated()
    const byte = buffer[at + length - 1] as number
    value += (byte & 0x7f) * factor
    if (byte < 128) {
      if (value > 0xffffffff) fail('a varint is larger than 32 bits')
      return value * 8 + length
    }
    factor *= 128
  }
  return fail('a varint is longer than 5 bytes')
}

/** What the bytes of a string that were no UTF-8 may become: what a length of two bytes can announce. */
const MAX_REPLACED_BYTES = 0x7fff

/** As in Kafka, bytes that are no UTF-8 become replacement characters; malformed only where they then could not be written back. */
export function readString(buffer: Buffer, start: number, end: number): string {
  for (let at = start; at < end; at++) {
    if ((buffer[at] as number) > 127) {
      const text = (buffer as Buffer & Slices).utf8Slice(start, end)
      if (!isUtf8(buffer.subarray(at, end)) && Buffer.byteLength(text) > MAX_REPLACED_BYTES)
        fail('a string is not UTF-8, and too long with what would stand for it')
      return text
    }
  }
  return (buffer as Buffer & Slices).latin1Slice(start, end)
}

export function readUuid(buffer: Buffer, start: number): string {
  return (buffer as Buffer & Slices).base64urlSlice(start, start + 16)
}

/** The two halves of an int64 that is no safe integer. */
export function saturated(high: number): number {
  return high < 0 ? Number.MIN_SAFE_INTEGER : Number.MAX_SAFE_INTEGER
}
