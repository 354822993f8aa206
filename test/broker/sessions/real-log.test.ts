import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MemoryFiles } from '../../../src/storage/memory-files.ts'
import { TestBroker } from './support/broker.ts'

/** Files in memory that count as a disk: the journal is written and synced. */
class DiskInMemory extends MemoryFiles {
  override readonly volatile = false
}

test('on the real log: sessions, exchanges, retained messages and wills go on after a restart', async () => {
  let broker = await TestBroker.open({ files: new DiskInMemory() })
  let alice = await broker.connect('alice')
  let bob = await broker.connect('bob')
  assert.equal(await alice.subscribe('orders/#', 2), 2)
  for (let index = 0; index < 50; index++) assert.equal(await bob.publish(`orders/${index % 5}`, `seen ${index}`), 0)
  for (const got of alice.client.got) alice.session.acknowledge(got.packetId)
  assert.equal(alice.client.got.length, 50)
  await bob.publishExactlyOnce(9, 'orders/1', 'open exchange')
  const open = alice.client.got.at(-1)
  assert.equal(open?.payload, 'open exchange')
  await alice.lose()
  for (let index = 0; index < 50; index++) await bob.publish(`orders/${index % 5}`, `missed ${index}`)
  await bob.publish('orders/status', 'retained', 1, { retain: true })
  broker = await broker.restart()
  bob = await broker.connect('bob')
  await bob.publishExactlyOnce(9, 'orders/1', 'open exchange')
  alice = await broker.connect('alice')
  assert.equal(alice.sessionPresent, true)
  assert.deepEqual([alice.client.got[0]?.payload, alice.client.got[0]?.packetId, alice.client.got[0]?.dup], ['open exchange', open?.packetId, true])
  const missed = alice.client.got.slice(1).map((got) => got.payload)
  assert.equal(missed.length, 51)
  assert.equal(new Set(missed).size, 51)
  const carol = await broker.connect('carol')
  await carol.subscribe('orders/+', 1)
  assert.deepEqual(carol.client.texts, ['orders/status=retained'])
})

test('on the real log: a replay by time, of compressed and plain batches, then live', async () => {
  const broker = await TestBroker.open({ files: new DiskInMemory() })
  const bob = await broker.connect('bob')
  await bob.publish('a/x', 'old')
  await broker.clock.advance(60_000)
  for (let index = 0; index < 100; index++) await bob.publish('a/x', String(index))
  const alice = await broker.connect('alice', { sessionExpiryS: 0 })
  await alice.subscribe('$replay/-30s/a/#', 0)
  await bob.publish('a/x', 'live')
  const expected = [...Array.from({ length: 100 }, (_, index) => String(index)), 'live']
  assert.deepEqual(
    alice.client.got.map((got) => got.payload),
    expected,
  )
})

test('on the real log: retention that overtakes a session is counted, the rest arrives', async () => {
  const broker = await TestBroker.open({ files: new DiskInMemory() })
  const alice = await broker.connect('alice')
  const bob = await broker.connect('bob')
  await alice.subscribe('t')
  await alice.lose()
  for (let index = 0; index < 10; index++) await bob.publish('t', String(index))
  broker.topics.get('t')?.partitions[0]?.log.raiseStart(4, () => {})
  await broker.clock.settle()
  const back = await broker.connect('alice')
  assert.deepEqual(
    back.client.got.map((got) => got.payload),
    ['4', '5', '6', '7', '8', '9'],
  )
  assert.equal(broker.sessions.counters.overtaken, 4)
})

test('on the real log: what is retained survives the rewriting of its log', async () => {
  let broker = await TestBroker.open({ files: new DiskInMemory() })
  const bob = await broker.connect('bob')
  for (let index = 0; index < 20; index++) await bob.publish(`keep/${index}`, 'kept', 1, { retain: true })
  for (let index = 0; index < 2000; index++) {
    bob.session.publish({ topic: 'often', payload: Buffer.from(String(index)), qos: 0, retain: true, properties: null, packet: null, packetLevel: 5 }, null)
    if (index % 100 === 0) await broker.clock.settle()
  }
  await broker.clock.settle()
  const { log } = broker.sessions.retained.tail.partition
  assert.ok(log.logEndOffset - log.logStartOffset < 1500)
  broker = await broker.restart()
  const alice = await broker.connect('alice')
  await alice.subscribe('#', 0)
  assert.equal(alice.client.got.length, 21)
  assert.ok(alice.client.texts.includes('often=1999'))
})
