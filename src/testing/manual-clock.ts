import type { Clock, Timer } from '../runtime/clock.ts'

/** 2026-01-01T00:00:00Z */
const START_MS = 1_767_225_600_000

/** Time that moves only when it is told to. */
export class ManualClock implements Clock {
  #nowMs: number
  readonly #startMs: number
  readonly #timers = new Set<ManualTimer>()
  #turn: (() => void)[] = []

  constructor(startMs = START_MS) {
    this.#startMs = startMs
    this.#nowMs = startMs
  }

  now(): number {
    return this.#nowMs
  }

  monotonicMs(): number {
    return this.#nowMs - this.#startMs
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = new ManualTimer(this.#nowMs + delayMs, run, this.#timers)
    this.#timers.add(timer)
    return timer
  }

  endOfTurn(run: () => void): void {
    this.#turn.push(run)
  }

  /** Ends one turn of the event loop: what was asked for in it runs now; what that asks for, in the next one. False: there was nothing. */
  endTurn(): boolean {
    const turn = this.#turn
    this.#turn = []
    for (const run of turn) run()
    return turn.length > 0
  }

  /** Ends turns until nothing is left to do, at most `limit`. */
  settle(limit = 10_000): void {
    for (let turns = 0; this.endTurn(); turns++) {
      if (turns === limit) throw new Error(`still busy after ${limit} turns`)
    }
  }

  /** Moves time; timers that fall due run in their order, each in a turn of its own. */
  advance(ms: number): void {
    const target = this.#nowMs + ms
    for (let next = this.#next(target); next !== null; next = this.#next(target)) {
      this.#nowMs = Math.max(this.#nowMs, next.dueMs)
      next.fire()
      this.settle()
    }
    this.#nowMs = target
  }

  /** Timers that were not cancelled and have not fired. */
  get pendingTimers(): number {
    return this.#timers.size
  }

  #next(targetMs: number): ManualTimer | null {
    let next: ManualTimer | null = null
    for (const timer of this.#timers) {
      if (timer.dueMs <= targetMs && (next === null || timer.dueMs < next.dueMs)) next = timer
    }
    return next
  }
}

class ManualTimer implements Timer {
  readonly dueMs: number
  readonly #run: () => void
  readonly #timers: Set<ManualTimer>

  constructor(dueMs: number, run: () => void, timers: Set<ManualTimer>) {
    this.dueMs = dueMs
    this.#run = run
    this.#timers = timers
  }

  cancel(): void {
    this.#timers.delete(this)
  }

  fire(): void {
    this.#timers.delete(this)
    this.#run()
  }
}
