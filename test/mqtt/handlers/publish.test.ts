import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ERRORS, failure } from '../../../src/broker/errors.ts'
import { encodePacket } from '../../../src/mqtt/wire/encode.ts'
import { Bench, connectedUser, publishPacket } from '../harness.ts'

test('[MQTT-4.6.0-2] PUBACK and PUBREC leave in the order of the PUBLISHes, when each is durable', () => {
  const client = new Bench().connected(5)
  for (const [packetId, qos] of [
    [1, 1],
    [2, 2],
    [3, 1],
  ] as const) {
    client.send(publishPacket({ packetId, qos }))
  }
  const [one, two, three] = client.session.published.map(({ onDone }) => onDone)
  three?.(null, true)
  assert.deepEqual(client.take(), [])
  one?.(null, true)
  assert.deepEqual(
    client.take().map((packet) => 'packetId' in packet && [packet.type, packet.packetId]),
    [['PUBACK', 1]],
  )
  two?.(null, true)
  assert.deepEqual(
    client.take().map((packet) => 'packetId' in packet && [packet.type, packet.packetId]),
    [
      ['PUBREC', 2],
      ['PUBACK', 3],
    ],
  )
})

test('a refused or unmatched publish is told in 5.0; in 3.1.1 the refusal ends the connection', () => {
  const bench = new Bench()
  const five = bench.connected(5)
  five.send(publishPacket({ packetId: 1, qos: 1 }))
  five.send(publishPacket({ packetId: 2, qos: 1 }))
  five.session.published[0]?.onDone?.(null, false)
  five.session.published[1]?.onDone?.(failure(ERRORS.messageTooLarge, 'too large'), false)
  assert.deepEqual(five.take(), [
    { type: 'PUBACK', packetId: 1, reason: 0x10, properties: {} },
    { type: 'PUBACK', packetId: 2, reason: 0x97, properties: { reasonString: 'too large' } },
  ])
  const four = bench.connected(4)
  four.send(publishPacket({ packetId: 1, qos: 1 }))
  four.send(publishPacket({ packetId: 2, qos: 1 }))
  four.session.published[0]?.onDone?.(null, false)
  assert.equal(four.takeHex(), '40020001')
  four.session.published[1]?.onDone?.(failure(ERRORS.messageTooLarge), false)
  assert.deepEqual(four.outcome(), { sent: [], closed: true })
})

test('reserved topics: 0x90', () => {
  const bench = new Bench()
  for (const topic of ['$SYS/x', '$share/g/a', '__state/x']) {
    const five = bench.connected(5)
    five.send(publishPacket({ topic, qos: 1, packetId: 1 }))
    assert.deepEqual(five.outcome(), { sent: ['PUBACK 0x90'], closed: false })
    five.send(publishPacket({ topic }))
    assert.deepEqual(five.outcome(), { sent: ['DISCONNECT 0x90'], closed: true })
    const four = bench.connected(4)
    four.send(publishPacket({ topic }))
    assert.deepEqual(four.outcome(), { sent: [], closed: true })
  }
})

test('[MQTT-3.3.2-12] an alias stands for the topic it was given last, on this connection', () => {
  const bench = new Bench()
  const client = bench.connected(5)
  const topics = () => client.session.published.splice(0).map(({ message }) => message.topic)
  client.send(publishPacket({ topic: 'one', topicAlias: 1 }))
  client.send(publishPacket({ topic: '', topicAlias: 1 }))
  client.send(publishPacket({ topic: 'two', topicAlias: 1 }))
  client.send(publishPacket({ topic: 'ten', topicAlias: 10 }))
  client.send(publishPacket({ topic: '', topicAlias: 1 }))
  assert.deepEqual(topics(), ['one', 'one', 'two', 'ten', 'two'])
  const other = bench.connected(5)
  other.send(publishPacket({ topic: '', topicAlias: 1 }))
  assert.deepEqual(other.outcome(), { sent: ['DISCONNECT 0x82'], closed: true })
})

test('[MQTT-3.3.2-9] an alias over the maximum ends the connection with 0x94', () => {
  const client = new Bench().connected(5)
  client.send(publishPacket({ topicAlias: 11 }))
  assert.deepEqual(client.outcome(), { sent: ['DISCONNECT 0x94'], closed: true })
})

