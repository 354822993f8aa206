import { type BrokerConfigRow, brokerConfigRow } from './broker-config-row.ts'
import type { ConfigLimits, ConfigType } from './config-row.ts'

/**
 * Configs that a running Kafka 4.4 lets change and that mean nothing here: threads, tiered storage, Kerberos, Java's TLS. Tools that copy
 * configs find them; they are checked as there, kept, and nothing obeys them.
 */

const NOTHING = 'Taken, checked and kept as Kafka does; nothing here obeys it.'
const POSITIVE: ConfigLimits = { min: 1 }
const BUFFER: ConfigLimits = { min: 524_288 }
const INT_MAX = '2147483647'
const LONG_MAX = '9223372036854775807'
const PRINCIPAL_BUILDER = 'org.apache.kafka.common.security.authenticator.DefaultKafkaPrincipalBuilder'
const JMX_REPORTER = 'org.apache.kafka.common.metrics.JmxReporter'
/** `127.0.0.1:200,host:5`, or nothing. */
const PER_HOST = /^$|^[^,:]+:\d+(,[^,:]+:\d+)*$/

type Row = readonly [key: string, type: ConfigType, fallback: string | null, limits?: ConfigLimits]

const EACH: readonly Row[] = [
  ['errors.deadletterqueue.auto.create.topics.enable', 'boolean', 'false'],
  ['errors.deadletterqueue.topic.name.prefix', 'string', 'dlq.'],
  ['follower.fetch.last.tiered.offset.enable', 'boolean', 'false'],
  ['transaction.partition.verification.enable', 'boolean', 'true'],
  ['max.connection.creation.rate', 'int', INT_MAX, POSITIVE],
  ['max.connections.per.ip', 'int', INT_MAX, POSITIVE],
  ['max.connections.per.ip.overrides', 'string', '', { pattern: [PER_HOST, 'a list of HOST:NUMBER'] }],
  ['remote.fetch.max.wait.ms', 'int', '500', POSITIVE],
  ['remote.list.offsets.request.timeout.ms', 'long', '30000', POSITIVE],
  ['remote.log.index.file.cache.total.size.bytes', 'long', '1073741824', POSITIVE],
  ['remote.log.manager.copy.max.bytes.per.second', 'long', LONG_MAX, POSITIVE],
  ['remote.log.manager.fetch.max.bytes.per.second', 'long', LONG_MAX, POSITIVE],
  ['group.streams.assignment.interval.ms', 'int', '1000', { min: 0 }],
  ['group.coordinator.cached.buffer.max.bytes', 'int', '1048588', BUFFER],
  ['share.coordinator.cached.buffer.max.bytes', 'int', '1048588', BUFFER],
  ['log.cleaner.io.buffer.size', 'int', '524288', { min: 0 }],
  ['log.cleaner.io.buffer.load.factor', 'double', '0.9'],
  ['metric.reporters', 'list', JMX_REPORTER, { values: [JMX_REPORTER] }],
  ['config.providers', 'list', ''],
]

const POOLS: readonly Row[] = [
  ['background.threads', 'int', '10', POSITIVE],
  ['num.io.threads', 'int', '8', POSITIVE],
  ['num.network.threads', 'int', '3', POSITIVE],
  ['num.recovery.threads.per.data.dir', 'int', '2', POSITIVE],
  ['num.replica.fetchers', 'int', '1', POSITIVE],
  ['remote.log.manager.copier.thread.pool.size', 'int', '10', POSITIVE],
  ['remote.log.manager.expiration.thread.pool.size', 'int', '10', POSITIVE],
  ['remote.log.manager.follower.thread.pool.size', 'int', '2', POSITIVE],
  ['remote.log.reader.threads', 'int', '10', POSITIVE],
]

const OWN: readonly Row[] = [
  ['principal.builder.class', 'string', PRINCIPAL_BUILDER, { values: [PRINCIPAL_BUILDER] }],
  ['cordoned.log.dirs', 'list', '', { values: [] }],
  ['sasl.jaas.config', 'password', null],
  ['sasl.mechanism.inter.broker.protocol', 'string', 'GSSAPI'],
  ['sasl.kerberos.kinit.cmd', 'string', '/usr/bin/kinit'],
  ['sasl.kerberos.min.time.before.relogin', 'long', '60000'],
  ['sasl.kerberos.principal.to.local.rules', 'list', 'DEFAULT'],
  ['sasl.kerberos.service.name', 'string', null],
  ['sasl.kerberos.ticket.renew.jitter', 'double', '0.05'],
  ['sasl.kerberos.ticket.renew.window.factor', 'double', '0.8'],
  ['sasl.login.refresh.buffer.seconds', 'short', '300'],
  ['sasl.login.refresh.min.period.seconds', 'short', '60'],
  ['sasl.login.refresh.window.factor', 'double', '0.8'],
  ['sasl.login.refresh.window.jitter', 'double', '0.05'],
  ['ssl.cipher.suites', 'list', ''],
  ['ssl.endpoint.identification.algorithm', 'string', 'https'],
  ['ssl.keymanager.algorithm', 'string', 'SunX509'],
  ['ssl.protocol', 'string', 'TLSv1.3'],
  ['ssl.provider', 'string', null],
  ['ssl.secure.random.implementation', 'string', null],
  ['ssl.trustmanager.algorithm', 'string', 'PKIX'],
]

const rows = (given: readonly Row[], changes: BrokerConfigRow['changes'], isPool = false): BrokerConfigRow[] =>
  given.map(([key, type, fallback, limits]) => ({ ...brokerConfigRow(key, type, fallback, NOTHING, limits), changes, isPool }))

export const PASSIVE_KAFKA_CONFIGS: readonly BrokerConfigRow[] = [...rows(EACH, 'each'), ...rows(POOLS, 'each', true), ...rows(OWN, 'own')]
