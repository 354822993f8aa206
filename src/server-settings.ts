import type { GroupSettings } from './broker/groups/group-settings.ts'
import { DEFAULT_GROUP_SETTINGS } from './broker/groups/group-settings.ts'
import type { SecuritySettings } from './broker/security/broker-security.ts'
import { DEFAULT_TOKEN_SETTINGS } from './broker/security/delegation-tokens.ts'
import type { SessionSettings } from './broker/sessions/session-settings.ts'
import type { MappingSettings } from './broker/topics/mapping/topic-mapping.ts'
import { DEFAULT_TRANSACTION_SETTINGS, type TransactionSettings } from './broker/transactions/transaction-settings.ts'
import { SETTING_KEYS, type SettingKey, type Settings, settingOf } from './config/settings.ts'
import { DEFAULT_FETCH_SESSION_SETTINGS, type FetchSessionSettings } from './kafka/fetch-sessions.ts'
import type { BrokerConfig, KafkaSettings } from './kafka/handler.ts'
import { DEFAULT_KAFKA_SETTINGS } from './kafka/handler.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from './log/settings.ts'
import { DEFAULT_MQTT_SETTINGS, type MqttSettings } from './mqtt/mqtt-settings.ts'
import { DEFAULT_LISTENER_SETTINGS, type ListenerSettings } from './net/listener.ts'

/** From the table of settings to what each room's constructors take: one function per room. */

/** Settings that are the defaults of topic configs, by the topic's key. */
const TOPIC_DEFAULTS = {
  'message.max.bytes': 'max.message.bytes',
  'log.retention.ms': 'retention.ms',
  'log.retention.bytes': 'retention.bytes',
  'log.segment.bytes': 'segment.bytes',
  'log.roll.ms': 'segment.ms',
  'log.message.timestamp.type': 'message.timestamp.type',
  'log.message.timestamp.after.max.ms': 'message.timestamp.after.max.ms',
} as const satisfies Partial<Record<SettingKey, string>>

export function topicDefaults(settings: Settings): ReadonlyMap<string, string> {
  const keys = Object.keys(TOPIC_DEFAULTS) as (keyof typeof TOPIC_DEFAULTS)[]
  return new Map(keys.map((key) => [TOPIC_DEFAULTS[key], String(settings[key])]))
}

export function logSettings(settings: Settings): LogSettings {
  return {
    ...DEFAULT_LOG_SETTINGS,
    retentionCheckMs: settings['log.retention.check.interval.ms'],
    producerExpiryMs: settings['producer.id.expiration.ms'],
  }
}

export function groupSettings(settings: Settings): GroupSettings {
  const graceMs = settings['group.disconnect.grace.ms']
  return {
    ...DEFAULT_GROUP_SETTINGS,
    minSessionTimeoutMs: settings['group.min.session.timeout.ms'],
    maxSessionTimeoutMs: settings['group.max.session.timeout.ms'],
    initialRebalanceDelayMs: settings['group.initial.rebalance.delay.ms'],
    maxSize: settings['group.max.size'],
    disconnectGraceMs: graceMs < 0 ? null : graceMs,
    maxConsumerGroupSize: settings['group.consumer.max.size'],
    consumerSessionTimeoutMs: settings['group.consumer.session.timeout.ms'],
    consumerHeartbeatIntervalMs: settings['group.consumer.heartbeat.interval.ms'],
    consumerAssignmentIntervalMs: settings['group.consumer.assignment.interval.ms'],
    migrationPolicy: settings['group.consumer.migration.policy'],
    regexRefreshIntervalMs: settings['group.consumer.regex.refresh.interval.ms'],
    offsetsRetentionMs: settings['offsets.retention.minutes'] * 60_000,
    offsetsRetentionCheckIntervalMs: settings['offsets.retention.check.interval.ms'],
    maxOffsetMetadataLength: settings['offset.metadata.max.bytes'],
  }
}

