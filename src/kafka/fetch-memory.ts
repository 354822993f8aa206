/** What a Fetch may always read, however little memory is left: so that everybody goes on. */
const LEAST_BYTES = 65_536

/**
 * The memory of Fetch answers over all connections of a listener: what is being read, and what was written to clients that
 * have not taken it. The less is left, the smaller answers become; a slow client costs its neighbours bandwidth, not the
 * broker its memory.
 */
export class FetchMemory {
  readonly #maxBytes: number
  readonly #outputBytes: () => number
  #reservedBytes = 0

  /** `outputBytes`: what was written and not taken. */
  constructor(maxBytes: number, outputBytes: () => number) {
    this.#maxBytes = maxBytes
    this.#outputBytes = outputBytes
  }

  get reservedBytes(): number {
    return this.#reservedBytes
  }

  /** How many bytes one more reading may bring. */
  get allowanceBytes(): number {
    const free = this.#maxBytes - this.#reservedBytes - this.#outputBytes()
    return Math.max(LEAST_BYTES, Math.floor(free / 2))
  }

  /** Bytes that are about to be read. */
  reserve(bytes: number): void {
    this.#reservedBytes += bytes
  }

  /** They were not needed, or are with the connection now. */
  release(bytes: number): void {
    this.#reservedBytes -= bytes
  }
}
