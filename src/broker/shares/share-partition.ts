import { batchBaseOffset } from '../../log/record-batch.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { type AcquireRequest, Acquisition } from './acquire.ts'
import type { KeptBatch, KeptShare, ShareChange } from './kept-share.ts'
import { isFree, type RecordState, type Run, Runs } from './runs.ts'
import type { AcquiredRange, ShareLimits } from './share-limits.ts'

/** What a member says of records it has. */
export interface Acknowledgement {
  readonly first: number
  /** Inclusive. */
  readonly last: number
  readonly kind: /** Dealt with. */
    | 'accept'
    /** Somebody may have it again. */
    | 'release'
    /** Nobody shall have it again, or there is no such record. */
    | 'reject'
    /** It takes longer: the lock begins anew. */
    | 'renew'
}

/** Why an acknowledgement was refused; nothing of it holds then. */
export interface AckFault {
  readonly reason: /** The member does not have all of these records (any more). */
    | 'not-acquired'
    /** They lie behind everything that was ever acquired. */
    | 'never-acquired'
    /** It asked for more time, which is not given here. */
    | 'no-renewal'
    /** The disk refused. */
    | 'not-kept'
    /** The share partition is another one by now: its start was set, or the topic is gone. */
    | 'gone'
  readonly message: string
}

export interface SharePartitionParts {
  readonly clock: Clock
  readonly limits: () => ShareLimits
  /** Makes a change durable; calls back once, later. */
  readonly save: (change: ShareChange, onDone: (ok: boolean) => void) => void
  /** The start as it is on disk. */
  readonly keptStart: () => number
  /** Records became free, or there is room for more. */
  readonly onFree: () => void
}

/** A change of state that waits for the disk. */
interface Settling {
  readonly ranges: readonly { readonly first: number; readonly last: number }[]
}

/**
 * One partition as a group shares it: who has which records, what became of them, and where it begins. It knows no protocol: share
 * groups and shared subscriptions take records from it, and say what became of them. It holds no record, only offsets.
 *
 * What is answered is durable: accepting, rejecting and giving back. That somebody has a record is not kept, as in Kafka: after a
 * restart it is free again.
 */
export class SharePartition {
  readonly #runs: Runs
  readonly #parts: SharePartitionParts
  /** Nothing below is free. */
  #freeFrom: number
  /** Changes that wait for the disk. */
  #saving = 0
  /** The disk refused something: more is known here than there. */
  #isAhead = false
  #timer: Timer | null = null
  #timerMs = Number.POSITIVE_INFINITY
  #closed = false

  constructor(kept: KeptShare, parts: SharePartitionParts) {
    this.#runs = new Runs(kept.startOffset)
    this.#parts = parts
    this.#freeFrom = kept.startOffset
    this.#load(kept.batches)
  }

  /** Everything below is dealt with. */
  get startOffset(): number {
    return this.#runs.start
  }

  /** The first offset that was never acquired. */
  get endOffset(): number {
    return this.#runs.end
  }

  /** Runs in memory. */
  get runCount(): number {
    return this.#runs.length
  }

