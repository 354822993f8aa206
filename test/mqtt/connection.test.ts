import assert from 'node:assert/strict'
import { test } from 'node:test'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ERRORS, failure } from '../../src/broker/errors.ts'
import type { SubscribeRequest } from '../../src/broker/sessions/ports.ts'
import { encodePacket } from '../../src/mqtt/wire/encode.ts'
import { Bench, type BenchClient, connectPacket, deliveryOf, publishPacket } from './harness.ts'

const subscribePacket = (filter: string, fields: object = {}) => ({
  type: 'SUBSCRIBE' as const,
  packetId: 5,
  subscriptions: [{ filter, qos: 1 as const, noLocal: false, retainAsPublished: false, retainHandling: 0 as const }],
  properties: {},
  ...fields,
})

/** What the session was asked to subscribe to. */
function requested(client: BenchClient): readonly SubscribeRequest[] {
  const call = client.session.calls.find(([name]) => name === 'subscribe')
  return (call?.[1] ?? []) as readonly SubscribeRequest[]
}

// CONNECT

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

// Users

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

async function connectedUser(bench: Bench, level: 4 | 5) {
  const client = bench.open()
  client.send(connectPacket({ level, username: 'user', password: Buffer.from('secret') }), level)
  await nextTurn()
  assert.deepEqual(client.outcome().closed, false)
  return client
}

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

test('what may not be read is 0x87 in SUBACK, 0x80 before 5.0, beside what may', async () => {
  const bench = new Bench({ allowAnonymous: false, hasUsers: true })
  for (const level of [4, 5] as const) {
    const client = await connectedUser(bench, level)
    const [theirs, mine] = [subscribePacket('theirs/#').subscriptions[0], subscribePacket('mine/#').subscriptions[0]]
    assert.ok(theirs && mine)
    client.send(subscribePacket('', { subscriptions: [theirs, mine, theirs] }), level)
    const [suback] = client.take()
    const refused = level === 5 ? 0x87 : 0x80
    assert.deepEqual(suback?.type === 'SUBACK' && suback.reasons, [refused, 1, refused])
  }
})

test('a will to a topic one may not publish to is refused with CONNECT', async () => {
  const client = new Bench({ allowAnonymous: false, hasUsers: true }).open()
  const will = { topic: 'theirs', payload: Buffer.from('x'), qos: 0 as const, retain: false, properties: {} }
  client.send(connectPacket({ username: 'user', password: Buffer.from('secret'), will }))
  await nextTurn()
  assert.deepEqual(client.outcome(), { sent: ['CONNACK 0x87'], closed: true })
})

// Wills

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

// PUBLISH

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

// QoS 2

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

// SUBSCRIBE

test('[MQTT-3.8.4-6] SUBACK has a reason per filter in their order; shared subscriptions are 0x9E, bad filters 0x8F', () => {
  const client = new Bench().connected(5)
  const filters = ['a/#', 'a#', '$share/g/a', '$share//a', '__x', '$replay/earliest/a/#', '$replay/never/a']
  const subscriptions = filters.map((filter) => ({ filter, qos: 2 as const, noLocal: false, retainAsPublished: true, retainHandling: 1 as const }))
  client.send(subscribePacket('', { subscriptions, properties: { subscriptionIdentifiers: [9] } }))
  const [suback] = client.take()
  assert.deepEqual(suback?.type === 'SUBACK' && suback.reasons, [2, 0x8f, 0x9e, 0x8f, 0x8f, 2, 0x8f])
  assert.deepEqual(requested(client)[0], {
    filter: 'a/#',
    qos: 2,
    noLocal: false,
    retainAsPublished: true,
    retainHandling: 1,
    subscriptionId: 9,
    from: undefined,
  })
})

test('the user property "from" asks for history, and is refused where it makes no sense', () => {
  const client = new Bench().connected(5)
  client.send(subscribePacket('a', { properties: { userProperties: [['from', '-1h']] } }))
  assert.equal(requested(client)[0]?.from, '-1h')
  client.take()
  client.send(subscribePacket('a', { properties: { userProperties: [['from', 'yesterday']] } }))
  const [suback] = client.take()
  assert.deepEqual(suback?.type === 'SUBACK' && suback.reasons, [0x83])
})

test('[MQTT-3.1.2-29] a client that wants no problem information gets no Reason String in SUBACK and PUBACK, but in DISCONNECT', () => {
  const client = new Bench().connected(5, { properties: { requestProblemInformation: false } })
  client.send(subscribePacket('a#'))
  client.send(publishPacket({ topic: '$SYS/x', qos: 1, packetId: 1 }))
  client.sendBytes('f0 00')
  assert.deepEqual(
    client.take().map((packet) => 'properties' in packet && Object.keys(packet.properties ?? {})),
    [[], [], ['reasonString']],
  )
})

test('[MQTT-3.11.3-2] UNSUBACK has a reason per filter: 0x11 where there was no subscription', () => {
  const client = new Bench().connected(5)
  client.send({ type: 'UNSUBSCRIBE', packetId: 3, filters: ['there', 'not', 'a#'], properties: {} })
  const [unsuback] = client.take()
  assert.deepEqual(unsuback, { type: 'UNSUBACK', packetId: 3, reasons: [0, 0x11, 0x8f], properties: {} })
  const four = new Bench().connected(4)
  four.send({ type: 'UNSUBSCRIBE', packetId: 3, filters: ['there'], properties: {} })
  assert.equal(four.takeHex(), 'b0020003')
})

// Keep alive and the end

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

// Sending

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
  for (let n = 0; n < 12; n++) session.client.sendPublish(deliveryOf({ payload: Buffer.alloc(100_000) }), n + 1, false)
  assert.equal(session.client.congested, true)
  client.socket.bufferedBytes = 1_200_000
  bench.clock.settle()
  assert.equal(session.writableCalls, 0)
  client.socket.bufferedBytes = 0
  client.socket.events?.onDrain()
  assert.equal(session.writableCalls, 1)
  assert.equal(session.client.congested, false)
})

test('a client whose socket took everything at once is told so too', () => {
  const bench = new Bench()
  const client = bench.connected(5)
  const { session } = client
  while (!session.client.congested) session.client.sendPublish(deliveryOf({ payload: Buffer.alloc(100_000) }), 1, false)
  bench.clock.settle()
  assert.equal(session.writableCalls, 1)
})
