import type { Clock, Timer } from './clock.ts'

class SystemTimer implements Timer {
  #handle: NodeJS.Timeout | null
  #immediate: NodeJS.Immediate | null = null

  constructor(delayMs: number, run: () => void) {
    // A timer phase comes before the poll phase: going through setImmediate lets buffered bytes be read
    // before a timeout is judged, as after SIGSTOP or a paused virtual machine.
    this.#handle = setTimeout(() => {
      this.#handle = null
      this.#immediate = setImmediate(() => {
        this.#immediate = null
        run()
      })
    }, delayMs)
    this.#handle.unref()
  }

  cancel(): void {
    if (this.#handle !== null) clearTimeout(this.#handle)
    if (this.#immediate !== null) clearImmediate(this.#immediate)
    this.#handle = null
    this.#immediate = null
  }
}

/** The machine's own clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  monotonicMs: () => performance.now(),
  after: (delayMs, run) => new SystemTimer(delayMs, run),
  endOfTurn: (run) => {
    setImmediate(run)
  },
}
