import type { CompactionSettings, PartitionSettings } from '../../log/ports.ts'
import { COMPRESSION_CODECS, type CompressionCodec } from '../../util/compression.ts'
import { type ConfigLimits, ConfigProblem, type ConfigRow, type ConfigType, configRow, parseConfig } from '../configs/config-row.ts'

/** One topic config of Kafka's, or of ours (`mqtt.…`). */
export interface TopicConfigRow extends ConfigRow {
  readonly default: string
  /** The broker config that gives the default, as DescribeConfigs names it; null where Kafka has none. */
  readonly synonym: string | null
}

const row = (key: string, type: ConfigType, fallback: string, synonym: string | null, doc: string, limits: ConfigLimits = {}): TopicConfigRow => ({
  ...configRow(key, type, fallback, doc, limits),
  default: fallback,
  synonym,
})

const FOREVER = '9223372036854775807'
const REPLICAS = { pattern: [/^(\*|\d+:\d+(,\d+:\d+)*)$/, 'a list of PARTITION:BROKER, or *'] } as const
/** For configs of what one broker does not have: they are taken, told and kept, so that tools which copy topics go on. */
const NOTHING = 'Taken and kept; one broker has nothing to do for it.'
const NOT_TIERED = 'Taken and kept; there is no tiered storage.'

