import type { BrokerContext } from '../../../src/broker/broker.ts'
import { BrokerConfigs } from '../../../src/broker/configs/broker-configs.ts'
import { GroupConfigs } from '../../../src/broker/configs/group-configs.ts'
import { GroupCoordinator } from '../../../src/broker/groups/group-coordinator.ts'
import { DEFAULT_GROUP_SETTINGS } from '../../../src/broker/groups/group-settings.ts'
import { DEFAULT_PRODUCER_ID_SETTINGS, ProducerIds } from '../../../src/broker/producers/producer-ids.ts'
import { ClientQuotas } from '../../../src/broker/quotas/client-quotas.ts'
import { Throttle } from '../../../src/broker/quotas/throttle.ts'
import { BrokerSecurity } from '../../../src/broker/security/broker-security.ts'
import type { ShareGroupPolicy } from '../../../src/broker/shares/ports.ts'
import { SharePartitions } from '../../../src/broker/shares/share-partitions.ts'
import { Recompression } from '../../../src/broker/topics/recompression.ts'
import { TopicRegistry } from '../../../src/broker/topics/topic-registry.ts'
import { TransactionCoordinator } from '../../../src/broker/transactions/transaction-coordinator.ts'
import { DEFAULT_TRANSACTION_SETTINGS } from '../../../src/broker/transactions/transaction-settings.ts'
import { FetchSessions } from '../../../src/kafka/fetch-sessions.ts'
import { DEFAULT_KAFKA_SETTINGS, type KafkaBroker, type KafkaSettings } from '../../../src/kafka/handler.ts'
import { KafkaServer } from '../../../src/kafka/kafka-server.ts'
import type { SaslPolicy } from '../../../src/kafka/sasl/authentication.ts'
import { ShareSessions } from '../../../src/kafka/share-sessions.ts'
import type { LogStore } from '../../../src/log/ports.ts'
import { DEFAULT_LISTENER_SETTINGS } from '../../../src/net/listener.ts'
import type { HostPort } from '../../../src/runtime/network.ts'
import { nodeNetwork } from '../../../src/runtime/node-network.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { type Logger, leveled, silentLogger } from '../../../src/telemetry/logger.ts'
import { compress, decompress } from '../../../src/util/compression.ts'
import { sharePolicy } from '../../broker/shares/policy.ts'

export interface HarnessOptions {
  readonly settings?: Partial<KafkaSettings>
  readonly sasl?: SaslPolicy
  readonly numPartitions?: number
  readonly logger?: Logger
  readonly maxConnections?: number
  readonly port?: number
  readonly sharePolicy?: ShareGroupPolicy
  readonly maxShareSessions?: number
}

export const CLUSTER_ID = 'bGVhcm4ta2Fma2EtZWx5dA'
export const NODE_ID = 1

/** A Kafka server on a real socket of the loopback over the given log. */
export async function startKafka<L extends LogStore>(log: L, options: HarnessOptions = {}) {
  const topics = new TopicRegistry(log, systemRandom, { numPartitions: options.numPartitions ?? 1, maxPartitions: 1_000 })
  const security = new BrokerSecurity(log, systemClock, systemRandom)
  const context: BrokerContext = { clock: systemClock, random: systemRandom, log, topics, security }
  const shares = new SharePartitions(context, options.sharePolicy ?? sharePolicy())
  const groups = new GroupCoordinator(context, DEFAULT_GROUP_SETTINGS, silentLogger, undefined, shares)
  const producerIds = new ProducerIds(log, DEFAULT_PRODUCER_ID_SETTINGS)
  const transactions = new TransactionCoordinator(context, producerIds, groups, DEFAULT_TRANSACTION_SETTINGS)
  const brokerConfigs = new BrokerConfigs(log, [
    { key: 'message.max.bytes', value: '1000000', default: '1048588', type: 'int', doc: 'The largest batch.' },
    { key: 'num.partitions', value: '1', default: '1', type: 'int', doc: 'Partitions of a topic made without a number.' },
  ])
  const groupConfigs = new GroupConfigs(log, brokerConfigs)
  const quotas = new ClientQuotas(log)
  const applyDefaults = () => topics.setTopicDefaults(brokerConfigs.topicDefaults())
  brokerConfigs.onChange(applyDefaults)
  await log.open()
  applyDefaults()
  await topics.open()
  shares.open()
  groups.open()
  transactions.open()
  log.start()
  const broker: KafkaBroker = {
    ...context,
    identity: { clusterId: CLUSTER_ID, nodeId: NODE_ID },
    settings: { ...DEFAULT_KAFKA_SETTINGS, failedAuthenticationDelayMs: 1, ...options.settings },
    groups,
    producerIds,
    transactions,
    fetchSessions: new FetchSessions(systemClock, systemRandom),
    shares,
    shareSessions: new ShareSessions(shares, () => options.maxShareSessions ?? 2_000),
    recompression: new Recompression(decompress, compress, 10_000_000),
    brokerConfigs,
    groupConfigs,
    quotas,
    throttle: new Throttle(quotas, systemClock),
    logLevels: leveled(silentLogger),
  }
  const server = new KafkaServer(
    broker,
    { network: nodeNetwork, clock: systemClock, logger: options.logger ?? silentLogger },
    { address: { host: '127.0.0.1', port: options.port ?? 0 }, advertised: null, sasl: options.sasl ?? 'off' },
    { ...DEFAULT_LISTENER_SETTINGS, maxConnections: options.maxConnections ?? 20_000 },
  )
  const address: HostPort = await server.listen()
  return {
    address,
    broker,
    topics,
    security,
    log,
    server,
    async [Symbol.asyncDispose]() {
      await server.close()
      transactions.close()
      groups.close()
      shares.close()
      await log.close()
    },
  }
}
