import assert from 'node:assert/strict'
import { test } from 'node:test'
import { Bench, connectPacket, deliveryOf, publishPacket } from './harness.ts'

test('messages go out at the level, QoS and with the properties of their receiver', () => {
  const bench = new Bench()
  const five = bench.connected(5)
  const four = bench.connected(4)
  const delivery = deliveryOf(
    { topic: 'a/b', properties: { contentType: 't', messageExpiryS: 60, userProperties: [['k', 'v']] } },
    { subscriptionIds: [1, 300], expiryLeftS: 58, retain: true },
  )
  for (const client of [five, four]) assert.equal(client.session.client.sendPublish(delivery, 7, true), true)
  const [packet] = five.take()
  assert.ok(packet?.type === 'PUBLISH')
  assert.deepEqual(
    [packet.topic, packet.qos, packet.retain, packet.dup, packet.packetId, packet.properties, packet.subscriptionIdentifiers],
    ['a/b', 1, true, true, 7, { contentType: 't', messageExpiryS: 58, userProperties: [['k', 'v']] }, [1, 300]],
  )
  assert.equal(four.takeHex(), '3b080003612f62000778')
})

test('one message to many receivers differs only in packet id and DUP', () => {
  const bench = new Bench()
  const clients = [1, 2, 3].map(() => bench.connected(4))
  const delivery = deliveryOf({})
  for (const [index, client] of clients.entries()) client.session.client.sendPublish({ ...delivery }, index + 1, index === 2)
  assert.deepEqual(
    clients.map((client) => client.takeHex()),
    ['32080003612f62000178', '32080003612f62000278', '3a080003612f62000378'],
  )
})

test('messages behind each other keep their own topic, length, payload and properties', () => {
  const client = new Bench().connected(5)
  const messages = [
    { topic: 'a', payload: Buffer.from('1') },
    { topic: 'a', payload: Buffer.from('2') },
    { topic: 'b', payload: Buffer.from('3') },
    { topic: 'b', payload: Buffer.from('44') },
    { topic: 'b', payload: Buffer.from('55'), properties: { contentType: 't' } },
    { topic: 'b', payload: Buffer.from('66') },
    { topic: 'b', payload: Buffer.alloc(127 - 6, 55) },
    { topic: 'ä', payload: Buffer.alloc(20_000, 56) },
    { topic: 'ä', payload: Buffer.alloc(2_100_000, 57) },
  ]
  messages.forEach((message, index) => {
    client.session.client.sendPublish(deliveryOf(message), index + 1, false)
  })
  assert.deepEqual(
    client
      .take()
      .map(
        (packet) =>
          packet.type === 'PUBLISH' && [packet.topic, Buffer.compare(packet.payload, messages[packet.packetId - 1]?.payload as Buffer), packet.properties],
      ),
    messages.map((message) => [message.topic, 0, message.properties ?? null]),
  )
})

test('a QoS 0 packet goes out as it came in, but not to the other version', () => {
  const bench = new Bench()
  const [four, five] = [bench.connected(4), bench.connected(5)]
  const packet = Buffer.from('30050001610078', 'hex')
  for (const client of [four, five]) client.session.client.sendPublish(deliveryOf({ qos: 0, topic: 'a', packet, packetLevel: 5 }), 0, false)
  assert.equal(five.takeHex(), '30050001610078')
  assert.equal(four.takeHex(), '300400016178')
})

test('[MQTT-3.1.2-24] [MQTT-3.1.2-25] nothing larger than the client takes is sent', () => {
  const client = new Bench().open()
  client.send(connectPacket({ clientId: '', properties: { maximumPacketSize: 40 } }))
  assert.equal(client.take().length, 1)
  const send = (bytes: number) => client.session.client.sendPublish(deliveryOf({ qos: 0, payload: Buffer.alloc(bytes) }), 0, false)
  assert.equal(send(32), true)
  assert.equal(send(33), false)
  assert.equal(client.take().length, 1)
})

test('[MQTT-3.4.2-2] a Reason String that would not fit is left out', () => {
  const client = new Bench().connected(5, { properties: { maximumPacketSize: 40 } })
  client.send(publishPacket({ topic: '$SYS/and-a-long-name-so-that-the-words-do-not-fit', qos: 1, packetId: 1 }))
  assert.deepEqual(client.take(), [{ type: 'PUBACK', packetId: 1, reason: 0x90, properties: {} }])
})

test('all that is sent in one turn is one write', () => {
  const bench = new Bench()
  const client = bench.connected(4)
  client.socket.writes = 0
  for (let n = 1; n <= 1000; n++) client.session.client.sendPublish(deliveryOf({ payload: Buffer.alloc(100) }), n, false)
  client.session.client.sendPublish(deliveryOf({ payload: Buffer.alloc(100_000, 7) }), 1001, false)
  client.session.client.sendPubrel(1002)
  const packets = client.take()
  assert.equal(client.socket.writes, 1)
  assert.equal(packets.length, 1002)
  assert.deepEqual(
    packets.map((packet) => 'packetId' in packet && packet.packetId),
    packets.map((_, index) => index + 1),
  )
})

test('a client that does not take its messages is congested, and writable again when it has', () => {
  const bench = new Bench()
  const client = bench.connected(5)
  const { session } = client
  assert.equal(session.client.congested, false)
  client.socket.bufferedBytes = 1_200_000
  assert.equal(session.client.congested, true)
  session.client.sendPublish(deliveryOf({}), 1, false)
  bench.clock.settle()
  assert.equal(session.writableCalls, 0)
  client.socket.bufferedBytes = 0
  client.socket.events?.onDrain()
  bench.clock.settle()
  assert.equal(session.writableCalls, 1)
  assert.equal(session.client.congested, false)
})

test('much output of one turn is written at once, so that only what the socket does not take counts as waiting', () => {
  const bench = new Bench()
  const client = bench.connected(5)
  for (let n = 0; n < 40; n++) client.session.client.sendPublish(deliveryOf({ payload: Buffer.alloc(100_000) }), n + 1, false)
  assert.equal(client.session.client.congested, false)
  assert.ok(client.socket.written.length > 5)
  assert.equal(client.take().length, 40)
})
