import assert from 'node:assert/strict'
import { test } from 'node:test'
import { buildBatch } from '../../../src/log/record-batch.ts'
import { COMPRESSION_CODECS, compressSync } from '../../../src/util/compression.ts'
import { TestBroker } from './support/broker.ts'
import { FakeClient } from './support/fake-client.ts'

test('a message reaches every subscription that matches, at the lower of both QoS', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('orders/#', 1)
  await bob.subscribe('orders/+/42', 0)
  assert.equal(await bob.publish('orders/eu/42', 'x'), 0)
  assert.deepEqual(alice.client.texts, ['orders/eu/42=x'])
  assert.equal(alice.client.got[0]?.qos, 1)
  assert.equal(alice.client.got[0]?.packetId, 1)
  assert.equal(bob.client.got[0]?.qos, 0)
  assert.equal(bob.client.got[0]?.packetId, 0)
})

test('a publish without receivers says so, offline subscribers count as receivers', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  assert.equal(await alice.publish('orders/1', 'x'), 0x10)
  await bob.subscribe('orders/#')
  assert.equal(await alice.publish('orders/1', 'x'), 0)
  await bob.lose()
  assert.equal(await alice.publish('orders/1', 'x'), 0)
})

test('the publisher gets its own message before the acknowledgement', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a/b')
  const events: string[] = []
  alice.client.onPublish = () => events.push('PUBLISH')
  alice.session.publish({ topic: 'a/b', payload: Buffer.from('x'), qos: 1, retain: false, properties: null, packet: null, packetLevel: 5 }, () =>
    events.push('PUBACK'),
  )
  await broker.clock.settle()
  assert.deepEqual(events, ['PUBLISH', 'PUBACK'])
})

test('PUBACK waits for the commit', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.publish('a', 'first')
  broker.log.auto = false
  let done = false
  alice.session.publish({ topic: 'a', payload: Buffer.from('x'), qos: 1, retain: false, properties: null, packet: null, packetLevel: 5 }, () => {
    done = true
  })
  await broker.clock.settle()
  assert.equal(done, false)
  broker.log.commit()
  await broker.clock.settle()
  assert.equal(done, true)
})

test('a run of QoS 0 packets for the same receivers is one slice of what came in', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { sessionExpiryS: 0 })
  const bob = await broker.connect('bob', { client: Object.assign(new FakeClient(), { level: 4 as const }), sessionExpiryS: 0 })
  await alice.subscribe('t/#', 0)
  await bob.subscribe('t/#', 0)
  const packets = Buffer.concat([publishPacket('t/1', 'a'), publishPacket('t/1', 'b'), publishPacket('t/1', 'c')])
  const size = packets.length / 3
  for (const [index, payload] of ['a', 'b', 'c'].entries()) {
    const packet = packets.subarray(index * size, (index + 1) * size)
    alice.session.publish({ topic: 't/1', payload: Buffer.from(payload), qos: 0, retain: false, properties: null, packet, packetLevel: 4 }, null)
  }
  await broker.clock.settle()
  assert.equal(bob.client.raw.length, 1)
  assert.deepEqual(Buffer.from(bob.client.raw[0] as Uint8Array), packets)
  assert.deepEqual(alice.client.texts, ['t/1=a', 't/1=b', 't/1=c'], 'another protocol level gets them encoded anew')
})

test('overlapping subscriptions get a copy each', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a/#', 1, { subscriptionId: 1 })
  await alice.subscribe('a/+', 1, { subscriptionId: 2 })
  await alice.publish('a/b', 'x')
  assert.deepEqual(alice.client.got.map((got) => got.ids).sort(), [[1], [2]])
})

test('without duplicates one copy has the highest QoS and all identifiers [MQTT-3.3.4-2]', async () => {
  const broker = await TestBroker.open({ settings: { allowDuplicateMessages: false } })
  const alice = await broker.connect('alice')
  await alice.subscribe('a/#', 0, { subscriptionId: 1 })
  await alice.subscribe('a/+', 1, { subscriptionId: 2 })
  await alice.publish('a/b', 'x')
  assert.equal(alice.client.got.length, 1)
  assert.equal(alice.client.got[0]?.qos, 1)
  assert.deepEqual([...(alice.client.got[0]?.ids ?? [])].sort(), [1, 2])
})

