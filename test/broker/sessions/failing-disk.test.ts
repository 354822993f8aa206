import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../../src/broker/errors.ts'
import { ANONYMOUS, TestBroker, will } from './support/broker.ts'
import { FakeClient } from './support/fake-client.ts'

test('a publish that the disk refuses is refused, and the next one counts', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  broker.log.failing = true
  assert.equal(await alice.publish('a', 'lost'), 0x80)
  assert.equal(await alice.publishExactlyOnce(1, 'a', 'lost'), 0x80)
  assert.equal(await alice.subscribe('b'), 0x80)
  broker.log.failing = false
  assert.equal(await alice.publishExactlyOnce(1, 'a', 'kept'), 0)
  assert.deepEqual(alice.client.texts, ['a=kept'])
  assert.equal(await alice.publish('b', 'x'), 0x10)
})

test('a release that the disk refuses is not answered, and its packet id stays known', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.publishExactlyOnce(1, 'a', 'x')
  broker.log.failing = true
  assert.equal(await alice.release(1), undefined)
  broker.log.failing = false
  assert.equal(alice.session.incomingUnreleased, 1)
  assert.equal(await alice.release(1), true)
  assert.equal(alice.session.incomingUnreleased, 0)
})

test('QoS 2 to a subscriber goes on when the disk is well again', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  await alice.publishExactlyOnce(1, 'a', 'first')
  const id = alice.client.got[0]?.packetId as number
  broker.log.failing = true
  alice.session.received(id, 0)
  await broker.clock.advance(500)
  assert.deepEqual(alice.client.pubrels, [])
  broker.log.failing = false
  await broker.clock.advance(1000)
  assert.deepEqual(alice.client.pubrels, [id])
})

test('a will that the disk refuses is published later', async () => {
  const broker = await TestBroker.open()
  const watcher = await broker.connect('watcher', { sessionExpiryS: 0 })
  await watcher.subscribe('will/#')
  const alice = await broker.connect('alice', { will: will('will/alice', 'gone') })
  broker.log.failing = true
  await alice.lose()
  assert.deepEqual(watcher.client.texts, [])
  broker.log.failing = false
  await broker.clock.advance(1000)
  assert.deepEqual(watcher.client.texts, ['will/alice=gone'])
})

test('QoS 2 keeps its order when the disk refuses one packet id and takes the next', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  broker.log.auto = false
  const publish = async (packetId: number, payload: string) => {
    const publishing = alice.publishExactlyOnce(packetId, 'a', payload)
    await broker.clock.settle()
    broker.log.commit()
    await publishing
    await broker.clock.settle()
  }
  await publish(1, 'first')
  broker.log.failing = true
  broker.log.commit()
  await broker.clock.settle()
  broker.log.failing = false
  await publish(2, 'second')
  broker.log.commit()
  await broker.clock.settle()
  assert.deepEqual(alice.client.texts, [], 'the second waits for the first')
  await broker.clock.advance(1000)
  broker.log.commit()
  await broker.clock.settle()
  assert.deepEqual(alice.client.texts, ['a=first', 'a=second'])
})

test('what the disk refused to note of a QoS 2 delivery is not passed over by a restart', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  broker.log.auto = false
  const publishing = alice.publishExactlyOnce(1, 'a', 'first')
  await broker.clock.settle()
  broker.log.commit()
  await publishing
  await broker.clock.settle()
  broker.log.failing = true
  broker.log.commit()
  await broker.clock.settle()
  broker.log.failing = false
  broker.log.auto = true
  assert.deepEqual(alice.client.texts, [])
  const after = await broker.restart()
  const again = await after.connect('alice')
  await after.clock.settle()
  assert.deepEqual(again.client.texts, ['a=first'])
})

test('a clean start is not confirmed while the disk still holds the session of before', async () => {
  let broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  await alice.lose()
  broker.log.failing = true
  const request = { clientId: 'alice', level: 5 as const, cleanStart: true, sessionExpiryS: 0, will: null, principal: ANONYMOUS }
  const refused: boolean[] = []
  for (let attempt = 0; attempt < 2; attempt++) {
    broker.sessions.connect(request, new FakeClient(), (answer) => refused.push(isFailure(answer)))
    await broker.clock.settle()
  }
  assert.deepEqual(refused, [true, true])
  broker.log.failing = false
  await broker.connect('alice', { cleanStart: true, sessionExpiryS: 0 })
  broker = await broker.crash()
  assert.equal((await broker.connect('alice')).sessionPresent, false)
})
