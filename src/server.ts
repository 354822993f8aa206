import type { BrokerContext } from './broker/broker.ts'
import { ClusterIdentityStore } from './broker/cluster-identity.ts'
import { GroupCoordinator } from './broker/groups/group-coordinator.ts'
import { DEFAULT_PRODUCER_ID_SETTINGS, ProducerIds } from './broker/producers/producer-ids.ts'
import { UserStore } from './broker/security/user-store.ts'
import { SessionManager } from './broker/sessions/session-manager.ts'
import { TopicMapping } from './broker/topics/mapping/topic-mapping.ts'
import { TopicRegistry } from './broker/topics/topic-registry.ts'
import { isLoopback, type ListenerAddress, printAddress } from './config/listener-address.ts'
import type { Settings } from './config/settings.ts'
import type { KafkaBroker } from './kafka/handler.ts'
import { KafkaServer } from './kafka/kafka-server.ts'
import { LocalLog } from './log/local-log.ts'
import { MqttServer } from './mqtt/mqtt-server.ts'
import { Listener } from './net/listener.ts'
import type { HostPort, Network } from './runtime/network.ts'
import { nodeNetwork } from './runtime/node-network.ts'
import { systemRandom } from './runtime/random.ts'
import { systemClock } from './runtime/system-clock.ts'
import {
  brokerConfigs,
  groupSettings,
  kafkaSettings,
  listenerSettings,
  logSettings,
  mappingSettings,
  mqttSettings,
  sessionSettings,
  topicDefaults,
} from './server-settings.ts'
import type { Logger } from './telemetry/logger.ts'

const NODE_ID = 1
const MAX_USERS = 100_000

/** A start that failed for a reason that the user can mend; the message says which. */
export class StartError extends Error {}

/** A running broker: everything that was opened, closed in reverse. */
export interface Server {
  /** Where each listener accepts, with the ports that the system chose. */
  readonly kafka: readonly HostPort[]
  readonly mqtt: readonly HostPort[]
  /** `kafka=127.0.0.1:9092 mqtt=127.0.0.1:1883 storage=file:./elytra-data` */
  describe(): string
  /** Closes listeners, then connections, then the log. Closing twice is fine. */
  close(): Promise<void>
}

/** Opens storage, log, broker and listeners, in that order. Rejects with a `StartError`, and then nothing stays open. */
export async function openServer(settings: Settings, logger: Logger): Promise<Server> {
  const opened: Closer[] = []
  let closing: Promise<void> | undefined
  const close = (): Promise<void> => {
    closing ??= closeAll(opened)
    return closing
  }
  try {
    return await open(settings, logger, { opened, close })
  } catch (error) {
    await close()
    throw error
  }
}

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

type Closer = () => Promise<void> | void

interface Opening {
  readonly opened: Closer[]
  readonly close: () => Promise<void>
}

