import { loadSettings, settingsOfObject } from './config/load.ts'
import type { SettingsInput } from './config/settings.ts'
import type { HostPort } from './runtime/network.ts'
import { type Machine, openServer, REAL_MACHINE } from './server.ts'
import { createLogger, type Logger } from './telemetry/logger.ts'

export type { HostPort, Logger, Machine, SettingsInput }

/** What an embedded broker is given; everything has a default. */
export interface BrokerOptions {
  /** `memory:` (default: gone when the broker closes) or `file:DIRECTORY`. */
  readonly storage?: string
  /** `HOST:PORT`, several, or `off`. Default: a free port on 127.0.0.1. */
  readonly kafka?: string | readonly string[]
  /** As `kafka`. */
  readonly mqtt?: string | readonly string[]
  /** Any setting of docs/reference/configuration.md, by its key: `{ 'num.partitions': 1 }`. */
  readonly settings?: SettingsInput
  /** Where the broker's log lines go. Default: nowhere, unless `settings` say a `log.level`: then to stderr. */
  readonly logger?: Logger
  /** For tests: another clock, randomness, network or disk (`elytra/testing`) than the machine's. */
  readonly machine?: Partial<Machine>
}

/** A running broker in this process. `await using` closes it. */
export interface Broker extends AsyncDisposable {
  /** The first Kafka listener as clients want it, `127.0.0.1:40961`; empty where it is off. */
  readonly kafka: string
  /** The first MQTT listener as a URL, `mqtt://127.0.0.1:40963` (`mqtts:` with TLS); empty where it is off. */
  readonly mqtt: string
  /** All listeners. */
  readonly addresses: { readonly kafka: readonly HostPort[]; readonly mqtt: readonly HostPort[] }
  /** Closes listeners, connections and the log, in that order. Closing twice is fine. */
  close(): Promise<void>
}

const OPTIONS = ['storage', 'kafka', 'mqtt', 'settings', 'logger', 'machine'] as const satisfies readonly (keyof BrokerOptions)[]

/** For callers without types: a misspelt option must not be a silent default. */
function refuseUnknown(options: BrokerOptions): void {
  const unknown = Object.keys(options).filter((key) => !(OPTIONS as readonly string[]).includes(key))
  if (unknown.length > 0) throw new Error(`startBroker has no option ${unknown.join(', ')}; its options are ${OPTIONS.join(', ')}`)
}

/**
 * Starts a broker in this process: `await using broker = await startBroker()`. Resolves when all listeners accept;
 * rejects with an Error that says what to do.
 */
export async function startBroker(options: BrokerOptions = {}): Promise<Broker> {
  refuseUnknown(options)
  const { storage = 'memory:', kafka = '127.0.0.1:0', mqtt = '127.0.0.1:0', settings: given = {} } = options
  const own = { storage, 'kafka.listeners': kafka, 'mqtt.listeners': mqtt }
  const loaded = loadSettings(settingsOfObject(own, 'startBroker'), settingsOfObject(given, 'startBroker settings'))
  if ('problems' in loaded) throw new Error(loaded.problems.join('\n'))
  const { settings } = loaded
  const logger = options.logger ?? createLogger(loaded.given.has('log.level') ? settings['log.level'] : 'silent')
  const server = await openServer(settings, logger, { ...REAL_MACHINE, ...options.machine })
  const url = (address: HostPort | undefined): string =>
    address === undefined ? '' : `${address.host.includes(':') ? `[${address.host}]` : address.host}:${address.port}`
  const scheme = settings['tls.listeners'].includes(settings['mqtt.listeners'][0]?.text ?? '') ? 'mqtts' : 'mqtt'
  const close = (): Promise<void> => server.close()
  return {
    kafka: url(server.kafka[0]),
    mqtt: server.mqtt[0] === undefined ? '' : `${scheme}://${url(server.mqtt[0])}`,
    addresses: { kafka: server.kafka, mqtt: server.mqtt },
    close,
    [Symbol.asyncDispose]: close,
  }
}
