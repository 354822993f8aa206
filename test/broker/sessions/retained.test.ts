import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildBatch } from '../../../src/log/record-batch.ts'
import { TestBroker } from './support/broker.ts'
import { FakeClient } from './support/fake-client.ts'

test('a new subscription gets what is retained, marked as such, with its identifier [MQTT-3.3.1-9]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await bob.publish('home/kitchen/temp', '21', 1, { retain: true })
  await bob.publish('home/bath/temp', '24', 0, { retain: true })
  await bob.publish('home/bath/humidity', '60', 1)
  await alice.subscribe('home/+/temp', 1, { subscriptionId: 5 })
  assert.deepEqual(alice.client.texts.sort(), ['home/bath/temp=24', 'home/kitchen/temp=21'])
  for (const got of alice.client.got) {
    assert.equal(got.retain, true)
    assert.deepEqual(got.ids, [5])
  }
  assert.deepEqual(alice.client.got.map((got) => got.qos).sort(), [0, 1])
})

test('the last one is retained, an empty payload clears it and is still forwarded [MQTT-3.3.1-6]', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  await bob.publish('a', '1', 1, { retain: true })
  await bob.publish('a', '2', 1, { retain: true })
  await bob.publish('a', 'not retained', 1)
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  assert.deepEqual(alice.client.texts, ['a=2'])
  await bob.publish('a', '', 1, { retain: true })
  assert.deepEqual(alice.client.texts, ['a=2', 'a='])
  const carol = await broker.connect('carol')
  await carol.subscribe('a')
  assert.deepEqual(carol.client.texts, [])
  assert.equal(broker.sessions.retained.count, 0)
})

test('retain handling: 0 always, 1 for a new subscription, 2 never [MQTT-3.3.1-10]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.publish('a', 'x', 0, { retain: true })
  await alice.subscribe('a', 0, { retainHandling: 2 })
  assert.equal(alice.client.got.length, 0)
  await alice.subscribe('a', 0, { retainHandling: 1 })
  assert.equal(alice.client.got.length, 0, 'it is not new')
  await alice.subscribe('a', 0, { retainHandling: 0 })
  assert.equal(alice.client.got.length, 1)
  await alice.unsubscribe('a')
  await alice.subscribe('a', 0, { retainHandling: 1 })
  assert.equal(alice.client.got.length, 2)
})

test('retained messages survive a restart and a crash', async () => {
  let broker = await TestBroker.open()
  let bob = await broker.connect('bob')
  for (let index = 0; index < 10; index++) await bob.publish(`a/${index}`, `v${index}`, 1, { retain: true })
  await bob.publish('a/3', 'newer', 1, { retain: true })
  await bob.publish('a/4', '', 1, { retain: true })
  broker = await broker.restart()
  bob = await broker.connect('bob')
  await bob.publish('a/5', 'newest', 1, { retain: true })
  broker = await broker.crash()
  const alice = await broker.connect('alice')
  await alice.subscribe('a/+')
  assert.deepEqual(alice.client.texts.sort(), ['a/0=v0', 'a/1=v1', 'a/2=v2', 'a/3=newer', 'a/5=newest', 'a/6=v6', 'a/7=v7', 'a/8=v8', 'a/9=v9'])
})

test('a message and its retained copy are durable together', async () => {
  let broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  await bob.publish('a', 'old', 1, { retain: true })
  broker.log.auto = false
  assert.equal(await bob.publish('a', 'new', 1, { retain: true }), -1)
  broker = await broker.crash()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  assert.deepEqual(alice.client.texts, ['a=old'])
})

