import type { StateMachine, StateRecord } from '../../log/ports.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import type { PartitionTail } from './partition-tail.ts'

/** Marks that only wait for their removal on disk; beyond it they are removed together. */
const MAX_STALE_MARKS = 64

/** What a mark changed since the one before it: the value of its state record, as JSON. */
type MarkRecord = readonly (readonly [tailKey: string, offset: number])[]

/**
 * Marks: the tails of all partitions at one moment, shared by every session that was at the tail then. A mark is kept as
 * what changed since the one before, so that many sessions over many partitions cost what was published, not their product.
 * A partition that no mark up to a session's own names is newer than it, or was empty: it is read from its start.
 */
export class Marks implements StateMachine {
  readonly kind = STATE_KINDS.mark
  /** Sequence -> how many cursors stand at it. */
  readonly #references = new Map<number, number>()
  /** Ascending: all marks that are kept, with the partitions they name. */
  readonly #deltas = new Map<number, Set<PartitionTail>>()
  readonly #changed = new Set<PartitionTail>()
  /** Kept on disk, merged into the next one in memory. */
  readonly #stale = new Set<number>()
  #newest = 0
  #replayed = new Map<number, MarkRecord>()
  /** Marks on disk with offsets that the log does not hold any more. */
  readonly #clamped = new Set<number>()

  /** The partition's tail moved since the newest mark. */
  changed(tail: PartitionTail): void {
    this.#changed.add(tail)
  }

  /** A mark of now, one reference taken; what must be kept for it is added to `records`. */
  take(records: StateRecord[]): number {
    if (this.#changed.size > 0 || this.#newest === 0) this.#begin(records)
    this.retain(this.#newest)
    return this.#newest
  }

  retain(seq: number): void {
    if (seq !== 0) this.#references.set(seq, (this.#references.get(seq) ?? 0) + 1)
  }

  release(seq: number): void {
    if (seq === 0) return
    const count = (this.#references.get(seq) ?? 0) - 1
    if (count > 0) {
      this.#references.set(seq, count)
      return
    }
    this.#references.delete(seq)
    if (seq !== this.#newest) this.#merge(seq)
  }

  /** What the partition's tail was at a mark; undefined where it is to be read from its start. */
  offsetAt(seq: number, tail: PartitionTail): number | undefined {
    const { markSeqs, markOffsets } = tail
    for (let at = markSeqs.length - 1; at >= 0; at--) if ((markSeqs[at] as number) <= seq) return markOffsets[at]
    return undefined
  }

  /** The partition's topic was deleted. */
  forget(tail: PartitionTail): void {
    this.#changed.delete(tail)
    for (const seq of tail.markSeqs) this.#deltas.get(seq)?.delete(tail)
  }

  /** Marks on disk that nobody needs, once there are many; removed and rewritten in the same group. */
  tidy(records: StateRecord[]): void {
    if (this.#stale.size < MAX_STALE_MARKS) return
    for (const [seq, tails] of this.#deltas) records.push(this.#record(seq, tails))
    for (const seq of this.#stale) records.push({ kind: this.kind, key: String(seq), value: null })
    this.#stale.clear()
  }

  get count(): number {
    return this.#deltas.size
  }

  apply(key: string, value: Uint8Array | null): void {
    if (value === null) this.#replayed.delete(Number(key))
    else this.#replayed.set(Number(key), JSON.parse(Buffer.from(value).toString()) as MarkRecord)
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const [seq, tails] of this.#deltas) yield [String(seq), encode(seq, tails)]
  }

  /** After the topics were opened; `clamp` is told of offsets beyond the log's end. References follow by `retain`. */
  open(tails: ReadonlyMap<string, PartitionTail>, clamp: (tail: PartitionTail, offset: number) => number): void {
    const last = new Map<PartitionTail, number>()
    for (const seq of [...this.#replayed.keys()].sort((a, b) => a - b)) {
      const delta = new Set<PartitionTail>()
      for (const [key, offset] of this.#replayed.get(seq) as MarkRecord) {
        const tail = tails.get(key)
        if (tail === undefined) continue
        const clamped = clamp(tail, offset)
        if (clamped !== offset) this.#clamped.add(seq)
        tail.markSeqs.push(seq)
        tail.markOffsets.push(clamped)
        last.set(tail, clamped)
        delta.add(tail)
      }
      this.#deltas.set(seq, delta)
      this.#newest = seq
    }
    this.#replayed = new Map()
    for (const tail of tails.values()) if ((last.get(tail) ?? 0) !== tail.dispatched) this.#changed.add(tail)
  }

  /**
   * After `open` and all `retain`s: merges marks that nobody stands at. Offsets that were moved back are kept so, before the
   * log hands them out a second time: after the next start they would read as seen.
   */
  prune(records: StateRecord[]): void {
    for (const seq of this.#clamped) records.push(this.#record(seq, this.#deltas.get(seq) ?? new Set()))
    this.#clamped.clear()
    for (const seq of [...this.#deltas.keys()]) if (seq !== this.#newest && !this.#references.has(seq)) this.#merge(seq)
  }

  #begin(records: StateRecord[]): void {
    const before = this.#newest
    const seq = before + 1
    const delta = new Set<PartitionTail>()
    for (const tail of this.#changed) {
      tail.markSeqs.push(seq)
      tail.markOffsets.push(tail.dispatched)
      delta.add(tail)
    }
    this.#changed.clear()
    this.#deltas.set(seq, delta)
    this.#newest = seq
    records.push(this.#record(seq, delta))
    if (before !== 0 && !this.#references.has(before)) this.#merge(before)
  }

  /** Nobody stands at `seq`: what it names moves to the next mark, where that does not name it newer. */
  #merge(seq: number): void {
    const delta = this.#deltas.get(seq)
    const next = this.#after(seq)
    if (delta === undefined || next === undefined) return
    this.#deltas.delete(seq)
    this.#stale.add(seq)
    for (const tail of delta) {
      const at = tail.markSeqs.indexOf(seq)
      if (next[1].has(tail)) {
        tail.markSeqs.splice(at, 1)
        tail.markOffsets.splice(at, 1)
      } else {
        tail.markSeqs[at] = next[0]
        next[1].add(tail)
      }
    }
  }

  #after(seq: number): readonly [number, Set<PartitionTail>] | undefined {
    for (const entry of this.#deltas) if (entry[0] > seq) return entry
    return undefined
  }

  #record(seq: number, tails: Set<PartitionTail>): StateRecord {
    return { kind: this.kind, key: String(seq), value: encode(seq, tails) }
  }
}

function encode(seq: number, tails: Set<PartitionTail>): Uint8Array {
  const record: [string, number][] = []
  for (const tail of tails) record.push([tail.key, tail.markOffsets[tail.markSeqs.indexOf(seq)] as number])
  return Buffer.from(JSON.stringify(record))
}
