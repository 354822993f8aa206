import type { Clock, Timer } from '../runtime/clock.ts'
import { systemClock } from '../runtime/system-clock.ts'

/** 2026-01-01T00:00:00Z */
const START_MS = 1_767_225_600_000

/** Within one moment: what the kernel hands over comes before timers. */
const IO = 0
const TIMER = 1
const TURN_END = 2

/** Happenings for which immediates are asked for at once. */
const STEPS_PER_TURN = 64

interface Happening {
  atMs: number
  readonly phase: number
  readonly order: number
  /** Null: the world's own (the kernel, the wire, the tester). */
  readonly owner: SimulatedProcess | null
  readonly run: () => void
  cancelled: boolean
}

export interface SimulatedTimeOptions {
  /** Milliseconds that a turn of a process's event loop lasts: what happens meanwhile belongs to the same turn. Asked per turn. */
  readonly turnMs: () => number
  /** Something was thrown that nobody caught: the process would have ended. */
  readonly onCrash: (owner: SimulatedProcess | null, error: unknown) => void
  /** Every happening, before it runs. */
  readonly onStep?: (atMs: number, owner: SimulatedProcess | null) => void
}

/**
 * Time that passes only from one happening to the next, for any number of processes in one: what is pending is kept by
 * moment and, within it, by order, so that the same happenings always follow each other. Between two of them all promises settle.
 */
export class SimulatedTime {
  readonly #options: SimulatedTimeOptions
  readonly #heap: Happening[] = []
  #nowMs = 0
  #order = 0
  #steps = 0
  /** What wall clocks show beside the time that passed. */
  #wallOffsetMs = START_MS
  #highestWallMs = 0

  constructor(options: SimulatedTimeOptions) {
    this.#options = options
  }

  /** Milliseconds since the beginning, with fractions. */
  get nowMs(): number {
    return this.#nowMs
  }

  get wallMs(): number {
    return Math.floor(this.#wallOffsetMs + this.#nowMs)
  }

  /** The latest that wall clocks ever showed. */
  get highestWallMs(): number {
    return Math.max(this.#highestWallMs, this.wallMs)
  }

  get steps(): number {
    return this.#steps
  }

  get turnMs(): number {
    return this.#options.turnMs()
  }

  /** Wall clocks jump; what is measured by the monotonic clock does not notice. */
  jump(byMs: number): void {
    this.#highestWallMs = this.highestWallMs
    this.#wallOffsetMs += byMs
  }

  /** A new process; its timers and callbacks end with it. */
  process(name: string): SimulatedProcess {
    return new SimulatedProcess(this, name)
  }

  /** Calls `run` in `delayMs`, as something the kernel hands to `owner`; never where that process ended. */
  after(delayMs: number, owner: SimulatedProcess | null, run: () => void, phase: 'io' | 'timer' | 'turn-end' = 'io'): Timer {
    const happening: Happening = {
      atMs: this.#nowMs + Math.max(0, delayMs),
      phase: phase === 'io' ? IO : phase === 'timer' ? TIMER : TURN_END,
      order: this.#order++,
      owner,
      run,
      cancelled: false,
    }
    this.#push(happening)
    return {
      cancel: () => {
        happening.cancelled = true
      },
    }
  }

  sleep(delayMs: number): Promise<void> {
    return new Promise((resolve) => this.after(delayMs, null, resolve))
  }

  /**
   * Runs what happens until `untilMs`, or until `done`. All promises that can settle have, before the next happens: each has an
   * immediate of its own, and many of them are asked for at once, for a turn of the event loop costs more than most happenings.
   */
  run(untilMs: number, done: () => boolean = () => false): Promise<void> {
    return new Promise((resolve, reject) => {
      let ended = false
      const end = (settle: () => void): void => {
        ended = true
        settle()
      }
      const once = (isLast: boolean): void => {
        if (ended) return
        try {
          if (done()) end(resolve)
          else if (this.#isQuietUntil(untilMs)) {
            this.#nowMs = Math.max(this.#nowMs, untilMs)
            end(resolve)
          } else {
            this.#step()
            if (isLast) batch()
          }
        } catch (error) {
          end(() => reject(error as Error))
        }
      }
      const batch = (): void => {
        for (let i = 1; i <= STEPS_PER_TURN; i++) systemClock.endOfTurn(() => once(i === STEPS_PER_TURN))
      }
      batch()
    })
  }

  /** Drops what waits for processes that ended: it would never happen, but keeps alive what it refers to. */
  forgetEnded(): void {
    const left = this.#heap.filter(({ owner }) => owner === null || owner.alive)
    this.#heap.length = 0
    for (const happening of left) this.#push(happening)
  }

  #isQuietUntil(untilMs: number): boolean {
    const next = this.#heap[0]
    return next === undefined || next.atMs > untilMs
  }

  /** The next happening that is not in vain. */
  #step(): void {
    for (let next = this.#pop(); next !== undefined; next = this.#pop()) {
      const { owner } = next
      if (next.cancelled || (owner !== null && !owner.alive)) continue
      if (owner !== null && owner.pausedUntilMs > next.atMs) {
        next.atMs = owner.pausedUntilMs
        this.#push(next)
        continue
      }
      this.#nowMs = next.atMs
      this.#steps++
      this.#options.onStep?.(this.#nowMs, owner)
      try {
        next.run()
      } catch (error) {
        this.#options.onCrash(owner, error)
      }
      return
    }
  }