  /** Where to read what can be acquired next; null where nothing can be. */
  nextOffset(): number | null {
    const runs = this.#runs
    if (this.#freeFrom < runs.end) {
      for (let index = runs.indexOf(Math.max(this.#freeFrom, runs.start)); index < runs.length; index++) {
        const run = runs.at(index)
        if (!isFree(run)) continue
        this.#freeFrom = Math.max(run.first, runs.start)
        return this.#freeFrom
      }
    }
    this.#freeFrom = runs.end
    return runs.end - runs.start < this.#parts.limits().maxInFlight ? runs.end : null
  }

  /** Up to where it is worth reading from `fromOffset` on for so many records; there may be fewer in between. */
  readEnd(fromOffset: number, maxRecords: number): number {
    const runs = this.#runs
    let left = maxRecords
    if (fromOffset < runs.end) {
      for (let index = runs.indexOf(fromOffset); index < runs.length; index++) {
        const run = runs.at(index)
        if (!isFree(run)) continue
        const first = Math.max(run.first, fromOffset)
        left -= run.last - first + 1
        // What came back as a whole is given as a whole.
        if (left <= 0) return run.last + 1
      }
    }
    const room = this.#parts.limits().maxInFlight - (runs.end - runs.start)
    return runs.end + Math.max(0, Math.min(left, room))
  }

  /**
   * Takes records for a member. `batches` were read from `fromOffset`, the answer of `nextOffset`, on; what others took meanwhile is
   * left out. Record batches of `withheld` (base and last offset) are not given to anybody.
   */
  acquire(
    fromOffset: number,
    batches: readonly Uint8Array[],
    request: AcquireRequest,
    withheld: readonly { readonly first: number; readonly last: number }[] = [],
  ): readonly AcquiredRange[] {
    const limits = this.#parts.limits()
    if (this.#closed || request.maxRecords <= 0) return []
    this.#archiveBelow(fromOffset, batches)
    const lockedUntilMs = this.#parts.clock.monotonicMs() + limits.lockMs
    const acquisition = new Acquisition(this.#runs, request, limits, lockedUntilMs)
    acquisition.take(fromOffset, batches)
    this.#runs.dropDone()
    const ranges = withheld.length === 0 ? acquisition.ranges : this.#withhold(acquisition.ranges, withheld)
    if (ranges.length > 0) this.#arm(lockedUntilMs)
    return ranges
  }

  /** All of a request, or nothing. `onDone` is called once: when it is durable, or why it is refused; within the call where nothing must be kept. */
  acknowledge(member: string, acknowledgements: readonly Acknowledgement[], onDone: (fault: AckFault | null) => void): void {
    const fault = this.#check(member, acknowledgements)
    if (fault !== null) {
      onDone(fault)
      return
    }
    const settled: KeptBatch[] = []
    const settling: Settling = { ranges: settled }
    const limits = this.#parts.limits()
    if (acknowledgements.every(({ last }) => last < this.startOffset) && acknowledgements.some(({ last }) => last >= this.#parts.keptStart())) {
      // Dealt with already, but the disk does not know: after a restart they would be given again.
      this.#save([], (ok) => onDone(ok ? null : NOT_KEPT))
      return
    }
    for (const { first, last, kind } of acknowledgements) {
      if (last < this.startOffset) continue
      const [from, to] = this.#runs.isolate(Math.max(first, this.startOffset), last)
      for (let index = from; index < to; index++) {
        const run = this.#runs.at(index)
        if (kind === 'renew') this.#renew(run, limits)
        else settled.push(this.#settle(run, stateAfter(kind, run, limits), settling))
      }
    }
    this.#saveSettling(settling, settled, onDone)
  }

  /** Whether the disk knows all that is known of it: nobody has anything, and nothing is on its way. */
  get isIdle(): boolean {
    return this.#saving === 0 && !this.#isAhead && this.#runs.all().every(({ state }) => state !== 'acquired')
  }

  /** Gives back all that a member (null: anybody) has, and that it has not said anything of. `onDone`: it is durable, or refused. */
  release(member: string | null, onDone: () => void = () => {}): void {
    const settled: KeptBatch[] = []
    const settling: Settling = { ranges: settled }
    const limits = this.#parts.limits()
    for (const run of this.#runs.all()) {
      if (run.state === 'acquired' && (member === null || run.holder === member)) settled.push(this.#settle(run, stateAfter('release', run, limits), settling))
    }
    this.#saveSettling(settling, settled, onDone)
  }

  /** Records below are gone from the log. */
  raiseStart(offset: number): void {
    if (offset <= this.startOffset) return
    this.#runs.dropBelow(offset)
    this.#runs.dropDone()
    this.#saveStart()
    this.#parts.onFree()
  }

  /** Nothing can be taken any more, and what members have is nobody's. */
  close(): void {
    this.#closed = true
    this.#timer?.cancel()
    this.#timer = null
  }

  /** What was never kept of is free, as if it had never been delivered. */
  #load(batches: readonly KeptBatch[]): void {
    for (const { first, last, state, deliveryCount } of batches) {
      if (first > this.#runs.end) this.#runs.push(idleRun(this.#runs.end, first - 1, 'available', 0))
      this.#runs.push(idleRun(first, last, state, deliveryCount))
    }
    this.#runs.dropDone()
  }

  /** Records that were free are not in the log any more: compaction took them. */
  #archiveBelow(fromOffset: number, batches: readonly Uint8Array[]): void {
    const head = batches[0]
    if (head === undefined || fromOffset >= this.endOffset) return
    const first = Math.max(fromOffset, this.startOffset)
    const last = Math.min(batchBaseOffset(head), this.endOffset) - 1
    if (first <= last) this.#archive(first, last, isFree)
  }

  #withhold(ranges: readonly AcquiredRange[], withheld: readonly { readonly first: number; readonly last: number }[]): AcquiredRange[] {
    for (const { first, last } of withheld) {
      const from = Math.max(first, this.startOffset)
      const to = Math.min(last, this.endOffset - 1)
      if (from <= to) this.#archive(from, to, (run) => run.state === 'acquired' && run.settling === null)
    }
    return subtract(ranges, withheld)
  }

  /** At once, and kept without anybody waiting: a crash only makes it be found again. */
  #archive(first: number, last: number, select: (run: Run) => boolean): void {
    const [from, to] = this.#runs.isolate(first, last)
    const archived: KeptBatch[] = []
    for (let index = from; index < to; index++) {
      const run = this.#runs.at(index)
      if (!select(run)) continue
      run.state = 'archived'
      run.holder = ''
      run.lockedUntilMs = 0
      archived.push({ first: run.first, last: run.last, state: 'archived', deliveryCount: run.deliveryCount })
    }
    this.#runs.join(first, last)
    this.#runs.dropDone()
    this.#saveUnasked(archived)
  }

  /** What nobody waits for. */
  #saveUnasked(batches: readonly KeptBatch[]): void {
    if (!this.#closed && batches.length > 0) this.#save(batches, () => {})
  }

  #save(batches: readonly KeptBatch[], onDone: (ok: boolean) => void): void {
    this.#saving++
    this.#parts.save({ startOffset: this.startOffset, batches }, (ok) => {
      this.#saving--
      if (!ok) this.#isAhead = true
      onDone(ok)
      if (ok) this.#saveStart()
    })
  }

  /** The start may have passed what was never told: records that are not there, or what the disk refused before. */
  #saveStart(): void {
    if (this.#saving === 0 && !this.#closed && this.#parts.keptStart() < this.startOffset) this.#save([], () => {})
  }

  #check(member: string, acknowledgements: readonly Acknowledgement[]): AckFault | null {
    if (this.#closed) return { reason: 'gone', message: 'The share partition was made anew.' }
    let before = Number.NEGATIVE_INFINITY
    for (const { first, last, kind } of acknowledgements) {
      if (last < this.startOffset) continue
      if (first <= before) return NOT_ACQUIRED
      before = last
      if (this.#runs.length === 0) return { reason: 'not-acquired', message: 'Batch record not found. The request batch offsets are not found in the cache.' }
      if (first >= this.endOffset) return { reason: 'never-acquired', message: 'Batch record not found. The first offset in request is past acquired records.' }
      if (last >= this.endOffset) return { reason: 'never-acquired', message: 'Batch record not found. The last offset in request is past acquired records.' }
      for (let index = this.#runs.indexOf(Math.max(first, this.startOffset)); index < this.#runs.length; index++) {
        const run = this.#runs.at(index)
        if (run.first > last) break
        if (run.state !== 'acquired') return NOT_ACQUIRED
        if (run.holder !== member) return { reason: 'not-acquired', message: 'Member is not the owner of batch record' }
      }
      if (kind === 'renew' && !this.#parts.limits().mayRenew) {
        return { reason: 'no-renewal', message: 'Renewing acquisition locks is not enabled for the group.' }
      }
    }
    return null
  }

  #renew(run: Run, { lockMs }: ShareLimits): void {
    run.lockedUntilMs = this.#parts.clock.monotonicMs() + lockMs
    this.#arm(run.lockedUntilMs)
  }

  /** Its holder and lock are remembered: the change may be taken back. */
  #settle(run: Run, state: KeptBatch['state'], settling: Settling): KeptBatch {
    run.state = state
    run.settling = settling
    return { first: run.first, last: run.last, state, deliveryCount: run.deliveryCount }
  }