test('[MQTT-3.3.4-7] more unacknowledged PUBLISHes than the receive maximum end the connection with 0x93', () => {
  for (const qos of [1, 2] as const) {
    const client = new Bench({ settings: { receiveMaximum: 2 } }).connected(5)
    for (const packetId of [1, 2]) client.send(publishPacket({ packetId, qos }))
    assert.deepEqual(client.outcome(), { sent: [], closed: false })
    client.send(publishPacket({}))
    client.send(publishPacket({ packetId: 3, qos }))
    assert.deepEqual(client.outcome(), { sent: ['DISCONNECT 0x93'], closed: true })
  }
})

test('a 3.1.1 client beyond the window is read no further until half of it is acknowledged', () => {
  const client = new Bench({ settings: { receiveMaximum: 4 } }).connected(4)
  for (let packetId = 1; packetId <= 5; packetId++) client.send(publishPacket({ packetId, qos: 1 }))
  assert.equal(client.socket.paused, true)
  for (const { onDone } of client.session.published.slice(0, 2)) onDone?.(null, true)
  assert.equal(client.socket.paused, true)
  client.session.published[2]?.onDone?.(null, true)
  assert.equal(client.socket.paused, false)
})

test('while the disk lags behind, publishers are read no further', () => {
  const bench = new Bench()
  const client = bench.connected(5)
  bench.pressure.congested = true
  client.send(publishPacket({ packetId: 1, qos: 1 }))
  assert.equal(client.socket.paused, true)
  bench.pressure.congested = false
  for (const run of bench.pressure.drained) run()
  assert.equal(client.socket.paused, false)
})

test('QoS 0 packets that can be forwarded as they came carry their own bytes', () => {
  const client = new Bench().connected(5)
  const plain = encodePacket(publishPacket({ topic: 't' }), 5)
  client.sendBytes(Buffer.concat([plain, plain, encodePacket(publishPacket({ retain: true }), 5)]))
  const packets = client.session.published.map(({ message }) => message.packet)
  assert.deepEqual(packets, [plain, plain, null])
  assert.equal(packets[0]?.buffer, packets[1]?.buffer)
})

test('[MQTT-3.3.5-2] what may not be published: 5.0 is told in the acknowledgement, 3.1.1 is closed', async () => {
  const bench = new Bench({ allowAnonymous: false, hasUsers: true })
  const five = await connectedUser(bench, 5)
  five.send(publishPacket({ topic: 'theirs', qos: 1, packetId: 1 }))
  five.send(publishPacket({ topic: 'theirs', qos: 2, packetId: 2 }))
  five.send(publishPacket({ topic: 'theirs' }))
  assert.deepEqual(five.outcome(), { sent: ['PUBACK 0x87', 'PUBREC 0x87'], closed: false })
  assert.equal(five.session.published.length, 0)
  five.send(publishPacket({ topic: 'mine/1' }))
  assert.equal(five.session.published.length, 1)
  const four = await connectedUser(bench, 4)
  four.send(publishPacket({ topic: 'theirs', qos: 1, packetId: 1 }))
  assert.deepEqual(four.outcome(), { sent: [], closed: true })
  assert.deepEqual(four.session.calls.at(-1), ['connectionLost'])
})

test('[MQTT-4.3.3] PUBREL, PUBREC and PUBCOMP reach the session; unknown ids are 0x92 where the protocol can say so', () => {
  const client = new Bench().connected(5)
  client.session.knownIds = false
  client.send({ type: 'PUBREL', packetId: 1, reason: 0, properties: {} })
  client.send({ type: 'PUBREC', packetId: 2, reason: 0, properties: {} })
  client.send({ type: 'PUBREC', packetId: 3, reason: 0x80, properties: {} })
  client.send({ type: 'PUBCOMP', packetId: 4, reason: 0, properties: {} })
  client.send({ type: 'PUBACK', packetId: 5, reason: 0, properties: {} })
  assert.deepEqual(client.outcome(), { sent: ['PUBCOMP 0x92', 'PUBREL 0x92'], closed: false })
  assert.deepEqual(client.session.calls.slice(1), [
    ['release', 1],
    ['received', 2, 0],
    ['received', 3, 0x80],
    ['completed', 4],
    ['acknowledge', 5],
  ])
})
