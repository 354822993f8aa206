/** Records as MQTT messages: what Kafka clients produced, and what MQTT clients published, read back from the log. */
import type { BatchRecord, RecordHeader } from '../../../log/record-batch.ts'
import type { Message, MessageProperties, QoS } from '../../sessions/ports.ts'
import { checkTopicForm } from '../../sessions/topic-filter.ts'
import { KAFKA_KEY_PROPERTY, MAPPING_HEADERS, userPropertyOfHeader } from './mapping-headers.ts'
import type { TopicMapping } from './topic-mapping.ts'

/** MQTT's strings and binary data have a length of 16 bits. */
const MAX_FIELD_BYTES = 65_535

/** A message and what its record says beside it. */
export interface StoredMessage {
  readonly message: Message
  /** The client id that published it; null where the record does not say. */
  readonly publisher: string | null
  /** The record's timestamp, which its expiry counts from. */
  readonly timestampMs: number
}

const EMPTY = new Uint8Array(0)

/** The longest expiry a header may give: MQTT's four bytes. */
const MAX_EXPIRY_S = 0xffff_ffff

/** Reads records; counts what MQTT cannot carry. */
export class RecordReader {
  readonly #mapping: TopicMapping
  /** Keys, header names and values left out since they are over 65,535 bytes. */
  leftOutCount = 0

  constructor(mapping: TopicMapping) {
    this.#mapping = mapping
  }

  /** The message of a record of the log topic `topicName`. Payload and correlation data are views into the record. */
  read(topicName: string, record: BatchRecord): StoredMessage {
    const fields = new Fields()
    for (const header of record.headers) this.#take(header, fields)
    const key = record.key === null ? null : utf8(record.key)
    let topic = record.key !== null && key === null ? null : this.#mapping.mqttTopicOf(topicName, key, fields.topic)
    if (topic !== null && topic.length * 3 > MAX_FIELD_BYTES && Buffer.byteLength(topic) > MAX_FIELD_BYTES) topic = null
    if (topic === null && record.key !== null) this.#addUserProperty(fields, KAFKA_KEY_PROPERTY, key ?? base64(record.key), true)
    return {
      message: {
        topic: topic ?? topicName,
        payload: record.value ?? EMPTY,
        qos: fields.qos,
        retain: fields.retain,
        properties: fields.properties(),
        packet: null,
        packetLevel: 5,
      },
      publisher: fields.publisher,
      timestampMs: record.timestampMs,
    }
  }

  #take(header: RecordHeader, fields: Fields): void {
    const value = header.value ?? EMPTY
    const property = userPropertyOfHeader(header.key)
    if (property !== null) {
      this.#addUserProperty(fields, property, utf8(value) ?? base64(value), false)
      return
    }
    if (value.length > MAX_FIELD_BYTES) this.leftOutCount++
    else fields.takeOwn(header.key, value)
  }

  #addUserProperty(fields: Fields, name: string, value: string, first: boolean): void {
    if (isField(name) && Buffer.byteLength(value) <= MAX_FIELD_BYTES) fields.addUserProperty(name, value, first)
    else this.leftOutCount++
  }
}

/** What headers say, while they are read. A header with a value that makes no sense counts as absent: it came from a Kafka client. */
class Fields {
  topic: string | undefined
  qos: QoS = 1
  retain = false
  publisher: string | null = null
  #userProperties: (readonly [string, string])[] | undefined
  #others: { -readonly [K in keyof MessageProperties]: MessageProperties[K] } | undefined

  takeOwn(name: string, value: Uint8Array): void {
    const text = utf8(value)
    switch (name) {
      case MAPPING_HEADERS.correlation:
        this.#set().correlationData = value
        return
      case MAPPING_HEADERS.topic:
        if (text !== null) this.topic ??= text
        return
      case MAPPING_HEADERS.qos:
        if (text === '0' || text === '1' || text === '2') this.qos = Number(text) as QoS
        return
      case MAPPING_HEADERS.retain:
        this.retain = text === '1'
        return
      case MAPPING_HEADERS.client:
        this.publisher = text
        return
      case MAPPING_HEADERS.expiry:
        if (text !== null && /^\d{1,10}$/.test(text) && Number(text) <= MAX_EXPIRY_S) this.#set().messageExpiryS = Number(text)
        return
      case MAPPING_HEADERS.payloadFormat:
        if (text === '0' || text === '1') this.#set().payloadFormatIndicator = Number(text) as 0 | 1
        return
      case MAPPING_HEADERS.contentType:
        if (text !== null) this.#set().contentType = text
        return
      case MAPPING_HEADERS.responseTopic:
        if (text !== null && checkTopicForm(text) === null) this.#set().responseTopic = text
    }
  }

  addUserProperty(name: string, value: string, first: boolean): void {
    this.#userProperties ??= []
    if (first) this.#userProperties.unshift([name, value])
    else this.#userProperties.push([name, value])
  }

  properties(): MessageProperties | null {
    if (this.#userProperties !== undefined) return { ...this.#others, userProperties: this.#userProperties }
    return this.#others ?? null
  }

  #set() {
    this.#others ??= {}
    return this.#others
  }
}

/** Whether a header's name can be a user property's: header names are always UTF-8, but may hold U+0000 [MQTT-1.5.4-2] or be too long. */
function isField(name: string): boolean {
  return !name.includes('\u0000') && Buffer.byteLength(name) <= MAX_FIELD_BYTES
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The text of well-formed UTF-8 without U+0000, else null. */
function utf8(bytes: Uint8Array): string | null {
  if (bytes.includes(0)) return null
  if (bytes.length <= SHORT_BYTES) {
    const ascii = shortAscii(bytes)
    if (ascii !== null) return ascii
  }
  try {
    return decoder.decode(bytes)
  } catch {
    return null
  }
}

/** Up to this length a loop beats the call into the decoder. */
const SHORT_BYTES = 24

function shortAscii(bytes: Uint8Array): string | null {
  let text = ''
  for (let at = 0; at < bytes.length; at++) {
    const byte = bytes[at] as number
    if (byte >= 0x80) return null
    text += String.fromCharCode(byte)
  }
  return text
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64')
}
