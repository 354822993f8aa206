/**
 * The port under the core: what the broker asks of whatever keeps its bytes. The local log (`log/local-log.ts`) over a
 * disk or over memory answers it today; object storage with a coordinator answers it later. The core does not know which
 * one it runs on: offsets therefore come by callback, and nothing here is synchronous by contract but what says so.
 */
import type { DiskSpace } from '../runtime/files.ts'

/** How far an append must have come before its `onDone` is called. */
export type Durability =
  /** In the operating system's page cache (acks=1, QoS 0): survives the process, not the machine. */
  | 'written'
  /** On disk, through one fdatasync of the journal (acks=all, QoS 1 and 2, all coordinator state). */
  | 'durable'

/** One whole record batch v2 for one partition. */
export interface BatchAppend {
  readonly partition: PartitionLog
  /**
   * The batch's bytes, checked by the caller (length, magic, CRC, count). The log takes them over: it patches base offset
   * and leader epoch (both outside the CRC) in place and keeps the view until it is written.
   */
  readonly bytes: Uint8Array
  /**
   * Anything the caller wants back in `onVisible` beside the bytes, so that readers in this process need not decode them
   * again. Kept in memory until the batch is visible.
   */
  readonly attachment?: unknown
}

/** A change of coordinator state: the new value of a key of one kind, or null where the key is gone. */
export interface StateRecord {
  /** A `StateMachine.kind`. */
  readonly kind: number
  readonly key: string
  readonly value: Uint8Array | null
}

/** Batches and state changes that become durable together or not at all. */
export interface AppendGroup {
  readonly batches: readonly BatchAppend[]
  /** Where there is any, `durability` must be `durable`. */
  readonly state: readonly StateRecord[]
  readonly durability: Durability
  /** Called once with a base offset per batch, in order; on disk at once, within `append`. Not called where the append is refused. */
  onAssigned?(baseOffsets: readonly number[]): void
  /** Called once, never within `append`: null when the durability asked for is reached, else why it never will be. */
  onDone(failure: LogFailure | null): void
}

/** Why an append or a read did not happen. Everything else is a bug and is thrown. */
export interface LogFailure {
  readonly code: /** The disk answered with an error, or is full; the partition may be read-only until it is mended. */
    | 'storage-error'
    /** The bytes at this place fail their CRC or are unreadable: they are quarantined, what lies behind them is served. */
    | 'corrupt'
    /** The offset is below the log start or above the log end. */
    | 'offset-out-of-range'
    /** The partition was deleted, or the log is closed. */
    | 'gone'
  readonly message: string
  readonly cause?: unknown
  /** Of `corrupt`: the first offset behind the damage, where readers can go on. */
  readonly resumeOffset?: number
}

/** A batch that readers may see from now on. */
export interface VisibleBatch {
  readonly baseOffset: number
  /** Offsets it spans: lastOffsetDelta + 1. */
  readonly offsetCount: number
  /** The whole batch, patched. A view that is valid during the call only, unless the reader copies or writes it at once. */
  readonly bytes: Uint8Array
  /** What the appender attached; undefined for others. */
  readonly attachment: unknown
}

/** Whole batches from a partition, as views that stay valid while they are referenced. */
export interface ReadResult {
  /**
   * Whole batches in offset order; the first may begin below the offset asked for, which it then contains. Where compaction took batches or
   * records the next ones follow; one without records is given only where nothing else is left to give.
   */
  readonly batches: readonly Uint8Array[]
  /** The sum of the lengths of `batches`. */
  readonly sizeBytes: number
}

export interface ReadLimits {
  /** At most this many bytes, but always one whole batch where `atLeastOne`. */
  readonly maxBytes: number
  /** Return a first batch even when it is larger than `maxBytes` (KIP-74). */
  readonly atLeastOne: boolean
  /** Only batches that begin below this offset: the high watermark or the last stable offset. */
  readonly endOffset: number
}

