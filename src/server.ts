import type { BrokerContext } from './broker/broker.ts'
import { ClusterIdentityStore } from './broker/cluster-identity.ts'
import { BrokerConfigs } from './broker/configs/broker-configs.ts'
import { GroupConfigs } from './broker/configs/group-configs.ts'
import { GroupCoordinator } from './broker/groups/group-coordinator.ts'
import { GroupSharePolicy } from './broker/groups/share/share-policy.ts'
import { DEFAULT_PRODUCER_ID_SETTINGS, ProducerIds } from './broker/producers/producer-ids.ts'
import { ClientQuotas } from './broker/quotas/client-quotas.ts'
import { Throttle } from './broker/quotas/throttle.ts'
import { BrokerSecurity } from './broker/security/broker-security.ts'
import type { Principal } from './broker/security/ports.ts'
import { PrincipalMapping } from './broker/security/principal-mapping.ts'
import { SessionManager } from './broker/sessions/session-manager.ts'
import type { SessionSettings } from './broker/sessions/session-settings.ts'
import { SharePartitions } from './broker/shares/share-partitions.ts'
import { TopicMapping } from './broker/topics/mapping/topic-mapping.ts'
import { Recompression } from './broker/topics/recompression.ts'
import { TopicRegistry } from './broker/topics/topic-registry.ts'
import { TransactionCoordinator } from './broker/transactions/transaction-coordinator.ts'
import { type ListenerAddress, printAddress } from './config/listener-address.ts'
import type { Settings } from './config/settings.ts'
import { FetchSessions } from './kafka/fetch-sessions.ts'
import type { KafkaBroker } from './kafka/handler.ts'
import { KafkaServer } from './kafka/kafka-server.ts'
import { ShareSessions } from './kafka/share-sessions.ts'
import { LocalLog } from './log/local-log.ts'
import type { LogStore } from './log/ports.ts'
import type { LogSettings } from './log/settings.ts'
import { MqttServer } from './mqtt/mqtt-server.ts'
import { Listener, type ListenerParts, type ListenerSettings } from './net/listener.ts'
import type { Clock } from './runtime/clock.ts'
import type { FileSystem } from './runtime/files.ts'
import type { HostPort, Network } from './runtime/network.ts'
import { nodeNetwork } from './runtime/node-network.ts'
import { type Random, systemRandom } from './runtime/random.ts'
import { systemClock } from './runtime/system-clock.ts'
import { Access } from './server-access.ts'
import {
  fetchSessionSettings,
  groupSettings,
  kafkaSettings,
  listenerSettings,
  liveLogSettings,
  logSettings,
  mappingSettings,
  mqttSettings,
  securitySettings,
  sessionSettings,
  staticConfigs,
  transactionSettings,
} from './server-settings.ts'
import { TlsListeners } from './server-tls.ts'
import { openSaslOffer } from './server-tokens.ts'
import type { BrokerGauges } from './telemetry/gauges.ts'
import { type LeveledLogger, type Logger, leveled } from './telemetry/logger.ts'
import { type Compress, type Decompress, compress as deflate, decompress as inflate } from './util/compression.ts'

const NODE_ID = 1
/** Batches that are compressed anew at the same time. */
const MAX_RECOMPRESSING_BYTES = 134_217_728

/** A start that failed for a reason that the user can mend; the message says which. */
export class StartError extends Error {}

/** A start that failed since a setting makes no sense, which only those who use it could tell. */
export class SettingError extends StartError {}

/** A running broker: everything that was opened, closed in reverse. */
export interface Server {
  /** Where each listener accepts, with the ports that the system chose. */
  readonly kafka: readonly HostPort[]
  readonly mqtt: readonly HostPort[]
  /** `kafka=127.0.0.1:9092 mqtt=127.0.0.1:1883 storage=file:./elytra-data` */
  describe(): string
  /** What it holds in memory at this moment. */
  gauges(): BrokerGauges
  /** Reads certificates and keys anew; what is wrong with them is logged, and the former ones stay in use. */
  reload(): Promise<void>
  /** Tells clients, closes listeners and connections, then the log. Closing twice is fine. */
  close(): Promise<void>
}

