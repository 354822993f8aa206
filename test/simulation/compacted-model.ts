import type { World } from './world.ts'

interface Sent {
  readonly key: string
  readonly value: string | null
}

/** A record that a writer sent to a compacted partition. */
interface Row {
  readonly key: string
  /** Null: a tombstone. */
  readonly value: string | null
  /** When it was acknowledged, by the simulated time and by how often wall clocks had jumped. */
  readonly atMs: number
  readonly jumps: number
}

/** What one replay, from the start to the end, was shown. */
export interface Replay {
  readonly startedMs: number
  /** Of each key the last record that was acknowledged when it began. */
  readonly due: ReadonlyMap<string, number>
  /** Of each key the offset of the last one that was shown. */
  readonly shown: Map<string, number>
  nextOffset: number
  /** Something was passed over since its bytes are damaged: nothing can be missed. */
  isTorn: boolean
}

/** One compacted partition that one writer alone writes: every record that was acknowledged, at its offset. */
export class CompactedModel {
  readonly #world: World
  readonly #where: string
  readonly #deleteRetentionMs: number
  readonly #rows = new Map<number, Row>()
  readonly #last = new Map<string, number>()
  /** Sent and not acknowledged: they may be there, and what they supersede may be gone. */
  #pending: readonly Sent[] = []
  /** Values of transactions whose end nobody knows, and of those that were aborted. */
  readonly #unsure = new Set<string | null>()
  readonly #aborted = new Set<string | null>()

  constructor(world: World, where: string, deleteRetentionMs: number) {
    this.#world = world
    this.#where = where
    this.#deleteRetentionMs = deleteRetentionMs
  }

  get size(): number {
    return this.#rows.size
  }

  sending(records: readonly Sent[]): void {
    this.#pending = records
  }

  /** All that is pending was acknowledged; by the offset of each batch. */
  acknowledged(batches: ReadonlyMap<number, readonly Sent[]>): void {
    const { time } = this.#world
    for (const [baseOffset, records] of batches) {
      for (const [i, { key, value }] of records.entries()) {
        const offset = baseOffset + i
        const known = this.#rows.get(offset)
        if (known !== undefined) this.#world.violate(`${this.#where}: offset ${offset} was given to ${known.key} and to ${key}`)
        this.#rows.set(offset, { key, value, atMs: time.nowMs, jumps: this.#jumps })
        this.#last.set(key, offset)
      }
    }
    this.#pending = []
  }

  /** All that is pending was aborted. */
  aborted(): void {
    for (const { value } of this.#pending) this.#aborted.add(value)
    this.#pending = []
  }

  /** Nobody knows what became of what is pending: until a key is written again, nothing is known of it. */
  inDoubt(): void {
    for (const { key, value } of this.#pending) {
      this.#unsure.add(value)
      this.#last.delete(key)
    }
    this.#pending = []
  }

  begin(): Replay {
    return { startedMs: this.#world.time.nowMs, due: new Map(this.#last), shown: new Map(), nextOffset: 0, isTorn: false }
  }

  /** A record was shown: what stands at its offset, in its order. */
  show(replay: Replay, offset: number, key: string, value: string | null): void {
    const world = this.#world
    const row = this.#rows.get(offset)
    if (offset < replay.nextOffset) world.violate(`${this.#where}: offset ${offset} was shown again, ${replay.nextOffset} was due`)
    replay.nextOffset = offset + 1
    replay.shown.set(key, offset)
    if (this.#aborted.has(value)) world.violate(`${this.#where}: ${key}=${value} at offset ${offset} was aborted`)
    if (row === undefined) {
      const isSent = this.#unsure.has(value) || this.#pending.some((each) => each.key === key && each.value === value)
      if (!isSent) world.violate(`${this.#where}: ${key}=${value} at offset ${offset} was never sent`)
    } else if (row.key !== key || row.value !== value)
      world.violate(`${this.#where}: offset ${offset} is ${key}=${value}, ${row.key}=${row.value} was acknowledged there`)
  }

  /** The replay has come to `endOffset`, the high watermark when it began. `isStill`: nothing was written meanwhile, and nothing goes wrong. */
  end(replay: Replay, endOffset: number, isStill: boolean): void {
    if (replay.isTorn) return
    const world = this.#world
    world.count('compacted partitions replayed')
    for (const [key, offset] of replay.due) {
      // A full disk keeps from readers what is durable in the journal.
      if (offset >= endOffset && !isStill) continue
      // What was written since may have made the cleaner take it.
      if (this.#last.get(key) !== offset || this.#pending.some((each) => each.key === key)) continue
      const row = this.#rows.get(offset) as Row
      const shown = replay.shown.get(key)
      if (shown === offset) continue
      if (row.value !== null) world.violate(`${this.#where}: the last record of ${key}, ${row.value} at offset ${offset}, was not shown, but ${shown}`)
      else if (this.#isYoung(row)) world.violate(`${this.#where}: the tombstone of ${key} at offset ${offset} went after ${world.time.nowMs - row.atMs} ms`)
      else if (shown !== undefined && isStill) world.violate(`${this.#where}: ${key} was deleted at offset ${offset}, and is back from ${shown}`)
      else world.count('deleted keys forgotten')
    }
    const gone = this.#rows.size - [...this.#rows.keys()].filter((offset) => this.#last.get((this.#rows.get(offset) as Row).key) === offset).length
    if (gone > 0 && replay.shown.size < this.#rows.size) world.count('replays of what was compacted')
  }

  #isYoung({ atMs, jumps }: Row): boolean {
    return jumps === this.#jumps && this.#world.time.nowMs - atMs < this.#deleteRetentionMs
  }

  get #jumps(): number {
    return this.#world.counts.get('clock jumps') ?? 0
  }
}
