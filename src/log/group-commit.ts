import type { Clock } from '../runtime/clock.ts'
import { errorCode } from '../runtime/files.ts'
import type { Journal } from './journal.ts'
import type { JournalEntry } from './journal-format.ts'
import type { LocalPartition } from './local-partition.ts'
import { storageFailure } from './log-core.ts'
import type { PendingBatch, PendingGroup } from './pending.ts'
import type { LogFailure } from './ports.ts'
import type { LogSettings } from './settings.ts'
import { Fifo } from './tail-cache.ts'

/** One journal group in the making. */
interface CommitPlan {
  readonly groups: readonly PendingGroup[]
  readonly entries: readonly JournalEntry[]
  /** What must be on disk before the group is written: large batches and their segments. */
  readonly before: readonly (() => Promise<void>)[]
  /** Partitions whose bytes up to the offset are durable once the group is. */
  readonly covered: readonly { readonly partition: LocalPartition; readonly endOffset: number }[]
}

/**
 * Brings appends to where their promise wants them. Batches that only have to be written go to their segments at the end of the
 * current callback. Durable ones wait for a journal group first; one group is written at a time, with all that waits when it
 * begins. See docs/internals/decisions/0006-write-ahead-then-segment.md.
 */
export class GroupCommit {
  readonly #clock: Clock
  readonly #settings: LogSettings
  /** Null where nothing outlives the process: every commit is there at once. */
  readonly #journal: Journal | null
  /** Durable groups that no journal group has taken yet. */
  readonly #waiting = new Fifo<PendingGroup>()
  /** Partitions with batches that are not in their segments. */
  readonly #pending = new Set<LocalPartition>()
  #touched = new Set<LocalPartition>()
  #turnScheduled = false
  #committing = false
  #inFlight: readonly PendingGroup[] = []
  /** Durable groups that were taken back behind one that is in flight: fates are told in the order of the appends. */
  #untold: { readonly group: PendingGroup; readonly failure: LogFailure }[] = []
  #idle: (() => void)[] = []
  #broken: LogFailure | null = null
  #flushedSequence: number
  /** Called after each commit. */
  onCommitted: (() => void) | null = null
  /** Called once when the disk failed in a way that ends all appends. */
  onBroken: ((failure: LogFailure) => void) | null = null

  constructor(clock: Clock, journal: Journal | null, settings: LogSettings) {
    this.#clock = clock
    this.#journal = journal
    this.#settings = settings
    this.#flushedSequence = journal?.lastSequence ?? 0
  }

  /** Why nothing is appended any more; null while all is well. */
  get broken(): LogFailure | null {
    return this.#broken
  }

  /** The last journal group whose batches went to their segments: a newer one may be on disk whose have not yet. */
  get flushedSequence(): number {
    return this.#flushedSequence
  }

