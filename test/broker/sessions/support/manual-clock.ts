import type { Clock, Timer } from '../../../../src/runtime/clock.ts'

/** Time that a test moves; turns of the event loop end when the test says so. */
export class ManualClock implements Clock {
  #nowMs: number
  /** Wall clock beside the monotonic one. */
  #jumpedMs = 0
  #turn: (() => void)[] = []
  #timers: { atMs: number; run: () => void }[] = []

  constructor(nowMs = 1_700_000_000_000) {
    this.#nowMs = nowMs
  }

  now(): number {
    return this.#nowMs + this.#jumpedMs
  }

  monotonicMs(): number {
    return this.#nowMs
  }

  after(delayMs: number, run: () => void): Timer {
    const timer = { atMs: this.#nowMs + delayMs, run }
    this.#timers.push(timer)
    return {
      cancel: () => {
        this.#timers = this.#timers.filter((other) => other !== timer)
      },
    }
  }

  endOfTurn(run: () => void): void {
    this.#turn.push(run)
  }

  /** Lets turns end until nothing more happens. */
  async settle(): Promise<void> {
    for (let idle = 0; idle < 3; ) {
      for (const run of this.#turn.splice(0)) run()
      await new Promise((resolve) => setImmediate(resolve))
      idle = this.#turn.length === 0 ? idle + 1 : 0
    }
  }

  /** Moves the time as for a process that was stopped: what came meanwhile is read before any timer. */
  sleep(ms: number): void {
    this.#nowMs += ms
  }

  /** The wall clock jumps, ahead or back; timers do not notice. */
  jump(ms: number): void {
    this.#jumpedMs += ms
  }

  /** Moves the time, firing timers in their order. */
  async advance(ms: number): Promise<void> {
    await this.settle()
    const endMs = this.#nowMs + ms
    for (;;) {
      const due = this.#timers.filter((timer) => timer.atMs <= endMs).sort((a, b) => a.atMs - b.atMs)[0]
      if (due === undefined) break
      this.#nowMs = Math.max(this.#nowMs, due.atMs)
      this.#timers = this.#timers.filter((timer) => timer !== due)
      due.run()
      await this.settle()
    }
    this.#nowMs = endMs
    await this.settle()
  }
}
