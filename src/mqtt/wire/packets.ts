/**
 * Control packets as values, both sides' in one union. Strings are checked UTF-8, payloads and binary data are views into
 * what was received.
 */
import type { Message, MessageProperties, ProtocolLevel, QoS } from '../../broker/sessions/ports.ts'
import type { Properties } from './property-table.ts'

export interface ConnectPacket {
  readonly type: 'CONNECT'
  readonly level: ProtocolLevel
  /** Clean Session before 5.0. */
  readonly cleanStart: boolean
  readonly keepAliveS: number
  readonly clientId: string
  readonly will: WillFields | null
  readonly username: string | undefined
  readonly password: Uint8Array | undefined
  readonly properties: Readonly<Properties>
}

export interface WillFields {
  readonly topic: string
  readonly payload: Uint8Array
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: Readonly<Properties>
}

export interface ConnackPacket {
  readonly type: 'CONNACK'
  readonly sessionPresent: boolean
  /** A reason code of 5.0, or a return code before. */
  readonly reason: number
  readonly properties: Readonly<Properties>
}

/** A PUBLISH is the core's message, and what concerns only this connection. */
export interface PublishPacket extends Message {
  readonly type: 'PUBLISH'
  /** Empty where a topic alias stands for it. */
  readonly topic: string
  readonly properties: MessageProperties | null
  readonly dup: boolean
  /** 0 with QoS 0. */
  readonly packetId: number
  /** 0 where there is none. */
  readonly topicAlias: number
  readonly subscriptionIdentifiers: readonly number[]
}

/** PUBACK, PUBREC, PUBREL, PUBCOMP. */
export interface AckPacket {
  readonly type: 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP'
  readonly packetId: number
  /** 0 before 5.0. */
  readonly reason: number
  readonly properties: Readonly<Properties>
}

export interface SubscribePacket {
  readonly type: 'SUBSCRIBE'
  readonly packetId: number
  readonly subscriptions: readonly SubscriptionFields[]
  readonly properties: Readonly<Properties>
}

export interface SubscriptionFields {
  readonly filter: string
  readonly qos: QoS
  readonly noLocal: boolean
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
}

export interface UnsubscribePacket {
  readonly type: 'UNSUBSCRIBE'
  readonly packetId: number
  readonly filters: readonly string[]
  readonly properties: Readonly<Properties>
}

/** SUBACK and UNSUBACK: a reason per filter; none in an UNSUBACK before 5.0. */
export interface SubackPacket {
  readonly type: 'SUBACK' | 'UNSUBACK'
  readonly packetId: number
  readonly reasons: readonly number[]
  readonly properties: Readonly<Properties>
}

interface PingPacket {
  readonly type: 'PINGREQ' | 'PINGRESP'
}

/** DISCONNECT and AUTH. */
export interface ReasonPacket {
  readonly type: 'DISCONNECT' | 'AUTH'
  readonly reason: number
  readonly properties: Readonly<Properties>
}

export type Packet = ConnectPacket | ConnackPacket | PublishPacket | AckPacket | SubscribePacket | SubackPacket | UnsubscribePacket | PingPacket | ReasonPacket
