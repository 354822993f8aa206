import type { Clock } from '../../runtime/clock.ts'

/** The event loop is held no longer than this at a time, about. */
const SLICE_MS = 0.5
/** How much longer than the work before it a rest is: the least where the loop has little else to do, the most where it is late. */
const REST_FACTORS = { least: 1, most: 8 }
/** A timer that fires later than this tells that others wait for the loop too. */
const LATE_MS = 0.5
/** Where time stands still within a turn, this many bytes of work end it. */
const SLICE_BYTES = 262_144
/** Bytes of work after which the time is looked at. */
const LOOK_BYTES = 16_384
/** A timer of less fires after this anyhow. */
const LEAST_REST_MS = 1
/** No rest is longer, so that a stop is heard. */
const LONGEST_REST_MS = 100

/** Has the cleaner work in small slices, so that nobody waits long for the event loop, and no faster than it is allowed to. */
export class Pacer {
  readonly #clock: Clock
  readonly #maxBytesPerSecond: () => number
  readonly #startMs: number
  /** Since when the cleaner has the event loop. */
  #sinceMs: number
  #spentMs = 0
  #restFactor = REST_FACTORS.least
  #bytes = 0
  #unseenBytes = 0
  /** Bytes since the rate was last right, and when that was. */
  #ratedBytes = 0
  #rateMs: number

  constructor(clock: Clock, maxBytesPerSecond: () => number) {
    this.#clock = clock
    this.#maxBytesPerSecond = maxBytesPerSecond
    this.#startMs = clock.monotonicMs()
    this.#sinceMs = this.#startMs
    this.#rateMs = this.#startMs
  }

  /** Since it was made. */
  get elapsedMs(): number {
    return this.#clock.monotonicMs() - this.#startMs
  }

  /** Goes on after a wait for the disk or the thread pool, in which others had the event loop. */
  begin(): void {
    this.#sinceMs = this.#clock.monotonicMs()
  }

  /** So many bytes were worked on; answers whether it is time to `rest`. */
  worked(bytes: number): boolean {
    this.#unseenBytes += bytes
    if (this.#unseenBytes < LOOK_BYTES) return false
    const nowMs = this.#clock.monotonicMs()
    this.#bytes += this.#unseenBytes
    this.#unseenBytes = 0
    this.#spentMs += nowMs - this.#sinceMs
    this.#sinceMs = nowMs
    return this.#bytes >= SLICE_BYTES || this.#spentMs >= SLICE_MS
  }

  /** Bytes were read or written, which the rate counts. */
  moved(bytes: number): void {
    this.#ratedBytes += bytes
  }

  /** How long it has to rest, again and again, to be no faster than allowed. */
  get aheadMs(): number {
    return this.#rateMs + (this.#ratedBytes * 1000) / this.#maxBytesPerSecond() - this.#clock.monotonicMs()
  }

  /** Lets others have the event loop. */
  async rest(): Promise<void> {
    const aheadMs = this.aheadMs
    const restMs = Math.min(LONGEST_REST_MS, Math.max(LEAST_REST_MS, this.#spentMs * this.#restFactor, aheadMs))
    const dueMs = this.#clock.monotonicMs() + restMs
    await new Promise<void>((resolve) => {
      this.#clock.after(restMs, resolve)
    })
    this.#spentMs = 0
    this.#bytes = 0
    this.begin()
    const isLate = this.#sinceMs - dueMs > LATE_MS
    this.#restFactor = isLate ? Math.min(REST_FACTORS.most, this.#restFactor * 2) : Math.max(REST_FACTORS.least, this.#restFactor / 2)
    if (aheadMs > 0) return
    // Time that was not used is not saved up.
    this.#rateMs = this.#sinceMs
    this.#ratedBytes = 0
  }
}
