import type { Clock, Timer } from '../../../../src/runtime/clock.ts'

/** A clock that stands still until it is moved; timers fire in order of their time. */
export class ManualClock implements Clock {
  #nowMs = 1_700_000_000_000
  #elapsedMs = 0
  #sequence = 0
  readonly #timers = new Set<{ dueMs: number; sequence: number; run: () => void }>()
  readonly #endOfTurn: (() => void)[] = []

  now(): number {
    return this.#nowMs + this.#elapsedMs
  }

  monotonicMs(): number {
    return this.#elapsedMs
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { dueMs: this.#elapsedMs + delayMs, sequence: this.#sequence++, run }
    this.#timers.add(timer)
    return { cancel: () => void this.#timers.delete(timer) }
  }

  endOfTurn(run: () => void): void {
    this.#endOfTurn.push(run)
  }

  get timerCount(): number {
    return this.#timers.size
  }

  /** Ends the turn. */
  turn(): void {
    for (let run = this.#endOfTurn.shift(); run !== undefined; run = this.#endOfTurn.shift()) run()
  }

  /** Milliseconds until the next timer; undefined where there is none. */
  get nextInMs(): number | undefined {
    const next = this.#next()
    return next === undefined ? undefined : next.dueMs - this.#elapsedMs
  }

  /** Moves on, timer by timer, ending a turn after each. */
  advance(ms: number): void {
    const untilMs = this.#elapsedMs + ms
    this.turn()
    for (let next = this.#next(); next !== undefined && next.dueMs <= untilMs; next = this.#next()) {
      this.#timers.delete(next)
      this.#elapsedMs = Math.max(this.#elapsedMs, next.dueMs)
      next.run()
      this.turn()
    }
    this.#elapsedMs = untilMs
  }

  #next() {
    let first: { dueMs: number; sequence: number; run: () => void } | undefined
    for (const timer of this.#timers) {
      if (first === undefined || timer.dueMs < first.dueMs || (timer.dueMs === first.dueMs && timer.sequence < first.sequence)) first = timer
    }
    return first
  }
}
