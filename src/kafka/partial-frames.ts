/** A connection with a frame that has not arrived in full. */
interface Receiver {
  close(reason: string): void
}

/**
 * Bounds the memory of frames that are under way, over all connections. Beyond the bound the frame that began first loses its
 * connection: whoever sends at a normal pace has long been done, whoever only holds memory has not.
 */
export class PartialFrames {
  readonly #maxBytes: number
  /** In the order in which their frames began. */
  readonly #bytes = new Map<Receiver, number>()
  #total = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get totalBytes(): number {
    return this.#total
  }

  /** `bytes` have arrived of the receiver's unfinished frame, 0 where it has none; `began`: it is another frame than last time. */
  update(receiver: Receiver, bytes: number, began: boolean): void {
    this.#total += bytes - (this.#bytes.get(receiver) ?? 0)
    if (bytes === 0 || began) this.#bytes.delete(receiver)
    if (bytes > 0) this.#bytes.set(receiver, bytes)
    while (this.#total > this.#maxBytes) this.#dropOldest()
  }

  #dropOldest(): void {
    for (const [receiver, bytes] of this.#bytes) {
      this.#bytes.delete(receiver)
      this.#total -= bytes
      receiver.close(`incomplete requests take more than ${this.#maxBytes} bytes, this one for the longest time`)
      return
    }
  }
}
