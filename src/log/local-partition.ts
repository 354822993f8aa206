import { uuidToBytes, ZERO_UUID } from '../util/uuid.ts'
import { CommitCover } from './commit-cover.ts'
import type { CleanerMark } from './compaction/cleaner-mark.ts'
import type { JournalEntry } from './journal-format.ts'
import { partitionKey } from './kept-state.ts'
import { LeaderEpochs } from './leader-epochs.ts'
import { goneFailure, type LogCore, storageFailure } from './log-core.ts'
import { PartitionFolder } from './partition-folder.ts'
import { guarded, NOTHING, readPartition } from './partition-reads.ts'
import { PartitionSegments } from './partition-segments.ts'
import type { PartitionIdentity, PartitionStart, RecoveryPoint, UnwrittenBatch } from './partition-start.ts'
import { PartitionSync } from './partition-sync.ts'
import { batchesFrom, committedBatch, isReady, type PendingBatch, type PendingGroup, readyRun, splitPending, writeLarge, writeRun } from './pending.ts'
import type {
  AbortedTransaction,
  LogFailure,
  PartitionLog,
  PartitionSettings,
  ProducerVerdict,
  ReadLimits,
  ReadResult,
  StateRecord,
  TimestampedOffset,
  VisibleBatch,
} from './ports.ts'
import type { ProducerStates, SequencedBatch } from './producer-state.ts'
import { batchIsControl, batchLeaderEpoch, batchOffsetCount, patchBatch } from './record-batch.ts'
import type { Segment } from './segment.ts'
import { Fifo, PartitionTail } from './tail-cache.ts'
import { findMaxTimestamp, findTime } from './time-lookup.ts'
import { abortedBetween } from './txn-index.ts'

/** One partition's log on files: the order of its batches, and what of it is where. */
export class LocalPartition implements PartitionLog {
  readonly topicId: string
  readonly topicName: string
  readonly index: number
  onVisible: ((batches: readonly VisibleBatch[]) => void) | null = null
  onStartRaised: ((logStartOffset: number) => void) | null = null
  readonly producers: ProducerStates
  /** The cleaner's, and only it changes this. */
  cleanerMark: CleanerMark
  readonly #core: LogCore
  readonly #segments: PartitionSegments
  readonly #sync: PartitionSync
  readonly #folder: PartitionFolder
  readonly #cover: CommitCover
  readonly #epochs: LeaderEpochs
  readonly #tail: PartitionTail
  readonly #pending = new Fifo<PendingBatch>()
  #settings: PartitionSettings
  #leaderEpoch: number
  #logStartOffset: number
  #logEndOffset: number
  /** All below is in segments. */
  #highWatermark: number
  /** All below is in segments; behind the high watermark only where a full disk keeps committed batches of an earlier process in memory. */
  #writtenOffset: number
  #durableOffset: number
  #readOnly: LogFailure | null = null
  #gone = false
  #stuck = false
  #epochsChanged = false

  constructor(core: LogCore, identity: PartitionIdentity, settings: PartitionSettings, start: PartitionStart) {
    this.#core = core
    this.topicId = identity.topicId
    this.topicName = identity.topicName
    this.index = identity.index
    this.#folder = new PartitionFolder(core.fileSystem, identity.topicId, identity.folder, start.hasFolder)
    this.#segments = new PartitionSegments(core, start.segments)
    this.producers = start.producers
    this.cleanerMark = start.cleanerMark
    this.#cover = new CommitCover(uuidToBytes(identity.topicId), identity.index, core.settings.bypassBytes, identity.topicId !== ZERO_UUID)
    this.#settings = settings
    this.#tail = new PartitionTail(core.tailCache)
    this.#epochs = new LeaderEpochs(start.epochs)
    const files = { segments: this.#segments, folder: this.#folder }
    this.#sync = new PartitionSync(core, identity, start.recoveryPoint, files, {
      isGone: () => this.#gone,
      onSynced: (offset) => {
        this.durableUpTo(offset)
        this.#cover.settle(this.isDirty)
      },
    })
    this.#logStartOffset = start.logStartOffset
    this.#logEndOffset = start.logEndOffset
    this.#highWatermark = start.logEndOffset
    this.#writtenOffset = start.logEndOffset
    // What recovery found is synced by the first checkpoint; until then a wait for it must sync.
    this.#durableOffset = start.segments.every((segment) => segment.syncedBytes === segment.writtenBytes) ? start.logEndOffset : start.logStartOffset
    if (this.#durableOffset < start.logEndOffset) this.#cover.forget()
    for (const batch of start.unwritten) this.#keepUnwritten(batch)
    this.#leaderEpoch = this.#epochs.current + (start.raiseEpoch ? 1 : 0)
  }