/** All topic configs of Kafka 4.4, then ours. */
export const TOPIC_CONFIGS: readonly TopicConfigRow[] = [
  // What happens to old records.
  row(
    'cleanup.policy',
    'list',
    'delete',
    'log.cleanup.policy',
    'What happens to closed segments: `delete` by retention, `compact` to the last record of each key, both, or (empty) nothing.',
    { values: ['delete', 'compact'] },
  ),
  row('retention.ms', 'long', '604800000', 'log.retention.ms', 'Age in milliseconds after which a closed segment is deleted; -1 keeps all.', { min: -1 }),
  row('retention.bytes', 'long', '-1', 'log.retention.bytes', 'Bytes per partition beyond which the oldest closed segments are deleted; -1 keeps all.'),
  row('delete.retention.ms', 'long', '86400000', 'log.cleaner.delete.retention.ms', 'How long in milliseconds a tombstone of a compacted topic stays.', {
    min: 0,
  }),
  row('min.cleanable.dirty.ratio', 'double', '0.5', 'log.cleaner.min.cleanable.ratio', 'How much of a compacted log must be new before it is compacted.', {
    min: 0,
    max: 1,
  }),
  row('min.compaction.lag.ms', 'long', '0', 'log.cleaner.min.compaction.lag.ms', 'How long in milliseconds a record stays uncompacted at least.', { min: 0 }),
  row('max.compaction.lag.ms', 'long', FOREVER, 'log.cleaner.max.compaction.lag.ms', 'How long in milliseconds a record stays uncompacted at most.', {
    min: 1,
  }),
  row('file.delete.delay.ms', 'long', '60000', 'log.segment.delete.delay.ms', 'Taken and kept; files of deleted segments go at once.', { min: 0 }),

  // Segments.
  row('segment.bytes', 'int', '1073741824', 'log.segment.bytes', 'Size in bytes at which a new segment begins.', { min: 1_048_576 }),
  row('segment.ms', 'long', '604800000', 'log.roll.ms', 'Age in milliseconds at which a new segment begins.', { min: 1 }),
  row('segment.jitter.ms', 'long', '0', 'log.roll.jitter.ms', 'Taken and kept; segments begin when they are due.', { min: 0 }),
  row('segment.index.bytes', 'int', '10485760', 'log.index.size.max.bytes', 'Taken and kept; an index is as large as its segment needs.', { min: 4 }),
  row('index.interval.bytes', 'int', '4096', 'log.index.interval.bytes', 'Bytes of log between two entries of the offset index.', { min: 0 }),
  row('preallocate', 'boolean', 'false', 'log.preallocate', 'Taken and kept; segments grow as they are written, the journal is preallocated.'),
  row('flush.messages', 'long', FOREVER, 'log.flush.interval.messages', 'Taken and kept; what is acknowledged is on the disk (`acks.all`).', { min: 1 }),
  row('flush.ms', 'long', FOREVER, 'log.flush.interval.ms', 'Taken and kept; what is acknowledged is on the disk (`acks.all`).', { min: 0 }),

  // What producers may write.
  row('max.message.bytes', 'int', '1048588', 'message.max.bytes', 'The largest record batch in bytes.', { min: 0 }),
  row(
    'max.decompressed.message.bytes',
    'int',
    '2147483639',
    'max.decompressed.message.bytes',
    'The most bytes that the records of a batch may take where the broker compresses it anew.',
    { min: 1, max: 2_147_483_639 },
  ),
  row('message.timestamp.type', 'string', 'CreateTime', 'log.message.timestamp.type', 'Whose clock stamps records.', {
    values: ['CreateTime', 'LogAppendTime'],
  }),
  row(
    'message.timestamp.before.max.ms',
    'long',
    FOREVER,
    'log.message.timestamp.before.max.ms',
    'How far in milliseconds a CreateTime may lie behind the broker clock.',
    { min: 0 },
  ),
  row(
    'message.timestamp.after.max.ms',
    'long',
    '3600000',
    'log.message.timestamp.after.max.ms',
    'How far in milliseconds a CreateTime may lie ahead of the broker clock.',
    { min: 0 },
  ),
  row(
    'compression.type',
    'string',
    'producer',
    'compression.type',
    'How batches of Kafka clients are compressed: as their producer did, or anew where that is another codec.',
    {
      values: ['uncompressed', 'zstd', 'lz4', 'snappy', 'gzip', 'producer'],
    },
  ),
  row('compression.gzip.level', 'int', '-1', 'compression.gzip.level', 'The level of gzip where the broker compresses: 1 to 9, or -1 for its own.', {
    pattern: [/^(-1|[1-9])$/, '1 to 9, or -1'],
    min: -1,
    max: 9,
  }),
  row('compression.lz4.level', 'int', '9', 'compression.lz4.level', 'Taken and kept; the broker compresses lz4 at one level.', { min: 1, max: 17 }),
  row('compression.zstd.level', 'int', '3', 'compression.zstd.level', 'The level of zstd where the broker compresses.', { min: -131_072, max: 22 }),

  // Replicas: there is one.
  row('min.insync.replicas', 'int', '1', 'min.insync.replicas', 'Taken and kept; a topic has one replica, and that is always in sync.', { min: 1 }),
  row('unclean.leader.election.enable', 'boolean', 'false', 'unclean.leader.election.enable', NOTHING),
  row('leader.replication.throttled.replicas', 'list', '', null, NOTHING, REPLICAS),
  row('follower.replication.throttled.replicas', 'list', '', null, NOTHING, REPLICAS),

  // Tiered storage.
  row('remote.storage.enable', 'boolean', 'false', null, 'Always false: there is no tiered storage.', { values: ['false'] }),
  row('remote.log.copy.disable', 'boolean', 'false', null, NOT_TIERED),
  row('remote.log.delete.on.disable', 'boolean', 'false', null, NOT_TIERED),
  row('local.retention.ms', 'long', '-2', 'log.local.retention.ms', NOT_TIERED, { min: -2 }),
  row('local.retention.bytes', 'long', '-2', 'log.local.retention.bytes', NOT_TIERED, { min: -2 }),
  row('remote.copy.lag.ms', 'long', '0', 'log.remote.copy.lag.ms', NOT_TIERED, { min: -1 }),
  row('remote.copy.lag.bytes', 'long', '-1', 'log.remote.copy.lag.bytes', NOT_TIERED, { min: -1 }),
  row('errors.deadletterqueue.group.enable', 'boolean', 'false', null, 'Taken and kept; share groups have no dead letter queue.'),

  // MQTT.
  row('mqtt.deliver', 'boolean', 'true', null, 'Whether records that Kafka clients produce are delivered to MQTT subscribers.'),
]

const ROWS = new Map(TOPIC_CONFIGS.map((config) => [config.key, config]))