test('No Local keeps a message from its own publisher, live and from the log [MQTT-3.8.3-3]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('a/#', 1, { noLocal: true })
  await alice.publish('a/1', 'own')
  await bob.publish('a/1', 'other')
  assert.deepEqual(alice.client.texts, ['a/1=other'])
  alice.session.acknowledge(alice.client.got[0]?.packetId as number)
  alice.session.publish({ topic: 'a/1', payload: Buffer.from('own'), qos: 1, retain: false, properties: null, packet: null, packetLevel: 5 }, null)
  await alice.lose()
  await bob.publish('a/1', 'again')
  const back = await broker.connect('alice')
  assert.deepEqual(back.client.texts, ['a/1=again'])
})

test('RETAIN of a live message is kept only for retain as published [MQTT-3.3.1-12]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('a', 1, { retainAsPublished: true })
  await bob.subscribe('a', 1)
  await bob.publish('a', 'x', 1, { retain: true })
  assert.equal(alice.client.got[0]?.retain, true)
  assert.equal(bob.client.got[0]?.retain, false)
})

test('records of Kafka clients are delivered under topic and key, headers as user properties', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.publish('orders/x', 'make the topic')
  await alice.subscribe('orders/#')
  await broker.produce('orders', [{ key: 'eu/43', value: 'v', headers: [['trace', '1']] }, { value: 'no key' }])
  assert.deepEqual(alice.client.texts, ['orders/eu/43=v', 'orders=no key'])
  assert.deepEqual(alice.client.got[0]?.delivery.message.properties?.userProperties, [['trace', '1']])
  assert.equal(alice.client.got[0]?.qos, 1)
})

test('compressed batches arrive in order with what comes before and after them', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('orders/#')
  await alice.publish('orders', '0')
  const partition = broker.topics.get('orders')?.partitions[0]
  assert.ok(partition)
  const compress = (section: Uint8Array) => compressSync(COMPRESSION_CODECS.gzip, section)
  for (const values of [['1', '2'], ['3']]) {
    const records = values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: broker.clock.now() }))
    const bytes = buildBatch(records, { attributes: COMPRESSION_CODECS.gzip, compress })
    broker.store.append({ batches: [{ partition: partition.log, bytes }], state: [], durability: 'durable', onDone: () => {} })
  }
  await alice.publish('orders', '4')
  await broker.until(() => alice.client.got.length === 5)
  assert.deepEqual(
    alice.client.got.map((got) => got.payload),
    ['0', '1', '2', '3', '4'],
  )
  const carol = await broker.connect('carol')
  await carol.subscribe('$replay/1/orders')
  await broker.until(() => carol.client.got.length === 4)
  assert.deepEqual(
    carol.client.got.map((got) => got.payload),
    ['1', '2', '3', '4'],
  )
})

test('a topic that grows or says mqtt.deliver=false is heard accordingly', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('#')
  const topic = broker.topics.create({ name: 'quiet', partitions: 1, configs: new Map([['mqtt.deliver', 'false']]) }, () => {})
  assert.ok('partitions' in topic)
  await broker.produce('quiet', [{ key: 'k', value: 'v' }])
  await alice.publish('quiet/k', 'x')
  assert.deepEqual(alice.client.texts, [])
  const grown = broker.topics.create({ name: 'grown', partitions: 1 }, () => {})
  assert.ok('partitions' in grown)
  broker.topics.grow(grown, 8, () => {})
  for (let index = 0; index < 8; index++) await alice.publish(`grown/${index}`, 'x')
  assert.equal(alice.client.got.length, 8)
})

test('a full window leaves the rest in the log, and acknowledgements bring it in order', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { client: Object.assign(new FakeClient(), { receiveMaximum: 2 }) })
  await alice.subscribe('a')
  for (let index = 0; index < 7; index++) await alice.publish('a', String(index))
  assert.deepEqual(alice.client.texts, ['a=0', 'a=1'])
  for (let index = 0; index < 7; index++) {
    assert.equal(alice.session.acknowledge(alice.client.got[index]?.packetId as number), true)
    await broker.clock.settle()
  }
  assert.deepEqual(alice.client.texts, ['a=0', 'a=1', 'a=2', 'a=3', 'a=4', 'a=5', 'a=6'])
  await alice.publish('a', 'live')
  assert.equal(alice.client.texts.at(-1), 'a=live')
})

test('a congested socket loses QoS 0, counted, and gets the rest when it drains', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  alice.client.congested = true
  await alice.publish('a', 'lost', 0)
  await alice.publish('a', 'late', 1)
  assert.deepEqual(alice.client.texts, [])
  assert.equal(broker.sessions.counters.droppedQos0, 1)
  alice.client.congested = false
  alice.session.writable()
  await broker.clock.settle()
  assert.deepEqual(alice.client.texts, ['a=late'])
})

