import assert from 'node:assert/strict'
import { test } from 'node:test'
import { readRecords } from '../../../src/log/record-batch.ts'
import { TestBroker } from './support/broker.ts'
import { FakeClient } from './support/fake-client.ts'

/** Payloads in the log of a topic. */
async function logged(broker: TestBroker, topic: string): Promise<string[]> {
  const payloads: string[] = []
  for (const { log } of broker.topics.get(topic)?.partitions ?? []) {
    const read = await log.read(log.logStartOffset, { maxBytes: 1e9, atLeastOne: true, endOffset: log.highWatermark })
    assert.ok(!('code' in read))
    for (const batch of read.batches) {
      const records = readRecords(batch)
      assert.ok(!('fault' in records))
      payloads.push(...records.map((record) => Buffer.from(record.value ?? []).toString()))
    }
  }
  return payloads
}

test('a repeated PUBLISH with a known packet id is not appended again [MQTT-4.3.3-10]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  assert.equal(await alice.publishExactlyOnce(7, 'a', 'x'), 0x10)
  assert.equal(await alice.publishExactlyOnce(7, 'a', 'x'), 0x10)
  assert.deepEqual(await logged(broker, 'a'), ['x'])
  assert.equal(alice.session.incomingUnreleased, 1)
  assert.equal(await alice.release(7), true)
  assert.equal(await alice.release(7), false)
  await alice.publishExactlyOnce(7, 'a', 'y')
  assert.deepEqual(await logged(broker, 'a'), ['x', 'y'])
})

test('the packet id is known after a reconnect, a restart and a crash', async () => {
  let broker = await TestBroker.open()
  let alice = await broker.connect('alice')
  await alice.publishExactlyOnce(7, 'a', 'x')
  await alice.lose()
  alice = await broker.connect('alice')
  await alice.publishExactlyOnce(7, 'a', 'x')
  broker = await broker.restart()
  alice = await broker.connect('alice')
  await alice.publishExactlyOnce(7, 'a', 'x')
  broker = await broker.crash()
  alice = await broker.connect('alice')
  await alice.publishExactlyOnce(7, 'a', 'x')
  assert.deepEqual(await logged(broker, 'a'), ['x'])
  await alice.release(7)
  broker = await broker.crash()
  alice = await broker.connect('alice')
  await alice.publishExactlyOnce(7, 'a', 'y')
  assert.deepEqual(await logged(broker, 'a'), ['x', 'y'], 'a release is durable before PUBCOMP: the id is free')
})

test('record and packet id are durable together: PUBREC waits, a crash before leaves neither', async () => {
  let broker = await TestBroker.open()
  let alice = await broker.connect('alice')
  await alice.publish('a', 'make the topic')
  broker.log.auto = false
  assert.equal(await alice.publishExactlyOnce(7, 'a', 'x'), -1)
  broker = await broker.crash()
  alice = await broker.connect('alice')
  await alice.publishExactlyOnce(7, 'a', 'x')
  assert.deepEqual(await logged(broker, 'a'), ['make the topic', 'x'])
})

test('a QoS 2 message leaves only when its packet id is on disk', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  await alice.publishExactlyOnce(1, 'a', 'first')
  assert.equal(alice.client.got.length, 1)
  broker.log.auto = false
  alice.session.publishExactlyOnce(
    2,
    { topic: 'a', payload: Buffer.from('second'), qos: 2, retain: false, properties: null, packet: null, packetLevel: 5 },
    () => {},
  )
  await broker.clock.settle()
  broker.log.commit()
  await broker.clock.settle()
  assert.equal(alice.client.got.length, 1, 'published, and visible, but its packet id is not durable')
  broker.log.commit()
  await broker.clock.settle()
  assert.equal(alice.client.got.length, 2)
})

test('a QoS 2 message that expires while its packet id is on the way to disk is given to nobody [MQTT-3.3.2-5]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  broker.log.auto = false
  await alice.publishExactlyOnce(1, 'a', 'short', { properties: { messageExpiryS: 2 } })
  broker.log.commit()
  await broker.clock.advance(2_001)
  broker.log.commit()
  broker.log.auto = true
  await broker.clock.settle()
  assert.deepEqual(alice.client.texts, [])
  assert.equal(broker.sessions.counters.droppedExpired, 1)
  await alice.publishExactlyOnce(2, 'a', 'next')
  assert.deepEqual(alice.client.texts, ['a=next'])
})

test('a QoS 2 message that expires between two sendings is brought to its end', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  await alice.publishExactlyOnce(1, 'a', 'short', { properties: { messageExpiryS: 2 } })
  assert.equal(alice.client.got.length, 1)
  await alice.lose()
  await broker.clock.advance(5_000)
  const back = await broker.connect('alice')
  assert.deepEqual(
    back.client.got.map(({ dup, expiryLeftS }) => [dup, expiryLeftS]),
    [[true, 1]],
  )
})

