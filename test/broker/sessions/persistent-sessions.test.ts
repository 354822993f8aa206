import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../../src/broker/errors.ts'
import { TestBroker } from './support/broker.ts'
import { FakeClient } from './support/fake-client.ts'

test('a session that comes back gets what it missed at QoS 1 and above, in order', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('a/#')
  await alice.lose()
  for (let index = 0; index < 20; index++) await bob.publish('a/1', String(index), index % 5 === 4 ? 0 : 1)
  const back = await broker.connect('alice')
  assert.equal(back.sessionPresent, true)
  const expected = Array.from({ length: 20 }, (_, index) => index).filter((index) => index % 5 !== 4)
  assert.deepEqual(
    back.client.texts,
    expected.map((index) => `a/1=${index}`),
  )
  await bob.publish('a/1', 'live')
  assert.equal(back.client.texts.at(-1), 'a/1=live')
})

test('QoS 0 is kept for offline sessions where the setting says so', async () => {
  const broker = await TestBroker.open({ settings: { queueQos0Messages: true } })
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('a/#')
  await alice.lose()
  await bob.publish('a/1', 'x', 0)
  assert.deepEqual((await broker.connect('alice')).client.texts, ['a/1=x'])
})

test('what came before the subscription is not delivered, nor what a partition held already', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  for (let index = 0; index < 10; index++) await bob.publish(`a/${index}`, 'before')
  const alice = await broker.connect('alice')
  await alice.subscribe('a/#')
  await alice.lose()
  assert.deepEqual((await broker.connect('alice')).client.texts, [])
})

test('a session behind that subscribes anew does not get what that filter matched earlier', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { client: Object.assign(new FakeClient(), { receiveMaximum: 1 }) })
  const bob = await broker.connect('bob')
  await alice.subscribe('t')
  for (const payload of ['1', '2', '3']) await bob.publish('t', payload)
  await alice.subscribe('#', 1, { subscriptionId: 9 })
  await bob.publish('t', '4')
  for (let index = 0; index < alice.client.got.length; index++) {
    alice.session.acknowledge(alice.client.got[index]?.packetId as number)
    await broker.clock.settle()
  }
  assert.deepEqual(
    alice.client.got.filter((got) => got.ids.length === 0).map((got) => got.payload),
    ['1', '2', '3', '4'],
  )
  assert.deepEqual(
    alice.client.got.filter((got) => got.ids.length > 0).map((got) => got.payload),
    ['4'],
  )
})

test('a topic made while the session was away is read from its start', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('#')
  await alice.lose()
  await bob.publish('fresh/1', 'x')
  assert.deepEqual((await broker.connect('alice')).client.texts, ['fresh/1=x'])
})

test('unacknowledged messages are repeated with DUP, their packet ids and their order [MQTT-4.4.0-1]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('a')
  for (const payload of ['1', '2', '3', '4']) await bob.publish('a', payload)
  alice.session.acknowledge(alice.client.got[1]?.packetId as number)
  await alice.lose()
  await bob.publish('a', '5')
  const back = await broker.connect('alice')
  assert.deepEqual(
    back.client.got.map((got) => [got.payload, got.packetId, got.dup]),
    [
      ['1', 1, true],
      ['3', 3, true],
      ['4', 4, true],
      ['5', 5, false],
    ],
  )
})

test('repeats respect a smaller receive maximum [MQTT-3.3.4-9]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  for (const payload of ['1', '2', '3']) await alice.publish('a', payload)
  await alice.lose()
  const back = await broker.connect('alice', { client: Object.assign(new FakeClient(), { receiveMaximum: 1 }) })
  for (let index = 0; index < 3; index++) {
    assert.equal(back.client.got.length, index + 1)
    back.session.acknowledge(back.client.got[index]?.packetId as number)
    await broker.clock.settle()
  }
  assert.deepEqual(
    back.client.got.map((got) => got.payload),
    ['1', '2', '3'],
  )
})

test('a clean start forgets everything [MQTT-3.1.2-4]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  await alice.publish('a', 'unacknowledged')
  await alice.lose()
  const clean = await broker.connect('alice', { cleanStart: true })
  assert.equal(clean.sessionPresent, false)
  await clean.publish('a', 'x')
  assert.deepEqual(clean.client.texts, [])
})

test('a session of another user is not resumed', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('shared')
  await alice.subscribe('a')
  await alice.lose()
  const mallory = await broker.connect('shared', { principal: { name: 'User:mallory', isAdministrator: true } })
  assert.equal(mallory.sessionPresent, false)
})