test('properties come along, and the expiry has run on', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  await bob.publish('a', 'x', 1, { retain: true, properties: { messageExpiryS: 100, contentType: 'text/plain', userProperties: [['k', 'v']] } })
  await bob.publish('b', 'x', 1, { retain: true, properties: { messageExpiryS: 10 } })
  await broker.clock.advance(30_000)
  const alice = await broker.connect('alice')
  await alice.subscribe('#')
  assert.deepEqual(alice.client.texts, ['a=x'])
  assert.equal(alice.client.got[0]?.expiryLeftS, 70)
  const { properties } = alice.client.got[0]?.delivery.message ?? {}
  assert.equal(properties?.contentType, 'text/plain')
  assert.deepEqual(properties?.userProperties, [['k', 'v']])
})

test('No Local keeps a retained message from its own publisher', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.publish('a', 'x', 1, { retain: true })
  await alice.subscribe('a', 1, { noLocal: true })
  assert.deepEqual(alice.client.texts, [])
})

test('retained messages wait for room in the window', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  for (let index = 0; index < 5; index++) await bob.publish(`a/${index}`, 'x', 1, { retain: true })
  const alice = await broker.connect('alice', { client: Object.assign(new FakeClient(), { receiveMaximum: 2 }) })
  await alice.subscribe('a/#')
  assert.equal(alice.client.got.length, 2)
  for (let index = 0; index < 5; index++) {
    alice.session.acknowledge(alice.client.got[index]?.packetId as number)
    await broker.clock.settle()
  }
  assert.equal(new Set(alice.client.texts).size, 5)
})

test('a store that is mostly overwritten is rewritten, and says the same afterwards', async () => {
  let broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  for (let index = 0; index < 50; index++) await bob.publish(`keep/${index}`, 'kept', 1, { retain: true })
  for (let index = 0; index < 3000; index++) {
    bob.session.publish({ topic: 'often', payload: Buffer.from(String(index)), qos: 1, retain: true, properties: null, packet: null, packetLevel: 5 }, () => {})
    if (index % 50 === 0) await broker.clock.settle()
  }
  await broker.clock.settle()
  const { log } = broker.sessions.retained.tail.partition
  assert.ok(log.logEndOffset - log.logStartOffset < 2000, `${log.logEndOffset - log.logStartOffset} records for 51 retained messages`)
  for (let round = 0; round < 2; round++) {
    const alice = await broker.connect(`alice${round}`)
    await alice.subscribe('#')
    assert.equal(alice.client.got.length, 51)
    assert.ok(alice.client.texts.includes('often=2999'))
    broker = await broker.crash()
  }
})

test('the ceiling refuses another topic, not another value', async () => {
  const broker = await TestBroker.open({ settings: { maxRetainedMessages: 1 } })
  const bob = await broker.connect('bob')
  assert.equal(await bob.publish('a', '1', 1, { retain: true }), 0x10)
  assert.equal(await bob.publish('b', '1', 1, { retain: true }), 0x97)
  assert.equal(await bob.publish('a', '2', 1, { retain: true }), 0x10)
})

test('messages of a rule with store: false can be retained', async () => {
  const broker = await TestBroker.open({ rules: [{ filter: 'live/#', store: false }] })
  const bob = await broker.connect('bob')
  await bob.publish('live/x', '1', 1, { retain: true })
  const alice = await broker.connect('alice')
  await alice.subscribe('live/#')
  assert.deepEqual(alice.client.texts, ['live/x=1'])
})

test('copies that a former process committed and that are written later count when they are visible', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  await bob.publish('a', 'older', 1, { retain: true })
  const { partition } = broker.sessions.retained.tail
  const bytes = buildBatch([{ key: Buffer.from('a'), value: Buffer.from('late'), timestampMs: broker.clock.now() }])
  broker.store.append({ batches: [{ partition: partition.log, bytes }], state: [], durability: 'durable', onDone: () => {} })
  await broker.clock.settle()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  assert.deepEqual(alice.client.texts, ['a=late'])
  await bob.publish('a', 'newer', 1, { retain: true })
  const carol = await broker.connect('carol')
  await carol.subscribe('a')
  assert.deepEqual(carol.client.texts, ['a=newer'])
})
