import { createHash } from 'node:crypto'

/** Lines kept for whoever looks at a failure, unless all are wanted. */
const TAIL = 400

export interface TraceOptions {
  /** Prints each line as it happens. */
  readonly print: boolean
  /** Keeps all lines, not only the last. */
  readonly whole: boolean
}

/** Everything that happens in a run, in order: its hash is the run. Pieces on the wire are in the hash, not in the lines. */
export class Trace {
  readonly #options: TraceOptions
  readonly #hash = createHash('sha256')
  readonly #lines: string[] = []

  constructor(options: TraceOptions) {
    this.#options = options
  }

  add(line: string): void {
    this.#hash.update(line)
    if (this.#options.print) console.log(line)
    this.#lines.push(line)
    if (!this.#options.whole && this.#lines.length >= 2 * TAIL) this.#lines.splice(0, TAIL)
  }

  addBytes(line: string, bytes: Uint8Array): void {
    this.#hash.update(line)
    this.#hash.update(bytes)
  }

  get lines(): readonly string[] {
    return this.#options.whole ? this.#lines : this.#lines.slice(-TAIL)
  }

  /** Of everything so far. */
  hash(): string {
    return this.#hash.copy().digest('hex')
  }
}
