import { batchBaseOffset, batchOffsetCount } from '../../log/record-batch.ts'
import { isFree, type Origin, type Run, type Runs } from './runs.ts'
import type { AcquiredRange, ShareLimits } from './share-limits.ts'

/** What a member wants of a share partition. */
export interface AcquireRequest {
  readonly member: string
  /** Records, at most; where whole batches are taken, the last one may exceed it. */
  readonly maxRecords: number
  /** Records never acquired before are acquired in groups of record batches that hold about so many. */
  readonly batchSize: number
  /** No record more than `maxRecords`. */
  readonly exact: boolean
}

/** Records that were delivered this often, or half as often as they may be, are delivered in ever smaller parts. */
const LEAST_THROTTLED_DELIVERIES = 2

/** Takes records for one member; made for one request, since what it took already decides what else it may take. */
export class Acquisition {
  readonly ranges: AcquiredRange[] = []
  readonly #runs: Runs
  readonly #request: AcquireRequest
  readonly #limits: ShareLimits
  readonly #lockedUntilMs: number
  #count = 0
  /** Records still to be taken; 0 also when what follows must be delivered apart. */
  #wanted = 0

  constructor(runs: Runs, request: AcquireRequest, limits: ShareLimits, lockedUntilMs: number) {
    this.#runs = runs
    this.#request = request
    this.#limits = limits
    this.#lockedUntilMs = lockedUntilMs
  }

  /** Takes what is free in record batches that were read from `fromOffset` on. */
  take(fromOffset: number, batches: readonly Uint8Array[]): void {
    const head = batches[0]
    const tail = batches.at(-1)
    if (head === undefined || tail === undefined) return
    const runs = this.#runs
    const room = this.#limits.maxInFlight - (runs.end - runs.start)
    this.#wanted = Math.min(this.#request.maxRecords, Math.max(room, 0))
    let last = batchBaseOffset(tail) + batchOffsetCount(tail) - 1
    if (room <= 0) {
      // Nothing new, but what came back may be taken again.
      this.#wanted = Math.min(this.#request.maxRecords, runs.end - fromOffset)
      last = Math.min(last, runs.end - 1)
    }
    const first = Math.max(batchBaseOffset(head), runs.start)
    this.#takeKnown(first, last)
    if (last >= runs.end && this.#wanted > this.#count) this.#takeNew(Math.max(first, runs.end), last, batches)
  }

  get #missing(): number {
    return this.#wanted - this.#count
  }

  /** What was acquired before and is free again, origin by origin. */
  #takeKnown(first: number, last: number): void {
    const runs = this.#runs
    if (first >= runs.end) return
    for (let index = runs.indexOf(first); index < runs.length && runs.at(index).first <= last && this.#missing > 0; ) {
      const { origin } = runs.at(index)
      let to = index
      let worst = -1
      while (to < runs.length && runs.at(to).origin === origin && runs.at(to).first <= last) {
        if (isFree(runs.at(to))) worst = Math.max(worst, runs.at(to).deliveryCount)
        to++
      }
      const isThrottled = worst >= this.#throttledFrom
      // A record that may be at fault is not delivered together with others, lest all of them reach the limit with it.
      if (isThrottled && this.#count > 0) this.#wanted = 0
      else if (worst >= 0) to = this.#takeOrigin(index, { first: Math.max(first, runs.at(index).first), last }, isThrottled)
      index = to
    }
  }