  #saveSettling(settling: Settling, settled: readonly KeptBatch[], onDone: (fault: AckFault | null) => void): void {
    if (settled.length === 0) {
      onDone(null)
      return
    }
    this.#save(settled, (ok) => {
      this.#settled(settling, ok)
      onDone(ok ? null : NOT_KEPT)
    })
  }

  #settled(settling: Settling, ok: boolean): void {
    const nowMs = this.#parts.clock.monotonicMs()
    for (const { first, last } of settling.ranges) {
      if (last < this.startOffset || this.#runs.length === 0) continue
      for (let index = this.#runs.indexOf(Math.max(first, this.startOffset)); index < this.#runs.length; index++) {
        const run = this.#runs.at(index)
        if (run.first > last) break
        if (run.settling !== settling) continue
        run.settling = null
        if (!ok) this.#takeBack(run, nowMs)
        if (run.state !== 'acquired') {
          run.holder = ''
          run.lockedUntilMs = 0
        }
        if (run.state === 'available') this.#freeFrom = Math.min(this.#freeFrom, run.first)
      }
      this.#runs.join(first, last)
    }
    const hasRoom = this.#runs.dropDone()
    if (!this.#closed && (hasRoom || this.#freeFrom < this.endOffset)) this.#parts.onFree()
  }

  /** As it was before a change that the disk refused; its lock may have ended meanwhile. */
  #takeBack(run: Run, nowMs: number): void {
    if (run.lockedUntilMs > nowMs) run.state = 'acquired'
    else run.state = stateAfter('release', run, this.#parts.limits())
    if (run.state === 'acquired') this.#arm(run.lockedUntilMs)
  }

  #arm(untilMs: number): void {
    if (this.#closed || untilMs >= this.#timerMs || untilMs === Number.POSITIVE_INFINITY) return
    this.#timer?.cancel()
    this.#timerMs = untilMs
    this.#timer = this.#parts.clock.after(Math.max(0, untilMs - this.#parts.clock.monotonicMs()), () => this.#expire())
  }

  /** Frees what members had for too long. Nobody waits for that to be durable. */
  #expire(): void {
    this.#timer = null
    this.#timerMs = Number.POSITIVE_INFINITY
    const nowMs = this.#parts.clock.monotonicMs()
    const limits = this.#parts.limits()
    const freed: KeptBatch[] = []
    let nextMs = Number.POSITIVE_INFINITY
    for (const run of this.#runs.all()) {
      if (run.state !== 'acquired') continue
      if (run.lockedUntilMs > nowMs) {
        nextMs = Math.min(nextMs, run.lockedUntilMs)
        continue
      }
      const state = stateAfter('release', run, limits)
      run.state = state
      run.holder = ''
      run.lockedUntilMs = 0
      if (state === 'available') this.#freeFrom = Math.min(this.#freeFrom, run.first)
      freed.push({ first: run.first, last: run.last, state, deliveryCount: run.deliveryCount })
    }
    this.#arm(nextMs)
    if (freed.length === 0) return
    this.#runs.join(this.startOffset, this.endOffset - 1)
    this.#runs.dropDone()
    this.#saveUnasked(freed)
    this.#parts.onFree()
  }
}

