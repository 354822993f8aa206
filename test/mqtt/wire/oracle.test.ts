import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import mqttPacket, { type Packet as OraclePacket } from 'mqtt-packet'
import type { ProtocolLevel } from '../../../src/broker/sessions/ports.ts'
import { encodePacket } from '../../../src/mqtt/wire/encode.ts'
import { packetsOf } from './packets-of.ts'

/** Valid packets as mqtt-packet describes them: an encoder and a decoder that are not ours. */
const text = fc.string({ unit: 'grapheme', maxLength: 20 }).filter((value) => !value.includes('\u0000') && value.isWellFormed())
const topic = fc.array(fc.constantFrom('a', 'bb', 'ä', '日本', ' '), { minLength: 1, maxLength: 4 }).map((levels) => levels.join('/'))
const bytes = fc.uint8Array({ maxLength: 40 }).map((value) => Buffer.from(value))
const id = fc.integer({ min: 1, max: 65_535 })
const uint32 = fc.integer({ min: 0, max: 0xffff_ffff })
const qos = fc.constantFrom(0 as const, 1 as const, 2 as const)
const userProperties = fc.dictionary(
  text.filter((name) => name !== '__proto__'),
  fc.oneof(text, fc.array(text, { minLength: 2, maxLength: 3 })),
  { minKeys: 1, maxKeys: 3, noNullPrototype: true },
)
const level = fc.constantFrom(4 as const, 5 as const)

const message = {
  payloadFormatIndicator: fc.boolean(),
  messageExpiryInterval: uint32,
  contentType: text,
  responseTopic: topic,
  correlationData: bytes,
  userProperties,
}
const some = <T extends Record<string, fc.Arbitrary<unknown>>>(shape: T) => fc.record(shape, { requiredKeys: [] })

const will = fc.record({ topic, payload: bytes, qos, retain: fc.boolean(), properties: some({ ...message, willDelayInterval: uint32 }) })
const connect = fc
  .record(
    {
      cmd: fc.constant('connect'),
      protocolId: fc.constant('MQTT'),
      protocolVersion: level,
      clean: fc.boolean(),
      keepalive: fc.integer({ min: 0, max: 65_535 }),
      clientId: text.map((name) => `c${name}`),
      will: fc.option(will, { nil: undefined }),
      username: text,
      password: bytes,
      properties: some({
        sessionExpiryInterval: uint32,
        receiveMaximum: id,
        maximumPacketSize: uint32.map((size) => size || 1),
        topicAliasMaximum: fc.integer({ min: 0, max: 65_535 }),
        requestResponseInformation: fc.boolean(),
        requestProblemInformation: fc.boolean(),
        userProperties,
        authenticationMethod: text.map((name) => `m${name}`),
      }),
    },
    { requiredKeys: ['cmd', 'protocolId', 'protocolVersion', 'clean', 'keepalive', 'clientId', 'properties'] },
  )
  .map(({ password, ...packet }) => (packet.username === undefined || password === undefined ? packet : { ...packet, password }))
const publish = fc
  .record({
    cmd: fc.constant('publish'),
    topic,
    payload: bytes,
    qos,
    retain: fc.boolean(),
    dup: fc.boolean(),
    messageId: id,
    properties: some({ ...message, topicAlias: id }),
  })
  .map((packet) => (packet.qos === 0 ? { ...packet, dup: false, messageId: undefined } : packet))
