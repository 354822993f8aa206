import type { MessageProperties, ProtocolLevel, QoS } from '../../broker/sessions/ports.ts'
import type { PublishPacket } from './packets.ts'
import { MAX_FIELD_BYTES, WireWriter } from './wire-writer.ts'

/** What stands before the payload of a PUBLISH. */
export interface PublishFields {
  readonly topic: string
  readonly qos: QoS
  readonly retain: boolean
  readonly properties: MessageProperties | null
  readonly topicAlias: number
  readonly subscriptionIdentifiers: readonly number[]
  readonly payloadBytes: number
}

/** A PUBLISH up to its payload, without DUP and packet id: the same for all receivers of one level, QoS and set of properties. */
export interface PublishHead {
  readonly bytes: Buffer
  /** Where the two bytes of the packet id stand; 0 with QoS 0. */
  readonly packetIdAt: number
}

const DUP = 0x08

export function encodePublishHead(fields: PublishFields, level: ProtocolLevel): PublishHead {
  const plain = fields.properties === null && fields.topicAlias === 0 && fields.subscriptionIdentifiers.length === 0
  return plain ? encodePlainHead(fields, level) : encodeHeadWithProperties(fields, level)
}

/** Without properties the sizes are known: one buffer, written once. */
function encodePlainHead(fields: PublishFields, level: ProtocolLevel): PublishHead {
  const topicBytes = Buffer.byteLength(fields.topic)
  if (topicBytes > MAX_FIELD_BYTES) throw new RangeError(`a topic of ${topicBytes} bytes does not fit MQTT`)
  const packetIdBytes = fields.qos === 0 ? 0 : 2
  const variableBytes = 2 + topicBytes + packetIdBytes + (level === 5 ? 1 : 0)
  let remaining = variableBytes + fields.payloadBytes
  const bytes = Buffer.allocUnsafe(1 + varintBytes(remaining) + variableBytes)
  bytes[0] = 0x30 | (fields.qos << 1) | (fields.retain ? 1 : 0)
  let at = 1
  for (; remaining >= 0x80; remaining >>>= 7) bytes[at++] = (remaining & 0x7f) | 0x80
  bytes[at++] = remaining
  bytes[at++] = topicBytes >> 8
  bytes[at++] = topicBytes
  at += bytes.write(fields.topic, at)
  const packetIdAt = at
  bytes.fill(0, at)
  return { bytes, packetIdAt: fields.qos === 0 ? 0 : packetIdAt }
}

function varintBytes(value: number): number {
  if (value < 0x80) return 1
  if (value < 0x4000) return 2
  return value < 0x20_0000 ? 3 : 4
}

function encodeHeadWithProperties(fields: PublishFields, level: ProtocolLevel): PublishHead {
  const variable = new WireWriter(128)
  variable.string(fields.topic)
  const packetIdAt = variable.length
  if (fields.qos > 0) variable.uint16(0)
  if (level === 5) writeProperties(variable, fields)
  const out = new WireWriter(variable.length + 5)
  out.uint8(0x30 | (fields.qos << 1) | (fields.retain ? 1 : 0))
  out.varint(variable.length + fields.payloadBytes)
  const headerBytes = out.length
  out.raw(variable.bytes())
  return { bytes: out.bytes(), packetIdAt: fields.qos === 0 ? 0 : headerBytes + packetIdAt }
}

function writeProperties(variable: WireWriter, fields: PublishFields): void {
  // The alias first and the identifiers too are the connection's; the rest goes through as it came [MQTT-3.3.2-17].
  variable.properties({
    ...publishProperties(fields.properties),
    ...(fields.topicAlias === 0 ? {} : { topicAlias: fields.topicAlias }),
    ...(fields.subscriptionIdentifiers.length === 0 ? {} : { subscriptionIdentifiers: fields.subscriptionIdentifiers }),
  })
}

/** The core's own fields only, whatever else the object may carry. */
function publishProperties(properties: MessageProperties | null): MessageProperties {
  if (properties === null) return {}
  const { payloadFormatIndicator, messageExpiryS, contentType, responseTopic, correlationData, userProperties } = properties
  return {
    ...(payloadFormatIndicator === undefined ? {} : { payloadFormatIndicator }),
    ...(messageExpiryS === undefined ? {} : { messageExpiryS }),
    ...(contentType === undefined ? {} : { contentType }),
    ...(responseTopic === undefined ? {} : { responseTopic }),
    ...(correlationData === undefined ? {} : { correlationData }),
    ...(userProperties === undefined ? {} : { userProperties }),
  }
}

/** Sets what is the receiver's own in a copy of a head that begins at `at`. */
export function patchPublishHead(bytes: Uint8Array, at: number, head: PublishHead, packetId: number, dup: boolean): void {
  if (dup) bytes[at] = (bytes[at] as number) | DUP
  if (head.packetIdAt === 0) return
  bytes[at + head.packetIdAt] = packetId >> 8
  bytes[at + head.packetIdAt + 1] = packetId
}

/** One whole PUBLISH, for clients. */
export function encodePublish(packet: PublishPacket, level: ProtocolLevel): Buffer {
  const head = encodePublishHead({ ...packet, payloadBytes: packet.payload.length }, level)
  const whole = Buffer.concat([head.bytes, packet.payload])
  patchPublishHead(whole, 0, head, packet.packetId, packet.dup)
  return whole
}
