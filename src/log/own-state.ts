import type { KeptState } from './kept-state.ts'
import type { LogFailure, StateRecord } from './ports.ts'

type OnDone = (failure: LogFailure | null) => void

export interface OwnStateOptions {
  readonly machines: readonly KeptState[]
  readonly append: (records: readonly StateRecord[], onDone: OnDone) => void
  /** Whether appends were taken back that were not told so yet. */
  readonly hasUntold: () => boolean
}

/**
 * Appends records of the log's own state: recovery points, and what changed of producers and transactions up to them. What a full disk
 * refused goes along with the next ones, as it is by then: a recovery point without the producers below it would forget them.
 */
export class OwnState {
  readonly #options: OwnStateOptions
  /** The append that each record was last in, as long as it is not known to be on disk. */
  readonly #waiting = new Map<string, { readonly record: StateRecord; readonly attempt: number }>()
  /** As many as there are keys of own state at most. */
  readonly #refused = new Map<string, StateRecord>()
  #attempts = 0

  constructor(options: OwnStateOptions) {
    this.#options = options
  }

  append(records: readonly StateRecord[], onDone: OnDone): void {
    const attempt = ++this.#attempts
    const all = this.#withOwed(records)
    for (const record of all) this.#waiting.set(keyOf(record), { record, attempt })
    this.#options.append(all, (failure) => {
      for (const record of all) {
        const key = keyOf(record)
        if (this.#waiting.get(key)?.attempt !== attempt) continue
        this.#waiting.delete(key)
        if (failure !== null) this.#refused.set(key, record)
      }
      onDone(failure)
    })
  }

  #withOwed(records: readonly StateRecord[]): readonly StateRecord[] {
    const owed = new Map(this.#refused)
    this.#refused.clear()
    if (this.#options.hasUntold()) for (const [key, { record }] of this.#waiting) owed.set(key, record)
    for (const record of records) owed.delete(keyOf(record))
    return owed.size === 0 ? records : [...Array.from(owed.values(), (record) => this.#now(record)), ...records]
  }

  #now({ kind, key }: StateRecord): StateRecord {
    const machine = this.#options.machines.find((candidate) => candidate.kind === kind)
    return { kind, key, value: machine?.get(key) ?? null }
  }
}

function keyOf({ kind, key }: StateRecord): string {
  return `${kind} ${key}`
}
