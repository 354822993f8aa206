import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Message } from '../../../../src/broker/sessions/ports.ts'
import { recordHeadersOf, recordValueOf } from '../../../../src/broker/topics/mapping/message-to-record.ts'
import { RecordReader } from '../../../../src/broker/topics/mapping/record-to-message.ts'
import { MAPPING_DEFAULTS, TopicMapping } from '../../../../src/broker/topics/mapping/topic-mapping.ts'
import { TopicRegistry } from '../../../../src/broker/topics/topic-registry.ts'
import type { RecordHeader } from '../../../../src/log/record-batch.ts'
import { InstantLog } from './instant-log.ts'

function setUp() {
  const log = new InstantLog()
  const topics = new TopicRegistry(log, { bytes: (length) => Buffer.alloc(length, 7), below: () => 0 }, { numPartitions: 4, maxPartitions: 100 })
  const mapping = new TopicMapping(topics, log, { ...MAPPING_DEFAULTS, rules: [{ filter: 'in/+', topic: 'target' }] }, () => {})
  return new RecordReader(mapping)
}

const bytes = (text: string) => Buffer.from(text)
const message = (fields: Partial<Message>): Message => ({
  topic: 'orders/eu/42',
  payload: bytes('body'),
  qos: 1,
  retain: false,
  properties: null,
  packet: null,
  packetLevel: 5,
  ...fields,
})
const record = (key: Uint8Array | null, value: Uint8Array | null, headers: readonly RecordHeader[] = []) => ({
  offset: 0,
  timestampMs: 1_700_000_000_000,
  key,
  value,
  headers,
})
const text = (headers: readonly RecordHeader[]) => headers.map(({ key, value }) => [key, value === null ? null : Buffer.from(value).toString()])

test('a plain QoS 1 publish has no header at all', () => {
  assert.deepEqual(recordHeadersOf(message({}), false, null), [])
})

test('headers carry what differs from the default', () => {
  const all = message({
    qos: 0,
    retain: true,
    properties: {
      payloadFormatIndicator: 1,
      messageExpiryS: 60,
      contentType: 'text/plain',
      responseTopic: 'answers/1',
      correlationData: bytes('c'),
      userProperties: [
        ['b', '1'],
        ['a', '2'],
        ['b', '3'],
      ],
    },
  })
  assert.deepEqual(text(recordHeadersOf(all, true, 'me')), [
    ['mqtt.topic', 'orders/eu/42'],
    ['mqtt.qos', '0'],
    ['mqtt.retain', '1'],
    ['mqtt.client', 'me'],
    ['mqtt.expiry', '60'],
    ['mqtt.pfi', '1'],
    ['content-type', 'text/plain'],
    ['mqtt.response-topic', 'answers/1'],
    ['mqtt.correlation', 'c'],
    ['b', '1'],
    ['a', '2'],
    ['b', '3'],
  ])
})

test('a message comes back from its record as it went in, also with user properties that look like our headers', () => {
  const reader = setUp()
  const properties = {
    payloadFormatIndicator: 0 as const,
    messageExpiryS: 4_294_967_295,
    contentType: '',
    responseTopic: 'r',
    correlationData: Buffer.from([0, 255, 128]),
    userProperties: [
      ['mqtt.qos', '2'],
      ['content-type', 'mine'],
      ['mqtt.user.x', 'y'],
      ['', ''],
      ['ä', '\ufeffö'],
    ] as const,
  }
  for (const sent of [message({ qos: 2, retain: true, properties }), message({}), message({ qos: 0 })]) {
    const stored = record(bytes('eu/42'), recordValueOf(sent), recordHeadersOf(sent, false, 'client-1'))
    const read = reader.read('orders', stored)
    assert.deepEqual(read.message, sent)
    assert.equal(read.publisher, 'client-1')
    assert.equal(read.timestampMs, 1_700_000_000_000)
  }
})

