/** `upgrade`: classic to KIP-848; `downgrade`: the way back. */
type MigrationPolicy = 'bidirectional' | 'upgrade' | 'downgrade' | 'disabled'

type TimingKey = `${'consumer' | 'share'}.${'session.timeout.ms' | 'heartbeat.interval.ms' | 'assignment.interval.ms'}`

/** Settings of a group of KIP-848 or of a share group that it may have of its own: the configs of Kafka's resource type GROUP. */
export interface GroupTimings {
  /** In milliseconds: the group's own, else the broker's. */
  number(groupId: string, key: TimingKey): number
}

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
  /** `group.consumer.max.size`: members of one group of KIP-848; at the bound a heartbeat that joins gets GROUP_MAX_SIZE_REACHED. */
  readonly maxConsumerGroupSize: number
  /** `group.consumer.session.timeout.ms`: a member of KIP-848 that is not heard of for so long is out; a group may have its own. */
  readonly consumerSessionTimeoutMs: number
  /** `group.consumer.heartbeat.interval.ms`: how often members of KIP-848 are told to be heard of; a group may have its own. */
  readonly consumerHeartbeatIntervalMs: number
  /** `group.consumer.assignment.interval.ms`: the least time between two target assignments of a group (Kafka: 1,000); a group may have its own. */
  readonly consumerAssignmentIntervalMs: number
  /** `group.consumer.migration.policy`: which ways a group with members may go between the classic protocol and that of KIP-848. */
  readonly migrationPolicy: MigrationPolicy
  /** `group.consumer.regex.refresh.interval.ms`: how often expressions are matched anew although no topic changed, since rights may have. */
  readonly regexRefreshIntervalMs: number
  /** `group.share.max.size`: members of one share group; at the bound a heartbeat that joins gets GROUP_MAX_SIZE_REACHED. */
  readonly maxShareGroupSize: number
  /** `group.share.session.timeout.ms`: a member of a share group that is not heard of for so long is out; a group may have its own. */
  readonly shareSessionTimeoutMs: number
  /** `group.share.heartbeat.interval.ms`: how often members of share groups are told to be heard of; a group may have its own. */
  readonly shareHeartbeatIntervalMs: number
  /** `group.share.assignment.interval.ms`: the least time between two target assignments of a share group (Kafka: 1,000); a group may have its own. */
  readonly shareAssignmentIntervalMs: number
  /** Groups of this broker; a new one beyond is refused with POLICY_VIOLATION. */
  readonly maxGroups: number
  /** Committed offsets of this broker, over all groups; a new one beyond is refused with POLICY_VIOLATION. */
  readonly maxOffsets: number
  /**
   * Bytes of one group's state record. A member whose subscription does not fit beside the others' gets
   * GROUP_MAX_SIZE_REACHED, in a group of KIP-848 too; where the assignments do not fit, SyncGroup gets UNKNOWN_SERVER_ERROR as in Kafka.
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
  maxConsumerGroupSize: 10_000,
  consumerSessionTimeoutMs: 45_000,
  consumerHeartbeatIntervalMs: 5_000,
  consumerAssignmentIntervalMs: 0,
  migrationPolicy: 'bidirectional',
  regexRefreshIntervalMs: 600_000,
  maxShareGroupSize: 200,
  shareSessionTimeoutMs: 45_000,
  shareHeartbeatIntervalMs: 5_000,
  shareAssignmentIntervalMs: 0,
  maxGroups: 100_000,
  maxOffsets: 1_000_000,
  maxStateBytes: 8_388_608,
}

/** Groups that were configured with nothing of their own. */
export function brokerTimings(settings: GroupSettings): GroupTimings {
  const values = {
    'consumer.session.timeout.ms': settings.consumerSessionTimeoutMs,
    'consumer.heartbeat.interval.ms': settings.consumerHeartbeatIntervalMs,
    'consumer.assignment.interval.ms': settings.consumerAssignmentIntervalMs,
    'share.session.timeout.ms': settings.shareSessionTimeoutMs,
    'share.heartbeat.interval.ms': settings.shareHeartbeatIntervalMs,
    'share.assignment.interval.ms': settings.shareAssignmentIntervalMs,
  } as const
  return { number: (_groupId, key) => values[key] }
}
