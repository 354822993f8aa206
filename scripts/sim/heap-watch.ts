/** Runs until everything that is loaded late or kept on purpose (compiled codecs, caches of the runtime) is there. */
const WARM_UP_RUNS = 8
/** Between two looks: collecting garbage takes as long as some runs. */
const LOOK_EVERY = 8
/** What one process may hold more than after its warm-up, after any number of runs. */
const GROWTH_BYTES = 12 * 1024 * 1024

/** Says when finished runs leave something behind in the heap. Needs `--expose-gc`; without it says nothing. */
export class HeapWatch {
  #runs = 0
  #baseBytes = 0

  /** Whether the run that comes is one to look at. */
  get looksNext(): boolean {
    return globalThis.gc !== undefined && (this.#runs + 1) % LOOK_EVERY === 0
  }

  /** Call when a run's outcome is all that is left of it; null, or what is wrong. */
  afterRun(): string | null {
    this.#runs++
    if (globalThis.gc === undefined || this.#runs < WARM_UP_RUNS || this.#runs % LOOK_EVERY !== 0) return null
    // Twice: memory of buffers is given back after the first.
    globalThis.gc()
    globalThis.gc()
    const { heapUsed, arrayBuffers } = process.memoryUsage()
    const bytes = heapUsed + arrayBuffers
    if (this.#baseBytes === 0) this.#baseBytes = bytes
    const grownBytes = bytes - this.#baseBytes
    if (grownBytes < GROWTH_BYTES) return null
    this.#baseBytes = bytes
    return `0.000 s: ${this.#runs} runs left ${grownBytes} bytes behind in the heap`
  }
}