test('an empty payload is an empty value, a retained one a tombstone; both arrive as empty payloads', () => {
  const reader = setUp()
  const empty = message({ payload: new Uint8Array(0) })
  assert.equal(recordValueOf(empty)?.length, 0)
  assert.equal(recordValueOf({ ...empty, retain: true }), null)
  assert.equal(reader.read('orders', record(bytes('k'), null)).message.payload.length, 0)
  assert.equal(reader.read('orders', record(bytes('k'), new Uint8Array(0))).message.payload.length, 0)
})

test('a record of a Kafka client arrives at QoS 1 with its headers as user properties', () => {
  const read = setUp().read(
    'orders',
    record(bytes('eu/43'), bytes('v'), [
      { key: 'trace', value: bytes('t1') },
      { key: 'none', value: null },
      { key: 'trace', value: bytes('t2') },
      { key: 'binary', value: Buffer.from([0xff, 0xfe]) },
      { key: 'nul', value: Buffer.from([0x61, 0]) },
    ]),
  )
  assert.equal(read.message.topic, 'orders/eu/43')
  assert.equal(read.message.qos, 1)
  assert.equal(read.publisher, null)
  assert.deepEqual(read.message.properties?.userProperties, [
    ['trace', 't1'],
    ['none', ''],
    ['trace', 't2'],
    ['binary', '//4='],
    ['nul', 'YQA='],
  ])
})

test('a key that ends no MQTT topic arrives as the topic alone, with the key beside it', () => {
  const reader = setUp()
  const arrives = (key: Uint8Array) => {
    const { topic, properties } = reader.read('orders', record(key, bytes('v'))).message
    return [topic, properties?.userProperties]
  }
  assert.deepEqual(arrives(bytes('a+b')), ['orders', [['kafka.key', 'a+b']]])
  assert.deepEqual(arrives(Buffer.from([0, 0, 0, 42])), ['orders', [['kafka.key', 'AAAAKg==']]])
  assert.deepEqual(arrives(Buffer.from([0xff])), ['orders', [['kafka.key', '/w==']]])
  assert.deepEqual(arrives(bytes('x'.repeat(65_535))), ['orders', [['kafka.key', 'x'.repeat(65_535)]]])
})

test('what exceeds 65,535 bytes is left out and counted', () => {
  const reader = setUp()
  const long = Buffer.alloc(65_536, 0x78)
  const read = reader.read(
    'orders',
    record(long, bytes('v'), [
      { key: 'long', value: long },
      { key: long.toString(), value: bytes('x') },
      { key: 'binary', value: Buffer.alloc(50_000, 0xff) },
      { key: 'mqtt.correlation', value: long },
      { key: 'kept', value: Buffer.alloc(65_535, 0x78) },
    ]),
  )
  assert.equal(read.message.topic, 'orders')
  assert.deepEqual(read.message.properties, { userProperties: [['kept', 'x'.repeat(65_535)]] })
  assert.equal(reader.leftOutCount, 5)
})

test('mqtt headers that make no sense count as absent', () => {
  const { message: read } = setUp().read(
    'orders',
    record(bytes('k'), bytes('v'), [
      { key: 'mqtt.qos', value: bytes('7') },
      { key: 'mqtt.retain', value: bytes('yes') },
      { key: 'mqtt.expiry', value: bytes('-1') },
      { key: 'mqtt.pfi', value: bytes('2') },
      { key: 'mqtt.response-topic', value: bytes('a/#') },
      { key: 'mqtt.unknown', value: bytes('x') },
      { key: 'mqtt.topic', value: bytes('in/1') },
    ]),
  )
  assert.deepEqual([read.topic, read.qos, read.retain, read.properties], ['orders/k', 1, false, null])
})

test('in the target of a rule the header says the topic', () => {
  const { message: read } = setUp().read('target', record(bytes('k'), bytes('v'), [{ key: 'mqtt.topic', value: bytes('in/1') }]))
  assert.equal(read.topic, 'in/1')
})