  #push(happening: Happening): void {
    const heap = this.#heap
    let at = heap.push(happening) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if (!isBefore(happening, heap[parent] as Happening)) break
      heap[at] = heap[parent] as Happening
      at = parent
    }
    heap[at] = happening
  }

  #pop(): Happening | undefined {
    const heap = this.#heap
    const first = heap[0]
    const last = heap.pop()
    if (first === undefined || last === undefined || heap.length === 0) return first
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && isBefore(heap[child + 1] as Happening, heap[child] as Happening)) child++
      if (!isBefore(heap[child] as Happening, last)) break
      heap[at] = heap[child] as Happening
      at = child
    }
    heap[at] = last
    return first
  }
}

/** One process of the simulation, and its clock. */
export class SimulatedProcess implements Clock {
  readonly name: string
  readonly #time: SimulatedTime
  readonly #timers = new Set<Timer>()
  #turn: (() => void)[] = []
  #alive = true
  #pausedUntilMs = 0

  constructor(time: SimulatedTime, name: string) {
    this.#time = time
    this.name = name
  }

  get alive(): boolean {
    return this.#alive
  }

  get pausedUntilMs(): number {
    return this.#pausedUntilMs
  }

  /** Timers that are running. */
  get timerCount(): number {
    return this.#timers.size
  }

  /** Ends at once: nothing it waited for happens any more. */
  kill(): void {
    this.#alive = false
    this.#timers.clear()
    this.#turn = []
  }

  /** SIGSTOP for a while: everything waits, and comes at once. Within a longer pause a shorter one changes nothing: what waits already would come later than the rest. */
  pause(ms: number): void {
    this.#pausedUntilMs = Math.max(this.#pausedUntilMs, this.#time.nowMs + ms)
  }

  now(): number {
    return this.#time.wallMs
  }

  monotonicMs(): number {
    return this.#time.nowMs
  }

  after(delayMs: number, run: () => void): Timer {
    const happening = this.#time.after(
      delayMs,
      this,
      () => {
        this.#timers.delete(timer)
        run()
      },
      'timer',
    )
    const timer: Timer = {
      cancel: () => {
        happening.cancel()
        this.#timers.delete(timer)
      },
    }
    this.#timers.add(timer)
    return timer
  }

  endOfTurn(run: () => void): void {
    this.#turn.push(run)
    if (this.#turn.length === 1) this.#time.after(this.#time.turnMs, this, () => this.#endTurn(), 'turn-end')
  }

  /** One after the other, with promises settling in between, as Node does. */
  #endTurn(): void {
    const turn = this.#turn
    this.#turn = []
    for (const run of turn) this.#time.after(0, this, run)
  }
}

function isBefore(a: Happening, b: Happening): boolean {
  if (a.atMs !== b.atMs) return a.atMs < b.atMs
  return a.phase !== b.phase ? a.phase < b.phase : a.order < b.order
}