  get folder(): string {
    return this.#folder.path
  }

  /** Gives its folder's name to a topic made anew: this one is being deleted, which is not durable yet, so that it must still be whole after a crash. */
  moveTo(folder: string): void {
    this.#folder.moveTo(folder)
    for (const segment of this.segments) segment.moved(folder)
  }

  get key(): string {
    return partitionKey(this.topicId, this.index)
  }

  get logStartOffset(): number {
    return this.#logStartOffset
  }

  get logEndOffset(): number {
    return this.#logEndOffset
  }

  get highWatermark(): number {
    return this.#highWatermark
  }

  get lastStableOffset(): number {
    return Math.max(this.producers.transactions.lastStableOffset(this.#highWatermark), this.#logStartOffset)
  }

  get sizeBytes(): number {
    return this.#segments.sizeBytes
  }

  /** Rising by base offset; the last one is appended to. Empty before the first record. */
  get segments(): Segment[] {
    return this.#segments.all
  }

  /** Changes when the cleaner put a segment in the place of others. */
  get layout(): number {
    return this.#segments.layout
  }

  get leaderEpoch(): number {
    return this.#leaderEpoch
  }

  get readOnly(): LogFailure | null {
    return this.#readOnly ?? this.#core.commit.broken
  }

  get settings(): PartitionSettings {
    return this.#settings
  }

  get gone(): boolean {
    return this.#gone
  }

  get hasPending(): boolean {
    return this.#pending.length > 0
  }

  /** Whether committed batches wait for a disk that did not take them. */
  get isStuck(): boolean {
    return this.#stuck
  }

  get activeSegment(): Segment | undefined {
    return this.#segments.active
  }

  setSettings(settings: PartitionSettings): void {
    this.#settings = settings
    for (const segment of this.segments) segment.indexIntervalBytes = settings.indexIntervalBytes
  }

  /** Gives a batch its offsets, its epoch and its place. */
  assign(bytes: Uint8Array, attachment: unknown, group: PendingGroup): PendingBatch {
    const baseOffset = this.#logEndOffset
    const offsetCount = batchOffsetCount(bytes)
    if (this.#epochs.begin(this.#leaderEpoch, baseOffset)) this.#epochsChanged = true
    patchBatch(bytes, baseOffset, this.#leaderEpoch)
    const segment = this.#segments.forBatch(bytes, baseOffset, this.folder, this.#settings)
    const batch: PendingBatch = {
      partition: this,
      group,
      bytes,
      baseOffset,
      offsetCount,
      segment,
      position: segment.sizeBytes,
      attachment,
      journaled: false,
      inSegment: false,
    }
    segment.sizeBytes += bytes.length
    this.#logEndOffset = baseOffset + offsetCount
    this.producers.remember(bytes, this.#core.clock.now(), this.#highWatermark)
    this.#pending.push(batch)
    this.#core.pressure.add(bytes.length)
    return batch
  }

  /** A batch was refused before it was given a place. */
  refused(bytes: Uint8Array): void {
    this.producers.refused(bytes, this.#core.clock.now())
  }

  /** Lists what a journal group needs so that all up to `last` is durable with it; null: what is written. */
  planCommit(last: PendingBatch | null, entries: JournalEntry[], before: (() => Promise<void>)[]): void {
    if (this.#gone) return
    const { mustSync, large } = this.#cover.plan(this.#pending, last, entries)
    if (mustSync) before.push(() => this.#sync.makeDurable(this.#writtenOffset))
    if (large.length > 0) before.push(() => writeLarge(large, () => this.#gone))
  }

  /** The commit that was planned failed: what it would have made durable has to be synced by the next. */
  uncover(): void {
    this.#cover.forget()
    for (const batch of this.#pending) batch.journaled = batch.baseOffset < this.#durableOffset
  }

  /** The journal has all below `offset`. */
  durableUpTo(offset: number): void {
    this.#durableOffset = Math.max(this.#durableOffset, offset)
  }

  /**
   * Writes what is ready at the head of the line, in one call per segment, and tells readers. Groups that are wholly written are
   * added to `written`. Answers why not, where the disk refuses.
   */
  flush(written: PendingGroup[]): LogFailure | null {
    const visible: PendingBatch[] = []
    let failed: LogFailure | null = null
    for (let head = this.#pending.peek(); head !== undefined && isReady(head); head = this.#pending.peek()) {
      const run = readyRun(this.#pending, head.segment)
      try {
        this.#writeRun(run)
      } catch (error) {
        failed = this.#writeFailed(run, error)
        break
      }
      for (const batch of run) {
        this.#pending.shift()
        if (batch.baseOffset >= this.#highWatermark) visible.push(batch)
        this.#settle(batch, written)
      }
      if (this.#stuck) this.#readOnly = null
      this.#stuck = false
    }
    if (visible.length > 0 && !this.#gone) this.onVisible?.(visible)
    return failed
  }

  /** Takes back what is neither in the journal nor written; with `inFlightToo` also what is on its way to the journal. Answers whose it was. */
  drop(inFlightToo: boolean): PendingGroup[] {
    const { keep, dropped } = splitPending(this.#pending, inFlightToo, this.#durableOffset)
    const first = dropped[0]
    if (first === undefined) return []
    this.#pending.replace(keep)
    this.#logEndOffset = first.baseOffset
    first.segment.sizeBytes = first.position
    while (this.activeSegment !== first.segment) this.segments.pop()
    first.segment.isClosed = false
    if (first.position === 0 && first.segment.writtenBytes === 0) this.segments.pop()
    this.producers.takeBack(first.baseOffset)
    if (this.#gone) return dropped.map((batch) => batch.group)
    // After a failed sync the journal may hold a group that says these bytes are here.
    if (this.#core.commit.broken === null) first.segment.cutJunk(this.#core.fileSystem, first.position)
    for (const batch of dropped) this.#core.pressure.add(-batch.bytes.length)
    return dropped.map((batch) => batch.group)
  }

  /** The topic was deleted. */
  end(): void {
    this.#gone = true
    this.onVisible = null
    this.onStartRaised = null
    for (const segment of this.segments) {
      this.#core.pressure.add(segment.syncedBytes - segment.sizeBytes)
      segment.close()
    }
  }

  readTail(fromOffset: number, limits: ReadLimits): ReadResult | undefined {
    if (fromOffset < this.#logStartOffset || this.#gone) return undefined
    if (fromOffset >= Math.min(limits.endOffset, this.#highWatermark)) return fromOffset <= this.#logEndOffset ? NOTHING : undefined
    return this.#tail.read(fromOffset, limits)
  }

  read(fromOffset: number, limits: ReadLimits): Promise<ReadResult | LogFailure> {
    return readPartition(this, this.#core, this.#tail, fromOffset, limits)
  }

  offsetForTime(timestampMs: number): Promise<TimestampedOffset | LogFailure | null> {
    return guarded(this, this.#core, () => findTime(this, this.#core, timestampMs))
  }

  offsetOfMaxTimestamp(): Promise<TimestampedOffset | LogFailure | null> {
    return guarded(this, this.#core, () => findMaxTimestamp(this, this.#core))
  }

  endOfEpoch(leaderEpoch: number): { readonly leaderEpoch: number; readonly endOffset: number } | null {
    // An epoch that was raised and has no record yet begins, and so the one before ends, at the log end.
    if (leaderEpoch === this.#leaderEpoch) return { leaderEpoch, endOffset: this.#logEndOffset }
    return this.#epochs.endOf(leaderEpoch, this.#logEndOffset)
  }

  epochOf(offset: number): number {
    return this.#epochs.at(offset)
  }

  checkProducer(batch: SequencedBatch): ProducerVerdict {
    return this.producers.check(batch)
  }

  whenDurable(offset: number, onDone: (failure: LogFailure | null) => void): void {
    const failure = this.#core.commit.broken ?? (this.#gone ? goneFailure(this.folder) : null)
    if (failure !== null || offset <= this.#durableOffset) queueMicrotask(() => onDone(failure))
    else this.#core.commit.add({ durable: true, batches: [], cover: this, coverEnd: offset, sizeBytes: 0, left: 0, stage: 'waiting', onDone })
  }

  abortedTransactions(fromOffset: number, endOffset: number): readonly AbortedTransaction[] {
    return abortedBetween(this.segments, fromOffset, endOffset)
  }

  transactionStart(producerId: number): number | null {
    return this.producers.transactions.firstOffsetOf(producerId) ?? null
  }

  raiseStart(offset: number, onDone: (failure: LogFailure | null) => void): void {
    const target = Math.min(offset, this.#writtenOffset)
    if (target <= this.#logStartOffset) {
      queueMicrotask(() => onDone(null))
      return
    }
    this.#sync.askStart(target)
    this.#core.appendState(this.checkpointRecords(), (failure) => {
      if (failure === null) this.raiseStartNow(target)
      onDone(failure)
    })
  }

  /** The segment that holds `offset`. */
  segmentOf(offset: number): Segment | undefined {
    return this.#segments.at(offset)
  }

  /** Committed batches that a full disk keeps in memory, whatever the tail has let go; undefined where `fromOffset` lies in a segment. */
  readUnwritten(fromOffset: number, limits: ReadLimits): ReadResult | undefined {
    return fromOffset < this.#writtenOffset ? undefined : batchesFrom(this.#pending, fromOffset, Math.min(this.#highWatermark, limits.endOffset))
  }

  /** The first offset behind what is written of `segment`. */
  endOf(segment: Segment): number {
    return this.#segments.endOf(segment, this.#writtenOffset)
  }

  /** All before this place is on disk, and the state says so. */
  get recoveryPoint(): RecoveryPoint {
    return this.#sync.recoveryPoint
  }

  /** The cleaner's: puts `fresh` in the place of closed segments that follow each other. What was read of them before may tell of records that are gone. */
  replaceSegments(old: readonly Segment[], fresh: Segment): void {
    this.#tail.hideBelow(this.endOf(old.at(-1) as Segment))
    this.#segments.replace(old, fresh)
  }

  /** Begins a new segment with the next append, where there is anything in this one. */
  roll(): void {
    if ((this.activeSegment?.sizeBytes ?? 0) > 0) this.#segments.add(this.folder, this.#logEndOffset, this.#settings.indexIntervalBytes)
  }

  /** Brings all that is written now to the disk; see `PartitionSync.run`. */
  sync(): Promise<(() => void) | null> {
    return this.#sync.run(this.#writtenOffset)
  }

  /** Whether a name of a file of this partition is not on disk yet. */
  get needsLink(): boolean {
    return this.#segments.needsLink
  }

  /** Whether there is anything a checkpoint would do. */
  get isDirty(): boolean {
    return this.#segments.isDirty
  }

  /** The state records of a checkpoint. */
  checkpointRecords(): StateRecord[] {
    return this.#sync.checkpointRecords({ logStartOffset: this.#logStartOffset, epochs: this.#epochs.all, producers: this.producers })
  }

  #writeRun(run: readonly PendingBatch[]): void {
    // Nothing of a deleted topic is worth a write.
    if (this.#gone) return
    this.#folder.make()
    if (this.#epochsChanged) {
      this.#epochsChanged = false
      this.#folder.writeEpochs(this.#epochs.all)
    }
    writeRun(run)
  }

  /** Committed by an earlier process, and never written for want of room. */
  #keepUnwritten({ segmentBase, position, bytes }: UnwrittenBatch): void {
    const active = this.activeSegment
    const segment = active?.baseOffset === segmentBase ? active : this.#segments.add(this.folder, segmentBase, this.#settings.indexIntervalBytes)
    const batch = committedBatch(this, segment, position, bytes)
    this.#pending.push(batch)
    if (this.#epochs.begin(Math.max(batchLeaderEpoch(bytes), this.#epochs.current), batch.baseOffset)) this.#epochsChanged = true
    segment.sizeBytes = position + bytes.length
    this.#logEndOffset = batch.baseOffset + batch.offsetCount
    this.#core.pressure.add(bytes.length)
    this.producers.remember(bytes, this.#core.clock.now(), this.#writtenOffset)
    this.#show(batch)
    this.#stuck = true
    this.#readOnly = storageFailure(this.folder, 'the disk is full')
  }

  #show({ baseOffset, offsetCount, bytes, segment }: PendingBatch): void {
    if (batchIsControl(bytes)) this.producers.transactions.index(baseOffset, segment.txnIndex)
    this.#highWatermark = baseOffset + offsetCount
    this.#tail.add(baseOffset, offsetCount, bytes)
  }

  #settle(batch: PendingBatch, written: PendingGroup[]): void {
    const { group, baseOffset, offsetCount } = batch
    this.#writtenOffset = baseOffset + offsetCount
    if (baseOffset >= this.#highWatermark) this.#show(batch)
    if (!batch.journaled && !this.#core.fileSystem.volatile) this.#cover.remember(batch)
    group.left--
    if (group.left === 0 && !group.durable) written.push(group)
  }

  /**
   * What the journal has is kept and tried again, the partition takes nothing more meanwhile; what it has not is for the caller
   * to take back. A full disk may have room for the next append, so that alone does not end appends; any other failure does.
   */
  #writeFailed(run: readonly PendingBatch[], error: unknown): LogFailure | null {
    const failure = storageFailure(`${this.folder} could not be written`, error)
    const kept = run.some((batch) => batch.journaled)
    const isNews = !this.#stuck
    if (kept) this.#stuck = true
    if (kept || (error as { code?: string }).code !== 'ENOSPC') this.#readOnly = failure
    if (isNews) this.#core.logger.error({ partition: this.folder, error: failure.message }, 'a segment could not be written')
    return kept ? null : failure
  }

  /** Moves the log start, which is durable already, and deletes what lies wholly below it. */
  raiseStartNow(offset: number): void {
    if (this.#gone || offset <= this.#logStartOffset) return
    this.#logStartOffset = offset
    this.#epochs.raiseStart(offset)
    this.#segments.removeBelow(offset)
    this.onStartRaised?.(offset)
  }
}