async function open(settings: Settings, logger: Logger, { opened, close }: Opening): Promise<Server> {
  const clock = systemClock
  const random = systemRandom
  const log = new LocalLog(await openFiles(settings), clock, random, logger, logSettings(settings))
  const topics = new TopicRegistry(log, random, {
    numPartitions: settings['num.partitions'],
    maxPartitions: settings['max.partitions'],
    topicDefaults: topicDefaults(settings),
  })
  const security = new UserStore(log, random, { superUsers: settings['super.users'], maxUsers: MAX_USERS })
  const identity = new ClusterIdentityStore(log, random)
  const context: BrokerContext = { clock, random, log, topics, security }
  const groups = new GroupCoordinator(context, groupSettings(settings))
  const producerIds = new ProducerIds(log, DEFAULT_PRODUCER_ID_SETTINGS)
  const mapping = await withReason(
    'mqtt.mapping.rules',
    async () => new TopicMapping(topics, log, mappingSettings(settings), (message) => logger.warn({}, message)),
  )
  const sessions = new SessionManager(context, mapping, sessionSettings(settings), logger)

  opened.push(() => log.close())
  await withReason(`cannot open ${log.description}`, () => log.open())
  await topics.open()
  groups.open()
  opened.push(() => groups.close())
  await sessions.open()
  opened.push(() => sessions.close())
  log.start()
  await identity.open()

  const broker: KafkaBroker = {
    ...context,
    identity: { clusterId: identity.clusterId, nodeId: NODE_ID },
    settings: kafkaSettings(settings),
    groups,
    producerIds,
    brokerConfigs: brokerConfigs(settings),
  }
  const access = new Access(settings, security)
  access.refuseOpenDoors()
  const network: Network = nodeNetwork
  const parts = { network, clock, logger }
  const limits = listenerSettings(settings)

  const kafka: HostPort[] = []
  for (const [index, address] of settings['kafka.listeners'].entries()) {
    const advertised = settings['kafka.advertised.listeners'][index] ?? null
    const policy = {
      address: { host: address.host, port: address.port },
      advertised,
      // Asked anew for every connection: the first user that is made closes the door behind it.
      get sasl() {
        return access.mayBeAnonymous(address) ? ('optional' as const) : ('required' as const)
      },
    }
    const server = new KafkaServer(broker, parts, policy, limits)
    opened.push(() => server.close())
    kafka.push(await listen('kafka', address, () => server.listen()))
  }
  const mqtt: HostPort[] = []
  const mqttServer = new MqttServer({ clock, logger, sessions, security, pressure: log }, mqttSettings(settings))
  for (const address of settings['mqtt.listeners']) {
    // Keep alive and the time to CONNECT are MQTT's own; idle connections are its normal case.
    const listener = new Listener(parts, { ...limits, idleTimeoutMs: 0 }, (connection) =>
      mqttServer.accept(connection, { allowAnonymous: access.mayBeAnonymous(address) }),
    )
    opened.push(() => listener.close())
    mqtt.push(await listen('mqtt', address, () => listener.listen(address)))
  }
  // Before its listeners close: clients are told why.
  opened.push(() => mqttServer.close())
  const print = (addresses: readonly HostPort[]): string => addresses.map(({ host, port }) => printAddress(host, port)).join(',') || 'off'
  return {
    kafka,
    mqtt,
    describe: () => `kafka=${print(kafka)} mqtt=${print(mqtt)} storage=${log.description}`,
    close,
  }
}

/** Where bytes rest: the disk's code is not loaded for memory, nor the other way round. */
async function openFiles(settings: Settings) {
  if (settings.storage === 'memory:') {
    const { MemoryFiles } = await import('./storage/memory-files.ts')
    return new MemoryFiles()
  }
  const { NodeFiles } = await import('./runtime/files-node.ts')
  const directory = settings.storage.slice('file:'.length) || settings['data.dir']
  return withReason(`cannot use the data directory ${directory}`, async () => new NodeFiles(directory))
}

/** Secure by default: who may come in without a password. */
class Access {
  readonly #settings: Settings
  readonly #security: UserStore

  constructor(settings: Settings, security: UserStore) {
    this.#settings = settings
    this.#security = security
  }

  /** On loopback until there is a user; elsewhere only where `--insecure` says so. */
  mayBeAnonymous(address: ListenerAddress): boolean {
    if (this.#settings['insecure.listeners'].includes(address.text)) return true
    return isLoopback(address.host) && !this.#security.hasUsers
  }

  /** A listener that others could reach, where nobody could prove who he is, does not start. */
  refuseOpenDoors(): void {
    if (this.#security.hasUsers) return
    const open = [...this.#settings['kafka.listeners'], ...this.#settings['mqtt.listeners']].find(
      (address) => !isLoopback(address.host) && !this.#settings['insecure.listeners'].includes(address.text),
    )
    if (open === undefined) return
    throw new StartError(
      `${open.text} can be reached from other machines, and there are no users yet, so that anybody could do anything. ` +
        `Make a user first (start on localhost, then: elytra user add NAME), or say --insecure ${open.text}`,
    )
  }
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

async function withReason<T>(what: string, run: () => Promise<T>): Promise<T> {
  try {
    return await run()
  } catch (error) {
    throw new StartError(`${what}: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
}
