import type { PartitionTail } from './partition-tail.ts'

/** Where a reader behind the tail stands in one partition. */
export interface Lag {
  /** The next offset to look at. */
  next: number
  /** Filters that got their copy of the message at `next` already; null for none. */
  done: Set<string> | null
}

/**
 * A session's positions, by partition: one cursor for its plain subscriptions, one for each replay. A partition is in
 * exactly one of three places: lagging (read the log from `next` on), beside the mark (position known), or covered by
 * the mark (positions of all partitions at one moment, shared by many sessions; a partition that is not in it is read from its start).
 */
export class Cursor {
  /** The subscription's text for a replay, null for the session's own cursor. */
  readonly replay: string | null
  /** Whether QoS 0 is read from the log too, rather than dropped for who is behind. */
  readonly includesQos0: boolean
  readonly lagging = new Map<PartitionTail, Lag>()
  /** Positions that differ from the mark's. While connected only partitions at the tail; offline also the lagging ones. */
  readonly beside = new Map<PartitionTail, number>()
  /** While offline: lags in the middle of a message that several subscriptions of the session match. */
  readonly partial = new Map<PartitionTail, Lag>()
  /** The mark's sequence; 0 where there is none: every partition from its start. */
  mark = 0
  #hotTail: PartitionTail | null = null
  #hotNext = 0

  constructor(replay: string | null, includesQos0: boolean) {
    this.replay = replay
    this.includesQos0 = includesQos0
  }

  /** Something below `next` was handed over: the mark is too old for this partition. */
  touch(tail: PartitionTail, next: number): void {
    if (tail !== this.#hotTail) {
      this.settle()
      this.#hotTail = tail
    }
    this.#hotNext = next
  }

  /** Writes the last touch down; before `beside` is read. */
  settle(): void {
    if (this.#hotTail !== null) this.beside.set(this.#hotTail, this.#hotNext)
    this.#hotTail = null
  }

  /** Behind from `offset` on; `done` names filters that got their copy of that message. */
  fallBehind(tail: PartitionTail, offset: number, done: Set<string> | null): void {
    this.settle()
    this.beside.delete(tail)
    this.lagging.set(tail, { next: offset, done })
  }

  /** The client is gone: partitions that are behind keep their place. */
  suspend(): void {
    this.settle()
    for (const [tail, lag] of this.lagging) {
      this.beside.set(tail, lag.next)
      if (lag.done !== null) this.partial.set(tail, lag)
    }
    this.lagging.clear()
  }

  /** It is back: behind from `offset` on. */
  resume(tail: PartitionTail, offset: number): void {
    const partial = this.partial.get(tail)
    this.fallBehind(tail, offset, partial?.next === offset ? partial.done : null)
  }

  /** The log was read up to the tail. */
  caughtUp(tail: PartitionTail): void {
    const lag = this.lagging.get(tail)
    if (lag === undefined) return
    this.lagging.delete(tail)
    this.settle()
    this.beside.set(tail, lag.next)
  }

  /** All positions but the mark's, for keeping: lagging ones where they stand. */
  *positions(): Iterable<readonly [PartitionTail, number]> {
    this.settle()
    yield* this.beside
    for (const [tail, lag] of this.lagging) yield [tail, lag.next]
  }

  /** The partition's topic was deleted. */
  forget(tail: PartitionTail): void {
    this.settle()
    this.lagging.delete(tail)
    this.beside.delete(tail)
    this.partial.delete(tail)
  }
}
