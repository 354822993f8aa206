import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { encodePacket } from '../../../src/mqtt/wire/encode.ts'
import { Bench, connectPacket, publishPacket } from '../harness.ts'

test('[MQTT-3.2.2] CONNACK of 5.0 announces the limits and what is not there', () => {
  const client = new Bench().open()
  client.send(connectPacket({ clientId: '' }))
  assert.deepEqual(client.take(), [
    {
      type: 'CONNACK',
      sessionPresent: false,
      reason: 0,
      properties: {
        assignedClientIdentifier: 'auto-1',
        receiveMaximum: 1000,
        topicAliasMaximum: 10,
        maximumPacketSize: 1_048_588,
        sharedSubscriptionAvailable: false,
      },
    },
  ])
  assert.deepEqual(client.session.calls, [['begin']])
})

test('a session expiry that is not granted in full is told', () => {
  const bench = new Bench({ maxSessionExpiryS: 100 })
  for (const [asked, told] of [
    [500, 100],
    [100, undefined],
    [undefined, undefined],
  ] as const) {
    const client = bench.open()
    client.send(connectPacket({ properties: asked === undefined ? {} : { sessionExpiryS: asked } }))
    const [connack] = client.take()
    assert.equal(connack?.type === 'CONNACK' && connack.properties.sessionExpiryS, told)
  }
})

test('[MQTT-3.2.2-2] session present is what the session says; 3.1 and 3.1.1 get the two bytes of theirs', () => {
  const bench = new Bench({ sessionPresent: true })
  for (const level of [3, 4] as const) {
    const client = bench.open()
    client.send(connectPacket({ level, cleanStart: false }), level)
    assert.equal(client.takeHex(), '20020100')
  }
  assert.deepEqual(
    bench.requests.map((request) => request.sessionExpiryS),
    [2_592_000, 2_592_000],
  )
})

test('[MQTT-3.1.2-2] an unsupported version is told so in its own form', () => {
  const bench = new Bench()
  const newer = bench.open()
  newer.sendBytes('10 0d 0004 4d515454 06 02 0000 00 0000')
  assert.equal(newer.takeHex().slice(0, 2), '20')
  assert.equal(newer.socket.ended, true)
  for (const hex of ['10 0c 0004 4d515454 02 02 0000 0000', '10 0c 0004 4d515454 84 02 0000 0000']) {
    const older = bench.open()
    older.sendBytes(hex)
    assert.equal(older.takeHex(), '20020001')
    assert.equal(older.socket.ended, true)
  }
})

test('[MQTT-3.1.4-1] a malformed CONNECT of 5.0 gets CONNACK 0x81, one of 3.1.1 a close', () => {
  const bench = new Bench()
  const five = bench.open()
  five.sendBytes('10 0d 0004 4d515454 05 03 0000 00 0000')
  assert.deepEqual(five.outcome(), { sent: ['CONNACK 0x81'], closed: true })
  const four = bench.open()
  four.sendBytes('10 0c 0004 4d515454 04 03 0000 0000')
  assert.equal(four.takeHex(), '')
  assert.equal(four.socket.ended, true)
})

test('[MQTT-3.1.0-1] what does not begin with CONNECT is closed without an answer', () => {
  const client = new Bench().open()
  client.sendBytes(
    'GET / HTTP/1.1\r\n\r\n'
      .split('')
      .map((char) => char.charCodeAt(0).toString(16).padStart(2, '0'))
      .join(''),
  )
  assert.equal(client.takeHex(), '')
  assert.equal(client.socket.ended, true)
})

test('[MQTT-3.1.0-2] a second CONNECT ends the connection', () => {
  const client = new Bench().connected(5)
  client.send(connectPacket({}))
  assert.deepEqual(client.outcome(), { sent: ['DISCONNECT 0x82'], closed: true })
  assert.deepEqual(client.session.calls.at(-1), ['connectionLost'])
})

test('[MQTT-3.1.3-8 of 3.1.1] an empty client id needs a clean session; 3.1 has none at all', () => {
  const bench = new Bench()
  const refused = bench.open()
  refused.send(connectPacket({ level: 4, clientId: '', cleanStart: false }), 4)
  assert.deepEqual(refused.outcome(), { sent: ['CONNACK 0x02'], closed: true })
  const old = bench.open()
  old.send(connectPacket({ level: 3, clientId: '' }), 3)
  assert.deepEqual(old.outcome(), { sent: ['CONNACK 0x02'], closed: true })
  bench.connected(4, { clientId: '' })
})

test('no CONNECT in time ends the connection', () => {
  const bench = new Bench()
  const client = bench.open()
  client.sendBytes('10')
  bench.clock.advance(9_000)
  assert.equal(client.socket.ended, false)
  bench.clock.advance(2_000)
  assert.equal(client.socket.ended, true)
})

