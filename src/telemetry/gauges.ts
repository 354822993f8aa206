/** What the broker holds in memory at this moment, each below a bound of its own. Numbers to look at: for metrics, and for tests that watch the bounds. */
export interface BrokerGauges extends LogGauges, SessionGauges {
  /** Requests of Kafka clients that have not arrived in full (`max.partial.frame.bytes`). */
  readonly partialFrameBytes: number
  /** Read for Fetch answers and not yet with a connection (`fetch.max.memory.bytes`). */
  readonly fetchReservedBytes: number
  readonly fetchSessions: number
  /** Partitions over all fetch sessions. */
  readonly fetchSessionPartitions: number
  /** Whose use of a quota is remembered. */
  readonly throttleBuckets: number
}

export interface LogGauges {
  /** In the pool of descriptors (`log.open.files`). */
  readonly openFiles: number
  /** Batches that were appended last. */
  readonly tailCacheBytes: number
  /** Indexes of segments, for readers of the past. */
  readonly indexCacheBytes: number
  /** Appended, and not on disk. */
  readonly unsyncedBytes: number
  /** Reads of segments that wait for their turn. */
  readonly waitingReads: number
}

export interface SessionGauges {
  readonly sessions: number
  readonly retainedMessages: number
  /** MQTT topics whose receivers are remembered. */
  readonly routes: number
  /** Decoded history that sessions which catch up share. */
  readonly catchUpCacheBytes: number
  /** Pieces of history that were asked for and not read yet. */
  readonly waitingCatchUps: number
  /** Vectors of positions that sessions share. */
  readonly marks: number
}
