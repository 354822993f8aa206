import type {
  AppendGroup,
  LogFailure,
  LogStore,
  PartitionLog,
  PartitionSettings,
  ReadLimits,
  ReadResult,
  StateMachine,
  VisibleBatch,
} from '../../../../src/log/ports.ts'
import { batchMaxTimestampMs, batchOffsetCount, patchBatch, readRecords } from '../../../../src/log/record-batch.ts'

interface StoredBatch {
  readonly baseOffset: number
  readonly count: number
  readonly bytes: Uint8Array
  readonly attachment: unknown
  visible: boolean
  /** Would survive a power cut. */
  durable: boolean
}

/** What outlives a restart of a `HeldLog`. */
export class Disk {
  readonly partitions = new Map<string, { start: number; end: number; batches: StoredBatch[] }>()
  readonly state = new Map<number, Map<string, Uint8Array>>()
  /** How often a broker started on it. */
  starts = 0
}

/**
 * A log in memory whose commits wait for `commit()`: a test decides what is durable at which moment, and what a crash takes.
 * `auto` commits by itself, within the same turn.
 */
export class HeldLog implements LogStore {
  readonly stateEndOffset = 0
  readonly congested = false
  readonly description = 'test:'
  readonly disk: Disk
  auto = true
  /** Commits fail, and leave nothing. */
  failing = false
  /** Reads fail. */
  failingReads = false
  /** Every group appended, for looking at. */
  readonly groups: AppendGroup[] = []
  readonly #machines = new Map<number, StateMachine>()
  readonly #logs = new Map<string, HeldPartition>()
  #waiting: (() => void)[] = []
  #dead = false

  constructor(disk = new Disk()) {
    this.disk = disk
  }

  register(machine: StateMachine): void {
    this.#machines.set(machine.kind, machine)
  }

  async open(): Promise<void> {
    for (const [kind, entries] of this.disk.state) {
      const machine = this.#machines.get(kind)
      for (const [key, value] of entries) machine?.apply(key, value)
    }
  }

  async openPartition(topicId: string, topicName: string, index: number, settings: PartitionSettings): Promise<PartitionLog> {
    return this.createPartition(topicId, topicName, index, settings)
  }

  createPartition(topicId: string, topicName: string, index: number, _settings: PartitionSettings): PartitionLog {
    const key = `${topicId}/${index}`
    let stored = this.disk.partitions.get(key)
    if (stored === undefined) {
      stored = { start: 0, end: 0, batches: [] }
      this.disk.partitions.set(key, stored)
    }
    const log = new HeldPartition(topicId, topicName, index, stored, () => this.failingReads)
    this.#logs.set(key, log)
    return log
  }

  deleteTopic(topicId: string): void {
    for (const key of [...this.disk.partitions.keys()]) if (key.startsWith(`${topicId}/`)) this.disk.partitions.delete(key)
  }

  start(): void {}

  whenDrained(run: () => void): void {
    run()
  }

