/** The bounds and choices of MQTT sessions; the doc of each says what happens at the bound. */
export interface SessionSettings {
  /** Sessions this broker holds, connected or not; a further new one is refused with 0x97. */
  readonly maxSessions: number
  /** Subscriptions of one session; a further one is refused with 0x97. */
  readonly maxSubscriptionsPerSession: number
  /** Overlapping subscriptions of one client: one copy per match (true), or one copy with the highest QoS and all identifiers. */
  readonly allowDuplicateMessages: boolean
  /** Deliver at the subscription's QoS even where the message has a lower one. */
  readonly upgradeOutgoingQos: boolean
  /** Keep QoS 0 messages for sessions that are offline or cannot keep up. */
  readonly queueQos0Messages: boolean
  /** The longest session expiry in seconds that is granted; 0xffffffff: for ever. */
  readonly maxSessionExpiryS: number
  /** What a session id made by the broker begins with. */
  readonly autoIdPrefix: string
  /** At most so long do acknowledged positions wait in memory; a crash repeats at most this much of QoS 1. */
  readonly ackFlushMs: number
  /** Positions beside the shared mark before a session takes a newer mark. */
  readonly maxPositionsBesideMark: number
  /** Packet ids reserved on disk at once: after a crash none of them is used for another message. */
  readonly packetIdStep: number
  /** Topics whose receivers are remembered; beyond it the cache starts anew. */
  readonly routeCacheTopics: number
  /** Bytes per read while a session catches up. */
  readonly catchUpReadBytes: number
  /** Reads at a time while sessions catch up; the others wait their turn. */
  readonly maxCatchUpReads: number
  /** Bytes of decoded history that sessions catching up share; the least recently used goes first. The newest piece stays, also where it alone is larger. */
  readonly catchUpCacheBytes: number
  /** Records looked at per turn of the event loop while sessions catch up; then sockets are served first. */
  readonly catchUpRecordsPerTurn: number
  /** Retained messages; a further topic is refused with 0x97. */
  readonly maxRetainedMessages: number
  /** Records in the log of retained messages that count no more, beside three times those that do, before what counts is moved to its end. */
  readonly retainedGarbageRecords: number
  /** The largest decompressed size in bytes of a Kafka batch that is delivered; a larger one is left out and counted. */
  readonly maxInflatedBatchBytes: number
}

export const SESSION_DEFAULTS: SessionSettings = {
  maxSessions: 1_000_000,
  maxSubscriptionsPerSession: 100_000,
  allowDuplicateMessages: true,
  upgradeOutgoingQos: false,
  queueQos0Messages: false,
  maxSessionExpiryS: 0xffff_ffff,
  autoIdPrefix: 'auto-',
  ackFlushMs: 1000,
  maxPositionsBesideMark: 16,
  packetIdStep: 8192,
  routeCacheTopics: 100_000,
  catchUpReadBytes: 262_144,
  maxCatchUpReads: 8,
  catchUpCacheBytes: 8_388_608,
  catchUpRecordsPerTurn: 2000,
  maxRetainedMessages: 1_000_000,
  retainedGarbageRecords: 1000,
  maxInflatedBatchBytes: 67_108_864,
}