const NOT_KEPT: AckFault = { reason: 'not-kept', message: 'The disk refused the acknowledgement.' }
const NOT_ACQUIRED: AckFault = { reason: 'not-acquired', message: 'The batch cannot be acknowledged. The batch is not in the acquired state.' }

function stateAfter(kind: 'accept' | 'release' | 'reject', run: Run, limits: ShareLimits): KeptBatch['state'] {
  if (kind === 'accept') return 'acknowledged'
  return kind === 'reject' || run.deliveryCount >= limits.maxDeliveries ? 'archived' : 'available'
}

function idleRun(first: number, last: number, state: RecordState, deliveryCount: number): Run {
  return { first, last, state, deliveryCount, holder: '', lockedUntilMs: 0, settling: null, origin: { first, last } }
}

/** `ranges` without what is in `holes`; both in the order of offsets. */
function subtract(ranges: readonly AcquiredRange[], holes: readonly { readonly first: number; readonly last: number }[]): AcquiredRange[] {
  const left: AcquiredRange[] = []
  for (const { first, last, deliveryCount } of ranges) {
    let from = first
    for (const hole of holes) {
      if (hole.last < from || hole.first > last) continue
      if (hole.first > from) left.push({ first: from, last: hole.first - 1, deliveryCount })
      from = hole.last + 1
    }
    if (from <= last) left.push({ first: from, last, deliveryCount })
  }
  return left
}
