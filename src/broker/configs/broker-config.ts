import { TOPIC_CONFIGS, type TopicConfigRow } from '../topics/topic-config.ts'
import { type BrokerConfigRow, brokerConfigRow } from './broker-config-row.ts'
import type { ConfigLimits, ConfigRow } from './config-row.ts'
import { PASSIVE_KAFKA_CONFIGS } from './passive-kafka-configs.ts'

const live = (key: string, type: ConfigRow['type'], fallback: string, doc: string, limits: ConfigLimits): BrokerConfigRow => ({
  ...brokerConfigRow(key, type, fallback, doc, limits),
  changes: 'each',
})

/** Broker configs without a default of their own: the topic's default comes from somewhere else. */
const WITHOUT_DEFAULT: Readonly<Record<string, readonly string[]>> = {
  'log.retention.ms': ['log.retention.minutes', 'log.retention.hours'],
  'log.roll.ms': ['log.roll.hours'],
  'log.roll.jitter.ms': ['log.roll.jitter.hours'],
  'log.flush.interval.ms': [],
}

/** What the broker's config may be where the topic's may not, and the other way round. */
const OWN_LIMITS: Readonly<Record<string, Partial<ConfigRow>>> = {
  'log.retention.ms': { min: null, pattern: [/^(?!0$)/, 'other than 0'] },
  'log.flush.interval.ms': { min: null },
}

function topicDefault(topic: TopicConfigRow, key: string): BrokerConfigRow {
  const fallbacks = WITHOUT_DEFAULT[key]
  return {
    ...topic,
    ...OWN_LIMITS[key],
    key,
    default: fallbacks === undefined ? topic.default : null,
    // KIP-966: one number for all brokers.
    changes: key === 'min.insync.replicas' ? 'all' : 'each',
    isPool: false,
    topicKey: topic.key,
    fallbacks: fallbacks ?? [],
  }
}

/** Kafka's configs of a broker that mean something here, beside the settings: the defaults of topics, and what tools look for. */
export const BROKER_CONFIGS: readonly BrokerConfigRow[] = [
  ...TOPIC_CONFIGS.flatMap((topic) => (topic.synonym === null ? [] : [topicDefault(topic, topic.synonym)])),
  live('max.connections', 'int', '20000', 'Open connections per listener; a further one is closed at once.', { min: 1 }),
  live('producer.id.expiration.ms', 'int', '86400000', 'An idempotent producer that is silent for this long is forgotten.', { min: 1 }),
  { ...live('log.cleaner.threads', 'int', '1', 'Partitions that are compacted at the same time.', { min: 1 }), isPool: true },
  live('log.cleaner.dedupe.buffer.size', 'long', '134217728', 'Memory in bytes for the keys of what is compacted, over all partitions at a time.', {
    min: 1_048_577,
  }),
  live('log.cleaner.io.max.bytes.per.second', 'double', '1.7976931348623157E308', 'Bytes that compaction reads per second; 0 or less: no limit.', {}),
  live('log.cleaner.backoff.ms', 'long', '15000', 'How long compaction waits where there is nothing to do.', { min: 0 }),
  live('group.consumer.assignment.interval.ms', 'int', '0', 'The least time between two assignments of a group of the new protocol.', { min: 0 }),
  live('group.share.assignment.interval.ms', 'int', '0', 'The least time between two assignments of a share group.', { min: 0 }),
  brokerConfigRow('broker.rack', 'string', null, 'There are no racks.'),
  brokerConfigRow('default.replication.factor', 'int', '1', 'Replicas of a topic; there is one broker.'),
  brokerConfigRow('delete.topic.enable', 'boolean', 'true', 'Topics can be deleted.'),
  brokerConfigRow('log.retention.hours', 'int', '168', 'What log.retention.ms stands for where it is not set.'),
  brokerConfigRow('log.retention.minutes', 'int', null, 'What log.retention.ms stands for where it is not set.'),
  brokerConfigRow('log.roll.hours', 'int', '168', 'What log.roll.ms stands for where it is not set.'),
  brokerConfigRow('log.roll.jitter.hours', 'int', '0', 'What log.roll.jitter.ms stands for where it is not set.'),
  ...PASSIVE_KAFKA_CONFIGS,
]

/** What every broker has from the start, as a freshly formatted Kafka (KIP-966); it can be changed, not taken away. */
export const INITIAL_CLUSTER_CONFIGS: ReadonlyMap<string, string> = new Map([['min.insync.replicas', '1']])
