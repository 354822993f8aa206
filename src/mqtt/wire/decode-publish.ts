import type { MessageProperties, ProtocolLevel, QoS } from '../../broker/sessions/ports.ts'
import type { PublishPacket } from './packets.ts'
import type { Properties } from './property-table.ts'
import { readProperties } from './read-properties.ts'
import { REASON } from './reason-codes.ts'
import type { TopicTexts } from './topic-texts.ts'
import { decodeText, type WireReader } from './wire-reader.ts'

const NO_IDENTIFIERS: readonly number[] = []

/** How a PUBLISH is read: its place in the chunk, and what the connection knows. */
export interface PublishContext {
  readonly level: ProtocolLevel
  readonly sender: 'client' | 'server'
  readonly topics: TopicTexts
}

/** A PUBLISH [MQTT 5.0, 3.3]; the reader stands behind the fixed header, which began at `packetFrom`. Null with a fault of the reader. */
export function decodePublish(reader: WireReader, flags: number, packetFrom: number, context: PublishContext): PublishPacket | null {
  const { level } = context
  const qos = ((flags >> 1) & 3) as QoS | 3
  const dup = (flags & 8) !== 0
  if (qos === 3) return failed(reader, REASON.malformedPacket, 'QoS 3 does not exist [MQTT-3.3.1-4]')
  if (dup && qos === 0) return failed(reader, REASON.malformedPacket, 'DUP is set with QoS 0 [MQTT-3.3.1-2]')
  const topic = readTopic(reader, context.topics)
  const packetId = qos === 0 ? 0 : reader.uint16()
  if (qos !== 0 && packetId === 0) reader.fail(REASON.malformedPacket, 'a packet identifier is not 0 [MQTT-2.2.1-3]')
  let properties: MessageProperties | null = null
  let topicAlias = 0
  let subscriptionIdentifiers = NO_IDENTIFIERS
  if (level === 5) {
    if (reader.bytes[reader.at] === 0 && reader.remaining > 0) reader.at++
    else {
      const all = readProperties(reader, 'PUBLISH')
      checkProperties(reader, all, context.sender)
      if (reader.fault !== null) return null
      topicAlias = all.topicAlias ?? 0
      subscriptionIdentifiers = all.subscriptionIdentifiers ?? NO_IDENTIFIERS
      properties = messageProperties(all)
    }
  }
  if (topic === '' && topicAlias === 0) reader.fail(REASON.protocolError, 'a PUBLISH has a topic or a topic alias [MQTT-3.3.2-1]')
  if (reader.fault !== null) return null
  const plain = qos === 0 && properties === null && topicAlias === 0 && subscriptionIdentifiers.length === 0
  return {
    type: 'PUBLISH',
    topic,
    payload: reader.rest(),
    qos,
    retain: (flags & 1) !== 0,
    properties,
    packet: plain && (flags & 1) === 0 ? reader.bytes.subarray(packetFrom, reader.end) : null,
    packetLevel: level,
    dup,
    packetId,
    topicAlias,
    subscriptionIdentifiers,
  }
}

function readTopic(reader: WireReader, topics: TopicTexts): string {
  const length = reader.uint16()
  if (length === 0 || !reader.need(length)) return ''
  const from = reader.at
  reader.at = from + length
  return topics.find(reader.bytes, from, reader.at) ?? newTopic(reader, from, topics)
}

function newTopic(reader: WireReader, from: number, topics: TopicTexts): string {
  const to = reader.at
  const topic = decodeText(reader, from, to, 'topic')
  for (let at = from; at < to; at++) {
    const byte = reader.bytes[at]
    if (byte === PLUS || byte === HASH) reader.fail(REASON.topicNameInvalid, 'a topic has no wildcards [MQTT-3.3.2-2]')
  }
  if (reader.fault === null) topics.add(reader.bytes, from, to, topic)
  return topic
}

function checkProperties(reader: WireReader, properties: Readonly<Properties>, sender: 'client' | 'server'): void {
  if (properties.topicAlias === 0) reader.fail(REASON.topicAliasInvalid, 'a topic alias is not 0 [MQTT-3.3.2-8]')
  if (properties.responseTopic !== undefined && /[+#]/.test(properties.responseTopic)) {
    reader.fail(REASON.protocolError, 'a response topic has no wildcards [MQTT-3.3.2-14]')
  }
  if (sender === 'client' && properties.subscriptionIdentifiers !== undefined) {
    reader.fail(REASON.protocolError, 'a client sends no subscription identifier in PUBLISH [MQTT-3.3.4-6]')
  }
}

/** What goes on to receivers: all but the alias and the identifiers, which belong to one connection. */
function messageProperties(all: Readonly<Properties>): MessageProperties | null {
  const { topicAlias: _alias, subscriptionIdentifiers: _identifiers, ...properties } = all
  for (const _ in properties) return properties as MessageProperties
  return null
}

function failed(reader: WireReader, reason: number, message: string): null {
  reader.fail(reason, message)
  return null
}

const PLUS = 0x2b
const HASH = 0x23
