import type { ProtocolLevel } from '../../broker/sessions/ports.ts'
import { encodePublish } from './encode-publish.ts'
import { firstByteOf } from './packet-types.ts'
import type { AckPacket, ConnackPacket, ConnectPacket, Packet, ReasonPacket, SubackPacket, SubscribePacket, UnsubscribePacket } from './packets.ts'
import type { Properties } from './property-table.ts'
import { WireWriter } from './wire-writer.ts'

/** One packet as bytes for a receiver of this level. Properties are left out before 5.0. */
export function encodePacket(packet: Packet, level: ProtocolLevel): Buffer {
  if (packet.type === 'PUBLISH') return encodePublish(packet, level)
  const body = new WireWriter()
  writeBody(body, packet, level)
  const out = new WireWriter(body.length + 5)
  out.uint8(firstByteOf(packet.type))
  out.varint(body.length)
  out.raw(body.bytes())
  return out.bytes()
}

/**
 * As `encodePacket`, but where the packet would exceed `maximumPacketSize` without what only explains: first the Reason
 * String, then the User Properties are left out [MQTT-3.2.2-19], [MQTT-3.4.2-2] and so on. Null where it does not fit even so.
 */
export function encodeFitting(packet: Exclude<Packet, ConnectPacket>, level: ProtocolLevel, maximumPacketSize: number): Buffer | null {
  const whole = encodePacket(packet, level)
  if (whole.length <= maximumPacketSize) return whole
  if (!('properties' in packet) || packet.type === 'PUBLISH') return null
  const { userProperties, ...withoutUser } = packet.properties
  const { reasonString: _reason, ...bare } = withoutUser
  const attempts: readonly Readonly<Properties>[] = [userProperties === undefined ? bare : { ...bare, userProperties }, withoutUser, bare]
  for (const properties of attempts) {
    const smaller = encodePacket({ ...packet, properties } as Packet, level)
    if (smaller.length <= maximumPacketSize) return smaller
  }
  return null
}

function writeBody(body: WireWriter, packet: Exclude<Packet, { type: 'PUBLISH' }>, level: ProtocolLevel): void {
  switch (packet.type) {
    case 'CONNECT':
      writeConnect(body, packet)
      return
    case 'CONNACK':
      writeConnack(body, packet, level)
      return
    case 'PUBACK':
    case 'PUBREC':
    case 'PUBREL':
    case 'PUBCOMP':
      writeAck(body, packet, level)
      return
    case 'SUBSCRIBE':
      writeSubscribe(body, packet, level)
      return
    case 'SUBACK':
    case 'UNSUBACK':
      writeSuback(body, packet, level)
      return
    case 'UNSUBSCRIBE':
      writeUnsubscribe(body, packet, level)
      return
    case 'PINGREQ':
    case 'PINGRESP':
      return
    case 'DISCONNECT':
    case 'AUTH':
      writeReason(body, packet, level)
      return
  }
}

function writeConnect(body: WireWriter, packet: ConnectPacket): void {
  const { level, will, username, password } = packet
  body.string(level === 3 ? 'MQIsdp' : 'MQTT')
  body.uint8(level)
  const willFlags = will === null ? 0 : 0x04 | (will.qos << 3) | (will.retain ? 0x20 : 0)
  body.uint8((packet.cleanStart ? 0x02 : 0) | willFlags | (password === undefined ? 0 : 0x40) | (username === undefined ? 0 : 0x80))
  body.uint16(packet.keepAliveS)
  if (level === 5) body.properties(packet.properties)
  body.string(packet.clientId)
  if (will !== null) {
    if (level === 5) body.properties(will.properties)
    body.string(will.topic)
    body.binary(will.payload)
  }
  if (username !== undefined) body.string(username)
  if (password !== undefined) body.binary(password)
}

function writeConnack(body: WireWriter, packet: ConnackPacket, level: ProtocolLevel): void {
  body.uint8(packet.sessionPresent ? 1 : 0)
  body.uint8(packet.reason)
  if (level === 5) body.properties(packet.properties)
}

function writeAck(body: WireWriter, packet: AckPacket, level: ProtocolLevel): void {
  body.uint16(packet.packetId)
  writeReason(body, packet, level)
}

/** Reason 0 without properties is left out altogether. */
function writeReason(body: WireWriter, packet: AckPacket | ReasonPacket, level: ProtocolLevel): void {
  if (level < 5) return
  const bare = Object.keys(packet.properties).length === 0
  if (bare && packet.reason === 0) return
  body.uint8(packet.reason)
  if (!bare) body.properties(packet.properties)
}

function writeSubscribe(body: WireWriter, packet: SubscribePacket, level: ProtocolLevel): void {
  body.uint16(packet.packetId)
  if (level === 5) body.properties(packet.properties)
  for (const { filter, qos, noLocal, retainAsPublished, retainHandling } of packet.subscriptions) {
    body.string(filter)
    body.uint8(level < 5 ? qos : qos | (noLocal ? 4 : 0) | (retainAsPublished ? 8 : 0) | (retainHandling << 4))
  }
}

function writeSuback(body: WireWriter, packet: SubackPacket, level: ProtocolLevel): void {
  body.uint16(packet.packetId)
  if (level === 5) body.properties(packet.properties)
  if (level === 5 || packet.type === 'SUBACK') body.raw(Uint8Array.from(packet.reasons))
}

function writeUnsubscribe(body: WireWriter, packet: UnsubscribePacket, level: ProtocolLevel): void {
  body.uint16(packet.packetId)
  if (level === 5) body.properties(packet.properties)
  for (const filter of packet.filters) body.string(filter)
}