/** The first record whose timestamp is at or after the one asked for. */
export interface TimestampedOffset {
  readonly offset: number
  readonly timestampMs: number
  readonly leaderEpoch: number
}

/** An idempotent producer's place in a partition (rule 13 of Kafka's: the last five batches are remembered). */
export interface ProducerVerdict {
  readonly outcome: 'append' | 'duplicate' | 'out-of-order' | 'fenced'
  /** Whether the partition remembers the producer at all: of an unknown one any sequence is the next. */
  readonly isKnown: boolean
  /** With `duplicate`: where the same batch stands. */
  readonly baseOffset: number
  /** With `duplicate`: the append timestamp of that batch in milliseconds, or -1. */
  readonly logAppendTimeMs: number
}

/** An idempotent producer as a partition knows it. */
export interface ActiveProducer {
  readonly producerId: number
  readonly producerEpoch: number
  /** -1 where none of its batches is remembered. */
  readonly lastSequence: number
  /** The largest timestamp of its last batch; -1 where there is none. */
  readonly lastTimestampMs: number
  /** A transaction of it ended in this partition. */
  readonly isMarked: boolean
}

export interface AbortedTransaction {
  readonly producerId: number
  readonly firstOffset: number
  readonly lastOffset: number
  readonly lastStableOffset: number
}

/** The live settings of one partition's log; the names are Kafka's topic configs with the unit at the end. */
export interface PartitionSettings {
  readonly segmentBytes: number
  readonly segmentMs: number
  readonly indexIntervalBytes: number
  /** -1: no limit. */
  readonly retentionMs: number
  /** -1: no limit. */
  readonly retentionBytes: number
  /** Whether closed segments beyond the retention limits are deleted. */
  readonly deleteOld: boolean
  /** Absent: closed segments are not compacted. */
  readonly compaction?: CompactionSettings
}

/** Of a log that keeps the last record of each key. */
export interface CompactionSettings {
  /** How much of what the cleaner would read must be new to it, 0 to 1. */
  readonly minDirtyRatio: number
  /** How long a record stays as it is at least, and at most. */
  readonly minLagMs: number
  readonly maxLagMs: number
  /** How long tombstones and markers of transactions stay after the cleaner has met them. */
  readonly deleteRetentionMs: number
}

/** One partition's log: offsets rise, are never reused, never changed. They are consecutive but where compaction took records. */
export interface PartitionLog {
  readonly topicId: string
  readonly topicName: string
  readonly index: number
  /** The first offset that can be read. */
  readonly logStartOffset: number
  /** The first offset of a batch that still waits for its commit, else the log end. Never goes back while the process runs. */
  readonly highWatermark: number
  /** The first offset of the oldest open transaction, else the high watermark. */
  readonly lastStableOffset: number
  readonly logEndOffset: number
  /** Bytes of all segments. */
  readonly sizeBytes: number
  /** Rises after an unclean start that cut records. */
  readonly leaderEpoch: number
  /** Null, or why this partition takes no appends any more. */
  readonly readOnly: LogFailure | null