const filter = fc.constantFrom('a', 'a/+', '#', 'ä/#', '+/+/b', '$share/g/a')
const subscribe = fc.record({
  cmd: fc.constant('subscribe'),
  messageId: id,
  subscriptions: fc.array(fc.record({ topic: filter, qos, nl: fc.constant(false), rap: fc.boolean(), rh: fc.constantFrom(0, 1, 2) }), {
    minLength: 1,
    maxLength: 4,
  }),
  properties: some({ subscriptionIdentifier: fc.integer({ min: 1, max: 268_435_455 }), userProperties }),
})
const unsubscribe = fc.record({
  cmd: fc.constant('unsubscribe'),
  messageId: id,
  unsubscriptions: fc.array(filter, { minLength: 1, maxLength: 4 }),
  properties: some({ userProperties }),
})
const reasoned = { properties: some({ reasonString: text, userProperties }) }
const ack = fc.oneof(
  fc.record({ cmd: fc.constantFrom('puback', 'pubrec'), messageId: id, reasonCode: fc.constantFrom(0, 0x10, 0x80, 0x83, 0x87, 0x90, 0x97, 0x99), ...reasoned }),
  fc.record({ cmd: fc.constantFrom('pubrel', 'pubcomp'), messageId: id, reasonCode: fc.constantFrom(0, 0x92), ...reasoned }),
)
const disconnect = fc.record({
  cmd: fc.constant('disconnect'),
  reasonCode: fc.constantFrom(0, 4, 0x80, 0x81, 0x82, 0x93),
  properties: some({ sessionExpiryInterval: uint32, reasonString: text, userProperties }),
})
const connack = fc.record({
  cmd: fc.constant('connack'),
  sessionPresent: fc.boolean(),
  reasonCode: fc.constantFrom(0, 0x80, 0x84, 0x87, 0x9f),
  properties: some({
    sessionExpiryInterval: uint32,
    receiveMaximum: id,
    maximumQoS: fc.constantFrom(0, 1),
    retainAvailable: fc.boolean(),
    maximumPacketSize: uint32.map((size) => size || 1),
    assignedClientIdentifier: text,
    topicAliasMaximum: id,
    reasonString: text,
    userProperties,
    wildcardSubscriptionAvailable: fc.boolean(),
    subscriptionIdentifiersAvailable: fc.boolean(),
    sharedSubscriptionAvailable: fc.boolean(),
    serverKeepAlive: id,
    responseInformation: text,
    serverReference: text,
    authenticationMethod: text,
    authenticationData: bytes,
  }),
})
const suback = fc.record({
  cmd: fc.constant('suback'),
  messageId: id,
  granted: fc.array(fc.constantFrom(0, 1, 2, 0x80, 0x87), { minLength: 1, maxLength: 5 }),
  ...reasoned,
})
const unsuback = fc.record({
  cmd: fc.constant('unsuback'),
  messageId: id,
  granted: fc.array(fc.constantFrom(0, 0x11), { minLength: 1, maxLength: 5 }),
  ...reasoned,
})
const ping = fc.record({ cmd: fc.constant('pingreq') })

const oracleParse = (packet: Uint8Array, protocolVersion: number): OraclePacket => {
  const parser = mqttPacket.parser({ protocolVersion })
  const found: OraclePacket[] = []
  parser.on('packet', (one) => found.push(one))
  parser.on('error', (error) => {
    throw error
  })
  parser.parse(Buffer.from(packet))
  assert.equal(found.length, 1)
  return found[0] as OraclePacket
}

/** Reason 0 and no properties may be written or left out. */
function meaningOf(packet: OraclePacket): unknown {
  const { length: _length, ...rest } = packet
  return { reasonCode: 0, properties: {}, ...rest }
}

function agree(packet: unknown, protocolLevel: ProtocolLevel, sender: 'client' | 'server'): void {
  const theirs = mqttPacket.generate(packet as OraclePacket, { protocolVersion: protocolLevel })
  const isConnect = (packet as OraclePacket).cmd === 'connect'
  const { packets, fault, pendingBytes } = packetsOf([theirs], { sender, level: isConnect ? undefined : protocolLevel })
  assert.equal(fault, null, `${fault?.message} in ${theirs.toString('hex')}`)
  assert.equal(pendingBytes, 0)
  assert.equal(packets.length, 1)
  const ours = encodePacket(packets[0] as (typeof packets)[0], protocolLevel)
  assert.deepEqual(meaningOf(oracleParse(ours, protocolLevel)), meaningOf(oracleParse(theirs, protocolLevel)))
}

const FROM_CLIENT = { connect, publish, subscribe, unsubscribe, ack, disconnect, ping }
const FROM_SERVER = { connack, publish, suback, unsuback, ack }

for (const [name, arbitrary] of Object.entries(FROM_CLIENT)) {
  test(`what mqtt-packet writes for ${name} is read and written back the same`, () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<unknown>, level, (packet, protocolLevel) => {
        agree(packet, (packet as { protocolVersion?: ProtocolLevel }).protocolVersion ?? protocolLevel, 'client')
      }),
      { numRuns: 300 },
    )
  })
}

for (const [name, arbitrary] of Object.entries(FROM_SERVER)) {
  test(`what mqtt-packet writes for a server's ${name} is read and written back the same`, () => {
    fc.assert(
      fc.property(arbitrary as fc.Arbitrary<unknown>, (packet) => agree(packet, 5, 'server')),
      { numRuns: 300 },
    )
  })
}
