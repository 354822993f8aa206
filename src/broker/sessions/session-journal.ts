import type { LogStore, StateRecord } from '../../log/ports.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'

/** What adds its positions to the next lazy write. */
export interface LazyState {
  /** Adds the records of everything that changed since it was last asked. */
  collect(records: StateRecord[]): void
}

/** Null, or why it did not become durable. */
export type OnSaved = (failed: Failure | null) => void

/** Deletions kept for a disk that refuses them; beyond it a restart may find again what was forgotten. */
const MAX_OWED = 100_000

/**
 * State of sessions on its way to disk: what somebody waits for goes at the end of the turn, one group for all of the turn;
 * what nobody waits for (acknowledgements, positions) goes at most `ackFlushMs` later, or along with the former.
 */
export class SessionJournal {
  readonly #log: LogStore
  readonly #clock: Clock
  readonly #ackFlushMs: number
  readonly #finish: (records: StateRecord[]) => void
  readonly #onFailure: (failed: Failure) => void
  #records: StateRecord[] = []
  #waiting: OnSaved[] = []
  /** Those of the records that nobody waits for. */
  #unasked = new Set<StateRecord>()
  /**
   * What the disk refused, by kind and key: deletions, for memory has forgotten what they are of, and whatever was written lazily with them.
   * An exchange that is forgotten without the position beyond it would be had again.
   */
  readonly #owed = new Map<string, StateRecord>()
  readonly #lazy = new Set<LazyState>()
  #armed = false
  #timer: Timer | null = null
  #closed = false

  /** `finish` may add records to every lazy group. */
  constructor(log: LogStore, clock: Clock, ackFlushMs: number, finish: (records: StateRecord[]) => void, onFailure: (failed: Failure) => void) {
    this.#log = log
    this.#clock = clock
    this.#ackFlushMs = ackFlushMs
    this.#finish = finish
    this.#onFailure = onFailure
  }

  /** Durable with this turn; `onSaved` is called once, never within the call. */
  save(records: readonly StateRecord[], onSaved: OnSaved | null): void {
    this.#records.push(...records)
    if (onSaved !== null) this.#waiting.push(onSaved)
    if (this.#armed) return
    this.#armed = true
    this.#clock.endOfTurn(() => this.#flushTurn())
  }

  /** What a refused deletion was of is there after all: `record` is kept again, and the deletion is not owed. */
  takeBack(record: StateRecord): void {
    this.#owed.delete(keyOf(record))
    this.save([record], null)
  }

  /** Durable some day: within `ackFlushMs`. */
  later(state: LazyState): void {
    if (this.#closed) return
    this.#lazy.add(state)
    this.#timer ??= this.#clock.after(this.#ackFlushMs, () => {
      this.#timer = null
      this.flushLazy()
    })
  }

  /** The state is gone. */
  forget(state: LazyState): void {
    this.#lazy.delete(state)
  }

  flushLazy(): void {
    const records: StateRecord[] = []
    for (const state of this.#lazy) state.collect(records)
    this.#lazy.clear()
    this.#finish(records)
    for (const record of records) this.#unasked.add(record)
    if (records.length > 0) this.save(records, null)
  }

  /** Everything that waits, now; before a clean close. Resolves when it is durable. */
  close(): Promise<void> {
    this.#timer?.cancel()
    this.#timer = null
    this.flushLazy()
    this.#closed = true
    return new Promise((resolve) => {
      this.#waiting.push(() => resolve())
      this.#flushTurn()
    })
  }

  #flushTurn(): void {
    this.#armed = false
    // Where somebody waits, a promise is due: that of before comes first.
    const owed = this.#waiting.length > 0 ? [...this.#owed.values()] : []
    const state = owed.length === 0 ? this.#records : [...owed, ...this.#records]
    const waiting = this.#waiting
    const unasked = this.#unasked
    this.#records = []
    this.#waiting = []
    this.#unasked = new Set()
    for (const record of owed) unasked.add(record)
    if (state.length === 0) {
      for (const onSaved of waiting) onSaved(null)
      return
    }
    this.#log.append({
      batches: [],
      state,
      durability: 'durable',
      onDone: (failed) => {
        const result = failed === null ? null : failure(ERRORS.kafkaStorageError, failed.message)
        if (result !== null) this.#onFailure(result)
        this.#settle(state, unasked, result !== null)
        for (const onSaved of waiting) onSaved(result)
      },
    })
  }

  #settle(state: readonly StateRecord[], unasked: ReadonlySet<StateRecord>, failed: boolean): void {
    for (const record of state) {
      const key = keyOf(record)
      if (failed && (record.value === null || unasked.has(record)) && this.#owed.size < MAX_OWED) this.#owed.set(key, record)
      else if (!failed && this.#owed.size > 0) this.#owed.delete(key)
    }
  }
}

function keyOf(record: StateRecord): string {
  return `${record.kind} ${record.key}`
}
