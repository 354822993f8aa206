/** The bounds of the whole log; those of one partition are `PartitionSettings`. */
export interface LogSettings {
  /** Size of each of the two journal files. A group larger than that makes one grow. */
  readonly journalFileBytes: number
  /** A batch of at least this many bytes that is alone in its group goes to its segment and syncs that, instead of through the journal. */
  readonly bypassBytes: number
  /** A journal group takes waiting groups up to this many bytes (always at least one). */
  readonly commitBytes: number
  /** How often segments are synced in the background, and after how many journal bytes at the latest. */
  readonly checkpointMs: number
  readonly checkpointBytes: number
  /** Appended bytes that are not yet synced; beyond it `congested` is true and producers' sockets are not read. */
  readonly unsyncedBytesMax: number
  /** Recently appended batches kept in memory for readers that keep up, over all partitions. */
  readonly tailCacheBytes: number
  /** Descriptors of segments and indexes. */
  readonly openFilesMax: number
  /** Index files held in memory for readers of the past. */
  readonly indexCacheBytes: number
  /** Reads of the past that the disk works on at the same time; others wait. */
  readonly diskReadsMax: number
  /** State log bytes after which a snapshot is taken (or twice the last snapshot's size, where that is more). */
  readonly stateSnapshotBytes: number
  /** How often closed segments are held against retention. */
  readonly retentionCheckMs: number
  /** An idempotent producer that is silent for this long is forgotten. */
  readonly producerExpiryMs: number
  /** A compressed batch that a time is looked up in may become this large. */
  readonly decompressedBytesMax: number
  /** Whether logs are compacted at all; how many at a time. */
  readonly cleanerEnabled: boolean
  readonly cleanerThreads: number
  /** Memory for the keys of what is compacted, over all at a time. */
  readonly cleanerDedupeBytes: number
  /** Bytes that the cleaner reads per second; 0 or less: no limit. */
  readonly cleanerBytesPerSecond: number
  /** How long the cleaner waits where there is nothing to do. */
  readonly cleanerBackoffMs: number
}

const MIB = 1_048_576

export const DEFAULT_LOG_SETTINGS: LogSettings = {
  journalFileBytes: 32 * MIB,
  bypassBytes: 262_144,
  commitBytes: 4 * MIB,
  checkpointMs: 1_000,
  checkpointBytes: 16 * MIB,
  unsyncedBytesMax: 64 * MIB,
  tailCacheBytes: 32 * MIB,
  openFilesMax: 1_000,
  indexCacheBytes: 8 * MIB,
  diskReadsMax: 8,
  stateSnapshotBytes: 16 * MIB,
  retentionCheckMs: 300_000,
  producerExpiryMs: 86_400_000,
  decompressedBytesMax: 64 * MIB,
  cleanerEnabled: true,
  cleanerThreads: 1,
  cleanerDedupeBytes: 128 * MIB,
  cleanerBytesPerSecond: Number.MAX_VALUE,
  cleanerBackoffMs: 15_000,
}
