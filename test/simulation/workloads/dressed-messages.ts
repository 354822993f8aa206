import type { MessageProperties } from '../../../src/broker/sessions/ports.ts'
import type { RecordHeader } from '../../../src/log/record-batch.ts'
import type { RecordShape } from './kafka-producers.ts'

/**
 * What travels beside a value, as both protocols have it (docs/concepts/mqtt-and-the-log.md). Written down twice on purpose: nothing here
 * asks the broker's own mapping.
 */
export interface Dress {
  /** As MQTT clients publish it and are given it; null: no properties. */
  readonly mqtt: MessageProperties | null
  /** As Kafka clients write and read it. */
  readonly headers: readonly RecordHeader[]
  /** Where the headers name it (1). */
  readonly qos?: 2
}

/** Seconds, longer than clocks jump. */
const LONG_EXPIRY_S = 1_000_000
/** How much of it may be over when it arrives: all jumps of a run, and more. */
const EXPIRY_PASSED_S = 100_000

function header(key: string, value: string | readonly number[] | null): RecordHeader {
  return { key, value: value === null ? null : typeof value === 'string' ? Buffer.from(value) : Buffer.from(value) }
}

const CORRELATION = [0, 255, 128, 10]

/** The same there and back. */
export const DRESSES: readonly Dress[] = [
  { mqtt: null, headers: [] },
  {
    mqtt: { payloadFormatIndicator: 1, contentType: 'text/plain; charset=utf-8' },
    headers: [header('mqtt.pfi', '1'), header('content-type', 'text/plain; charset=utf-8')],
  },
  {
    mqtt: { responseTopic: 'answers/7', correlationData: Buffer.from(CORRELATION) },
    headers: [header('mqtt.response-topic', 'answers/7'), header('mqtt.correlation', CORRELATION)],
  },
  { mqtt: { messageExpiryS: LONG_EXPIRY_S }, headers: [header('mqtt.expiry', String(LONG_EXPIRY_S))] },
  {
    mqtt: {
      userProperties: [
        ['trace', '1'],
        ['trace', '2'],
        ['größe', '✓'],
        ['trace', '1'],
      ],
    },
    headers: [header('trace', '1'), header('trace', '2'), header('größe', '✓'), header('trace', '1')],
  },
  // A user property whose own name would read as one of the broker's headers.
  {
    mqtt: {
      userProperties: [
        ['mqtt.qos', '2'],
        ['content-type', 'x'],
        ['mqtt.user.y', ''],
      ],
    },
    headers: [header('mqtt.user.mqtt.qos', '2'), header('mqtt.user.content-type', 'x'), header('mqtt.user.mqtt.user.y', '')],
  },
  {
    mqtt: {
      payloadFormatIndicator: 0,
      messageExpiryS: LONG_EXPIRY_S,
      contentType: 'a/b',
      responseTopic: 'r',
      correlationData: Buffer.from('c'),
      userProperties: [['b', 'a']],
    },
    headers: [
      header('mqtt.pfi', '0'),
      header('mqtt.expiry', String(LONG_EXPIRY_S)),
      header('content-type', 'a/b'),
      header('mqtt.response-topic', 'r'),
      header('mqtt.correlation', 'c'),
      header('b', 'a'),
    ],
  },
]

/** What only Kafka clients write: there is no such property, or it makes no sense. */
export const KAFKA_DRESSES: readonly Dress[] = [
  ...DRESSES,
  { mqtt: { userProperties: [['raw', '/4A=']] }, headers: [header('raw', [0xff, 0x80])] },
  { mqtt: { userProperties: [['nothing', '']] }, headers: [header('nothing', null)] },
  {
    mqtt: { userProperties: [['kept', 'yes']] },
    headers: [header('mqtt.qos', '7'), header('mqtt.pfi', 'x'), header('mqtt.expiry', '-1'), header('kept', 'yes'), header('mqtt.response-topic', 'a/+')],
  },
  { mqtt: null, headers: [header('mqtt.qos', '2')], qos: 2 },
  // A record's own word for the topic counts only where a rule of the mapping made it.
  { mqtt: null, headers: [header('mqtt.topic', 'somewhere/else')] },
]