  /** Whole batches from memory, within the call: undefined where they are no longer there and `read` must be asked. */
  readTail(fromOffset: number, limits: ReadLimits): ReadResult | undefined
  /** Whole batches from memory or disk. An offset at the end gives no batches. */
  read(fromOffset: number, limits: ReadLimits): Promise<ReadResult | LogFailure>
  /** By record, not by batch (rule 14); null where there is none below the high watermark. */
  offsetForTime(timestampMs: number): Promise<TimestampedOffset | LogFailure | null>
  /** The record with the largest timestamp (ListOffsets -3); null for an empty log. */
  offsetOfMaxTimestamp(): Promise<TimestampedOffset | LogFailure | null>
  /** The end offset of `leaderEpoch` as OffsetForLeaderEpoch defines it: the largest epoch at or below it and where that ends; null where unknown. */
  endOfEpoch(leaderEpoch: number): { readonly leaderEpoch: number; readonly endOffset: number } | null
  /** The epoch that the record at `offset` was written in; -1 where unknown. */
  epochOf(offset: number): number
  /** Idempotent producers whose batches are remembered. */
  readonly producers: { active(): Iterable<ActiveProducer> }
  /** What rule 13 says of a batch that is about to be appended; pure, changes nothing. `append` remembers the batch. */
  checkProducer(batch: { producerId: number; producerEpoch: number; baseSequence: number; lastSequence: number }): ProducerVerdict
  /**
   * Waits for the commit of everything below `offset` (a retry of a batch that is not yet synced waits for the same
   * commit). Called back once, never within the call.
   */
  whenDurable(offset: number, onDone: (failure: LogFailure | null) => void): void
  /** Aborted transactions that overlap [fromOffset, endOffset), sorted by first offset. */
  abortedTransactions(fromOffset: number, endOffset: number): readonly AbortedTransaction[]
  /** The first offset of the transaction that this producer has open here; null where it has none. */
  transactionStart(producerId: number): number | null
  /** Raises the log start, at most to the high watermark (DeleteRecords); older segments go. Durable before `onDone`. */
  raiseStart(offset: number, onDone: (failure: LogFailure | null) => void): void
  setSettings(settings: PartitionSettings): void
  /** The one listener (the broker's partition): called after the high watermark rose, with the batches in offset order. */
  onVisible: ((batches: readonly VisibleBatch[]) => void) | null
  /** Called after retention or `raiseStart` moved the log start. */
  onStartRaised: ((logStartOffset: number) => void) | null
}

/**
 * One kind of coordinator state. Its owner changes its own memory as it appends state records; on start the log calls
 * `apply` for the snapshot and then for everything after it, in order.
 */
export interface StateMachine {
  /** Which records are its own; a number of the table in `broker/state-kinds.ts`. */
  readonly kind: number
  /** Replay, at start only. */
  apply(key: string, value: Uint8Array | null): void
  /** Everything that is durable now, for a snapshot. Called between turns; must reflect exactly the records appended so far. */
  entries(): Iterable<readonly [key: string, value: Uint8Array]>
}

/** The durable, partitioned log and the ordered coordinator state beside it. */
export interface LogStore {
  /** What is known of the place where the bytes rest, for people: `file:./elytra-data`, `memory:`. */
  readonly description: string
  /** Before `open`: who owns which state. */
  register(machine: StateMachine): void
  /** Takes the lock, recovers the journal, replays the state. Rejects with an Error that says what to do. */
  open(): Promise<void>
  /**
   * Opens or makes the log of one partition; after `open`. Within the call for an existing one nothing but its file names is read.
   * What the journal holds for it is replayed first. No file exists before its first record.
   */
  openPartition(topicId: string, topicName: string, index: number, settings: PartitionSettings): Promise<PartitionLog>
  /** A partition that is new for certain (its topic was just made): at once, without looking at the disk. */
  createPartition(topicId: string, topicName: string, index: number, settings: PartitionSettings): PartitionLog
  /** Ends the partitions of a topic and deletes their files in the background. Their waiting appends and reads end with `gone`. */
  deleteTopic(topicId: string): void
  /** After all partitions were opened: deletes folders that belong to no known topic id, starts retention and checkpoints. */
  start(): void
  append(group: AppendGroup): void
  /** Of the disk below, for people; null where nobody can say. */
  space(): Promise<DiskSpace | null>
  /** How far the log of coordinator state has come: the offset behind its last durable record. */
  readonly stateEndOffset: number
  /** True while more appended bytes wait for the disk than the bound allows: read no more from producers' sockets. */
  readonly congested: boolean
  /** Calls `run` when half of the bound is free again; within the call where it is. */
  whenDrained(run: () => void): void
  /** Commits what waits, checkpoints, writes the clean-shutdown mark, frees the lock. Closing twice is fine. */
  close(): Promise<void>
}
