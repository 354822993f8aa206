import type { ProtocolLevel, QoS } from '../../broker/sessions/ports.ts'
import { decodeConnect } from './decode-connect.ts'
import { decodePublish } from './decode-publish.ts'
import { PACKET_TYPE_OF, type PacketTypeRow } from './packet-types.ts'
import type { AckPacket, ConnackPacket, Packet, ReasonPacket, SubackPacket, SubscribePacket, SubscriptionFields, UnsubscribePacket } from './packets.ts'
import { NO_PROPERTIES, readProperties } from './read-properties.ts'
import { isReasonOf, REASON } from './reason-codes.ts'
import type { TopicTexts } from './topic-texts.ts'
import type { WireReader } from './wire-reader.ts'

/** What decoding depends on. */
export interface DecodeContext {
  /** The level CONNECT agreed on; before it 0. */
  level: ProtocolLevel | 0
  /** Who sent the bytes. */
  readonly sender: 'client' | 'server'
  readonly topics: TopicTexts
}

/** What the first byte alone says is wrong: type, sender, level, reserved flags [MQTT-2.1.3-1]; checked before the rest has arrived. */
export function checkFirstByte(firstByte: number, context: DecodeContext): { reason: number; message: string } | null {
  const type = PACKET_TYPE_OF[firstByte >> 4]
  const level = context.level === 0 ? 5 : context.level
  if (type === undefined || type.since > level) return { reason: REASON.malformedPacket, message: `packet type ${firstByte >> 4} does not exist` }
  if (type.flags !== null && type.flags !== (firstByte & 15)) return { reason: REASON.malformedPacket, message: `the reserved flags of ${type.name} are wrong` }
  if (context.sender === 'client' && (type.name === 'CONNECT') !== (context.level === 0)) {
    const message = context.level === 0 ? `the first packet is CONNECT, not ${type.name} [MQTT-3.1.0-1]` : 'a second CONNECT [MQTT-3.1.0-2]'
    return { reason: REASON.protocolError, message }
  }
  const sender = type.name === 'DISCONNECT' && level < 5 ? 'client' : type.sender
  if (sender !== 'both' && sender !== context.sender) return { reason: REASON.protocolError, message: `a ${context.sender} does not send ${type.name}` }
  return null
}

/** One whole packet; the reader stands behind the fixed header, which began at `packetFrom`. Null with a fault of the reader. */
export function decodePacket(reader: WireReader, firstByte: number, packetFrom: number, context: DecodeContext): Packet | null {
  const type = PACKET_TYPE_OF[firstByte >> 4] as PacketTypeRow
  const level = context.level === 0 ? 4 : context.level
  if (type.name === 'PUBLISH') return decodePublish(reader, firstByte & 15, packetFrom, { level, sender: context.sender, topics: context.topics })
  const packet = decodeBody(reader, type, level, context.sender)
  if (reader.fault === null && reader.remaining > 0) reader.fail(REASON.malformedPacket, `${reader.remaining} bytes follow the end of the ${type.name}`)
  return reader.fault === null ? packet : null
}

function decodeBody(reader: WireReader, type: PacketTypeRow, level: ProtocolLevel, sender: 'client' | 'server'): Packet | null {
  switch (type.name) {
    case 'CONNECT':
      return decodeConnect(reader)
    case 'CONNACK':
      return decodeConnack(reader, level)
    case 'PUBACK':
    case 'PUBREC':
    case 'PUBREL':
    case 'PUBCOMP':
      return decodeAck(reader, type.name, level, sender)
    case 'SUBSCRIBE':
      return decodeSubscribe(reader, level)
    case 'UNSUBSCRIBE':
      return decodeUnsubscribe(reader, level)
    case 'SUBACK':
    case 'UNSUBACK':
      return decodeSuback(reader, type.name, level)
    case 'PINGREQ':
    case 'PINGRESP':
      return { type: type.name }
    case 'DISCONNECT':
    case 'AUTH':
      return decodeReason(reader, type.name, level, sender)
    case 'PUBLISH':
      return null
  }
}

function packetId(reader: WireReader): number {
  const id = reader.uint16()
  if (id === 0) reader.fail(REASON.malformedPacket, 'a packet identifier is not 0 [MQTT-2.2.1-3]')
  return id
}

