import assert from 'node:assert/strict'
import { test } from 'node:test'
import { TestBroker } from './support/broker.ts'
import { FakeClient } from './support/fake-client.ts'

test('history first, then live, without gap or repeat, under the replayed name', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  for (let index = 0; index < 30; index++) await bob.publish('a/x', String(index), index % 3 === 0 ? 0 : 1)
  const alice = await broker.connect('alice')
  const subscribing = alice.subscribe('$replay/earliest/a/#', 1)
  for (let index = 30; index < 40; index++) bob.session.publish({ ...plain('a/x', String(index)) }, null)
  await subscribing
  await broker.clock.settle()
  assert.deepEqual(
    alice.client.texts,
    Array.from({ length: 40 }, (_, index) => `$replay/earliest/a/#`.replace('a/#', `a/x=${index}`)),
  )
})

test('the user property "from" replays under the plain name', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  for (const payload of ['0', '1', '2']) await bob.publish('a/x', payload)
  const alice = await broker.connect('alice')
  assert.equal(await alice.subscribe('a/#', 1, { from: '1' }), 1)
  assert.deepEqual(alice.client.texts, ['a/x=1', 'a/x=2'])
  assert.equal(await alice.subscribe('a/#', 1, { from: 'sometime' }), 0x8f)
})

test('a replay begins at a time, or a while ago', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  await bob.publish('a/x', 'old')
  await broker.clock.advance(7_200_000)
  const noon = new Date(broker.clock.now()).toISOString()
  await bob.publish('a/x', 'new')
  const alice = await broker.connect('alice')
  await alice.subscribe(`$replay/${noon}/a/#`)
  assert.deepEqual(alice.client.texts, [`$replay/${noon}/a/x=new`])
  const carol = await broker.connect('carol')
  await carol.subscribe('$replay/-1h/a/#')
  assert.deepEqual(carol.client.texts, ['$replay/-1h/a/x=new'])
  const dave = await broker.connect('dave')
  await dave.subscribe('$replay/-3h/a/#')
  assert.deepEqual(dave.client.texts, ['$replay/-3h/a/x=old', '$replay/-3h/a/x=new'])
})

test('a replay obeys the window and the QoS of the subscription', async () => {
  const broker = await TestBroker.open()
  const bob = await broker.connect('bob')
  for (let index = 0; index < 10; index++) await bob.publish('a', String(index))
  const alice = await broker.connect('alice', { client: Object.assign(new FakeClient(), { receiveMaximum: 3 }) })
  await alice.subscribe('$replay/earliest/a', 1)
  for (let index = 0; index < 10; index++) {
    assert.ok(alice.client.got.length <= index + 3)
    alice.session.acknowledge(alice.client.got[index]?.packetId as number)
    await broker.clock.settle()
  }
  assert.equal(alice.client.got.length, 10)
  const carol = await broker.connect('carol')
  await carol.subscribe('$replay/earliest/a', 0)
  assert.deepEqual(new Set(carol.client.got.map((got) => got.qos)), new Set([0]))
  assert.equal(carol.client.got.length, 10)
})

test('a replay of a persistent session goes on where it was, also after a restart', async () => {
  let broker = await TestBroker.open()
  let bob = await broker.connect('bob')
  for (let index = 0; index < 10; index++) await bob.publish('a', String(index))
  let alice = await broker.connect('alice', { client: Object.assign(new FakeClient(), { receiveMaximum: 4 }) })
  await alice.subscribe('$replay/2/a', 1)
  for (const got of [...alice.client.got]) alice.session.acknowledge(got.packetId)
  const seen = alice.client.got.map((got) => got.payload)
  await alice.lose()
  broker = await broker.restart()
  bob = await broker.connect('bob')
  await bob.publish('a', '10')
  alice = await broker.connect('alice')
  seen.push(...alice.client.got.map((got) => got.payload))
  assert.deepEqual(seen, ['2', '3', '4', '5', '6', '7', '8', '9', '10'])
  assert.equal(alice.client.got[0]?.topic, '$replay/2/a')
})

test('a plain subscription beside a replay gets its own copies', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.publish('a', 'before')
  await alice.subscribe('a')
  await alice.subscribe('$replay/earliest/a')
  await alice.publish('a', 'after')
  assert.deepEqual(alice.client.texts.sort(), ['$replay/earliest/a=after', '$replay/earliest/a=before', 'a=after'])
})

test('every partition of a wildcard replay comes whole and in order', async () => {
  const broker = await TestBroker.open({ settings: { catchUpReadBytes: 500, catchUpRecordsPerTurn: 7, catchUpCacheBytes: 2000 } })
  const bob = await broker.connect('bob')
  for (let index = 0; index < 200; index++) await bob.publish(`t${index % 3}/${index % 7}`, String(index))
  const alice = await broker.connect('alice', { sessionExpiryS: 0 })
  await alice.subscribe('$replay/earliest/#', 0)
  assert.equal(alice.client.got.length, 200)
  const last = new Map<string, number>()
  for (const { topic, payload } of alice.client.got) {
    assert.ok(Number(payload) > (last.get(topic) ?? -1))
    last.set(topic, Number(payload))
  }
})

function plain(topic: string, payload: string) {
  return { topic, payload: Buffer.from(payload), qos: 1 as const, retain: false, properties: null, packet: null, packetLevel: 5 as const }
}
