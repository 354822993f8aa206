/** What became of a record in the eyes of everybody who shares it. */
export type RecordState =
  /** Nobody has it: it was given back, its lock ended, or it was passed over. */
  | 'available'
  /** A member holds its lock. */
  | 'acquired'
  /** Done. */
  | 'acknowledged'
  /** Done for want of another end: rejected, delivered too often, or there is no such record any more. */
  | 'archived'

/** The offsets that were first acquired together: a throttled delivery takes a part of them. */
export interface Origin {
  readonly first: number
  /** Inclusive. */
  readonly last: number
}

/** Neighbouring offsets of which the same is true. */
export interface Run {
  first: number
  /** Inclusive. */
  last: number
  state: RecordState
  /** How often it was acquired. */
  deliveryCount: number
  /** Who has it, or had it until the change that waits for the disk; '' for nobody. */
  holder: string
  /** On the monotonic clock; Infinity for a lock that does not end. */
  lockedUntilMs: number
  /** The change of state that is not on disk yet; until then nobody can take it, and it may be taken back. */
  settling: object | null
  readonly origin: Origin
}

/** Whether nothing becomes of it any more. */
function isDone({ state, settling }: Run): boolean {
  return settling === null && (state === 'acknowledged' || state === 'archived')
}

/** Whether somebody may take it. */
export function isFree({ state, settling }: Run): boolean {
  return state === 'available' && settling === null
}

/**
 * The records between the start of a share partition and the end of what was ever acquired: runs in the order of their offsets,
 * without gaps. A batch that is acquired, acknowledged or given back as a whole is one run, however many records it has.
 */
export class Runs {
  readonly #runs: Run[] = []
  #start: number

  constructor(start: number) {
    this.#start = start
  }

  /** All below are done. */
  get start(): number {
    return this.#start
  }

  /** The first offset that was never acquired. */
  get end(): number {
    return (this.#runs.at(-1)?.last ?? this.#start - 1) + 1
  }

  get length(): number {
    return this.#runs.length
  }

  at(index: number): Run {
    return this.#runs[index] as Run
  }

  all(): readonly Run[] {
    return this.#runs
  }

  /** The index of the run that holds `offset`, which is between start and end. */
  indexOf(offset: number): number {
    let low = 0
    let high = this.#runs.length - 1
    while (low < high) {
      const middle = (low + high + 1) >>> 1
      if (this.at(middle).first <= offset) low = middle
      else high = middle - 1
    }
    return low
  }

  /** Adds a run at the end. */
  push(run: Run): void {
    if (this.#runs.length === 0) this.#start = run.first
    else if (run.first !== this.end) throw new Error(`a run from ${run.first} cannot follow the end ${this.end}`)
    this.#runs.push(run)
  }

  /** Cuts runs so that `first` begins one and `last` ends one; the index of the first and of the one behind the last. */
  isolate(first: number, last: number): [from: number, to: number] {
    const from = this.#cutAt(first)
    const to = last + 1 >= this.end ? this.#runs.length : this.#cutAt(last + 1)
    return [from, to]
  }

  /** Joins what is alike in the neighbourhood of the offsets from `first` to `last`. */
  join(first: number, last: number): void {
    if (this.#runs.length < 2) return
    let index = Math.max(1, this.indexOf(Math.max(first, this.#start)))
    let kept = index - 1
    for (; index < this.#runs.length; index++) {
      const run = this.at(index)
      const before = this.at(kept)
      if (alike(before, run)) before.last = run.last
      else {
        kept++
        this.#runs[kept] = run
      }
      if (run.first > last) {
        index++
        break
      }
    }
    this.#runs.splice(kept + 1, index - kept - 1)
  }

  /** Forgets what is below `offset`, which becomes the start. */
  dropBelow(offset: number): void {
    if (offset <= this.#start) return
    if (offset >= this.end) this.#runs.length = 0
    else this.#runs.splice(0, this.#cutAt(offset))
    this.#start = offset
  }

  /** Forgets what is done at the start; whether anything was. */
  dropDone(): boolean {
    let count = 0
    while (count < this.#runs.length && isDone(this.at(count))) count++
    if (count === 0) return false
    const last = this.at(count - 1).last
    this.#runs.splice(0, count)
    this.#start = last + 1
    return true
  }

  /** The index of the run that begins at `offset`, cut there if need be. */
  #cutAt(offset: number): number {
    const index = this.indexOf(offset)
    const run = this.at(index)
    if (run.first === offset) return index
    this.#runs.splice(index + 1, 0, { ...run, first: offset })
    run.last = offset - 1
    return index + 1
  }
}

/** What is done needs no origin any more: it is acquired by nobody. */
function alike(left: Run, right: Run): boolean {
  return (
    left.state === right.state &&
    left.settling === right.settling &&
    (left.origin === right.origin
      ? left.deliveryCount === right.deliveryCount && left.holder === right.holder && left.lockedUntilMs === right.lockedUntilMs
      : isDone(left))
  )
}
