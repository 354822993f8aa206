/** Settings of the group coordinator; names are Kafka's broker configs with the unit at the end, where Kafka has one. */
export interface GroupSettings {
  /** `group.min.session.timeout.ms`: a JoinGroup that asks for less is refused. */
  readonly minSessionTimeoutMs: number
  /** `group.max.session.timeout.ms`. */
  readonly maxSessionTimeoutMs: number
  /** `group.initial.rebalance.delay.ms`: how long the first members of an empty group wait for others. Kafka: 3,000. */
  readonly initialRebalanceDelayMs: number
  /** `group.max.size`: members of one group; at the bound JoinGroup gets GROUP_MAX_SIZE_REACHED. */
  readonly maxSize: number
  /** Members of one group that were given an id and have not joined with it yet; the same error at the bound. */
  readonly maxPendingMembers: number
  /** How long a JoinGroup of a new member may be parked before the member is taken for dead (Kafka: 5 minutes, not configurable). */
  readonly newMemberJoinTimeoutMs: number
  /**
   * `group.disconnect.grace.ms`: a dynamic member whose only connection closed is removed this long after it, unless it was
   * seen on another one meanwhile. Null: it is kept until its session ends, as in Kafka.
   */
  readonly disconnectGraceMs: number | null
  /** `offsets.retention.minutes`, in milliseconds: counted from when the group became Empty, for a simple group from the commit. */
  readonly offsetsRetentionMs: number
  /** `offsets.retention.check.interval.ms`: how often expired offsets and dead groups are looked for. */
  readonly offsetsRetentionCheckIntervalMs: number
  /** `offset.metadata.max.bytes`: characters of the string committed with an offset. */
  readonly maxOffsetMetadataLength: number
  /** Groups of this broker; a new one beyond is refused with POLICY_VIOLATION. */
  readonly maxGroups: number
  /** Committed offsets of this broker, over all groups; a new one beyond is refused with POLICY_VIOLATION. */
  readonly maxOffsets: number
  /**
   * Bytes of one group's state record. A member whose subscription does not fit beside the others' gets
   * GROUP_MAX_SIZE_REACHED; where the assignments do not fit, SyncGroup gets UNKNOWN_SERVER_ERROR as in Kafka.
   */
  readonly maxStateBytes: number
}

export const DEFAULT_GROUP_SETTINGS: GroupSettings = {
  minSessionTimeoutMs: 6_000,
  maxSessionTimeoutMs: 1_800_000,
  initialRebalanceDelayMs: 0,
  maxSize: 10_000,
  maxPendingMembers: 10_000,
  newMemberJoinTimeoutMs: 300_000,
  disconnectGraceMs: null,
  offsetsRetentionMs: 604_800_000,
  offsetsRetentionCheckIntervalMs: 600_000,
  maxOffsetMetadataLength: 4_096,
  maxGroups: 100_000,
  maxOffsets: 1_000_000,
  maxStateBytes: 8_388_608,
}