export function transactionSettings(settings: Settings): TransactionSettings {
  return {
    ...DEFAULT_TRANSACTION_SETTINGS,
    maxTimeoutMs: settings['transaction.max.timeout.ms'],
    abortCheckIntervalMs: settings['transaction.abort.timed.out.transaction.cleanup.interval.ms'],
    idExpirationMs: settings['transactional.id.expiration.ms'],
    expiryCheckIntervalMs: settings['transaction.remove.expired.transaction.cleanup.interval.ms'],
  }
}

export function kafkaSettings(settings: Settings): KafkaSettings {
  return {
    ...DEFAULT_KAFKA_SETTINGS,
    autoCreateTopics: settings['auto.create.topics.enable'],
    acksAll: settings['acks.all'] === 'disk' ? 'durable' : 'written',
    maxRequestBytes: settings['socket.request.max.bytes'],
    maxFetchBytes: settings['fetch.max.bytes'],
    failedAuthenticationDelayMs: settings['connection.failed.authentication.delay.ms'],
  }
}

export function fetchSessionSettings(settings: Settings): FetchSessionSettings {
  return { ...DEFAULT_FETCH_SESSION_SETTINGS, maxSessions: settings['max.incremental.fetch.session.cache.slots'] }
}

export function mqttSettings(settings: Settings): MqttSettings {
  return {
    ...DEFAULT_MQTT_SETTINGS,
    maximumPacketSize: settings['mqtt.max.packet.size'],
    receiveMaximum: settings['mqtt.receive.maximum'],
    topicAliasMaximum: settings['mqtt.topic.alias.maximum'],
    inflightMaximum: settings['mqtt.inflight.maximum'],
    maxKeepAliveS: settings['mqtt.max.keepalive'],
    sessionExpiryS: settings['mqtt.session.expiry'],
    connectTimeoutMs: settings['mqtt.connect.timeout.ms'],
  }
}

export function sessionSettings(settings: Settings): Partial<SessionSettings> {
  return {
    maxSessions: settings['mqtt.max.sessions'],
    maxSessionExpiryS: settings['mqtt.max.session.expiry'],
    maxRetainedMessages: settings['mqtt.max.retained.messages'],
    queueQos0Messages: settings['mqtt.queue.qos0.messages'],
    upgradeOutgoingQos: settings['mqtt.upgrade.outgoing.qos'],
    allowDuplicateMessages: settings['mqtt.allow.duplicate.messages'],
  }
}

export function securitySettings(settings: Settings): Partial<SecuritySettings> {
  return {
    superUsers: settings['super.users'],
    allowEveryone: settings['allow.everyone.if.no.acl.found'],
    tokens: {
      ...DEFAULT_TOKEN_SETTINGS,
      maxLifetimeMs: settings['delegation.token.max.lifetime.ms'],
      renewLifetimeMs: settings['delegation.token.expiry.time.ms'],
      checkIntervalMs: settings['delegation.token.expiry.check.interval.ms'],
    },
  }
}

export function mappingSettings(settings: Settings): MappingSettings {
  return { rules: settings['mqtt.mapping.rules'], maxAutoTopics: settings['mqtt.max.auto.topics'] }
}

export function listenerSettings(settings: Settings): ListenerSettings {
  return {
    ...DEFAULT_LISTENER_SETTINGS,
    maxConnections: settings['max.connections'],
    idleTimeoutMs: settings['connections.max.idle.ms'],
    closeGraceMs: CLOSE_GRACE_MS,
  }
}

/** Peers that vanished without a word do not take their last bytes: a stop must not wait for them long. */
const CLOSE_GRACE_MS = 1_000

/** What DescribeConfigs says of the broker. */
export function brokerConfigs(settings: Settings): BrokerConfig[] {
  return SETTING_KEYS.map((key) => {
    const { type, default: fallback, doc } = settingOf(key)
    const value = type.print(settings[key])
    return { key, value, type: TYPES[type.name], isDefault: value === type.print(fallback), doc }
  })
}

const TYPES = { boolean: 'boolean', int: 'long', string: 'string', choice: 'string', list: 'list', addresses: 'list', rules: 'string' } as const