test('what follows CONNECT in the same bytes waits for CONNACK', () => {
  const bench = new Bench({ holdConnects: true })
  const client = bench.open()
  client.sendBytes(Buffer.concat([encodePacket(connectPacket({}), 5), encodePacket(publishPacket({ topic: 'first' }), 5)]))
  assert.equal(client.socket.paused, true)
  client.sendBytes(encodePacket(publishPacket({ topic: 'second' }), 5))
  assert.equal(client.session.published.length, 0)
  bench.held[0]?.()
  assert.deepEqual(
    client.take().map((packet) => packet.type),
    ['CONNACK'],
  )
  assert.deepEqual(
    client.session.published.map(({ message }) => message.topic),
    ['first', 'second'],
  )
  assert.equal(client.socket.paused, false)
})

test('a socket that goes while its session is opened leaves the session, unless another connection took it over', () => {
  const bench = new Bench({ holdConnects: true })
  const lost = bench.open()
  lost.send(connectPacket({}))
  lost.socket.events?.onClose(null)
  bench.held[0]?.()
  assert.deepEqual(lost.session.calls, [['connectionLost']])
  const taken = bench.open()
  taken.send(connectPacket({}))
  taken.session.client.close(0x8e, 'taken over')
  bench.held[1]?.()
  assert.deepEqual(taken.session.calls, [])
})

test('[MQTT-3.1.4-2] user names and passwords are checked where there are users', async () => {
  const bench = new Bench({ allowAnonymous: false, hasUsers: true })
  const outcomeOf = async (level: 4 | 5, fields: object) => {
    const client = bench.open()
    client.send(connectPacket({ level, ...fields }), level)
    await nextTurn()
    return client.outcome()
  }
  const right = { username: 'user', password: Buffer.from('secret') }
  const wrong = { username: 'user', password: Buffer.from('guess') }
  assert.deepEqual(await outcomeOf(5, right), { sent: ['CONNACK 0x00'], closed: false })
  assert.deepEqual(await outcomeOf(5, wrong), { sent: ['CONNACK 0x86'], closed: true })
  assert.deepEqual(await outcomeOf(4, wrong), { sent: ['CONNACK 0x04'], closed: true })
  assert.deepEqual(await outcomeOf(5, { username: 'user' }), { sent: ['CONNACK 0x86'], closed: true })
  assert.deepEqual(await outcomeOf(5, { username: 'user', password: Buffer.from([0xff]) }), { sent: ['CONNACK 0x86'], closed: true })
  assert.deepEqual(await outcomeOf(5, {}), { sent: ['CONNACK 0x87'], closed: true })
  assert.deepEqual(await outcomeOf(4, {}), { sent: ['CONNACK 0x05'], closed: true })
})

test('a listener that allows it takes clients without a user name, and while there are no users any name', async () => {
  const bench = new Bench({ allowAnonymous: true, hasUsers: false })
  bench.connected(5, { username: 'whoever', password: Buffer.from('x') })
  const guarded = new Bench({ allowAnonymous: true, hasUsers: true })
  guarded.connected(5)
  const client = guarded.open()
  client.send(connectPacket({ username: 'user', password: Buffer.from('guess') }))
  await nextTurn()
  assert.deepEqual(client.outcome(), { sent: ['CONNACK 0x86'], closed: true })
})

test('[MQTT-4.12.0-1] an authentication method is refused with 0x8C, AUTH unasked with 0x82', () => {
  const bench = new Bench()
  const client = bench.open()
  client.send(connectPacket({ properties: { authenticationMethod: 'SCRAM-SHA-256', authenticationData: Buffer.from('n,,') } }))
  assert.deepEqual(client.outcome(), { sent: ['CONNACK 0x8c'], closed: true })
  const unasked = bench.connected(5)
  unasked.sendBytes('f0 00')
  assert.deepEqual(unasked.outcome(), { sent: ['DISCONNECT 0x82'], closed: true })
})

test('a will to a topic one may not publish to is refused with CONNECT', async () => {
  const client = new Bench({ allowAnonymous: false, hasUsers: true }).open()
  const will = { topic: 'theirs', payload: Buffer.from('x'), qos: 0 as const, retain: false, properties: {} }
  client.send(connectPacket({ username: 'user', password: Buffer.from('secret'), will }))
  await nextTurn()
  assert.deepEqual(client.outcome(), { sent: ['CONNACK 0x87'], closed: true })
})

test('a will reaches the session with its delay and properties', () => {
  const bench = new Bench()
  const will = {
    topic: 'w',
    payload: Buffer.from('bye'),
    qos: 2 as const,
    retain: true,
    properties: { willDelayS: 7, contentType: 't', userProperties: [['a', 'b']] as const },
  }
  bench.connected(5, { will })
  assert.deepEqual(bench.requests[0]?.will, {
    message: {
      topic: 'w',
      payload: Buffer.from('bye'),
      qos: 2,
      retain: true,
      properties: { contentType: 't', userProperties: [['a', 'b']] },
      packet: null,
      packetLevel: 5,
    },
    delayS: 7,
  })
})

test('a will to a reserved topic or with wildcards is refused with 0x90', () => {
  const bench = new Bench()
  for (const topic of ['$SYS/x', 'a/#', '__x', '']) {
    const client = bench.open()
    client.send(connectPacket({ will: { topic, payload: Buffer.from(''), qos: 0, retain: false, properties: {} } }))
    assert.deepEqual(client.outcome(), { sent: ['CONNACK 0x90'], closed: true })
  }
})
