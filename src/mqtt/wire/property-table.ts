import type { PacketName } from './packet-types.ts'

type PropertyType = 'byte' | 'boolean' | 'uint16' | 'uint32' | 'varint' | 'string' | 'binary' | 'pair'

/** The packets that properties stand in; a will has its own, inside CONNECT. */
export type PropertyCarrier = PacketName | 'WILL'

/** The properties of one packet; a field is absent where the packet does not have it. */
export interface Properties {
  payloadFormatIndicator?: 0 | 1
  messageExpiryS?: number
  contentType?: string
  responseTopic?: string
  correlationData?: Uint8Array
  /** A client gives at most one, in SUBSCRIBE; a server one per matching subscription, in PUBLISH. */
  subscriptionIdentifiers?: readonly number[]
  sessionExpiryS?: number
  assignedClientIdentifier?: string
  serverKeepAliveS?: number
  authenticationMethod?: string
  authenticationData?: Uint8Array
  requestProblemInformation?: boolean
  willDelayS?: number
  requestResponseInformation?: boolean
  responseInformation?: string
  serverReference?: string
  reasonString?: string
  receiveMaximum?: number
  topicAliasMaximum?: number
  topicAlias?: number
  maximumQoS?: number
  retainAvailable?: boolean
  /** In order; names repeat. */
  userProperties?: readonly (readonly [name: string, value: string])[]
  maximumPacketSize?: number
  wildcardSubscriptionAvailable?: boolean
  subscriptionIdentifiersAvailable?: boolean
  sharedSubscriptionAvailable?: boolean
}

/** One property [MQTT 5.0, 2.2.2.2]. */
export interface PropertyRow {
  readonly id: number
  readonly name: keyof Properties
  readonly type: PropertyType
  readonly packets: readonly PropertyCarrier[]
  /** Packets it may stand in more than once. */
  readonly repeats: readonly PropertyCarrier[]
  /** The smallest and largest legal value of a number. */
  readonly min: number
  readonly max: number
}

interface Range {
  readonly min?: number
  readonly max?: number
  readonly repeats?: readonly PropertyCarrier[]
}

const row = (id: number, name: keyof Properties, type: PropertyType, packets: readonly PropertyCarrier[], range: Range = {}): PropertyRow => ({
  id,
  name,
  type,
  packets,
  repeats: range.repeats ?? [],
  min: range.min ?? 0,
  max: range.max ?? (type === 'boolean' ? 1 : Number.POSITIVE_INFINITY),
})

const MESSAGE: readonly PropertyCarrier[] = ['PUBLISH', 'WILL']
const REASONED: readonly PropertyCarrier[] = ['CONNACK', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBACK', 'UNSUBACK', 'DISCONNECT', 'AUTH']
const ALL: readonly PropertyCarrier[] = [...REASONED, ...MESSAGE, 'CONNECT', 'SUBSCRIBE', 'UNSUBSCRIBE']

export const PROPERTIES: readonly PropertyRow[] = [
  row(0x01, 'payloadFormatIndicator', 'byte', MESSAGE, { max: 1 }),
  row(0x02, 'messageExpiryS', 'uint32', MESSAGE),
  row(0x03, 'contentType', 'string', MESSAGE),
  row(0x08, 'responseTopic', 'string', MESSAGE),
  row(0x09, 'correlationData', 'binary', MESSAGE),
  row(0x0b, 'subscriptionIdentifiers', 'varint', ['PUBLISH', 'SUBSCRIBE'], { min: 1, repeats: ['PUBLISH'] }),
  row(0x11, 'sessionExpiryS', 'uint32', ['CONNECT', 'CONNACK', 'DISCONNECT']),
  row(0x12, 'assignedClientIdentifier', 'string', ['CONNACK']),
  row(0x13, 'serverKeepAliveS', 'uint16', ['CONNACK']),
  row(0x15, 'authenticationMethod', 'string', ['CONNECT', 'CONNACK', 'AUTH']),
  row(0x16, 'authenticationData', 'binary', ['CONNECT', 'CONNACK', 'AUTH']),
  row(0x17, 'requestProblemInformation', 'boolean', ['CONNECT']),
  row(0x18, 'willDelayS', 'uint32', ['WILL']),
  row(0x19, 'requestResponseInformation', 'boolean', ['CONNECT']),
  row(0x1a, 'responseInformation', 'string', ['CONNACK']),
  row(0x1c, 'serverReference', 'string', ['CONNACK', 'DISCONNECT']),
  row(0x1f, 'reasonString', 'string', REASONED),
  row(0x21, 'receiveMaximum', 'uint16', ['CONNECT', 'CONNACK'], { min: 1 }),
  row(0x22, 'topicAliasMaximum', 'uint16', ['CONNECT', 'CONNACK']),
  row(0x23, 'topicAlias', 'uint16', ['PUBLISH']),
  row(0x24, 'maximumQoS', 'byte', ['CONNACK'], { max: 1 }),
  row(0x25, 'retainAvailable', 'boolean', ['CONNACK']),
  row(0x26, 'userProperties', 'pair', ALL, { repeats: ALL }),
  row(0x27, 'maximumPacketSize', 'uint32', ['CONNECT', 'CONNACK'], { min: 1 }),
  row(0x28, 'wildcardSubscriptionAvailable', 'boolean', ['CONNACK']),
  row(0x29, 'subscriptionIdentifiersAvailable', 'boolean', ['CONNACK']),
  row(0x2a, 'sharedSubscriptionAvailable', 'boolean', ['CONNACK']),
]

/** By id, which is below 128 for all; undefined for ids that do not exist. */
export const PROPERTY_OF: readonly (PropertyRow | undefined)[] = Array.from({ length: 128 }, (_, id) => PROPERTIES.find((property) => property.id === id))