/** What the broker stands on. */
export interface Machine {
  readonly clock: Clock
  readonly random: Random
  readonly network: Network
  /** Null: those that the setting `storage` names. */
  readonly files: FileSystem | null
  /** For tests: bounds that are no settings, small enough to be reached. */
  readonly bounds?: { readonly log?: Partial<LogSettings>; readonly sessions?: Partial<SessionSettings> }
  /** For tests: decompression outside the event loop; where absent, Node's thread pool does it. */
  readonly decompress?: Decompress
  /** For tests: as `decompress`. */
  readonly compress?: Compress
  /** For tests of tests: puts something between the broker and its log. */
  readonly wrapLog?: (log: LogStore) => LogStore
}

/** The machine's own; tests and the simulation have others. */
export const REAL_MACHINE: Machine = { clock: systemClock, random: systemRandom, network: nodeNetwork, files: null }

/** Opens storage, log, broker and listeners, in that order. Rejects with a `StartError`, and then nothing stays open. */
export async function openServer(settings: Settings, given: Logger, machine: Machine = REAL_MACHINE): Promise<Server> {
  const logger = leveled(given)
  const opened: Closer[] = []
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= closeAll(opened)
    return closing
  }
  try {
    const core = await openCore(settings, logger, machine, opened)
    const { kafka, mqtt, tls, gauges } = await openListeners(core, settings, { network: machine.network, clock: machine.clock, logger }, opened)
    const storage = core.broker.log.description
    const describe = (): string => `kafka=${printAll(kafka)} mqtt=${printAll(mqtt)} storage=${storage}`
    return { kafka, mqtt, describe, gauges: () => ({ ...core.gauges(), ...gauges() }), reload: () => tls.reload(), close }
  } catch (error) {
    await close()
    throw error
  }
}

type Closer = () => Promise<void> | void

/** In reverse order of opening; one that fails does not keep the others open. Rejects with the first failure. */
async function closeAll(opened: Closer[]): Promise<void> {
  let failure: unknown
  for (const run of opened.splice(0).reverse()) {
    try {
      await run()
    } catch (error) {
      failure ??= error
    }
  }
  if (failure !== undefined) throw failure
}

/** What listeners serve. */
interface Core {
  readonly broker: KafkaBroker
  readonly sessions: SessionManager
  readonly access: Access
  readonly security: BrokerSecurity
  gauges(): Omit<BrokerGauges, ListenerGauge>
}

/** Of all listeners together. */
type ListenerGauge = 'partialFrameBytes' | 'fetchReservedBytes'

