import type { Clock, Timer } from '../runtime/clock.ts'

const TICK_MS = 500
/** Entries are looked at this often at least, so that those of closed connections do not stay for hours. */
const MAX_AHEAD_MS = 60_000

/** The deadline of one connection, which every packet moves: one number to set, no timer. */
export class Deadline {
  /** By `Clock.monotonicMs`; infinity: never. */
  atMs = Number.POSITIVE_INFINITY
  #onPassed: (() => void) | null

  /** `onPassed` is called when the deadline has passed; where it moves the deadline on, it is judged again then. */
  constructor(onPassed: () => void) {
    this.#onPassed = onPassed
  }

  get cancelled(): boolean {
    return this.#onPassed === null
  }

  /** Forgets whom it is for. */
  cancel(): void {
    this.#onPassed = null
  }

  judge(nowMs: number): void {
    if (nowMs >= this.atMs) this.#onPassed?.()
  }
}

/**
 * One timer for the deadlines of all connections: an entry is looked at when the deadline it had comes, and goes on to the
 * one it has by then. Judged after a poll phase, as `Clock.after` is: bytes that waited while the process slept are read
 * first. A deadline is never judged early, and at most a tick of 500 ms late.
 */
export class KeepAliveWheel {
  readonly #clock: Clock
  readonly #slots = new Map<number, Deadline[]>()
  #timer: Timer | null = null

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Once per deadline; again is needed only where it moved to an earlier time. */
  add(deadline: Deadline): void {
    this.#put(deadline, this.#clock.monotonicMs())
    this.#schedule()
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#slots.clear()
  }

  #put(deadline: Deadline, nowMs: number): void {
    const tick = Math.floor(Math.min(Math.max(deadline.atMs, nowMs), nowMs + MAX_AHEAD_MS) / TICK_MS) + 1
    const slot = this.#slots.get(tick)
    if (slot === undefined) this.#slots.set(tick, [deadline])
    else slot.push(deadline)
  }

  #schedule(): void {
    if (this.#timer !== null || this.#slots.size === 0) return
    this.#timer = this.#clock.after(TICK_MS, () => {
      this.#timer = null
      this.#advance(this.#clock.monotonicMs())
      this.#schedule()
    })
  }

  #advance(nowMs: number): void {
    const due = [...this.#slots.keys()].filter((tick) => tick * TICK_MS <= nowMs)
    for (const tick of due.sort((a, b) => a - b)) {
      const deadlines = this.#slots.get(tick) ?? []
      this.#slots.delete(tick)
      for (const deadline of deadlines) {
        deadline.judge(nowMs)
        if (!deadline.cancelled) this.#put(deadline, nowMs)
      }
    }
  }
}
