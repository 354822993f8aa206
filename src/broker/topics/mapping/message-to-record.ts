import type { RecordHeader } from '../../../log/record-batch.ts'
import type { Message, MessageProperties, QoS } from '../../sessions/ports.ts'
import { headerOfUserProperty, MAPPING_HEADERS } from './mapping-headers.ts'

const NO_HEADERS: readonly RecordHeader[] = []

const ONE = Buffer.from('1')
const QOS_VALUES: readonly Buffer[] = [Buffer.from('0'), ONE, Buffer.from('2')]
const DEFAULT_QOS: QoS = 1

/** The commonest headers, made once: a plain QoS 0 message has no others. */
const QOS0_HEADERS: readonly RecordHeader[] = [{ key: MAPPING_HEADERS.qos, value: QOS_VALUES[0] as Buffer }]

/** An empty payload is an empty value, with retain a null one: the tombstone that clears the retained message [MQTT-3.3.1-6]. */
export function recordValueOf(message: Message): Uint8Array | null {
  return message.payload.length === 0 && message.retain ? null : message.payload
}

/** The headers of a message's record; `publisher` is the client id to keep for No Local, or null. */
export function recordHeadersOf(message: Message, topicHeader: boolean, publisher: string | null): readonly RecordHeader[] {
  if (!message.retain && message.properties === null && !topicHeader && publisher === null) {
    if (message.qos === DEFAULT_QOS) return NO_HEADERS
    if (message.qos === 0) return QOS0_HEADERS
  }
  const headers: RecordHeader[] = []
  const add = (key: string, value: Uint8Array) => headers.push({ key, value })
  if (topicHeader) add(MAPPING_HEADERS.topic, Buffer.from(message.topic))
  if (message.qos !== DEFAULT_QOS) add(MAPPING_HEADERS.qos, QOS_VALUES[message.qos] as Buffer)
  if (message.retain) add(MAPPING_HEADERS.retain, ONE)
  if (publisher !== null) add(MAPPING_HEADERS.client, Buffer.from(publisher))
  if (message.properties !== null) addProperties(message.properties, add)
  return headers
}

function addProperties(properties: MessageProperties, add: (key: string, value: Uint8Array) => void): void {
  const { messageExpiryS, payloadFormatIndicator, contentType, responseTopic, correlationData, userProperties } = properties
  if (messageExpiryS !== undefined) add(MAPPING_HEADERS.expiry, Buffer.from(String(messageExpiryS)))
  if (payloadFormatIndicator !== undefined) add(MAPPING_HEADERS.payloadFormat, Buffer.from(String(payloadFormatIndicator)))
  if (contentType !== undefined) add(MAPPING_HEADERS.contentType, Buffer.from(contentType))
  if (responseTopic !== undefined) add(MAPPING_HEADERS.responseTopic, Buffer.from(responseTopic))
  if (correlationData !== undefined) add(MAPPING_HEADERS.correlation, correlationData)
  for (const [name, value] of userProperties ?? []) add(headerOfUserProperty(name), Buffer.from(value))
}
