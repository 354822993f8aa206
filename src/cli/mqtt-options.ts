import type { ProtocolLevel, QoS } from '../broker/sessions/ports.ts'
import type { ConnectPacket, WillFields } from '../mqtt/wire/packets.ts'
import type { Properties } from '../mqtt/wire/property-table.ts'
import { nodeNetwork } from '../runtime/node-network.ts'
import { systemRandom } from '../runtime/random.ts'
import { systemClock } from '../runtime/system-clock.ts'
import { type CommandIo, flag, oneOf, usageError, whole, word } from './command.ts'
import { parseBroker, readCredentials, readTls, TLS_OPTIONS } from './connect.ts'
import { MqttClient } from './mqtt-client/mqtt-client.ts'

/** The options of `pub` and `sub` that concern the connection. */
export const MQTT_OPTIONS = {
  broker: word('-b, --broker <host:port>', 'An MQTT listener of the broker.', 'localhost:1883'),
  user: word('--user <name>', 'Log in as this user; the password is that of --password-file, the variable ELYTRA_PASSWORD, or asked for.'),
  passwordFile: word('--password-file <file>', 'A file whose first line is the password of --user.'),
  ...TLS_OPTIONS,
  protocol: oneOf('-V, --protocol <version>', 'The version of MQTT', ['3.1', '3.1.1', '5'], '5'),
  id: word('-i, --id <client>', 'The client id (default: a random one).'),
  qos: oneOf('-q, --qos <qos>', 'Quality of service: 0 at most once, 1 at least once, 2 exactly once', ['0', '1', '2'], '1'),
  keepAlive: whole('--keep-alive <seconds>', 'How long the broker waits for a sign of life (default: 60).', { max: 65_535 }),
  willTopic: word('--will-topic <topic>', 'A message that the broker publishes if this connection breaks: where to.'),
  willMessage: word('--will-message <text>', 'Its payload.', ''),
  willQos: oneOf('--will-qos <qos>', 'Its quality of service', ['0', '1', '2'], '1'),
  willRetain: flag('--will-retain', 'It is retained.'),
  willDelay: whole('--will-delay <seconds>', 'It waits so long for the client to come back (MQTT 5).'),
}

export interface MqttOptions {
  readonly broker: string
  readonly user: string | undefined
  readonly passwordFile: string | undefined
  readonly tls: boolean
  readonly ca: string | undefined
  readonly cert: string | undefined
  readonly keyFile: string | undefined
  readonly protocol: '3.1' | '3.1.1' | '5'
  readonly id: string | undefined
  readonly keepAlive: number | undefined
  readonly willTopic: string | undefined
  readonly willMessage: string
  readonly willQos: '0' | '1' | '2'
  readonly willRetain: boolean
  readonly willDelay: number | undefined
}

const LEVELS = { '3.1': 3, '3.1.1': 4, '5': 5 } as const
const DEFAULT_KEEP_ALIVE_S = 60
const NEVER_S = 0xffff_ffff

/** What a session outlives its connection by, in seconds; 0: nothing. */
export interface SessionOptions {
  readonly sessionExpiryS: number
}

/** Connects as the options say. */
export async function connectMqtt(io: CommandIo, options: MqttOptions, { sessionExpiryS }: SessionOptions): Promise<MqttClient> {
  const level = levelOf(options)
  const credentials = await readCredentials(io, options)
  const connect: ConnectPacket = {
    type: 'CONNECT',
    level,
    cleanStart: sessionExpiryS === 0,
    keepAliveS: options.keepAlive ?? DEFAULT_KEEP_ALIVE_S,
    // 3.1 allows 23 characters.
    clientId: options.id ?? `elytra-${Buffer.from(systemRandom.bytes(8)).toString('hex')}`,
    will: willOf(options, level),
    username: credentials?.username,
    password: credentials === undefined ? undefined : Buffer.from(credentials.password),
    properties: level === 5 && sessionExpiryS > 0 ? { sessionExpiryS } : {},
  }
  return MqttClient.open({ network: nodeNetwork, clock: systemClock, tls: readTls(options) }, parseBroker(options.broker), connect)
}

export function levelOf({ protocol }: Pick<MqttOptions, 'protocol'>): ProtocolLevel {
  return LEVELS[protocol]
}

export function qosOf(words: '0' | '1' | '2'): QoS {
  return Number(words) as QoS
}

/** `--session 1h`, `never`, or seconds. */
export function parseSessionExpiry(words: string | undefined, id: string | undefined): SessionOptions {
  if (words === undefined) return { sessionExpiryS: 0 }
  if (id === undefined) throw usageError('--session needs --id: a session is found again by its client id')
  if (words === 'never') return { sessionExpiryS: NEVER_S }
  const match = /^(\d+)(s|m|h|d)?$/.exec(words)
  if (match === null) throw usageError(`--session: must be seconds, 10m, 1h, 7d or never, not "${words}"`)
  const unit = { s: 1, m: 60, h: 3600, d: 86_400 }[match[2] ?? 's'] ?? 1
  return { sessionExpiryS: Math.min(Number(match[1]) * unit, NEVER_S - 1) }
}

/** `name=value` pairs, in order. */
export function parseUserProperties(words: readonly string[]): readonly (readonly [string, string])[] {
  return words.map((pair) => {
    const equals = pair.indexOf('=')
    if (equals <= 0) throw usageError(`--property: must be NAME=VALUE, not "${pair}"`)
    return [pair.slice(0, equals), pair.slice(equals + 1)] as const
  })
}

function willOf(options: MqttOptions, level: ProtocolLevel): WillFields | null {
  if (options.willTopic === undefined) return null
  const properties: Properties = level === 5 && options.willDelay !== undefined ? { willDelayS: options.willDelay } : {}
  return { topic: options.willTopic, payload: Buffer.from(options.willMessage), qos: qosOf(options.willQos), retain: options.willRetain, properties }
}
