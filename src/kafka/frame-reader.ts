import { readInt32 } from '../util/big-endian.ts'
import { MalformedMessage } from './wire/malformed-message.ts'

const SIZE_BYTES = 4
/** The least that is set aside for a frame that has begun. */
const LEAST_BYTES = 512
/** Memory set aside for a frame is at most this many times what has arrived of it: an announced size alone costs nothing. */
const TRUST_FACTOR = 16

/**
 * Cuts a stream into frames, without their size. A frame that lies whole in a chunk is a view of it; one that spans chunks is
 * copied once into a buffer of its own (a little more while its first bytes arrive).
 */
export class FrameReader {
  /** The largest frame that may begin from now on. */
  maxBytes: number
  /** The size itself, where it spans chunks. */
  #size = 0
  #sizeBytes = 0
  /** Bytes of the frame that has begun, without its size; -1 while its size is not known. */
  #expected = -1
  #partial: Buffer | null = null
  #received = 0
  #completed = 0

  constructor(maxBytes: number) {
    this.maxBytes = maxBytes
  }

  /** Bytes kept of a frame that has not arrived in full. */
  get partialBytes(): number {
    return this.#received
  }

  /** Frames that arrived in full, ever: tells one unfinished frame from the next. */
  get completedFrames(): number {
    return this.#completed
  }

  /** Calls `onFrame` for each frame that `chunk` completes, in order. Throws MalformedMessage for a size below 0 or above the limit. */
  push(chunk: Buffer, onFrame: (frame: Buffer) => void): void {
    let at = 0
    while (at < chunk.length) {
      if (this.#expected < 0) {
        at = this.#takeSize(chunk, at)
        if (this.#expected < 0) return
      }
      const missing = this.#expected - this.#received
      if (this.#received === 0 && chunk.length - at >= missing) {
        const frame = chunk.subarray(at, at + missing)
        at += missing
        this.#expected = -1
        this.#completed += 1
        onFrame(frame)
        continue
      }
      // Only the size has arrived: a buffer set aside now would be left behind when the frame lies whole in the next chunk.
      if (at === chunk.length) return
      const taken = Math.min(missing, chunk.length - at)
      this.#keep(chunk, at, taken)
      at += taken
      if (this.#received === this.#expected) onFrame(this.#takePartial())
    }
  }

  #takeSize(chunk: Buffer, at: number): number {
    if (this.#sizeBytes === 0 && chunk.length - at >= SIZE_BYTES) {
      this.#begin(readInt32(chunk, at))
      return at + SIZE_BYTES
    }
    while (at < chunk.length && this.#sizeBytes < SIZE_BYTES) {
      this.#size = (this.#size << 8) | (chunk[at++] as number)
      this.#sizeBytes += 1
    }
    if (this.#sizeBytes === SIZE_BYTES) this.#begin(this.#size)
    return at
  }

  #begin(size: number): void {
    if (size < 0 || size > this.maxBytes) throw new MalformedMessage(`a frame of ${size} bytes; at most ${this.maxBytes} are allowed`)
    this.#size = 0
    this.#sizeBytes = 0
    this.#expected = size
    this.#received = 0
  }

  #keep(chunk: Buffer, at: number, length: number): void {
    const needed = this.#received + length
    if (this.#partial === null || this.#partial.length < needed) {
      const grown = Buffer.allocUnsafeSlow(Math.min(this.#expected, Math.max(LEAST_BYTES, needed * TRUST_FACTOR)))
      if (this.#partial !== null) this.#partial.copy(grown, 0, 0, this.#received)
      this.#partial = grown
    }
    chunk.copy(this.#partial, this.#received, at, at + length)
    this.#received = needed
  }

  #takePartial(): Buffer {
    const frame = this.#partial as Buffer
    this.#partial = null
    this.#received = 0
    this.#expected = -1
    this.#completed += 1
    return frame
  }
}
