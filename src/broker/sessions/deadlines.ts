import type { Clock, Timer } from '../../runtime/clock.ts'

interface Deadline {
  readonly atMs: number
  readonly run: () => void
  cancelled: boolean
}

/** The longest sleep of the timer: where the wall clock jumps ahead, a deadline is this much late at most. */
const MAX_SLEEP_MS = 10_000

/** Cancelled deadlines that may wait for their time in the heap, whatever its size. */
const MIN_CANCELLED = 1024

/** Many points in time with one timer: a heap by time. Times are wall-clock milliseconds; nothing runs early by that clock. */
export class Deadlines {
  readonly #clock: Clock
  readonly #heap: Deadline[] = []
  #cancelled = 0
  #timer: Timer | null = null
  #timerAtMs = Number.POSITIVE_INFINITY

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Deadlines kept, with cancelled ones that were not taken out yet. */
  get size(): number {
    return this.#heap.length
  }

  /** Calls `run` at `atMs` or soon after. */
  at(atMs: number, run: () => void): Timer {
    const deadline: Deadline = { atMs, run, cancelled: false }
    this.#push(deadline)
    this.#arm()
    return {
      cancel: () => {
        if (deadline.cancelled) return
        deadline.cancelled = true
        this.#cancelled++
        if (this.#cancelled > MIN_CANCELLED && this.#cancelled > this.#heap.length / 2) this.#compact()
      },
    }
  }

  close(): void {
    this.#timer?.cancel()
    this.#timer = null
    this.#heap.length = 0
  }

  #arm(): void {
    const first = this.#heap[0]
    if (first === undefined || first.atMs >= this.#timerAtMs) return
    this.#timer?.cancel()
    const sleepMs = Math.min(MAX_SLEEP_MS, Math.max(0, first.atMs - this.#clock.now()))
    this.#timerAtMs = first.atMs
    this.#timer = this.#clock.after(sleepMs, () => this.#fire())
  }

  #fire(): void {
    this.#timer = null
    this.#timerAtMs = Number.POSITIVE_INFINITY
    const now = this.#clock.now()
    for (let first = this.#heap[0]; first !== undefined && (first.cancelled || first.atMs <= now); first = this.#heap[0]) {
      this.#pop()
      if (first.cancelled) this.#cancelled--
      else {
        first.cancelled = true
        first.run()
      }
    }
    this.#arm()
  }

  #compact(): void {
    const alive = this.#heap.filter((deadline) => !deadline.cancelled)
    this.#heap.length = 0
    this.#cancelled = 0
    for (const deadline of alive) this.#push(deadline)
  }

  #push(deadline: Deadline): void {
    const heap = this.#heap
    let at = heap.push(deadline) - 1
    while (at > 0) {
      const parent = (at - 1) >> 1
      if ((heap[parent] as Deadline).atMs <= deadline.atMs) break
      heap[at] = heap[parent] as Deadline
      at = parent
    }
    heap[at] = deadline
  }

  #pop(): void {
    const heap = this.#heap
    const last = heap.pop()
    if (last === undefined || heap.length === 0) return
    let at = 0
    for (;;) {
      let child = 2 * at + 1
      if (child >= heap.length) break
      if (child + 1 < heap.length && (heap[child + 1] as Deadline).atMs < (heap[child] as Deadline).atMs) child++
      if ((heap[child] as Deadline).atMs >= last.atMs) break
      heap[at] = heap[child] as Deadline
      at = child
    }
    heap[at] = last
  }
}
