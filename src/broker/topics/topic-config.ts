import type { PartitionSettings } from '../../log/ports.ts'

export type ConfigType = 'boolean' | 'string' | 'int' | 'long' | 'double' | 'list'

/** One topic config of Kafka's, or of ours (`mqtt.…`). */
export interface TopicConfigRow {
  readonly key: string
  readonly type: ConfigType
  readonly default: string
  /** The broker config that gives the default, as DescribeConfigs names it; null where Kafka has none. */
  readonly synonym: string | null
  /** Legal range or values, for messages; null where anything of the type goes. */
  readonly min: number | null
  readonly max: number | null
  readonly values: readonly string[] | null
  readonly doc: string
}

interface Limits {
  readonly min?: number
  readonly max?: number
  readonly values?: readonly string[]
}

const row = (key: string, type: ConfigType, fallback: string, synonym: string | null, doc: string, limits: Limits = {}): TopicConfigRow => ({
  key,
  type,
  default: fallback,
  synonym,
  min: limits.min ?? null,
  max: limits.max ?? null,
  values: limits.values ?? null,
  doc,
})

const INT_MAX = 2_147_483_647
const LONG_MAX = Number.MAX_SAFE_INTEGER

/** Topic configs that have an effect. A key is listed only once it works. */
export const TOPIC_CONFIGS: readonly TopicConfigRow[] = [
  row('cleanup.policy', 'list', 'delete', 'log.cleanup.policy', 'What happens to old segments.', { values: ['delete'] }),
  row('retention.ms', 'long', '604800000', 'log.retention.ms', 'Age in milliseconds after which a closed segment is deleted; -1 keeps all.', {
    min: -1,
    max: LONG_MAX,
  }),
  row('retention.bytes', 'long', '-1', 'log.retention.bytes', 'Bytes per partition beyond which the oldest closed segments are deleted; -1 keeps all.', {
    min: -1,
    max: LONG_MAX,
  }),
  row('segment.bytes', 'int', '1073741824', 'log.segment.bytes', 'Size in bytes at which a new segment begins.', { min: 1_048_576, max: INT_MAX }),
  row('segment.ms', 'long', '604800000', 'log.roll.ms', 'Age in milliseconds at which a new segment begins.', { min: 1, max: LONG_MAX }),
  row('index.interval.bytes', 'int', '4096', 'log.index.interval.bytes', 'Bytes of log between two entries of the offset index.', { min: 0, max: INT_MAX }),
  row('max.message.bytes', 'int', '1048588', 'message.max.bytes', 'The largest record batch in bytes.', { min: 0, max: INT_MAX }),
  row('message.timestamp.type', 'string', 'CreateTime', 'log.message.timestamp.type', 'Whose clock stamps records.', {
    values: ['CreateTime', 'LogAppendTime'],
  }),
  row(
    'message.timestamp.before.max.ms',
    'long',
    '9223372036854775807',
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
  row('mqtt.deliver', 'boolean', 'true', null, 'Whether records that Kafka clients produce are delivered to MQTT subscribers.'),
]

const ROWS = new Map(TOPIC_CONFIGS.map((config) => [config.key, config]))

/** The row of a config key; undefined for a key this broker does not have. */
export function topicConfigRow(key: string): TopicConfigRow | undefined {
  return ROWS.get(key)
}

/** Null where `value` is legal for `key`, else what is wrong with it. */
export function checkTopicConfig(key: string, value: string): string | null {
  const config = ROWS.get(key)
  if (config === undefined) return `unknown topic config "${key}"`
  switch (config.type) {
    case 'boolean':
      return value === 'true' || value === 'false' ? null : `${key} must be true or false, not "${value}"`
    case 'int':
    case 'long':
    case 'double':
      return checkNumber(config, value)
    case 'list': {
      const wrong = value.split(',').find((part) => config.values !== null && !config.values.includes(part.trim()))
      return wrong === undefined ? null : `${key} must be of ${config.values?.join(', ')}, not "${wrong}"`
    }
    case 'string':
      return config.values === null || config.values.includes(value) ? null : `${key} must be one of ${config.values.join(', ')}, not "${value}"`
  }
}

function checkNumber(config: TopicConfigRow, value: string): string | null {
  const number = Number(value)
  if (value.trim() === '' || !Number.isFinite(number)) return `${config.key} must be a number, not "${value}"`
  if (config.type !== 'double' && !/^-?\d+$/.test(value)) return `${config.key} must be a whole number, not "${value}"`
  if (config.min !== null && number < config.min) return `${config.key} must be at least ${config.min}, not ${value}`
  if (config.max !== null && number > config.max && value !== '9223372036854775807') return `${config.key} must be at most ${config.max}, not ${value}`
  return null
}

const NO_DEFAULTS: ReadonlyMap<string, string> = new Map()

/** A topic's settings as the hot path wants them, resolved from its own configs and the defaults. */
export interface TopicSettings {
  readonly maxMessageBytes: number
  readonly logAppendTime: boolean
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  readonly mqttDeliver: boolean
  readonly log: PartitionSettings
}

/** Resolves checked configs: those of the topic, else the broker's (`defaults`), else the table's. */
export function resolveTopicSettings(configs: ReadonlyMap<string, string>, defaults: ReadonlyMap<string, string> = NO_DEFAULTS): TopicSettings {
  const text = (key: string) => configs.get(key) ?? defaults.get(key) ?? (ROWS.get(key) as TopicConfigRow).default
  const number = (key: string) => Number(text(key))
  return {
    maxMessageBytes: number('max.message.bytes'),
    logAppendTime: text('message.timestamp.type') === 'LogAppendTime',
    timestampBeforeMaxMs: number('message.timestamp.before.max.ms'),
    timestampAfterMaxMs: number('message.timestamp.after.max.ms'),
    mqttDeliver: text('mqtt.deliver') === 'true',
    log: {
      segmentBytes: number('segment.bytes'),
      segmentMs: number('segment.ms'),
      indexIntervalBytes: number('index.interval.bytes'),
      retentionMs: number('retention.ms'),
      retentionBytes: number('retention.bytes'),
      deleteOld: text('cleanup.policy').includes('delete'),
    },
  }
}
