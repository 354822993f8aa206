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

test('a will that the disk refuses is published later, also where the wall clock jumps back', async () => {
  const broker = await TestBroker.open()
  const watcher = await broker.connect('watcher', { sessionExpiryS: 0 })
  await watcher.subscribe('will/#')
  const alice = await broker.connect('alice', { will: will('will/alice', 'gone') })
  broker.log.failing = true
  await alice.lose()
  assert.deepEqual(watcher.client.texts, [])
  broker.log.failing = false
  broker.clock.jump(-3_600_000)
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

test('the end of a QoS 2 exchange gets to the disk only with the position beyond it, also where the disk refused both first', async () => {
  let broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  const bob = await broker.connect('bob')
  await bob.publishExactlyOnce(1, 'a', 'x')
  await broker.clock.settle()
  const id = alice.client.got[0]?.packetId as number
  alice.session.received(id, 0)
  await broker.clock.settle()
  alice.session.completed(id)
  broker.log.failing = true
  await broker.clock.advance(1000)
  broker.log.failing = false
  // Somebody waits: what is owed goes along.
  await bob.subscribe('b', 1)
  broker = await broker.crash()
  assert.deepEqual((await broker.connect('alice')).client.texts, [])
})

const connectRequest = (clientId: string, options: { will?: ReturnType<typeof will>; sessionExpiryS?: number } = {}) => {
  return { clientId, level: 5 as const, cleanStart: false, sessionExpiryS: 60, will: null, principal: ANONYMOUS, ...options }
}

test('a will that the disk refused and that is published late takes no newer one along', async () => {
  let broker = await TestBroker.open()
  const alice = await broker.connect('alice', { will: will('will/alice', 'first'), sessionExpiryS: 0 })
  broker.log.failing = true
  await alice.lose()
  broker.log.failing = false
  await broker.connect('alice', { will: will('will/alice', 'second'), sessionExpiryS: 0 })
  const watcher = await broker.connect('watcher')
  await watcher.subscribe('will/#')
  await broker.clock.advance(1000)
  assert.deepEqual(watcher.client.texts, ['will/alice=first'])
  watcher.session.acknowledge(watcher.client.got[0]?.packetId as number)
  await broker.clock.advance(1000)
  broker = await broker.crash()
  assert.deepEqual((await broker.connect('watcher')).client.texts, ['will/alice=second'])
})

test('a connection that the disk refused has no will, and the one of before is published once [MQTT-3.1.2-8]', async () => {
  let broker = await TestBroker.open()
  const watcher = await broker.connect('watcher')
  await watcher.subscribe('will/#')
  const alice = await broker.connect('alice', { will: will('will/alice', 'first'), sessionExpiryS: 0 })
  broker.log.failing = true
  await alice.lose()
  broker.sessions.connect(connectRequest('alice', { will: will('will/alice', 'refused'), sessionExpiryS: 0 }), new FakeClient(), (answer) => {
    assert.ok(isFailure(answer))
  })
  await broker.clock.settle()
  broker.log.failing = false
  await broker.clock.advance(3000)
  assert.deepEqual(watcher.client.texts, ['will/alice=first'])
  watcher.session.acknowledge(watcher.client.got[0]?.packetId as number)
  await broker.clock.advance(1000)
  broker = await broker.crash()
  assert.deepEqual((await broker.connect('watcher')).client.texts, [])
})

for (const [name, newWill] of [
  ['another will', will('will/alice', 'refused')],
  ['no will', undefined],
] as const) {
  test(`a connection with ${name} that the disk refused leaves the will that waits as it was, over a crash too`, async () => {
    for (const crashed of [false, true]) {
      let broker = await TestBroker.open()
      await (await broker.connect('watcher')).subscribe('will/#')
      await (await broker.connect('alice', { will: will('will/alice', 'waits', 10) })).lose()
      await broker.clock.advance(4000)
      broker.log.failing = true
      broker.sessions.connect(connectRequest('alice', newWill === undefined ? {} : { will: newWill }), new FakeClient(), (answer) =>
        assert.ok(isFailure(answer)),
      )
      await broker.clock.settle()
      broker.log.failing = false
      await broker.connect('another')
      if (crashed) broker = await broker.crash()
      await broker.clock.advance(5_999)
      const back = await broker.connect('watcher')
      assert.deepEqual(back.client.texts, [])
      await broker.clock.advance(1)
      assert.deepEqual(back.client.texts, ['will/alice=waits'])
    }
  })
}

test('an end of a subscription that the disk refuses is no success, neither is the next while it is owed', async () => {
  let broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  await alice.subscribe('b')
  broker.log.failing = true
  assert.equal(await alice.unsubscribe('a'), 0x80)
  assert.equal(await alice.unsubscribe('a'), 0x80)
  broker.log.failing = false
  assert.equal(await alice.unsubscribe('a'), false)
  broker = await broker.crash()
  const again = await broker.connect('alice')
  assert.equal(again.sessionPresent, true)
  assert.equal(await again.publish('a', 'x'), 0x10)
  assert.equal(await again.publish('b', 'y'), 0)
  assert.deepEqual(again.client.texts, ['b=y'])
})

test('messages that are to be repeated, and retained ones, wait for a disk that does not read for a while', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  const bob = await broker.connect('bob')
  await bob.publish('a', 'x', 1)
  await bob.publish('b', 'retained', 1, { retain: true })
  await alice.lose()
  broker.log.failingReads = true
  const again = await broker.connect('alice')
  await again.subscribe('b')
  await broker.clock.advance(5000)
  assert.deepEqual(again.client.texts, [])
  broker.log.failingReads = false
  await broker.clock.advance(2000)
  assert.deepEqual(again.client.texts, ['a=x', 'b=retained'])
})

test('a retained message waits for a disk that does not read for a while', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.publish('b', 'retained', 1, { retain: true })
  broker.log.failingReads = true
  await alice.subscribe('b')
  await broker.clock.advance(5000)
  broker.log.failingReads = false
  await broker.clock.advance(2000)
  assert.deepEqual(alice.client.texts, ['b=retained'])
})

test('a replay by time whose beginning the disk does not read is refused, and begins where it should when asked again', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.publish('a', 'old')
  const noon = new Date(broker.clock.now() + 1).toISOString()
  await broker.clock.advance(1000)
  broker.log.failingReads = true
  assert.equal(await alice.subscribe(`$replay/${noon}/a`), 0x80)
  broker.log.failingReads = false
  assert.equal(await alice.subscribe(`$replay/${noon}/a`, 1), 1)
  await alice.publish('a', 'new')
  assert.deepEqual(alice.client.texts, [`$replay/${noon}/a=new`])
})
