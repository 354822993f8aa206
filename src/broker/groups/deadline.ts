import type { Clock, Timer } from '../../runtime/clock.ts'

/**
 * A moment that is mostly moved further away before it comes, as a session's end is by every heartbeat. Moving it costs a
 * subtraction: the timer stays and goes on waiting when it finds that the deadline has moved.
 */
export class Deadline {
  readonly #clock: Clock
  readonly #run: () => void
  #timer: Timer | null = null
  #timerDueMs = 0
  #dueMs: number | null = null

  constructor(clock: Clock, run: () => void) {
    this.#clock = clock
    this.#run = run
  }

  /** Calls `run` `delayMs` from now, in place of any earlier agreement. */
  in(delayMs: number): void {
    this.#dueMs = this.#clock.monotonicMs() + delayMs
    if (this.#timer !== null && this.#timerDueMs <= this.#dueMs) return
    this.#timer?.cancel()
    this.#arm(delayMs)
  }

  /** As `in`, but never later than agreed already. */
  atLatestIn(delayMs: number): void {
    if (this.#dueMs === null || this.#clock.monotonicMs() + delayMs < this.#dueMs) this.in(delayMs)
  }

  cancel(): void {
    this.#dueMs = null
    this.#timer?.cancel()
    this.#timer = null
  }

  #arm(delayMs: number): void {
    this.#timerDueMs = this.#clock.monotonicMs() + delayMs
    this.#timer = this.#clock.after(delayMs, () => this.#fired())
  }

  #fired(): void {
    this.#timer = null
    if (this.#dueMs === null) return
    const leftMs = this.#dueMs - this.#clock.monotonicMs()
    if (leftMs > 0) {
      this.#arm(leftMs)
      return
    }
    this.#dueMs = null
    this.#run()
  }
}