test('a second client with the same id takes the session over [MQTT-3.1.4-3]', async () => {
  const broker = await TestBroker.open()
  const first = await broker.connect('alice')
  await first.subscribe('a')
  await first.publish('a', 'unacknowledged')
  const second = await broker.connect('alice')
  assert.equal(first.client.closed?.reason, 0x8e)
  assert.equal(second.sessionPresent, true)
  assert.deepEqual(second.client.texts, ['a=unacknowledged'])
  first.session.connectionLost()
  await second.publish('a', 'x')
  assert.deepEqual(second.client.texts, ['a=unacknowledged', 'a=x'], 'what a stale connection says changes nothing')
  assert.equal(broker.sessions.connectedCount, 1)
})

test('sessions end when their expiry has passed, not before', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { sessionExpiryS: 10 })
  await alice.subscribe('a')
  await alice.lose()
  await broker.clock.advance(9_999)
  assert.equal(broker.sessions.sessionCount, 1)
  await broker.clock.advance(1)
  assert.equal(broker.sessions.sessionCount, 0)
  assert.equal((await broker.connect('alice')).sessionPresent, false)
})

test('a session whose time is over is gone, though its timer had no turn yet', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { sessionExpiryS: 10 })
  await alice.subscribe('a')
  await alice.lose()
  broker.clock.sleep(10_000)
  assert.equal((await broker.connect('alice')).sessionPresent, false)
})

test('the expiry deadline survives a restart', async () => {
  let broker = await TestBroker.open()
  const alice = await broker.connect('alice', { sessionExpiryS: 10 })
  await alice.subscribe('a')
  await alice.lose()
  await broker.clock.advance(6_000)
  broker = await broker.restart()
  await broker.clock.advance(3_999)
  assert.equal(broker.sessions.sessionCount, 1)
  await broker.clock.advance(1)
  assert.equal(broker.sessions.sessionCount, 0)
})

test('DISCONNECT may change the expiry, but not of a session that ends with its connection', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { sessionExpiryS: 10 })
  alice.session.disconnect({ sendWill: false, sessionExpiryS: 0 })
  assert.equal(broker.sessions.sessionCount, 0)
  const bob = await broker.connect('bob', { sessionExpiryS: 0 })
  bob.session.disconnect({ sendWill: false, sessionExpiryS: 100 })
  assert.equal(broker.sessions.sessionCount, 0)
})

test('an ended session leaves nothing on disk', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { sessionExpiryS: 10 })
  await alice.subscribe('a', 2)
  await alice.subscribe('b')
  await alice.publish('b', 'x')
  await alice.publishExactlyOnce(7, 'a', 'x')
  await alice.publishExactlyOnce(8, 'a', 'y')
  alice.session.received(alice.client.got.find((got) => got.qos === 2)?.packetId as number, 0)
  await alice.lose()
  await broker.clock.advance(20_000)
  for (const kind of [6, 7, 8, 11]) assert.equal(broker.log.disk.state.get(kind)?.size ?? 0, 0, `state kind ${kind}`)
})

test('an empty client id gets one of the broker, which no other session has', async () => {
  const broker = await TestBroker.open()
  const one = await broker.connect('', { sessionExpiryS: 0 })
  const two = await broker.connect('', { sessionExpiryS: 0 })
  assert.match(one.session.clientId, /^auto-/)
  assert.notEqual(one.session.clientId, two.session.clientId)
})

test('an empty client id without a clean session is refused for 3.1.1 [MQTT-3.1.3-8]', async () => {
  const broker = await TestBroker.open()
  let reason = 0
  const client = Object.assign(new FakeClient(), { level: 4 as const })
  const principal = { name: 'User:ANONYMOUS', isAdministrator: true }
  broker.sessions.connect({ clientId: '', level: 4, cleanStart: false, sessionExpiryS: 100, will: null, principal }, client, (result) => {
    if (isFailure(result)) reason = result.error.mqtt
  })
  await broker.clock.settle()
  assert.equal(reason, 0x85)
})

test('after a clean restart a session goes on where it was, without repeats', async () => {
  let broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  let bob = await broker.connect('bob')
  await alice.subscribe('a/#')
  for (let index = 0; index < 5; index++) await bob.publish(`a/${index}`, 'seen')
  for (const got of alice.client.got) alice.session.acknowledge(got.packetId)
  await alice.lose()
  await bob.publish('a/1', 'missed')
  broker = await broker.restart()
  bob = await broker.connect('bob')
  await bob.publish('a/2', 'missed too')
  const back = await broker.connect('alice')
  assert.equal(back.sessionPresent, true)
  assert.deepEqual(back.client.texts.sort(), ['a/1=missed', 'a/2=missed too'])
})

