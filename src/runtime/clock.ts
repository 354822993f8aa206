/** A timer that was asked for; cancelling one that fired or was cancelled does nothing. */
export interface Timer {
  cancel(): void
}

/** Time, as the broker sees it. The real one is `systemClock`; tests and the simulation own another. */
export interface Clock {
  /** Wall-clock time: whole milliseconds since the Unix epoch. May jump. */
  now(): number
  /** Milliseconds since an arbitrary start, never going back, with fractions. */
  monotonicMs(): number
  /** Calls `run` once, `delayMs` (0 or more) from now, after a poll phase: bytes that arrived meanwhile are read first. Does not keep the process alive. */
  after(delayMs: number, run: () => void): Timer
  /** Calls `run` when all sockets readable in this turn of the event loop have been read. */
  endOfTurn(run: () => void): void
}
