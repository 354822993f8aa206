/**
 * Snappy as Java's producers frame it (snappy-java's SnappyOutputStream): a header of 16 bytes, then blocks of an int32
 * length and raw snappy. librdkafka and others write a single raw block without any of it; readers must take both.
 */

/** 0x82 S N A P P Y 0x00, then version 1 and lowest compatible version 1. */
const HEADER = Buffer.from('82534e4150505900' + '00000001' + '00000001', 'hex')
const MAGIC_BYTES = 8
/** What snappy-java compresses at a time. */
const BLOCK_BYTES = 32 << 10

export function isXerial(input: Uint8Array): boolean {
  return input.length >= HEADER.length && HEADER.compare(input, 0, MAGIC_BYTES, 0, MAGIC_BYTES) === 0
}

/** Plain input cut into what one block holds. */
export function plainBlocks(input: Uint8Array): readonly Uint8Array[] {
  const blocks: Uint8Array[] = []
  for (let at = 0; at < input.length; at += BLOCK_BYTES) blocks.push(input.subarray(at, at + BLOCK_BYTES))
  return blocks
}

/** Compressed blocks in the framing. */
export function frameBlocks(compressed: readonly Uint8Array[]): Uint8Array {
  const parts: Uint8Array[] = [HEADER]
  for (const block of compressed) {
    const length = Buffer.allocUnsafe(4)
    length.writeUInt32BE(block.length)
    parts.push(length, block)
  }
  return Buffer.concat(parts)
}

/** The compressed blocks of framed input. Throws a RangeError where the framing is broken. */
export function framedBlocks(input: Uint8Array): readonly Uint8Array[] {
  const view = new DataView(input.buffer, input.byteOffset, input.byteLength)
  const blocks: Uint8Array[] = []
  for (let at = HEADER.length; at < input.length; ) {
    if (at + 4 > input.length) throw new RangeError('a snappy block has no length')
    const length = view.getUint32(at)
    at += 4
    if (length === 0 || length > input.length - at) throw new RangeError(`a snappy block of ${length} bytes where ${input.length - at} are left`)
    blocks.push(input.subarray(at, at + length))
    at += length
  }
  return blocks
}

/** What a raw block says its plain size is; a decoder writes exactly that many bytes or fails. Throws a RangeError where it says nothing. */
export function snappyBlockBytes(block: Uint8Array): number {
  let value = 0
  for (let at = 0; at < 5; at++) {
    const byte = block[at]
    if (byte === undefined) break
    value += (byte & 0x7f) * 2 ** (7 * at)
    if (byte < 128) return value
  }
  throw new RangeError('a snappy block does not begin with its size')
}