  /** Takes what is free of one origin, whose first run is at `index`; the index of the first run behind what was looked at. */
  #takeOrigin(index: number, { first, last }: Origin, isThrottled: boolean): number {
    const runs = this.#runs
    const { origin } = runs.at(index)
    const run = runs.at(index)
    const isWhole = run.first === origin.first && run.last === origin.last && run.first >= first && run.last <= last
    if (isWhole && !isThrottled && !(this.#request.exact && origin.last - origin.first + 1 > this.#missing)) {
      this.#lock(run)
      this.ranges.push({ first: run.first, last: run.last, deliveryCount: run.deliveryCount })
      return index + 1
    }
    const countBefore = this.#count
    const found: AcquiredRange[] = []
    const part = new Portion(this.#limits.maxDeliveries, this.#throttledFrom, origin, this.#request.exact ? this.#missing : Number.POSITIVE_INFINITY)
    let at = index
    for (; at < runs.length && runs.at(at).origin === origin && runs.at(at).first <= last && part.isOpen; at++) {
      if (!isFree(runs.at(at))) continue
      const from = Math.max(runs.at(at).first, first)
      const size = part.sizeFor(runs.at(at).deliveryCount, Math.min(runs.at(at).last, last) - from + 1)
      if (size === 0) break
      const [cut] = runs.isolate(from, from + size - 1)
      at = cut
      this.#lock(runs.at(cut))
      extend(found, runs.at(cut))
    }
    this.ranges.push(...found)
    if (isThrottled && this.#count > countBefore) this.#wanted = 0
    return at
  }

  /** What was never acquired, up to the end of the record batch that holds the last record wanted. */
  #takeNew(first: number, last: number, batches: readonly Uint8Array[]): void {
    const runs = this.#runs
    const wanted = this.#missing
    const lastTaken = wanted < last - first + 1 ? endOfBatchWith(first + wanted - 1, batches) : last
    // No record has these offsets any more.
    if (first > runs.end) runs.push(this.#newRun(runs.end, first - 1, 'archived'))
    if (this.#request.exact && wanted < lastTaken - first + 1) {
      const origin = { first, last: lastTaken }
      this.#add(this.#newRun(first, first + wanted - 1, 'acquired', origin))
      runs.push(this.#newRun(first + wanted, lastTaken, 'available', origin))
      return
    }
    let from = first
    for (const batch of this.#request.exact ? [] : batches) {
      const base = batchBaseOffset(batch)
      if (base > lastTaken) break
      if (base - from < this.#request.batchSize || base <= from) continue
      this.#add(this.#newRun(from, base - 1, 'acquired'))
      from = base
    }
    this.#add(this.#newRun(from, lastTaken, 'acquired'))
  }

  #add(run: Run): void {
    this.#runs.push(run)
    this.#count += run.last - run.first + 1
    this.ranges.push({ first: run.first, last: run.last, deliveryCount: run.deliveryCount })
  }

  #newRun(first: number, last: number, state: 'acquired' | 'available' | 'archived', origin: Origin = { first, last }): Run {
    const isTaken = state === 'acquired'
    return {
      first,
      last,
      state,
      deliveryCount: isTaken ? 1 : 0,
      holder: isTaken ? this.#request.member : '',
      lockedUntilMs: isTaken ? this.#lockedUntilMs : 0,
      settling: null,
      origin,
    }
  }

  #lock(run: Run): void {
    run.state = 'acquired'
    run.deliveryCount++
    run.holder = this.#request.member
    run.lockedUntilMs = this.#lockedUntilMs
    this.#count += run.last - run.first + 1
  }

  get #throttledFrom(): number {
    return Math.max(LEAST_THROTTLED_DELIVERIES, Math.ceil(this.#limits.maxDeliveries / 2))
  }
}

/** How much of one origin is delivered at once: less and less as deliveries fail, and a last attempt alone, as in Kafka. */
class Portion {
  readonly #maxDeliveries: number
  readonly #throttledFrom: number
  readonly #origin: Origin
  #left: number
  #taken = 0
  #isCapped = false

  constructor(maxDeliveries: number, throttledFrom: number, origin: Origin, maxRecords: number) {
    this.#maxDeliveries = maxDeliveries
    this.#throttledFrom = throttledFrom
    this.#origin = origin
    this.#left = maxRecords
  }

  get isOpen(): boolean {
    return this.#left > 0
  }

  /** How many of `available` neighbouring records that were delivered so often. */
  sizeFor(deliveryCount: number, available: number): number {
    // With a limit of 2 every second delivery is a last one: then nothing is delivered alone.
    const isLastAttempt = this.#maxDeliveries > 2 && deliveryCount === this.#maxDeliveries - 1
    if (isLastAttempt && this.#taken > 0) return 0
    if (deliveryCount >= this.#throttledFrom && !this.#isCapped) {
      this.#isCapped = true
      const size = this.#origin.last - this.#origin.first + 1
      const cap = Math.max(1, Math.floor(size / 2 ** (deliveryCount - this.#throttledFrom + 1)))
      // What was taken before the first such record counts too; the record itself is always taken.
      this.#left = Math.min(this.#left, Math.max(1, cap - this.#taken))
    }
    const taken = isLastAttempt ? 1 : Math.min(available, this.#left)
    this.#taken += taken
    this.#left = isLastAttempt ? 0 : this.#left - taken
    return taken
  }
}

/** Adds a run to ranges of the same origin; neighbours that were delivered as often are one range. */
function extend(ranges: AcquiredRange[], { first, last, deliveryCount }: Run): void {
  const before = ranges.at(-1)
  if (before !== undefined && before.last + 1 === first && before.deliveryCount === deliveryCount) {
    ranges[ranges.length - 1] = { first: before.first, last, deliveryCount }
  } else {
    ranges.push({ first, last, deliveryCount })
  }
}

/** The last offset of the record batch that holds `offset`; the offset itself where none does. */
function endOfBatchWith(offset: number, batches: readonly Uint8Array[]): number {
  for (const batch of batches) {
    const base = batchBaseOffset(batch)
    if (base > offset) break
    const last = base + batchOffsetCount(batch) - 1
    if (offset <= last) return last
  }
  return offset
}
