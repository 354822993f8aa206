import type { StateRecord } from '../../log/ports.ts'
import { Cursor } from './cursor.ts'
import type { DeliveryHub } from './delivery-hub.ts'
import type { Marks } from './marks.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { CursorRecord } from './session-codec.ts'
import type { Subscription } from './subscription.ts'

/** The partition a key names, where it is still there. */
export type TailOf = (key: string) => PartitionTail | undefined

/** An offset, moved back to the log's end where it lies beyond. */
export type Clamp = (tail: PartitionTail, offset: number) => number

/** Where one session stands in every partition: a cursor for its plain subscriptions, one for each replay. */
export class Positions {
  /** That of the plain subscriptions. */
  readonly own: Cursor
  readonly #cursors = new Set<Cursor>()
  readonly #subscriptions: ReadonlyMap<string, Subscription>
  readonly #hub: DeliveryHub
  readonly #marks: Marks
  /** While the session is connected: what is not lagging is at the tail. */
  #live = false

  constructor(subscriptions: ReadonlyMap<string, Subscription>, hub: DeliveryHub, marks: Marks, includesQos0: boolean) {
    this.#subscriptions = subscriptions
    this.#hub = hub
    this.#marks = marks
    this.own = new Cursor(null, includesQos0)
    this.#cursors.add(this.own)
  }

  get cursors(): ReadonlySet<Cursor> {
    return this.#cursors
  }

  /** A replay of `subscription` (its text), which begins where `starts` says, or at the start of a partition it does not name. */
  addReplay(text: string, filter: string, starts: ReadonlyMap<PartitionTail, number>): Cursor {
    const cursor = new Cursor(text, true)
    this.#cursors.add(cursor)
    for (const tail of this.#hub.tailsOf(filter)) {
      const offset = starts.get(tail) ?? tail.partition.log.logStartOffset
      if (offset < tail.dispatched) cursor.fallBehind(tail, offset, null)
    }
    return cursor
  }

  /** After a restart; its positions follow with `restore`. */
  restoreReplay(text: string): Cursor {
    const cursor = new Cursor(text, true)
    this.#cursors.add(cursor)
    return cursor
  }

  remove(cursor: Cursor): void {
    this.#cursors.delete(cursor)
    this.#marks.release(cursor.mark)
  }

  /** The session is over. */
  release(): void {
    for (const cursor of this.#cursors) this.#marks.release(cursor.mark)
  }

  /** Coming back: finds the partitions that have more than was seen. A new session (`fresh`) has seen everything up to now. */
  begin(fresh: boolean): void {
    this.#live = true
    if (fresh) return
    for (const cursor of this.#cursors) this.#findLag(cursor)
  }

  /** Going away: partitions that are behind keep their place. */
  end(): void {
    this.#live = false
    for (const cursor of this.#cursors) cursor.suspend()
  }

  /** The tails of partitions the own cursor is behind on, by key; null where there are none. */
  tailsBehind(): Map<string, number> | null {
    const { lagging } = this.own
    return lagging.size === 0 ? null : new Map([...lagging.keys()].map((tail) => [tail.key, tail.dispatched]))
  }

  /** Takes a mark of now for every cursor with more than `maxBeside` positions beside its own (-1: for all), while connected. */
  takeMarks(records: StateRecord[], maxBeside: number): void {
    // Before `begin` it is not known which partitions are behind.
    if (!this.#live) return
    for (const cursor of this.#cursors) {
      cursor.settle()
      if (cursor.beside.size <= maxBeside) continue
      const before = cursor.mark
      cursor.mark = this.#marks.take(records)
      this.#marks.release(before)
      // All partitions that are not behind are at the tail: the mark says so for all of them.
      cursor.beside.clear()
    }
  }

  /** The next offset that the subscription will look at; infinite where nobody will. */
  of(text: string, tail: PartitionTail): number {
    const cursor = this.#subscriptions.get(text)?.cursor
    const lag = cursor?.lagging.get(tail)
    if (lag !== undefined) return lag.next
    return cursor === undefined || this.#live ? Number.POSITIVE_INFINITY : this.#seen(cursor, tail)
  }

  records(): CursorRecord[] {
    return [...this.#cursors].map((cursor) => ({
      replay: cursor.replay,
      mark: cursor.mark,
      positions: [...cursor.positions()].map(([tail, offset]) => [tail.key, offset] as const),
    }))
  }

  /** After a restart. True where something was moved back. */
  restore(records: readonly CursorRecord[], tailOf: TailOf, clamp: Clamp): boolean {
    let moved = false
    for (const { replay, mark, positions } of records) {
      const cursor = [...this.#cursors].find((candidate) => candidate.replay === replay)
      if (cursor === undefined) continue
      cursor.mark = mark
      this.#marks.retain(mark)
      for (const [key, offset] of positions) {
        const tail = tailOf(key)
        if (tail === undefined) continue
        const clamped = clamp(tail, offset)
        cursor.beside.set(tail, clamped)
        if (clamped !== offset) moved = true
      }
    }
    return moved
  }

  /** The topic was deleted. */
  forget(tail: PartitionTail): void {
    for (const cursor of this.#cursors) cursor.forget(tail)
  }

  #findLag(cursor: Cursor): void {
    const known = new Set<PartitionTail>()
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.cursor !== cursor) continue
      for (const tail of this.#hub.tailsOf(subscription.filter)) {
        if (known.has(tail)) continue
        known.add(tail)
        const position = this.#seen(cursor, tail)
        if (position < tail.dispatched) cursor.resume(tail, position)
      }
    }
    cursor.partial.clear()
  }

  /** While offline: beside the mark, else at the mark, else a partition newer than it. */
  #seen(cursor: Cursor, tail: PartitionTail): number {
    return cursor.beside.get(tail) ?? this.#marks.offsetAt(cursor.mark, tail) ?? 0
  }
}