/** Makes everything that keeps state, then replays that state, then brings it to life. */
async function openCore(
  settings: Settings,
  logger: LeveledLogger,
  { clock, random, files, bounds, decompress, compress, wrapLog }: Machine,
  opened: Closer[],
): Promise<Core> {
  const limits = { ...logSettings(settings), ...bounds?.log }
  const localLog = new LocalLog(files ?? (await openFiles(settings)), clock, random, logger, limits, decompress, compress)
  const log = wrapLog?.(localLog) ?? localLog
  const topics = new TopicRegistry(log, random, {
    numPartitions: settings['num.partitions'],
    maxPartitions: settings['max.partitions'],
  })
  const brokerConfigs = new BrokerConfigs(log, staticConfigs(settings))
  const groupConfigs = new GroupConfigs(log, brokerConfigs)
  const quotas = new ClientQuotas(log)
  const security = new BrokerSecurity(log, clock, random, securitySettings(settings))
  const identity = new ClusterIdentityStore(log, random)
  const context: BrokerContext = { clock, random, log, topics, security }
  const shares = new SharePartitions(context, new GroupSharePolicy(groupConfigs))
  const groups = new GroupCoordinator(context, groupSettings(settings), logger, groupConfigs, shares)
  const producerIds = new ProducerIds(log, DEFAULT_PRODUCER_ID_SETTINGS)
  const transactions = new TransactionCoordinator(context, producerIds, groups, transactionSettings(settings), logger)
  const warn = (message: string): void => logger.warn({}, message)
  const mapping = await withReason('mqtt.mapping.rules', async () => new TopicMapping(topics, log, mappingSettings(settings), warn), SettingError)
  const sessions = new SessionManager(context, mapping, { ...sessionSettings(settings), ...bounds?.sessions }, logger, decompress)
  security.mapMqttTopics(mapping)
  security.whenRightsChange(() => sessions.rightsChanged())

  opened.push(() => log.close())
  await withReason(`cannot open ${log.description}`, () => log.open())
  const applyConfigs = (): void => {
    topics.setTopicDefaults(brokerConfigs.topicDefaults())
    Object.assign(
      limits,
      liveLogSettings((key) => brokerConfigs.number(key)),
      bounds?.log,
    )
  }
  applyConfigs()
  brokerConfigs.onChange(applyConfigs)
  await withReason(`cannot open the topics of ${log.description}`, () => topics.open())
  security.tokens.open()
  opened.push(() => security.tokens.close())
  shares.open()
  opened.push(() => shares.close())
  groups.open()
  opened.push(() => groups.close())
  transactions.open()
  opened.push(() => transactions.close())
  await sessions.open()
  opened.push(() => sessions.close())
  log.start()
  await withReason(`cannot write to ${log.description}`, () => identity.open())

  const broker: KafkaBroker = {
    ...context,
    identity: { clusterId: identity.clusterId, nodeId: NODE_ID },
    settings: kafkaSettings(settings),
    groups,
    producerIds,
    transactions,
    fetchSessions: new FetchSessions(clock, random, fetchSessionSettings(settings)),
    shares,
    shareSessions: new ShareSessions(shares, () => brokerConfigs.number('group.share.max.share.sessions')),
    recompression: new Recompression(decompress ?? inflate, compress ?? deflate, MAX_RECOMPRESSING_BYTES),
    brokerConfigs,
    groupConfigs,
    quotas,
    throttle: new Throttle(quotas, clock),
    logLevels: logger,
  }
  const gauges = () => ({
    ...localLog.gauges(),
    ...sessions.gauges(),
    fetchSessions: broker.fetchSessions.size,
    fetchSessionPartitions: broker.fetchSessions.partitionCount,
    throttleBuckets: broker.throttle.bucketCount,
  })
  return { broker, sessions, access: new Access(settings, security), security, gauges }
}

