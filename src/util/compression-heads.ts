import { isXerial, snappyBlockBytes } from './xerial-snappy.ts'

/** What bytes of a codec begin with; the codecs' numbers are those of record batches. */
const MAGIC: Readonly<Record<number, readonly number[]>> = {
  // gzip, and deflate within it: RFC 1952.
  1: [0x1f, 0x8b, 0x08],
  3: [0x04, 0x22, 0x4d, 0x18],
  4: [0x28, 0xb5, 0x2f, 0xfd],
}
const SNAPPY = 2
/** A copy of 64 bytes takes 3: no raw snappy becomes more than this many times as large. */
const SNAPPY_MOST_RATIO = 22
/** The two low bits of a snappy element: a literal; the lengths above this one are written behind it, in 1 to 4 bytes. */
const LITERAL = 0
const LONGEST_SHORT_LITERAL = 60

/**
 * Whether the bytes from `at` on begin as the codec's do: enough to tell what was never compressed by it, without unpacking
 * what was. Raw snappy has no magic: its size and its first element must be possible.
 */
export function beginsAsCompressed(codec: number, bytes: Uint8Array, at: number): boolean {
  if (codec === SNAPPY) return beginsAsSnappy(bytes.subarray(at))
  return MAGIC[codec]?.every((byte, index) => bytes[at + index] === byte) ?? false
}

function beginsAsSnappy(bytes: Uint8Array): boolean {
  if (isXerial(bytes)) return true
  const sizeAt = bytes.findIndex((byte) => byte < 0x80)
  if (sizeAt < 0 || sizeAt > 4) return false
  const size = snappyBlockBytes(bytes)
  const element = bytes[sizeAt + 1]
  // What comes first cannot be a copy of something before it.
  if (element === undefined || (element & 3) !== LITERAL) return false
  const literal = (element >>> 2) + 1
  const left = bytes.length - sizeAt - 2
  return size <= SNAPPY_MOST_RATIO * bytes.length && (literal > LONGEST_SHORT_LITERAL || (literal <= left && literal <= size))
}
