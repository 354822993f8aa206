/**
 * Where compiled encoders write: one buffer that grows, cut into chunks where record batches are inserted without being
 * copied. Encoders keep `buffer` and `position` in local variables and hand them back.
 */

/** What a message becomes: byte views to be written to a socket in this order. */
export type Chunks = Uint8Array[]

export class ChunkWriter {
  buffer: Buffer
  /** Where the next byte goes. */
  position = 0
  readonly #chunks: Chunks = []
  /** Bytes of the buffer before this one are in `#chunks` already. */
  #flushed = 0
  #chunkBytes = 0

  constructor(initialBytes: number) {
    this.buffer = Buffer.allocUnsafe(initialBytes)
  }

  /** Bytes written so far, inserted slices included. */
  get byteLength(): number {
    return this.#chunkBytes + this.position - this.#flushed
  }

  /** Makes room for `bytes` after `position`; `buffer` is another one afterwards. Positions stay what they are. */
  grow(position: number, bytes: number): Buffer {
    const grown = Buffer.allocUnsafe(Math.max(this.buffer.length * 2, position + bytes))
    this.buffer.copy(grown, this.#flushed, this.#flushed, position)
    this.buffer = grown
    return grown
  }

  /** Inserts slices after what has been written up to `position`, without copying them. */
  insert(position: number, slices: readonly Uint8Array[]): void {
    this.#flush(position)
    for (const slice of slices) {
      if (slice.length === 0) continue
      this.#chunks.push(slice)
      this.#chunkBytes += slice.length
    }
  }

  #flush(position: number): void {
    if (position === this.#flushed) return
    this.#chunks.push(this.buffer.subarray(this.#flushed, position))
    this.#chunkBytes += position - this.#flushed
    this.#flushed = position
  }

  /** Everything, in order. The writer must not be used afterwards. */
  finish(): Chunks {
    this.#flush(this.position)
    return this.#chunks
  }
}
