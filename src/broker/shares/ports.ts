/**
 * Where the two sides of share groups meet. The record side (this room) knows which records of a partition a group has, who
 * holds them and what is on disk of that; the group side (`groups/share/`) knows members, assignments and configs. As in
 * Kafka, neither ShareFetch nor ShareAcknowledge asks whether a member is in its group: what counts is its share session.
 */
import type { StagedChange } from '../groups/offsets.ts'

/** What the group side asks of the record side: what is kept of the share partitions of each group. */
export interface ShareOffsets {
  /** What is durable of one share partition; null where nothing was ever kept of it: it starts by `share.auto.offset.reset`. */
  summary(groupId: string, topicId: string, partition: number): ShareSummary | null
  /** Topic ids, and their partitions, of which anything is kept for the group, or about to be. */
  partitionsOf(groupId: string): Iterable<readonly [topicId: string, partitions: readonly number[]]>
  /** Whether anything is kept for the group, or about to be. */
  hasState(groupId: string): boolean
  /** Groups of which anything is kept, or about to be. */
  groupIds(): Iterable<string>
  /**
   * Lets share partitions begin anew at an offset (AlterShareGroupOffsets), or, with -1, where `share.auto.offset.reset` says
   * when they are fetched next. To be appended by the caller; from `settle(true)` on it holds. Whoever may alter is the caller's affair.
   */
  stageStarts(groupId: string, starts: readonly ShareStart[]): StagedChange
  /**
   * Makes share partitions known of which nothing is kept, as members come to them for the first time: `earliest` and `latest`
   * are where the partition begins and ends now, not when it is first fetched. As `stageStarts`; nothing for those that are known.
   */
  stageFirst(groupId: string, places: readonly Omit<ShareStart, 'startOffset'>[]): StagedChange
  /** Deletes what is kept of a group (DeleteGroups), or of these topics of it (DeleteShareGroupOffsets). As `stageStarts`; no records where nothing is kept. */
  stageDeletion(groupId: string, topicIds: readonly string[] | null): StagedChange
}

/** One share partition, as DescribeShareGroupOffsets shows it. */
export interface ShareSummary {
  /** Everything below is dealt with; -1 where it was made known and never fetched. */
  readonly startOffset: number
  /** The partition's leader epoch. */
  readonly leaderEpoch: number
  /** Records from the start offset to the high watermark that are neither acknowledged nor archived; -1 where the start is not known. */
  readonly lag: number
}

export interface ShareStart {
  readonly topicId: string
  readonly partition: number
  readonly startOffset: number
}

/** Where a share partition begins that was never fetched (`share.auto.offset.reset`). */
export type ShareReset = 'earliest' | 'latest' | { readonly durationMs: number }

/** What the record side asks of the group side: the group's own configs, else the broker's. Asked anew at each use. */
export interface ShareGroupPolicy {
  of(groupId: string): ShareGroupConfigs
}

/** Names are Kafka's (`share.…`) with the unit at the end. */
export interface ShareGroupConfigs {
  /** `share.record.lock.duration.ms` (30,000). */
  readonly recordLockDurationMs: number
  /** `share.delivery.count.limit` (5): a record that was delivered so often and comes back is archived. */
  readonly deliveryCountLimit: number
  /** `share.partition.max.record.locks` (2,000): offsets of a share partition between its start and its end. */
  readonly partitionMaxRecordLocks: number
  /** `share.auto.offset.reset` (latest). */
  readonly autoOffsetReset: ShareReset
  /** `share.isolation.level` (read_uncommitted). */
  readonly readCommitted: boolean
  /** `share.renew.acknowledge.enable` (true). */
  readonly renewAcknowledgeEnable: boolean
}