  /** Whether committed batches could not be written to their segment: the journal must keep them. */
  get isStuck(): boolean {
    for (const partition of this.#pending) if (partition.isStuck) return true
    return false
  }

  /** Whether groups were taken back whose appenders do not know yet: their state must not get into a snapshot. */
  get hasUntold(): boolean {
    return this.#untold.length > 0
  }

  /** Takes a group whose batches have their offsets already. */
  add(group: PendingGroup): void {
    for (const { partition } of group.batches) {
      this.#pending.add(partition)
      this.#touched.add(partition)
    }
    if (group.durable) this.#waiting.push(group)
    this.#scheduleTurn()
  }

  /** When nothing waits any more. */
  settled(): Promise<void> {
    if (!this.#committing && !this.#turnScheduled && this.#waiting.length === 0) return Promise.resolve()
    return new Promise((resolve) => {
      this.#idle.push(resolve)
    })
  }

  /** Takes a partition over whose journaled batches could not be written when it was opened. */
  adopt(partition: LocalPartition): void {
    this.#pending.add(partition)
  }

  /** Tries again to write what could not be written. */
  retry(partition: LocalPartition): void {
    this.#touched.add(partition)
    this.#scheduleTurn()
  }

  /** Ends all appends, those that wait and those to come. */
  breakDown(failure: LogFailure): void {
    if (this.#broken !== null) return
    this.#broken = failure
    this.onBroken?.(failure)
    this.#drop(failure, true)
  }

  #scheduleTurn(): void {
    if (this.#turnScheduled) return
    this.#turnScheduled = true
    queueMicrotask(() => this.#turn())
  }

  #turn(): void {
    this.#turnScheduled = false
    const durable = this.#journal === null ? this.#commitAtOnce() : []
    this.#flush(durable)
    if (this.#waiting.length > 0 && !this.#committing) {
      this.#committing = true
      // All sockets that are readable now get into the same group.
      this.#clock.endOfTurn(() => void this.#commitAll())
    }
    this.#tellIdle()
  }

  #tellIdle(): void {
    if (this.#committing || this.#turnScheduled || this.#waiting.length > 0) return
    const idle = this.#idle
    this.#idle = []
    for (const resolve of idle) resolve()
  }

  #commitAtOnce(): PendingGroup[] {
    const groups: PendingGroup[] = []
    for (let group = this.#waiting.shift(); group !== undefined; group = this.#waiting.shift()) {
      group.stage = 'committed'
      if (group.cover !== null) this.#touched.add(group.cover)
      groups.push(group)
    }
    return groups
  }

  async #commitAll(): Promise<void> {
    while (this.#waiting.length > 0 && this.#broken === null) {
      const plan = this.#plan()
      this.#inFlight = plan.groups
      try {
        if (plan.before.length > 0) await Promise.all(plan.before.map((step) => step()))
      } catch (error) {
        // Nothing of it is in the journal. A full disk may have room again; any other failure of a sync cannot be trusted again.
        const failure = storageFailure('a batch could not be written to its segment', error)
        for (const { partition } of plan.covered) partition.uncover()
        if (errorCode(error) === 'ENOSPC') this.#drop(failure, true)
        else this.breakDown(failure)
        continue
      }
      let sequence = this.#flushedSequence
      try {
        if (plan.entries.length > 0) sequence = await (this.#journal as Journal).write(plan.entries)
      } catch (error) {
        const failure = storageFailure('the journal could not be written', error)
        for (const { partition } of plan.covered) partition.uncover()
        if (errorCode(error) === 'ENOSPC') this.#drop(failure, true)
        else this.breakDown(failure)
        continue
      }
      if (this.#broken !== null) break
      this.#inFlight = []
      this.#committed(plan)
      this.#flushedSequence = sequence
    }
    this.#inFlight = []
    this.#committing = false
    this.#tellIdle()
  }

  #committed(plan: CommitPlan): void {
    for (const { partition, endOffset } of plan.covered) partition.durableUpTo(endOffset)
    for (const group of plan.groups) {
      group.stage = 'committed'
      for (const batch of group.batches) this.#touched.add(batch.partition)
    }
    this.#flush(plan.groups)
    this.#tellUntold()
    this.onCommitted?.()
  }

  /** Takes the groups that fit one journal group, and lists what has to be in it. */
  #plan(): CommitPlan {
    const groups: PendingGroup[] = []
    let sizeBytes = 0
    for (let group = this.#waiting.peek(); group !== undefined; group = this.#waiting.peek()) {
      if (groups.length > 0 && sizeBytes + group.sizeBytes > this.#settings.commitBytes) break
      this.#waiting.shift()
      group.stage = 'in-flight'
      sizeBytes += group.sizeBytes
      groups.push(group)
    }
    const ends = new Map<LocalPartition, PendingBatch | null>()
    for (const group of groups) {
      if (group.cover !== null && !ends.has(group.cover)) ends.set(group.cover, null)
      for (const batch of group.batches) ends.set(batch.partition, batch)
    }
    const entries: JournalEntry[] = []
    const before: (() => Promise<void>)[] = []
    const covered: { partition: LocalPartition; endOffset: number }[] = []
    for (const [partition, last] of ends) {
      const endOffset = last === null ? partition.highWatermark : last.baseOffset + last.offsetCount
      partition.planCommit(last, entries, before)
      covered.push({ partition, endOffset })
    }
    return { groups, entries, before, covered }
  }

  /** Writes what is ready, tells readers, then appenders: `durable` groups in their order first. */
  #flush(durable: readonly PendingGroup[]): void {
    const touched = this.#touched
    this.#touched = new Set()
    const written: PendingGroup[] = []
    let failed: LogFailure | null = null
    for (const partition of touched) {
      failed = partition.flush(written) ?? failed
      if (!partition.hasPending) this.#pending.delete(partition)
    }
    for (const group of durable) group.onDone(null)
    for (const group of written) group.onDone(null)
    if (failed !== null) this.#drop(failed, false)
  }

  /** Rolls everything back that is not in the journal: offsets behind a lost batch must shift, and groups are atomic. */
  #drop(failure: LogFailure, inFlightToo: boolean): void {
    const groups = new Set<PendingGroup>()
    for (const partition of this.#pending) {
      for (const group of partition.drop(inFlightToo)) groups.add(group)
      if (!partition.hasPending) this.#pending.delete(partition)
    }
    if (inFlightToo) {
      for (const group of this.#inFlight) groups.add(group)
      this.#inFlight = []
    }
    const kept: PendingGroup[] = []
    for (let group = this.#waiting.shift(); group !== undefined; group = this.#waiting.shift()) {
      // A wait for what is written already is not concerned, while the journal works; one for what was taken back fails with it.
      const { cover, coverEnd } = group
      if (cover !== null && coverEnd <= cover.logEndOffset && this.#broken === null) kept.push(group)
      else groups.add(group)
    }
    for (const group of kept) this.#waiting.push(group)
    const isInFlight = this.#inFlight.length > 0
    for (const group of groups) {
      if (isInFlight && group.durable) this.#untold.push({ group, failure })
      else group.onDone(failure)
    }
    if (!isInFlight) this.#tellUntold()
  }

  #tellUntold(): void {
    const untold = this.#untold
    this.#untold = []
    for (const { group, failure } of untold) group.onDone(failure)
  }
}
