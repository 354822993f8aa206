import type {
  AppendGroup,
  LogFailure,
  LogStore,
  PartitionLog,
  PartitionSettings,
  ProducerVerdict,
  ReadLimits,
  ReadResult,
  StateMachine,
  TimestampedOffset,
  VisibleBatch,
} from '../../../src/log/ports.ts'
import { batchBaseOffset, batchMaxTimestampMs, batchOffsetCount, patchBatch } from '../../../src/log/record-batch.ts'
import type { DiskSpace } from '../../../src/runtime/files.ts'

/** A log in memory whose commits happen when the test says so. */
export class HeldLog implements LogStore {
  readonly stateEndOffset = 0
  readonly description = 'test:'
  /** While true, producers are asked to wait until `drain`. */
  congested = false
  disk: DiskSpace | null = null
  /** While true, nothing becomes durable. */
  held = false
  /** What the next appends answer instead of success. */
  failure: LogFailure | null = null
  readonly #waiting: (() => void)[] = []
  readonly #stalled: (() => void)[] = []

  register(_machine: StateMachine): void {}
  async open(): Promise<void> {}
  start(): void {}
  async space(): Promise<DiskSpace | null> {
    return this.disk
  }

  async close(): Promise<void> {}
  deleteTopic(_topicId: string): void {}
  whenDrained(run: () => void): void {
    if (this.congested) this.#stalled.push(run)
    else run()
  }

  /** There is room again. */
  drain(): void {
    this.congested = false
    for (const run of this.#stalled.splice(0)) run()
  }

  async openPartition(topicId: string, topicName: string, index: number, settings: PartitionSettings): Promise<PartitionLog> {
    return this.createPartition(topicId, topicName, index, settings)
  }

  createPartition(topicId: string, topicName: string, index: number, _settings: PartitionSettings): HeldPartition {
    return new HeldPartition(topicId, topicName, index)
  }

  append(group: AppendGroup): void {
    const failed = this.failure
    if (failed !== null) {
      queueMicrotask(() => group.onDone(failed))
      return
    }
    group.onAssigned?.(group.batches.map(({ partition, bytes }) => (partition as HeldPartition).add(bytes)))
    const done = () => {
      for (const { partition } of group.batches) (partition as HeldPartition).show()
      group.onDone(null)
    }
    if (group.durability === 'durable' && this.held) this.#waiting.push(done)
    else queueMicrotask(done)
  }

  /** Commits all that waits. */
  release(): void {
    this.held = false
    for (const done of this.#waiting.splice(0)) done()
  }
}

export class HeldPartition implements PartitionLog {
  readonly topicId: string
  readonly topicName: string
  readonly index: number
  readonly leaderEpoch = 3
  readonly sizeBytes = 0
  readOnly: LogFailure | null = null
  verdict: ProducerVerdict = { outcome: 'append', isKnown: true, baseOffset: -1, logAppendTimeMs: -1 }
  logStartOffset = 0
  highWatermark = 0
  logEndOffset = 0
  onVisible: ((batches: readonly VisibleBatch[]) => void) | null = null
  onStartRaised: ((logStartOffset: number) => void) | null = null
  /** Where true, `readTail` finds nothing and `read` must be asked. */
  onDisk = false
  readonly batches: Uint8Array[] = []

  constructor(topicId: string, topicName: string, index: number) {
    this.topicId = topicId
    this.topicName = topicName
    this.index = index
  }

  transactionStart(): null {
    return null
  }

  get lastStableOffset(): number {
    return this.highWatermark
  }

  add(bytes: Uint8Array): number {
    const baseOffset = this.logEndOffset
    patchBatch(bytes, baseOffset, this.leaderEpoch)
    this.batches.push(bytes)
    this.logEndOffset += batchOffsetCount(bytes)
    return baseOffset
  }

  show(): void {
    const from = this.highWatermark
    this.highWatermark = this.logEndOffset
    const visible = this.batches.filter((bytes) => batchBaseOffset(bytes) >= from)
    this.onVisible?.(visible.map((bytes) => ({ baseOffset: batchBaseOffset(bytes), offsetCount: batchOffsetCount(bytes), bytes, attachment: undefined })))
  }

  readTail(fromOffset: number, limits: ReadLimits): ReadResult | undefined {
    return this.onDisk ? undefined : this.#read(fromOffset, limits)
  }

  async read(fromOffset: number, limits: ReadLimits): Promise<ReadResult | LogFailure> {
    return this.#read(fromOffset, limits)
  }

  #read(fromOffset: number, limits: ReadLimits): ReadResult {
    const batches: Uint8Array[] = []
    let sizeBytes = 0
    for (const batch of this.batches) {
      if (batchBaseOffset(batch) + batchOffsetCount(batch) <= fromOffset || batchBaseOffset(batch) >= limits.endOffset) continue
      if (sizeBytes + batch.length > limits.maxBytes && !(limits.atLeastOne && batches.length === 0)) break
      batches.push(batch)
      sizeBytes += batch.length
    }
    return { batches, sizeBytes }
  }

  async offsetForTime(timestampMs: number): Promise<TimestampedOffset | null> {
    const batch = this.batches.find((bytes) => batchMaxTimestampMs(bytes) >= timestampMs)
    return batch === undefined ? null : { offset: batchBaseOffset(batch), timestampMs: batchMaxTimestampMs(batch), leaderEpoch: this.leaderEpoch }
  }

  async offsetOfMaxTimestamp(): Promise<TimestampedOffset | null> {
    return this.batches.length === 0 ? null : { offset: this.logEndOffset - 1, timestampMs: 1_000, leaderEpoch: this.leaderEpoch }
  }

  endOfEpoch(leaderEpoch: number) {
    return leaderEpoch === this.leaderEpoch ? { leaderEpoch, endOffset: this.logEndOffset } : null
  }

  epochOf(_offset: number): number {
    return this.leaderEpoch
  }

  readonly producers = { active: () => [] }

  checkProducer(): ProducerVerdict {
    return this.verdict
  }

  whenDurable(_offset: number, onDone: (failure: LogFailure | null) => void): void {
    queueMicrotask(() => onDone(null))
  }

  abortedTransactions(): readonly [] {
    return []
  }

  raiseStart(offset: number, onDone: (failure: LogFailure | null) => void): void {
    this.logStartOffset = offset
    queueMicrotask(() => onDone(null))
  }

  setSettings(): void {}
}