/** The properties of a packet that differ from `expected`, in words; null where none does. */
export function wrongProperties(got: MessageProperties | null, expected: MessageProperties | null): string | null {
  const leftS = got?.messageExpiryS
  const givenS = expected?.messageExpiryS
  if (givenS !== undefined && (leftS === undefined || leftS > givenS || leftS < givenS - EXPIRY_PASSED_S)) return `an expiry of ${leftS} s, it had ${givenS}`
  const [is, shouldBe] = [got, expected].map((properties) => textOf({ ...properties, ...(givenS === undefined ? {} : { messageExpiryS: givenS }) }))
  return is === shouldBe ? null : `${is}, published was ${shouldBe}`
}

/** The headers of a record that differ from `expected`, in words; the broker's own may stand in any order, all others as they were given. */
export function wrongHeaders(got: readonly RecordHeader[], expected: readonly RecordHeader[]): string | null {
  const [is, shouldBe] = [got, expected].map((headers) => {
    const texts = headers.map(({ key, value }) => ({ isOwn: isOwn(key), text: `${key}=${value === null ? 'null' : Buffer.from(value).toString('hex')}` }))
    const own = texts.filter(({ isOwn: is }) => is).map(({ text }) => text)
    return [...own.sort(), ...texts.filter(({ isOwn: is }) => !is).map(({ text }) => text)].join(' ')
  })
  return is === shouldBe ? null : `the headers ${is}, written were ${shouldBe}`
}

function isOwn(key: string): boolean {
  return key === 'content-type' || (key.startsWith('mqtt.') && !key.startsWith('mqtt.user.'))
}

function textOf(properties: MessageProperties): string {
  const { payloadFormatIndicator, messageExpiryS, contentType, responseTopic, correlationData, userProperties } = properties
  const correlation = correlationData === undefined ? undefined : Buffer.from(correlationData).toString('hex')
  return JSON.stringify({ payloadFormatIndicator, messageExpiryS, contentType, responseTopic, correlation, userProperties })
}

interface KafkaKey {
  readonly key: Uint8Array | null
  /** Of the MQTT topic, what follows the log topic's name. */
  readonly tail: string
  /** The user property `kafka.key`, where the key cannot be the end of a topic. */
  readonly property?: string
}

const KAFKA_KEYS: readonly KafkaKey[] = [
  { key: null, tail: '' },
  { key: Buffer.from('a'), tail: '/a' },
  { key: Buffer.from(''), tail: '/' },
  { key: Buffer.from('c/d'), tail: '/c/d' },
  { key: Buffer.from('x+'), tail: '', property: 'x+' },
  { key: Buffer.from([0xff, 0xfe]), tail: '', property: '//4=' },
  { key: Buffer.from('e'), tail: '/e' },
]

/** Record `number` of a Kafka client: every key with every dress, in time. */
export function kafkaRecordOf(
  topic: string,
  number: number,
): RecordShape & { readonly mqttTopic: string; readonly qos: 1 | 2; readonly mqtt: MessageProperties | null } {
  const { key, tail, property } = KAFKA_KEYS[number % KAFKA_KEYS.length] as KafkaKey
  const { mqtt, headers, qos = 1 } = KAFKA_DRESSES[number % KAFKA_DRESSES.length] as Dress
  const withKey = property === undefined ? mqtt : { ...mqtt, userProperties: [['kafka.key', property] as const, ...(mqtt?.userProperties ?? [])] }
  return { key, headers, mqttTopic: topic + tail, qos, mqtt: withKey }
}

/** Message `number` of an MQTT 5 client. */
export function mqttDressOf(number: number): Dress {
  return DRESSES[number % DRESSES.length] as Dress
}