async function openListeners({ broker, sessions, access, security }: Core, settings: Settings, parts: ListenerParts, opened: Closer[]) {
  const openDoor = access.openDoor()
  if (openDoor !== null) throw new StartError(openDoor)
  const fixedLimits = listenerSettings(settings)
  const limits = (idleTimeoutMs: number): ListenerSettings => ({
    ...fixedLimits,
    idleTimeoutMs,
    get maxConnections() {
      return broker.brokerConfigs.number('max.connections')
    },
  })
  const saslOffer = await withReason('cannot read sasl.oauthbearer.jwks.endpoint.url', () => openSaslOffer(settings, security, parts.logger))
  const tls = await openTls(settings, parts)
  opened.push(() => tls.close())
  const principalOf = (certificate: Uint8Array): Principal | null => {
    const name = tls.userOf(certificate)
    return name === null ? null : security.provenPrincipal(name)
  }
  // Closed together: clients that do not answer cost their time of grace once.
  const listening: (() => Promise<void>)[] = []
  opened.push(async () => {
    await Promise.all(listening.map((run) => run()))
  })
  const kafka: HostPort[] = []
  const kafkaServers: KafkaServer[] = []
  for (const [index, address] of settings['kafka.listeners'].entries()) {
    const listener = {
      address,
      advertised: settings['kafka.advertised.listeners'][index] ?? null,
      get sasl() {
        return access.mayBeAnonymous(address) ? ('optional' as const) : ('required' as const)
      },
      saslOffer,
      tls: tls.of(address),
      principalOf,
    }
    const server = new KafkaServer(broker, parts, listener, limits(fixedLimits.idleTimeoutMs))
    kafkaServers.push(server)
    listening.push(() => server.close())
    kafka.push(await listen('kafka', address, () => server.listen()))
  }
  const mqtt: HostPort[] = []
  const mqttServer = new MqttServer({ ...parts, sessions, security: broker.security, pressure: broker.log }, mqttSettings(settings))
  for (const address of settings['mqtt.listeners']) {
    // Keep alive and the time to CONNECT are MQTT's own; idle connections are its normal case.
    const listener = new Listener(
      parts,
      limits(0),
      (connection) => {
        const proven = connection.peerCertificate === null ? null : principalOf(connection.peerCertificate)
        if (proven === null && connection.peerCertificate !== null) connection.destroy('no rule of ssl.principal.mapping.rules applies to the certificate')
        return mqttServer.accept(connection, { allowAnonymous: access.mayBeAnonymous(address), proven })
      },
      tls.of(address),
    )
    listening.push(() => listener.close())
    mqtt.push(await listen('mqtt', address, () => listener.listen(address)))
  }
  // Closed before its listeners: clients are told why.
  opened.push(() => mqttServer.close())
  const gauges = (): Pick<BrokerGauges, ListenerGauge> => ({
    partialFrameBytes: kafkaServers.reduce((sum, { partialFrameBytes }) => sum + partialFrameBytes, 0),
    fetchReservedBytes: kafkaServers.reduce((sum, { fetchReservedBytes }) => sum + fetchReservedBytes, 0),
  })
  return { kafka, mqtt, tls, gauges }
}

async function openTls(settings: Settings, parts: ListenerParts): Promise<TlsListeners> {
  const mapping = PrincipalMapping.parse(settings['ssl.principal.mapping.rules'])
  if (typeof mapping === 'string') throw new SettingError(`ssl.principal.mapping.rules ${mapping}`)
  return withReason('cannot read the certificates of tls.listeners', () => TlsListeners.open(settings, mapping, parts))
}

function printAll(addresses: readonly HostPort[]): string {
  return addresses.map(({ host, port }) => printAddress(host, port)).join(',') || 'off'
}

/** Where bytes rest: the disk's code is not loaded for memory, nor the other way round. */
async function openFiles(settings: Settings): Promise<FileSystem> {
  if (settings.storage === 'memory:') {
    const { MemoryFiles } = await import('./storage/memory-files.ts')
    return new MemoryFiles()
  }
  const { NodeFiles } = await import('./runtime/files-node.ts')
  const directory = settings.storage.slice('file:'.length) || settings['data.dir']
  return withReason(`cannot use the data directory ${directory}`, async () => new NodeFiles(directory))
}

async function listen(protocol: string, address: ListenerAddress, run: () => Promise<HostPort>): Promise<HostPort> {
  try {
    const bound = await run()
    return { host: bound.host, port: bound.port }
  } catch (error) {
    throw new StartError(`cannot listen for ${protocol} on ${address.text}: ${reasonOf(error, protocol)}`, { cause: error })
  }
}

/** What a system's error means to whoever starts a broker. */
function reasonOf(error: unknown, protocol: string): string {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'EADDRINUSE':
      return `another process listens there; stop it, or choose another port (--${protocol} HOST:PORT; port 0 picks a free one)`
    case 'EACCES':
      return 'this user may not; ports below 1024 belong to the system'
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return 'this machine has no such address'
    default:
      return error instanceof Error ? error.message : String(error)
  }
}

async function withReason<T>(what: string, run: () => Promise<T>, Failed: typeof StartError = StartError): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw new Failed(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
