/**
 * How large an LZ4 frame becomes, before anything is decompressed: decoders write until the input ends, and one byte can
 * become 255.
 */

const MAGIC = 0x184d2204
const BLOCK_BYTES = [0, 0, 0, 0, 64 << 10, 256 << 10, 1 << 20, 4 << 20]

export interface Lz4Frame {
  /** Where the frame ends in the input; what follows it belongs to nobody. */
  readonly end: number
  /** No decoder can write more than this. Exact where the cheap bound of full blocks lies above the limit asked for. */
  readonly plainBytes: number
}

/** Measures the frame at the start of `input`. Throws a RangeError where it is none. */
export function measureLz4Frame(input: Uint8Array, limitBytes: number): Lz4Frame {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  if (input.length < 7 || view.getUint32(0, true) !== MAGIC) throw new RangeError('no LZ4 frame')
  const flags = view.getUint8(4)
  const blockBytes = BLOCK_BYTES[(view.getUint8(5) >> 4) & 7] as number
  if (flags >> 6 !== 1 || blockBytes === 0) throw new RangeError('an LZ4 frame of an unknown version or block size')
  const hasBlockChecksums = (flags & 0x10) !== 0
  const hasContentSize = (flags & 0x08) !== 0
  const hasContentChecksum = (flags & 0x04) !== 0
  const hasDictionary = (flags & 0x01) !== 0
  const firstBlock = 6 + (hasContentSize ? 8 : 0) + (hasDictionary ? 4 : 0) + 1

  const blocks: { start: number; end: number; isCompressed: boolean }[] = []
  let at = firstBlock
  for (;;) {
    if (at + 4 > input.length) throw new RangeError('an LZ4 frame without its end')
    const word = view.getUint32(at, true)
    at += 4
    if (word === 0) break
    const length = word & 0x7fffffff
    if (length > input.length - at) throw new RangeError(`an LZ4 block of ${length} bytes where ${input.length - at} are left`)
    blocks.push({ start: at, end: at + length, isCompressed: word >>> 31 === 0 })
    at += length + (hasBlockChecksums ? 4 : 0)
  }
  const end = at + (hasContentChecksum ? 4 : 0)
  if (end > input.length) throw new RangeError('an LZ4 frame without its checksum')

  const mostPlainBytes = blocks.length * blockBytes
  if (mostPlainBytes <= limitBytes) return { end, plainBytes: mostPlainBytes }
  let plainBytes = 0
  for (const block of blocks) plainBytes += block.isCompressed ? plainBlockBytes(input, block.start, block.end) : block.end - block.start
  return { end, plainBytes }
}

/** Adds up the literals and matches of a block without performing them. */
function plainBlockBytes(input: Uint8Array, start: number, end: number): number {
  let total = 0
  let at = start
  while (at < end) {
    const token = input[at++] as number
    let literals = token >> 4
    if (literals === 15) {
      let more: number
      do {
        if (at >= end) throw new RangeError('an LZ4 block ends within a length')
        more = input[at++] as number
        literals += more
      } while (more === 255)
    }
    at += literals
    total += literals
    if (at >= end) break
    at += 2
    let match = (token & 15) + 4
    if (match === 19) {
      let more: number
      do {
        if (at >= end) throw new RangeError('an LZ4 block ends within a length')
        more = input[at++] as number
        match += more
      } while (more === 255)
    }
    total += match
  }
  return total
}