/** The row of a config key; undefined for a key this broker does not have. */
export function topicConfigRow(key: string): TopicConfigRow | undefined {
  return ROWS.get(key)
}

/** The configs as they are kept and told, or what is wrong with the first that is. */
export function parseTopicConfigs(configs: ReadonlyMap<string, string>): Map<string, string> | ConfigProblem {
  const parsed = new Map<string, string>()
  for (const [key, text] of configs) {
    const config = ROWS.get(key)
    if (config === undefined) return new ConfigProblem(`unknown topic config "${key}"`)
    const value = parseConfig(config, text)
    if (value instanceof ConfigProblem) return value
    parsed.set(key, value)
  }
  const lag = (key: string): number => Number(parsed.get(key) ?? ROWS.get(key)?.default)
  if (lag('min.compaction.lag.ms') > lag('max.compaction.lag.ms')) return new ConfigProblem('min.compaction.lag.ms must not be above max.compaction.lag.ms')
  return parsed
}

/** What `compression.type` may be, but `producer`. */
const CODECS: Readonly<Record<string, CompressionCodec>> = {
  uncompressed: COMPRESSION_CODECS.none,
  gzip: COMPRESSION_CODECS.gzip,
  snappy: COMPRESSION_CODECS.snappy,
  lz4: COMPRESSION_CODECS.lz4,
  zstd: COMPRESSION_CODECS.zstd,
}

function levelOf(type: string, number: (key: string) => number): number | undefined {
  if (type === 'zstd') return number('compression.zstd.level')
  const level = type === 'gzip' ? number('compression.gzip.level') : -1
  return level < 0 ? undefined : level
}

function compactionOf(number: (key: string) => number): CompactionSettings {
  return {
    minDirtyRatio: number('min.cleanable.dirty.ratio'),
    minLagMs: number('min.compaction.lag.ms'),
    maxLagMs: number('max.compaction.lag.ms'),
    deleteRetentionMs: number('delete.retention.ms'),
  }
}

const NO_DEFAULTS: ReadonlyMap<string, string> = new Map()

/** A topic's settings as the hot path wants them, resolved from its own configs and the defaults. */
export interface TopicSettings {
  readonly maxMessageBytes: number
  readonly logAppendTime: boolean
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly mqttDeliver: boolean
  /** Null: as producers compress. */
  readonly compressionCodec: CompressionCodec | null
  /** Of that codec; undefined for its own. */
  readonly compressionLevel: number | undefined
  /** The most that the records of a batch may take when it is compressed anew. */
  readonly maxDecompressedBytes: number
  /** Only the last record of each key stays: every record needs a key. */
  readonly isCompacted: boolean
  readonly log: PartitionSettings
}

/** Resolves checked configs: those of the topic, else the broker's (`defaults`), else the table's. */
export function resolveTopicSettings(configs: ReadonlyMap<string, string>, defaults: ReadonlyMap<string, string> = NO_DEFAULTS): TopicSettings {
  const text = (key: string) => configs.get(key) ?? defaults.get(key) ?? (ROWS.get(key) as TopicConfigRow).default
  const number = (key: string) => Number(text(key))
  const isCompacted = text('cleanup.policy').includes('compact')
  // A segment must be closed before it can be compacted.
  const segmentMs = isCompacted ? Math.min(number('segment.ms'), number('max.compaction.lag.ms')) : number('segment.ms')
  return {
    maxMessageBytes: number('max.message.bytes'),
    logAppendTime: text('message.timestamp.type') === 'LogAppendTime',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    mqttDeliver: text('mqtt.deliver') === 'true',
    compressionCodec: CODECS[text('compression.type')] ?? null,
    compressionLevel: levelOf(text('compression.type'), number),
    maxDecompressedBytes: number('max.decompressed.message.bytes'),
    isCompacted,
    log: {
      segmentBytes: number('segment.bytes'),
      segmentMs,
      indexIntervalBytes: number('index.interval.bytes'),
      retentionMs: number('retention.ms'),
      retentionBytes: number('retention.bytes'),
      deleteOld: text('cleanup.policy').includes('delete'),
      ...(isCompacted && { compaction: compactionOf(number) }),
    },
  }
}
