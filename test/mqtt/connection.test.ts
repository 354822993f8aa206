import assert from 'node:assert/strict'
import { test } from 'node:test'
import { encodePacket } from '../../src/mqtt/wire/encode.ts'
import { Bench, connectPacket, publishPacket } from './harness.ts'

test('[MQTT-3.1.2-22] a client that is silent for one and a half keep alives is dropped, with 0x8D in 5.0', () => {
  const bench = new Bench()
  const client = bench.connected(5, { keepAliveS: 10 })
  bench.clock.advance(14_000)
  client.sendBytes('c0 00')
  assert.deepEqual(client.outcome(), { sent: ['PINGRESP'], closed: false })
  bench.clock.advance(14_900)
  assert.deepEqual(client.outcome(), { sent: [], closed: false })
  bench.clock.advance(1_000)
  assert.deepEqual(client.outcome(), { sent: ['DISCONNECT 0x8d'], closed: true })
  assert.deepEqual(client.session.calls.at(-1), ['connectionLost'])
})

test('a client that is not read from, since the disk lags or its window is full, is not dropped for its silence', () => {
  const bench = new Bench({ settings: { receiveMaximum: 1 } })
  const waiting = bench.connected(5, { keepAliveS: 10 })
  bench.pressure.congested = true
  waiting.sendBytes('c0 00')
  const full = bench.connected(4, { keepAliveS: 10 })
  bench.pressure.congested = false
  full.send(publishPacket({ qos: 1, packetId: 1 }))
  bench.clock.advance(100_000)
  assert.deepEqual([waiting.socket.ended, full.socket.ended], [false, false])
  for (const run of bench.pressure.drained) run()
  full.session.published[0]?.onDone?.(null, true)
  bench.clock.advance(14_000)
  assert.deepEqual([waiting.socket.ended, full.socket.ended], [false, false])
  bench.clock.advance(2_000)
  assert.deepEqual([waiting.socket.ended, full.socket.ended], [true, true])
})

test('keep alive 0 never ends a connection; a long one is kept over the wheel', () => {
  const bench = new Bench()
  const never = bench.connected(5, { keepAliveS: 0 })
  const long = bench.connected(4, { keepAliveS: 600 })
  bench.clock.advance(899_000)
  assert.equal(never.socket.ended, false)
  assert.equal(long.socket.ended, false)
  bench.clock.advance(2_000)
  assert.equal(long.socket.ended, true)
  bench.clock.advance(10_000_000)
  assert.equal(never.socket.ended, false)
})

test('[MQTT-3.2.2-21] a 5.0 client is told the server keep alive where its own is longer or none', () => {
  const bench = new Bench({ settings: { maxKeepAliveS: 30 } })
  for (const [asked, told] of [
    [0, 30],
    [60, 30],
    [30, undefined],
    [5, undefined],
  ] as const) {
    const client = bench.open()
    client.send(connectPacket({ keepAliveS: asked }))
    const [connack] = client.take()
    assert.equal(connack?.type === 'CONNACK' && connack.properties.serverKeepAliveS, told)
  }
})

test('[MQTT-3.14.4-3] DISCONNECT 0 drops the will, any other reason and a lost connection keep it', () => {
  const bench = new Bench()
  for (const [reason, sendWill] of [
    [0, false],
    [4, true],
    [0x80, true],
  ] as const) {
    const client = bench.connected(5, { properties: { sessionExpiryS: 10 } })
    client.send({ type: 'DISCONNECT', reason, properties: { sessionExpiryS: 20 } })
    assert.deepEqual(client.session.calls.slice(1), [['disconnect', { sendWill, sessionExpiryS: 20 }]])
    assert.deepEqual(client.outcome(), { sent: [], closed: true })
    client.socket.events?.onClose(null)
    assert.equal(client.session.calls.length, 2)
  }
  const lost = bench.connected(5)
  lost.socket.events?.onClose(null)
  assert.deepEqual(lost.session.calls.at(-1), ['connectionLost'])
})

test('[MQTT-3.14.2.2.2] a session that ends with its connection is not kept by DISCONNECT', () => {
  const client = new Bench().connected(5)
  client.send({ type: 'DISCONNECT', reason: 0, properties: { sessionExpiryS: 20 } })
  assert.deepEqual(client.outcome(), { sent: ['DISCONNECT 0x82'], closed: true })
})

test('[MQTT-3.1.4-3] a connection whose session was taken over is told 0x8E and tells the session nothing', () => {
  const client = new Bench().connected(5)
  client.session.client.close(0x8e, 'another connection uses the client identifier')
  assert.deepEqual(client.outcome(), { sent: ['DISCONNECT 0x8e'], closed: true })
  client.socket.events?.onClose(null)
  assert.deepEqual(client.session.calls, [['begin']])
})

test('a stopping server says 0x8B to 5.0 clients', () => {
  const bench = new Bench()
  const five = bench.connected(5)
  const four = bench.connected(4)
  bench.server.close()
  assert.deepEqual(five.outcome(), { sent: ['DISCONNECT 0x8b'], closed: true })
  assert.deepEqual(four.outcome(), { sent: [], closed: true })
  assert.equal(bench.server.connectionCount, 0)
})

test('[MQTT-4.8.0-1] a fault ends the connection: 5.0 with the reason, 3.1.1 without a word; what follows is not read', () => {
  const bench = new Bench()
  for (const level of [4, 5] as const) {
    const client = bench.connected(level)
    client.sendBytes(Buffer.concat([Buffer.from('c100', 'hex'), encodePacket(publishPacket({}), level)]))
    assert.deepEqual(client.outcome(), { sent: level === 5 ? ['DISCONNECT 0x81'] : [], closed: true })
    assert.equal(client.session.published.length, 0)
    assert.deepEqual(client.session.calls.at(-1), ['connectionLost'])
  }
})
