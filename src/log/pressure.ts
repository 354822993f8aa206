/** Appended bytes that the disk does not have yet: beyond the bound the kernel would stall the event loop, so producers' sockets wait instead. */
export class Pressure {
  readonly #maxBytes: number
  #bytes = 0
  #waiting: (() => void)[] = []
  /** Asks for a checkpoint. */
  onHigh: (() => void) | null = null

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get unsyncedBytes(): number {
    return this.#bytes
  }

  get congested(): boolean {
    return this.#bytes > this.#maxBytes
  }

  /** Positive when appended, negative when synced or dropped. */
  add(bytes: number): void {
    const before = this.congested
    this.#bytes += bytes
    if (this.congested && !before) this.onHigh?.()
    if (this.#bytes <= this.#maxBytes / 2) this.release()
  }

  /** Calls `run` once half of the bound is free; at once where it is. */
  whenDrained(run: () => void): void {
    if (this.#bytes <= this.#maxBytes / 2) run()
    else this.#waiting.push(run)
  }

  /** Lets all go on: also when the log closes. */
  release(): void {
    if (this.#waiting.length === 0) return
    const waiting = this.#waiting
    this.#waiting = []
    for (const run of waiting) run()
  }
}