test('after a crash nothing unacknowledged is lost, and no packet id means another message', async () => {
  let broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('a')
  await bob.publish('a', '1')
  await bob.publish('a', '2')
  await broker.clock.advance(5000)
  alice.session.acknowledge(alice.client.got[0]?.packetId as number)
  await bob.publish('a', '3')
  broker = await broker.crash()
  const back = await broker.connect('alice')
  const got = new Map(back.client.got.map((each) => [each.payload, each.packetId]))
  assert.ok(got.has('2') && got.has('3'))
  assert.equal(got.get('2'), 2, 'an exchange on disk is repeated with its packet id')
  assert.notEqual(got.get('3'), 3, 'a packet id that the client may still acknowledge is not given out again')
})

test('acknowledged messages come again after a crash only within the last second', async () => {
  let broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  await alice.publish('a', 'old')
  alice.session.acknowledge(alice.client.got[0]?.packetId as number)
  await broker.clock.advance(1000)
  broker = await broker.crash()
  assert.deepEqual((await broker.connect('alice')).client.texts, [])
})

test('retention that overtakes a session is counted', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('t')
  await alice.lose()
  for (let index = 0; index < 10; index++) await bob.publish('t', String(index))
  broker.topics.get('t')?.partitions[0]?.log.raiseStart(4, () => {})
  const back = await broker.connect('alice')
  assert.deepEqual(
    back.client.got.map((got) => got.payload),
    ['4', '5', '6', '7', '8', '9'],
  )
  assert.equal(broker.sessions.counters.overtaken, 4)
})

test('a deleted topic takes its positions along, a new one of its name starts afresh', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('t')
  await bob.publish('t', 'old')
  alice.session.acknowledge(alice.client.got[0]?.packetId as number)
  await alice.lose()
  const topic = broker.topics.get('t')
  assert.ok(topic)
  broker.topics.delete(topic, () => {})
  await bob.publish('t', 'new')
  const back = await broker.connect('alice')
  assert.deepEqual(
    back.client.got.map((got) => got.payload),
    ['new'],
  )
})

test('the mark of many sessions costs what was published, not sessions times partitions', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  for (let index = 0; index < 20; index++) await bob.publish(`topic${index}/x`, 'x')
  const sessions = []
  for (let index = 0; index < 50; index++) {
    const each = await broker.connect(`session${index}`)
    await each.subscribe('#')
    sessions.push(each)
  }
  for (const each of sessions) await each.lose()
  await broker.clock.advance(2000)
  const marks = broker.log.disk.state.get(9)
  const bytes = [...(marks?.values() ?? [])].reduce((sum, value) => sum + value.length, 0)
  assert.ok(bytes < 20_000, `${bytes} bytes of marks`)
  const positions = [...(broker.log.disk.state.get(8) ?? [])].filter(([key]) => key.endsWith('\0p'))
  for (const [, value] of positions) assert.ok(value.length < 200, String(value))
})

test('a kept session that said it ends with its connection is gone after a crash, on disk too', async () => {
  let broker = await TestBroker.open()
  const first = await broker.connect('alice')
  await first.subscribe('a')
  await first.lose()
  const second = await broker.connect('alice', { sessionExpiryS: 0 })
  assert.equal(second.sessionPresent, true)
  broker = await broker.crash()
  await broker.clock.advance(1)
  assert.equal(broker.sessions.sessionCount, 0)
  for (const kind of [6, 7, 8]) assert.equal(broker.log.disk.state.get(kind)?.size ?? 0, 0, `state kind ${kind}`)
})

test('an acknowledgement that comes while its message is about to be repeated ends it', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  for (const payload of ['1', '2', '3']) await alice.publish('a', payload)
  await alice.lose()
  const client = Object.assign(new FakeClient(), { receiveMaximum: 1 })
  const back = await broker.connect('alice', { client })
  assert.deepEqual(client.texts, ['a=1'])
  assert.equal(back.session.acknowledge(2), true)
  assert.equal(back.session.acknowledge(1), true)
  await broker.clock.settle()
  assert.deepEqual(client.texts, ['a=1', 'a=3'])
  assert.equal(back.session.acknowledge(3), true)
  await back.publish('a', '4')
  assert.deepEqual(client.texts, ['a=1', 'a=3', 'a=4'])
})
