/** The state records of sessions: what is kept of one, as JSON under keys that begin with its client id. */
import type { StateRecord } from '../../log/ports.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import type { Message, MessageProperties, ProtocolLevel, QoS } from './ports.ts'

/** A client id has no U+0000 [MQTT-1.5.4-2], so what follows one is never part of it. */
const SEPARATOR = '\u0000'

/** The session itself; kind session, key CLIENT. */
export interface SessionRecord {
  readonly expiryS: number
  /** Wall-clock milliseconds; null while connected, or where it never ends. */
  readonly expiresAtMs: number | null
  readonly connected: boolean
  readonly principal: string
}

/** One subscription; kind session, key CLIENT NUL filter. */
export interface SubscriptionRecord {
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
  readonly ids: readonly number[]
  /** Has positions of its own. */
  readonly replay: boolean
  readonly since?: Readonly<Record<string, number>>
}

/** Positions and QoS 1 exchanges; kind sessionAck, key CLIENT NUL `p`. */
export interface PositionRecord {
  readonly cursors: readonly CursorRecord[]
  readonly inFlight: PackedExchanges
}

/** QoS 1 exchanges: five numbers each (packet id, offset, index into tails, index into filters, retain). Identifiers are those the subscription has at the restart. */
export interface PackedExchanges {
  readonly tails: readonly string[]
  readonly filters: readonly string[]
  readonly numbers: readonly number[]
}

export interface CursorRecord {
  /** A replay's subscription, null for the session's own. */
  readonly replay: string | null
  readonly mark: number
  /** Beside the mark. */
  readonly positions: readonly (readonly [tailKey: string, offset: number])[]
}

/** An exchange; QoS 2 ones of kind sessionAck, key CLIENT NUL `o` PACKETID. */
export interface ExchangeRecord {
  readonly id: number
  readonly tail: string
  readonly offset: number
  readonly qos: 1 | 2
  readonly filter: string
  readonly retain?: true
  readonly ids?: readonly number[]
  readonly prefix?: string
  /** PUBREC came. */
  readonly received?: true
}

/** A will; kind will, key CLIENT. */
export interface WillRecord {
  readonly message: MessageRecord
  readonly delayS: number
  /** Wall-clock milliseconds; null while connected. */
  readonly dueAtMs: number | null
  readonly principal: string
}

interface MessageRecord {
  readonly topic: string
  readonly payload: string
  readonly qos: QoS
  readonly retain: boolean
  readonly level: ProtocolLevel
  readonly properties: (Omit<MessageProperties, 'correlationData'> & { readonly correlation?: string }) | null
}

export type SessionKey =
  | { readonly clientId: string; readonly what: 'session' }
  | { readonly clientId: string; readonly what: 'subscription'; readonly filter: string }

export function parseSessionKey(key: string): SessionKey {
  const at = key.indexOf(SEPARATOR)
  return at < 0 ? { clientId: key, what: 'session' } : { clientId: key.slice(0, at), what: 'subscription', filter: key.slice(at + 1) }
}

export type AckKey =
  | { readonly clientId: string; readonly what: 'positions' | 'ids' }
  | { readonly clientId: string; readonly what: 'exchange'; readonly packetId: number }

export function parseAckKey(key: string): AckKey {
  const at = key.indexOf(SEPARATOR)
  const clientId = key.slice(0, at)
  const rest = key.slice(at + 1)
  if (rest === 'p') return { clientId, what: 'positions' }
  if (rest === 'i') return { clientId, what: 'ids' }
  return { clientId, what: 'exchange', packetId: Number(rest.slice(1)) }
}

export function parseQos2Key(key: string): { readonly clientId: string; readonly packetId: number } {
  const at = key.indexOf(SEPARATOR)
  return { clientId: key.slice(0, at), packetId: Number(key.slice(at + 1)) }
}

const encode = (value: unknown): Uint8Array | null => (value === null ? null : Buffer.from(JSON.stringify(value)))

export function decodeState<T>(value: Uint8Array): T {
  return JSON.parse(Buffer.from(value.buffer, value.byteOffset, value.length).toString()) as T
}

export const sessionState = (clientId: string, value: SessionRecord | null): StateRecord => ({ kind: STATE_KINDS.session, key: clientId, value: encode(value) })

export const subscriptionState = (clientId: string, filter: string, value: SubscriptionRecord | null): StateRecord => ({
  kind: STATE_KINDS.session,
  key: clientId + SEPARATOR + filter,
  value: encode(value),
})

export const positionState = (clientId: string, value: PositionRecord | null): StateRecord => ({
  kind: STATE_KINDS.sessionAck,
  key: `${clientId}${SEPARATOR}p`,
  value: encode(value),
})

/** Where the reserved packet ids end. */
export const idsState = (clientId: string, floor: number | null): StateRecord => ({
  kind: STATE_KINDS.sessionAck,
  key: `${clientId}${SEPARATOR}i`,
  value: encode(floor),
})

export const exchangeState = (clientId: string, packetId: number, value: ExchangeRecord | null): StateRecord => ({
  kind: STATE_KINDS.sessionAck,
  key: `${clientId}${SEPARATOR}o${packetId}`,
  value: encode(value),
})

const NOTHING = new Uint8Array(0)

/** The packet id of a QoS 2 message that the client sent and did not release. */
export const incomingState = (clientId: string, packetId: number, known: boolean): StateRecord => ({
  kind: STATE_KINDS.sessionQos2,
  key: `${clientId}${SEPARATOR}${packetId}`,
  value: known ? NOTHING : null,
})

export const willState = (clientId: string, value: WillRecord | null): StateRecord => ({ kind: STATE_KINDS.will, key: clientId, value: encode(value) })

export function messageRecord(message: Message): MessageRecord {
  let properties: MessageRecord['properties'] = null
  if (message.properties !== null) {
    const { correlationData, ...others } = message.properties
    properties = correlationData === undefined ? others : { ...others, correlation: Buffer.from(correlationData).toString('base64') }
  }
  const { topic, qos, retain, packetLevel } = message
  return { topic, payload: Buffer.from(message.payload).toString('base64'), qos, retain, level: packetLevel, properties }
}

export function messageOf(record: MessageRecord): Message {
  let properties: MessageProperties | null = null
  if (record.properties !== null) {
    const { correlation, ...others } = record.properties
    properties = correlation === undefined ? others : { ...others, correlationData: Buffer.from(correlation, 'base64') }
  }
  const { topic, qos, retain, level } = record
  return { topic, payload: Buffer.from(record.payload, 'base64'), qos, retain, properties, packet: null, packetLevel: level }
}