function decodeConnack(reader: WireReader, level: ProtocolLevel): ConnackPacket {
  const flags = reader.uint8()
  if (flags > 1) reader.fail(REASON.malformedPacket, 'the reserved flags of CONNACK are wrong [MQTT-3.2.2-1]')
  const reason = reader.uint8()
  // A server that does not speak 5.0 answers with the two bytes of 3.1.1.
  const properties = level === 5 && reader.remaining > 0 ? readProperties(reader, 'CONNACK') : NO_PROPERTIES
  return { type: 'CONNACK', sessionPresent: flags === 1, reason, properties }
}

function decodeAck(reader: WireReader, type: AckPacket['type'], level: ProtocolLevel, sender: 'client' | 'server'): AckPacket {
  const id = packetId(reader)
  if (level < 5 || reader.remaining === 0) return { type, packetId: id, reason: 0, properties: NO_PROPERTIES }
  const reason = reader.uint8()
  if (!isReasonOf(reason, type, sender)) reader.fail(REASON.malformedPacket, `${type} has no reason 0x${reason.toString(16)}`)
  return { type, packetId: id, reason, properties: reader.remaining === 0 ? NO_PROPERTIES : readProperties(reader, type) }
}

function decodeSubscribe(reader: WireReader, level: ProtocolLevel): SubscribePacket {
  const id = packetId(reader)
  const properties = level === 5 ? readProperties(reader, 'SUBSCRIBE') : NO_PROPERTIES
  const subscriptions: SubscriptionFields[] = []
  while (reader.remaining > 0) subscriptions.push(decodeSubscription(reader, level))
  if (subscriptions.length === 0) reader.fail(REASON.protocolError, 'a SUBSCRIBE has at least one filter [MQTT-3.8.3-2]')
  return { type: 'SUBSCRIBE', packetId: id, subscriptions, properties }
}

function decodeSubscription(reader: WireReader, level: ProtocolLevel): SubscriptionFields {
  const filter = reader.string('topic filter')
  const options = reader.uint8()
  const qos = (options & 3) as QoS | 3
  const retainHandling = ((options >> 4) & 3) as 0 | 1 | 2 | 3
  if (qos === 3) reader.fail(REASON.malformedPacket, 'QoS 3 does not exist [MQTT-3.8.3-5]')
  else if ((options & (level === 5 ? 0xc0 : 0xfc)) !== 0) reader.fail(REASON.malformedPacket, 'reserved subscription options are set [MQTT-3.8.3-5]')
  else if (retainHandling === 3) reader.fail(REASON.protocolError, 'retain handling is 0, 1 or 2')
  else if ((options & 4) !== 0 && filter.startsWith('$share/')) reader.fail(REASON.protocolError, 'no local with a shared subscription [MQTT-3.8.3-4]')
  return {
    filter,
    qos: qos === 3 ? 0 : qos,
    noLocal: (options & 4) !== 0,
    retainAsPublished: (options & 8) !== 0,
    retainHandling: retainHandling === 3 ? 0 : retainHandling,
  }
}

function decodeUnsubscribe(reader: WireReader, level: ProtocolLevel): UnsubscribePacket {
  const id = packetId(reader)
  const properties = level === 5 ? readProperties(reader, 'UNSUBSCRIBE') : NO_PROPERTIES
  const filters: string[] = []
  while (reader.remaining > 0) filters.push(reader.string('topic filter'))
  if (filters.length === 0) reader.fail(REASON.protocolError, 'an UNSUBSCRIBE has at least one filter [MQTT-3.10.3-2]')
  return { type: 'UNSUBSCRIBE', packetId: id, filters, properties }
}

function decodeSuback(reader: WireReader, type: SubackPacket['type'], level: ProtocolLevel): SubackPacket {
  const id = packetId(reader)
  const properties = level === 5 ? readProperties(reader, type) : NO_PROPERTIES
  // An UNSUBACK has none before 5.0 [MQTT 3.1.1, 3.11].
  const hasReasons = reader.fault === null && (level === 5 || type === 'SUBACK')
  const reasons = hasReasons ? [...reader.rest()] : []
  return { type, packetId: id, reasons, properties }
}

function decodeReason(reader: WireReader, type: ReasonPacket['type'], level: ProtocolLevel, sender: 'client' | 'server'): ReasonPacket {
  if (level < 5 || reader.remaining === 0) return { type, reason: 0, properties: NO_PROPERTIES }
  const reason = reader.uint8()
  if (!isReasonOf(reason, type, sender)) reader.fail(REASON.malformedPacket, `a ${sender} has no reason 0x${reason.toString(16)} for ${type}`)
  return { type, reason, properties: reader.remaining === 0 ? NO_PROPERTIES : readProperties(reader, type) }
}
