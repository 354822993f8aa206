import type { StaticConfig } from './broker/configs/broker-configs.ts'
import type { ConfigType } from './broker/configs/config-row.ts'
import type { GroupSettings } from './broker/groups/group-settings.ts'
import { DEFAULT_GROUP_SETTINGS } from './broker/groups/group-settings.ts'
import type { SecuritySettings } from './broker/security/broker-security.ts'
import { DEFAULT_TOKEN_SETTINGS } from './broker/security/delegation-tokens.ts'
import type { SessionSettings } from './broker/sessions/session-settings.ts'
import type { MappingSettings } from './broker/topics/mapping/topic-mapping.ts'
import { DEFAULT_TRANSACTION_SETTINGS, type TransactionSettings } from './broker/transactions/transaction-settings.ts'
import type { Setting } from './config/setting.ts'
import { SETTING_KEYS, type Settings, settingOf } from './config/settings.ts'
import { DEFAULT_FETCH_SESSION_SETTINGS, type FetchSessionSettings } from './kafka/fetch-sessions.ts'
import type { KafkaSettings } from './kafka/handler.ts'
import { DEFAULT_KAFKA_SETTINGS } from './kafka/handler.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from './log/settings.ts'
import { DEFAULT_MQTT_SETTINGS, type MqttSettings } from './mqtt/mqtt-settings.ts'
import { DEFAULT_LISTENER_SETTINGS, type ListenerSettings } from './net/listener.ts'

/** From the table of settings to what each room's constructors take: one function per room. */

/** Some of these can change while the broker runs. */
export function logSettings(settings: Settings): { -readonly [K in keyof LogSettings]: LogSettings[K] } {
  return {
    ...DEFAULT_LOG_SETTINGS,
    retentionCheckMs: settings['log.retention.check.interval.ms'],
    producerExpiryMs: settings['producer.id.expiration.ms'],
    cleanerEnabled: settings['log.cleaner.enable'],
    cleanerThreads: settings['log.cleaner.threads'],
    cleanerDedupeBytes: settings['log.cleaner.dedupe.buffer.size'],
    cleanerBackoffMs: settings['log.cleaner.backoff.ms'],
  }
}

/** Those that can, by Kafka's names of them. */
export function liveLogSettings(number: (key: string) => number): Partial<LogSettings> {
  return {
    producerExpiryMs: number('producer.id.expiration.ms'),
    cleanerThreads: number('log.cleaner.threads'),
    cleanerDedupeBytes: number('log.cleaner.dedupe.buffer.size'),
    cleanerBytesPerSecond: number('log.cleaner.io.max.bytes.per.second'),
    cleanerBackoffMs: number('log.cleaner.backoff.ms'),
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
    maxShareGroupSize: settings['group.share.max.size'],
    shareSessionTimeoutMs: settings['group.share.session.timeout.ms'],
    shareHeartbeatIntervalMs: settings['group.share.heartbeat.interval.ms'],
    shareAssignmentIntervalMs: settings['group.share.assignment.interval.ms'],
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

/** What the broker was started with, as text. */
export function staticConfigs(settings: Settings): StaticConfig[] {
  return SETTING_KEYS.map((key) => {
    const { type, default: fallback, doc } = settingOf(key)
    return { key, value: type.print(settings[key]), default: type.print(fallback), type: typeOf(type), doc }
  })
}

function typeOf({ name, schema }: Setting<unknown>['type']): ConfigType {
  return name === 'int' && Number(schema.maximum) > INT_MAX ? 'long' : TYPES[name]
}

const INT_MAX = 2_147_483_647

const TYPES = { boolean: 'boolean', int: 'int', string: 'string', choice: 'string', list: 'list', addresses: 'list', rules: 'string' } as const