test('copies of one message for overlapping subscriptions survive a window of one', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { client: Object.assign(new FakeClient(), { receiveMaximum: 1 }) })
  for (const [index, filter] of ['a/#', 'a/+', 'a/b'].entries()) await alice.subscribe(filter, 1, { subscriptionId: index + 1 })
  await alice.publish('a/b', 'x')
  for (let index = 0; index < 3; index++) {
    assert.equal(alice.client.got.length, index + 1)
    alice.session.acknowledge(alice.client.got[index]?.packetId as number)
    await broker.clock.settle()
  }
  assert.deepEqual(alice.client.got.map((got) => got.ids[0]).sort(), [1, 2, 3])
})

test('a client that comes back in the middle of its copies of one message gets each of them once', async () => {
  const broker = await TestBroker.open()
  const oneAtATime = () => Object.assign(new FakeClient(), { receiveMaximum: 1 })
  const alice = await broker.connect('alice', { client: oneAtATime() })
  for (const [index, filter] of ['a/#', 'a/+', 'a/b'].entries()) await alice.subscribe(filter, 2, { subscriptionId: index + 1 })
  await alice.publishExactlyOnce(7, 'a/b', 'x')
  const [first] = alice.client.got
  assert.ok(first !== undefined)
  alice.session.received(first.packetId, 0)
  await broker.clock.settle()
  alice.session.completed(first.packetId)
  await broker.clock.settle()
  assert.equal(alice.client.got.length, 2)
  await alice.lose()
  const again = await broker.connect('alice', { client: oneAtATime() })
  for (let index = 0; index < again.client.got.length; index++) {
    const { packetId } = again.client.got[index] as { packetId: number }
    again.session.received(packetId, 0)
    await broker.clock.settle()
    again.session.completed(packetId)
    await broker.clock.settle()
  }
  const ids = [...alice.client.got, ...again.client.got.filter(({ dup }) => !dup)].map((got) => got.ids[0])
  assert.deepEqual(ids.sort(), [1, 2, 3])
})

test('expiry counts from the publish, and what is over is not sent [MQTT-3.3.2-5]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { client: Object.assign(new FakeClient(), { receiveMaximum: 1 }) })
  await alice.subscribe('a')
  await alice.publish('a', 'first')
  await alice.publish('a', 'short', 1, { properties: { messageExpiryS: 5 } })
  await alice.publish('a', 'long', 1, { properties: { messageExpiryS: 60 } })
  await broker.clock.advance(10_000)
  alice.session.acknowledge(alice.client.got[0]?.packetId as number)
  await broker.clock.settle()
  assert.deepEqual(alice.client.texts, ['a=first', 'a=long'])
  assert.equal(alice.client.got[1]?.expiryLeftS, 50)
  assert.equal(broker.sessions.counters.droppedExpired, 1)
})

test('messages of a rule with store: false are delivered live and are in no log', async () => {
  const broker = await TestBroker.open({ rules: [{ filter: 'live/#', store: false }] })
  const alice = await broker.connect('alice')
  await alice.subscribe('live/#', 1)
  assert.equal(await alice.publish('live/x', '1'), 0)
  assert.deepEqual(alice.client.texts, ['live/x=1'])
  assert.equal(broker.topics.size, 0)
})

test('a message larger than the client takes is dropped as if sent [MQTT-3.1.2-25]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice', { client: Object.assign(new FakeClient(), { maximumPacketSize: 10, receiveMaximum: 1 }) })
  await alice.subscribe('a')
  await alice.publish('a', 'x'.repeat(100))
  await alice.publish('a', 'short')
  assert.deepEqual(alice.client.texts, ['a=short'])
  assert.equal(broker.sessions.counters.droppedTooLarge, 1)
})

test('unsubscribing tells whether there was a subscription [MQTT-3.10.4-1]', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  await alice.subscribe('a')
  assert.equal(await alice.unsubscribe('a'), true)
  assert.equal(await alice.unsubscribe('a'), false)
  await alice.publish('a', 'x')
  assert.deepEqual(alice.client.texts, [])
})

test('filters that are illegal, shared or unknown are refused with their reason', async () => {
  const broker = await TestBroker.open()
  const alice = await broker.connect('alice')
  assert.equal(await alice.subscribe('a/#/b'), 0x8f)
  assert.equal(await alice.subscribe('$share/g/a'), 0x9e)
  assert.equal(await alice.subscribe('$replay/yesterday/a'), 0x8f)
  assert.equal(await alice.publish('__consumer_offsets', 'x'), 0x90)
})

function publishPacket(topic: string, payload: string): Buffer {
  const body = Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic), Buffer.from(payload)])
  return Buffer.concat([Buffer.from([0x30, body.length]), body])
}