test('PUBREL follows when PUBREC is durable, and is all that is repeated afterwards', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  await alice.publishExactlyOnce(1, 'a', 'x')
  const id = alice.client.got[0]?.packetId as number
  broker.log.auto = false
  assert.equal(alice.session.received(id, 0), true)
  await broker.clock.settle()
  assert.deepEqual(alice.client.pubrels, [])
  broker.log.commit()
  await broker.clock.settle()
  assert.deepEqual(alice.client.pubrels, [id])
  broker.log.auto = true
  await alice.lose()
  const back = await broker.connect('alice')
  assert.deepEqual(back.client.texts, [])
  assert.deepEqual(back.client.pubrels, [id])
  assert.equal(back.session.completed(id), true)
  assert.equal(back.session.completed(id), false)
})

test('a PUBREC with a reason of 0x80 or more ends the exchange [MQTT-4.3.3-7]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  await alice.publishExactlyOnce(1, 'a', 'x')
  const id = alice.client.got[0]?.packetId as number
  assert.equal(alice.session.received(id, 0x83), true)
  assert.equal(alice.session.received(id, 0), false)
  await alice.lose()
  assert.deepEqual((await broker.connect('alice')).client.texts, [])
})

test('an exchange on disk goes on after a crash with its packet id, and its message is not given out anew', async () => {
  let broker = await TestBroker.open()
  let alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  for (const [index, payload] of ['1', '2', '3'].entries()) await alice.publishExactlyOnce(index + 1, 'a', payload)
  const ids = alice.client.got.map((got) => got.packetId)
  alice.session.received(ids[0] as number, 0)
  await broker.clock.settle()
  broker = await broker.crash()
  alice = await broker.connect('alice')
  assert.deepEqual(alice.client.pubrels, [ids[0]])
  assert.deepEqual(
    alice.client.got.map((got) => [got.payload, got.packetId, got.dup]),
    [
      ['2', ids[1], true],
      ['3', ids[2], true],
    ],
  )
})

test('a finished exchange does not begin again after a crash', async () => {
  let broker = await TestBroker.open()
  let alice = await broker.connect('alice')
  await alice.subscribe('a', 2)
  await alice.publishExactlyOnce(1, 'a', 'x')
  const id = alice.client.got[0]?.packetId as number
  alice.session.received(id, 0)
  await broker.clock.settle()
  alice.session.completed(id)
  broker = await broker.crash()
  alice = await broker.connect('alice')
  assert.deepEqual(alice.client.texts, [])
  assert.deepEqual(alice.client.pubrels, [id], 'PUBCOMP is kept lazily: PUBREL may come again, PUBLISH never')
  alice.session.completed(id)
  await broker.clock.advance(2000)
  broker = await broker.crash()
  alice = await broker.connect('alice')
  assert.deepEqual(alice.client.pubrels, [])
})

test('QoS 2 respects a window of one across many messages', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { client: Object.assign(new FakeClient(), { receiveMaximum: 1 }) })
  await alice.subscribe('a', 2)
  for (let index = 1; index <= 5; index++) await alice.publishExactlyOnce(index, 'a', String(index))
  for (let index = 0; index < 5; index++) {
    assert.equal(alice.client.got.length, index + 1)
    const id = alice.client.got[index]?.packetId as number
    alice.session.received(id, 0)
    await broker.clock.settle()
    alice.session.completed(id)
    await broker.clock.settle()
  }
  assert.deepEqual(
    alice.client.got.map((got) => got.payload),
    ['1', '2', '3', '4', '5'],
  )
})

test('QoS 2 of a rule with store: false goes through its exchange without the log', async () => {
  const broker = await TestBroker.open({ rules: [{ filter: 'live/#', store: false }] })
  const alice = await broker.connect('alice')
  await alice.subscribe('live/#', 2)
  assert.equal(await alice.publishExactlyOnce(1, 'live/x', 'now'), 0)
  const id = alice.client.got[0]?.packetId as number
  await alice.lose()
  const back = await broker.connect('alice')
  assert.deepEqual([back.client.got[0]?.payload, back.client.got[0]?.packetId, back.client.got[0]?.dup], ['now', id, true])
  back.session.received(id, 0)
  await broker.clock.settle()
  assert.deepEqual(back.client.pubrels, [id])
  assert.equal(back.session.completed(id), true)
  assert.deepEqual(
    [...(broker.log.disk.state.get(8) ?? [])].filter(([key]) => key.includes('\0o')),
    [],
  )
})

test('PUBREL of an unknown id is an error, but for one repeated since its PUBCOMP was lost (MQTT 5.0, 3.7.2.1)', async () => {
  const broker = await TestBroker.open()
  let alice = await broker.connect('alice')
  assert.equal(await alice.release(5), false)
  await alice.publishExactlyOnce(7, 'a', 'x')
  await alice.release(7)
  await alice.lose()
  alice = await broker.connect('alice')
  assert.equal(await alice.release(7), true)
  await alice.publishExactlyOnce(8, 'a', 'y')
  assert.equal(await alice.release(8), true)
  assert.equal(await alice.release(8), false)
})
