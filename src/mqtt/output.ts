/** The first buffer of a turn, and the largest. */
const MIN_BUFFER_BYTES = 256
const MAX_BUFFER_BYTES = 65_536
/** Longer pieces are passed on as views; shorter ones are copied, since a piece of its own costs a system call more than a copy. */
const COPY_UP_TO_BYTES = 2048

/** What one connection sends in one turn of the event loop: many small packets as a few buffers. */
export class Output {
  #chunks: Uint8Array[] = []
  #buffer: Buffer | null = null
  /** Where the part of `#buffer` begins that is not in `#chunks`, and where it ends. */
  #from = 0
  #at = 0
  #bytes = 0
  #sizeHint = MIN_BUFFER_BYTES

  /** Bytes gathered. */
  get bytes(): number {
    return this.#bytes
  }

  /** Adds bytes that never change. */
  write(bytes: Uint8Array): void {
    if (bytes.length > COPY_UP_TO_BYTES) {
      this.#seal()
      this.#chunks.push(bytes)
      this.#bytes += bytes.length
      return
    }
    const at = this.reserve(bytes.length)
    ;(this.#buffer as Buffer).set(bytes, at)
  }

  /** Room for `count` bytes (at most 64 KiB) in `buffer`, from the offset answered; the caller writes all of them at once. */
  reserve(count: number): number {
    if (this.#buffer === null || this.#at + count > this.#buffer.length) this.#grow(count)
    const at = this.#at
    this.#at = at + count
    this.#bytes += count
    return at
  }

  /** Where `reserve` gave room last. */
  get buffer(): Buffer {
    return this.#buffer as Buffer
  }

  /** PUBACK and its like without a reason, and PINGRESP: the commonest packets. */
  ack(firstByte: number, packetId: number): void {
    const at = this.reserve(4)
    const buffer = this.#buffer as Buffer
    buffer[at] = firstByte
    buffer[at + 1] = 2
    buffer[at + 2] = packetId >> 8
    buffer[at + 3] = packetId
  }

  /** Everything, in order; the next turn begins anew. */
  take(): Uint8Array[] {
    this.#seal()
    const chunks = this.#chunks
    this.#chunks = []
    this.#buffer = null
    this.#from = 0
    this.#at = 0
    this.#sizeHint = Math.min(MAX_BUFFER_BYTES, Math.max(MIN_BUFFER_BYTES, this.#bytes))
    this.#bytes = 0
    return chunks
  }

  #grow(count: number): void {
    const last = this.#buffer?.length ?? 0
    this.#seal()
    this.#buffer = Buffer.allocUnsafe(Math.max(count, last === 0 ? this.#sizeHint : Math.min(MAX_BUFFER_BYTES, last * 2)))
    this.#from = 0
    this.#at = 0
  }

  #seal(): void {
    if (this.#buffer !== null && this.#at > this.#from) this.#chunks.push(this.#buffer.subarray(this.#from, this.#at))
    this.#from = this.#at
  }
}