  append(group: AppendGroup): void {
    if (this.#dead) return
    this.groups.push(group)
    const appended = group.batches.map(
      (batch) => [batch.partition as HeldPartition, (batch.partition as HeldPartition).append(batch.bytes, batch.attachment)] as const,
    )
    group.onAssigned?.(appended.map(([, batch]) => batch.baseOffset))
    const finish = () => {
      if (this.#dead) return
      if (this.failing && group.durability === 'durable') {
        for (const [partition, batch] of appended) partition.cut(batch)
        group.onDone({ code: 'storage-error', message: 'the disk of the test fails' })
        return
      }
      for (const [partition, batch] of appended) {
        batch.visible = true
        if (group.durability === 'durable') partition.sync(batch)
      }
      for (const { kind, key, value } of group.state) {
        const entries = this.disk.state.get(kind) ?? new Map<string, Uint8Array>()
        this.disk.state.set(kind, entries)
        if (value === null) entries.delete(key)
        else entries.set(key, value)
      }
      for (const [partition] of appended) partition.tell()
      group.onDone(null)
    }
    if (group.durability === 'written' || this.auto) queueMicrotask(finish)
    else this.#waiting.push(finish)
  }

  /** Makes what waits durable. */
  commit(): void {
    for (const finish of this.#waiting.splice(0)) finish()
  }

  /**
   * The process dies: what waits for its commit is gone. Where the power went too, so is what was only written. Returns the
   * disk for a new one.
   */
  crash(power = false): Disk {
    this.#dead = true
    for (const partition of this.disk.partitions.values()) {
      const cut = partition.batches.findIndex((batch) => !batch.visible || (power && !batch.durable))
      if (cut >= 0) partition.batches.length = cut
      const last = partition.batches.at(-1)
      partition.end = last === undefined ? partition.start : last.baseOffset + last.count
    }
    return this.disk
  }

  async space(): Promise<null> {
    return null
  }

  async close(): Promise<void> {
    this.commit()
  }
}

class HeldPartition implements PartitionLog {
  readonly topicId: string
  readonly topicName: string
  readonly index: number
  readonly leaderEpoch = 0
  readonly readOnly = null
  onVisible: ((batches: readonly VisibleBatch[]) => void) | null = null
  onStartRaised: ((logStartOffset: number) => void) | null = null
  readonly #stored: { start: number; end: number; batches: StoredBatch[] }
  #told: number
  readonly #fails: () => boolean

  constructor(topicId: string, topicName: string, index: number, stored: { start: number; end: number; batches: StoredBatch[] }, fails: () => boolean) {
    this.#fails = fails
    this.topicId = topicId
    this.topicName = topicName
    this.index = index
    this.#stored = stored
    this.#told = stored.end
  }

  get logStartOffset(): number {
    return this.#stored.start
  }
  get logEndOffset(): number {
    return this.#stored.end
  }
  get highWatermark(): number {
    return this.#stored.batches.find((batch) => !batch.visible)?.baseOffset ?? this.#stored.end
  }
  get lastStableOffset(): number {
    return this.highWatermark
  }
  get sizeBytes(): number {
    return this.#stored.batches.reduce((sum, batch) => sum + batch.bytes.length, 0)
  }

  transactionStart(): null {
    return null
  }

  append(bytes: Uint8Array, attachment: unknown): StoredBatch {
    const count = batchOffsetCount(bytes)
    const baseOffset = this.#stored.end
    patchBatch(bytes, baseOffset, 0)
    const batch = { baseOffset, count, bytes: Uint8Array.from(bytes), attachment, visible: false, durable: false }
    this.#stored.batches.push(batch)
    this.#stored.end += count
    return batch
  }

  /** The log end goes back. */
  cut(batch: StoredBatch): void {
    this.#stored.batches = this.#stored.batches.filter((other) => other !== batch)
    this.#stored.end = Math.min(this.#stored.end, batch.baseOffset)
  }

  /** A commit covers everything below it. */
  sync(upTo: StoredBatch): void {
    for (const batch of this.#stored.batches) if (batch.baseOffset <= upTo.baseOffset) batch.durable = true
  }

  tell(): void {
    const end = this.highWatermark
    const batches = this.#stored.batches.filter((batch) => batch.baseOffset >= this.#told && batch.baseOffset < end)
    if (batches.length === 0) return
    this.#told = end
    this.onVisible?.(batches.map((batch) => ({ baseOffset: batch.baseOffset, offsetCount: batch.count, bytes: batch.bytes, attachment: batch.attachment })))
  }

  readTail(): ReadResult | undefined {
    return undefined
  }

  async read(fromOffset: number, limits: ReadLimits): Promise<ReadResult | LogFailure> {
    if (this.#fails()) return { code: 'storage-error', message: 'EIO' }
    if (fromOffset < this.#stored.start || fromOffset > this.#stored.end) return { code: 'offset-out-of-range', message: `${fromOffset}` }
    const batches: Uint8Array[] = []
    let sizeBytes = 0
    for (const batch of this.#stored.batches) {
      if (batch.baseOffset + batch.count <= fromOffset || batch.baseOffset >= limits.endOffset) continue
      if (batches.length > 0 && sizeBytes + batch.bytes.length > limits.maxBytes) break
      batches.push(batch.bytes)
      sizeBytes += batch.bytes.length
    }
    return { batches, sizeBytes }
  }

  async offsetForTime(timestampMs: number) {
    if (this.#fails()) return { code: 'storage-error' as const, message: 'EIO' }
    for (const batch of this.#stored.batches) {
      if (batchMaxTimestampMs(batch.bytes) < timestampMs) continue
      const records = readRecords(batch.bytes)
      const found = 'fault' in records ? undefined : records.find((record) => record.timestampMs >= timestampMs)
      if (found !== undefined) return { offset: found.offset, timestampMs: found.timestampMs, leaderEpoch: 0 }
    }
    return null
  }

  async offsetOfMaxTimestamp() {
    return null
  }
  endOfEpoch() {
    return null
  }
  epochOf(): number {
    return 0
  }
  readonly producers = { active: () => [] }

  checkProducer() {
    return { outcome: 'append' as const, isKnown: true, baseOffset: -1, logAppendTimeMs: -1 }
  }
  whenDurable(_offset: number, onDone: (failure: LogFailure | null) => void): void {
    queueMicrotask(() => onDone(null))
  }
  abortedTransactions() {
    return []
  }
  raiseStart(offset: number, onDone: (failure: LogFailure | null) => void): void {
    this.#stored.start = offset
    this.#stored.batches = this.#stored.batches.filter((batch) => batch.baseOffset + batch.count > offset)
    this.onStartRaised?.(offset)
    queueMicrotask(() => onDone(null))
  }
  setSettings(): void {}
}
