import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ANONYMOUS, TestBroker, will } from './support/broker.ts'
import { FakeClient } from './support/fake-client.ts'

async function watched(broker: TestBroker) {
  const watcher = await broker.connect('watcher', { sessionExpiryS: 0 })
  await watcher.subscribe('will/#')
  return watcher.client
}

test('a will is published when the connection is lost, not after a goodbye [MQTT-3.14.4-3]', async () => {
  const broker = await TestBroker.open()
  const watcher = await watched(broker)
  const alice = await broker.connect('alice', { will: will('will/alice', 'gone') })
  await alice.lose()
  const bob = await broker.connect('bob', { will: will('will/bob', 'gone') })
  bob.session.disconnect({ sendWill: false, sessionExpiryS: undefined })
  const carol = await broker.connect('carol', { will: will('will/carol', 'gone') })
  carol.session.disconnect({ sendWill: true, sessionExpiryS: undefined })
  await broker.clock.advance(10_000)
  assert.deepEqual(watcher.texts, ['will/alice=gone', 'will/carol=gone'])
})

test('a delayed will comes when the delay has passed, not before', async () => {
  const broker = await TestBroker.open()
  const watcher = await watched(broker)
  await (await broker.connect('alice', { will: will('will/alice', 'gone', 3) })).lose()
  await broker.clock.advance(2_999)
  assert.deepEqual(watcher.texts, [])
  await broker.clock.advance(1)
  assert.deepEqual(watcher.texts, ['will/alice=gone'])
})

test('a delayed will comes with the end of the session where that is earlier [MQTT-3.1.2-8]', async () => {
  const broker = await TestBroker.open()
  const watcher = await watched(broker)
  await (await broker.connect('alice', { will: will('will/alice', 'gone', 60), sessionExpiryS: 5 })).lose()
  await (await broker.connect('bob', { will: will('will/bob', 'gone', 60), sessionExpiryS: 0 })).lose()
  assert.deepEqual(watcher.texts, ['will/bob=gone'])
  await broker.clock.advance(5_000)
  assert.deepEqual(watcher.texts, ['will/bob=gone', 'will/alice=gone'])
})

test('coming back in time voids a delayed will [MQTT-3.1.3-9]; a clean start ends the session and sends it', async () => {
  const broker = await TestBroker.open()
  const watcher = await watched(broker)
  await (await broker.connect('alice', { will: will('will/alice', 'gone', 3) })).lose()
  await (await broker.connect('bob', { will: will('will/bob', 'gone', 3) })).lose()
  await broker.clock.advance(1_000)
  await broker.connect('alice')
  await broker.connect('bob', { cleanStart: true })
  await broker.clock.advance(10_000)
  assert.deepEqual(watcher.texts, ['will/bob=gone'])
})

test('a takeover sends a will without delay, not one with', async () => {
  const broker = await TestBroker.open()
  const watcher = await watched(broker)
  await broker.connect('alice', { will: will('will/alice', 'gone') })
  await broker.connect('bob', { will: will('will/bob', 'gone', 5) })
  await broker.connect('alice')
  await broker.connect('bob')
  await broker.clock.advance(10_000)
  assert.deepEqual(watcher.texts, ['will/alice=gone'])
})

test('a will survives a restart and keeps its deadline', async () => {
  let broker = await TestBroker.open()
  await (await broker.connect('alice', { will: will('will/alice', 'gone', 10) })).lose()
  await broker.clock.advance(4_000)
  broker = await broker.restart()
  const watcher = await watched(broker)
  await broker.clock.advance(5_999)
  assert.deepEqual(watcher.texts, [])
  await broker.clock.advance(1)
  assert.deepEqual(watcher.texts, ['will/alice=gone'])
})

test('a crash of the broker ends connections: wills follow after the restart, each once', async () => {
  let broker = await TestBroker.open()
  const watcher = await broker.connect('watcher')
  await watcher.subscribe('will/#')
  await broker.connect('alice', { will: will('will/alice', 'gone', 2, { properties: { contentType: 'x', correlationData: Buffer.from([1, 2]) } }) })
  await broker.connect('bob', { will: will('will/bob', 'gone'), sessionExpiryS: 0 })
  broker = await broker.crash()
  await broker.clock.advance(1_000)
  broker = await broker.crash()
  await broker.clock.advance(999)
  const back = await broker.connect('watcher')
  assert.deepEqual(back.client.texts, ['will/bob=gone'])
  await broker.clock.advance(1)
  assert.deepEqual(back.client.texts, ['will/bob=gone', 'will/alice=gone'])
  const { properties } = back.client.got[1]?.delivery.message ?? {}
  assert.equal(properties?.contentType, 'x')
  assert.deepEqual(properties?.correlationData, Buffer.from([1, 2]))
})

test('a takeover publishes the will of before and keeps its own, whatever comes next', async () => {
  let broker = await TestBroker.open()
  const watcher = await broker.connect('watcher')
  await watcher.subscribe('will/#')
  await broker.connect('alice', { will: will('will/alice', 'first'), sessionExpiryS: 0 })
  // Something else waits for the end of this turn already.
  const request = { clientId: 'bob', level: 5 as const, cleanStart: false, sessionExpiryS: 60, will: null, principal: ANONYMOUS }
  broker.sessions.connect(request, new FakeClient(), () => {})
  await broker.connect('alice', { will: will('will/alice', 'second'), sessionExpiryS: 0 })
  assert.deepEqual(watcher.client.texts, ['will/alice=first'])
  watcher.session.acknowledge(watcher.client.got[0]?.packetId as number)
  broker = await broker.crash()
  const back = await broker.connect('watcher')
  assert.deepEqual(
    back.client.texts.filter((text) => text.endsWith('second')),
    ['will/alice=second'],
  )
})

test('a retained will is retained', async () => {
  const broker = await TestBroker.open()
  await (await broker.connect('alice', { will: will('will/alice', 'gone', 0, { retain: true }) })).lose()
  assert.deepEqual((await watched(broker)).texts, ['will/alice=gone'])
})
