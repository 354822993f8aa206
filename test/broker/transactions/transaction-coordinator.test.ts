import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Partition } from '../../../src/broker/topics/partition.ts'
import { errorOf, ID, LAST_EPOCH, producerOf, start } from './support/coordinator.ts'

test('each InitProducerId raises the epoch, and the last one is followed by a new producer id', () => {
  const it = start()
  assert.deepEqual(it.init(), { producerId: 0, producerEpoch: 0 })
  assert.deepEqual(it.init(), { producerId: 0, producerEpoch: 1 })
  for (let epoch = 2; epoch <= LAST_EPOCH; epoch++) it.init()
  assert.deepEqual(it.record()?.producerEpoch, LAST_EPOCH)
  assert.deepEqual(it.init(), { producerId: 1, producerEpoch: 0 })
  assert.equal(errorOf(it.end({ producerId: 0, producerEpoch: LAST_EPOCH }, 0)), 'INVALID_PRODUCER_ID_MAPPING')
})

test('a commit of the second protocol that uses the last epoch up gives a new producer id, also to who asks again', () => {
  const it = start()
  let producer = producerOf(it.init())
  while (producer.producerEpoch < LAST_EPOCH) producer = producerOf(it.init())
  it.add(producer, 0)
  const next = producerOf(it.end(producer, 2))
  assert.deepEqual(next, { producerId: 1, producerEpoch: 0 })
  assert.deepEqual(it.end(producer, 2), next, 'the answer was lost')
  assert.equal(errorOf(it.end(producer, 2, false)), 'INVALID_TXN_STATE')
  const restarted = start(it.log.durable)
  assert.deepEqual(restarted.end(producer, 2), next, 'after a restart too')
})

test('the end of a transaction is one append: markers of every partition, and the state', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  it.add(producer, 1)
  it.end(producer, 0)
  const last = it.appended.at(-1)
  assert.deepEqual(
    last?.batches.map(({ partition }) => partition.index),
    [0, 1],
  )
  assert.equal(last?.state.length, 1)
  assert.equal(last?.durability, 'durable')
})

test('a disk that refuses the end leaves the transaction open, and the next try ends it', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  for (const version of [0, 2] as const) assert.equal(errorOf(it.end(producer, version, true, 'refuses')), 'NOT_COORDINATOR')
  assert.equal(it.record()?.state, 'Ongoing')
  assert.equal(it.record()?.producerEpoch, producer.producerEpoch)
  assert.deepEqual(it.end(producer, 0), producer)
  assert.equal(it.appended.at(-1)?.batches.length, 1)
})

test('while the end waits for the disk everybody is told to come again', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  it.end(producer, 0, true, 'waits')
  assert.equal(errorOf(it.add(producer, 1, 'waits')), 'CONCURRENT_TRANSACTIONS')
  assert.equal(errorOf(it.init(null, 'waits')), 'CONCURRENT_TRANSACTIONS')
  assert.equal(errorOf(it.end(producer, 0, false, 'waits')), 'CONCURRENT_TRANSACTIONS')
  const batch = it.coordinator.checkBatch({ transactionalId: ID, ...producer }, it.topic.partitions[0] as Partition, 2)
  assert.equal(batch?.name, 'CONCURRENT_TRANSACTIONS')
  it.log.commit()
  assert.deepEqual(it.end(producer, 0), producer, 'it is done')
})

test('a partition whose addition the disk refused is appended again, not believed', () => {
  const it = start()
  const producer = producerOf(it.init())
  assert.equal(errorOf(it.add(producer, 0, 'refuses')), 'NOT_COORDINATOR')
  const before = it.appended.length
  assert.equal(it.add(producer, 0), null)
  assert.equal(it.appended.length, before + 1)
  assert.equal(it.add(producer, 0), null)
  assert.equal(it.appended.length, before + 1, 'it is in')
})

test('what a crash took of an addition was not answered, and what was answered is there after it', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  assert.equal(it.add(producer, 1, 'waits'), undefined)
  it.log.crash()
  const restarted = start(it.log.durable)
  assert.deepEqual([...(restarted.record()?.partitions.get('topic') ?? [])], [0])
})

test('a transaction beyond its timeout is aborted with a higher epoch; a disk that refuses delays that', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  it.clock.advance(4_500)
  assert.equal(it.record()?.state, 'Ongoing')
  it.clock.advance(1_600)
  it.log.fail()
  assert.equal(it.record()?.state, 'Ongoing')
  it.clock.advance(1_000)
  it.log.commit()
  assert.equal(it.record()?.state, 'CompleteAbort')
  assert.equal(it.record()?.producerEpoch, 1)
  assert.equal(errorOf(it.end(producer, 0)), 'PRODUCER_FENCED')
})

test('the timeout runs on while the broker is down', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  it.clock.advance(4_500)
  it.coordinator.close()
  const restarted = start(it.log.durable, it.clock)
  restarted.clock.advance(1_000)
  restarted.log.commit()
  assert.equal(restarted.record()?.state, 'CompleteAbort')
})

test('an id that nobody used is forgotten for good, one with an open transaction is not', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.clock.advance(50_000)
  assert.ok(it.record() !== undefined)
  it.clock.advance(21_000)
  it.log.commit()
  assert.equal(it.record(), undefined)
  assert.equal(start(it.log.durable).record(), undefined)
  assert.equal(errorOf(it.end(producer, 0)), 'INVALID_PRODUCER_ID_MAPPING')
  const again = producerOf(it.init())
  assert.notEqual(again.producerId, producer.producerId)
})

test('a transaction whose topic was deleted ends without a marker there', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  it.topic.partitions.splice(0)
  assert.deepEqual(it.end(producer, 0), producer)
  assert.deepEqual(it.appended.at(-1)?.batches, [])
})

test('InitProducerId aborts what was open once, and only then gives the id', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  assert.equal(errorOf(it.init()), 'CONCURRENT_TRANSACTIONS')
  assert.equal(it.record()?.state, 'CompleteAbort')
  assert.equal(it.appended.at(-1)?.batches.length, 1)
  assert.deepEqual(it.init(), { producerId: 0, producerEpoch: 2 })
  assert.equal(errorOf(it.end(producer, 2)), 'PRODUCER_FENCED')
})

test('an InitProducerId that the disk refused is as if it had not been', () => {
  const it = start()
  assert.equal(errorOf(it.init(null, 'refuses')) !== undefined, true)
  const producer = producerOf(it.init())
  assert.equal(producer.producerEpoch, 0)
  assert.equal(errorOf(it.init(null, 'refuses')), 'NOT_COORDINATOR')
  assert.equal(it.add(producer, 0), null, 'the first one still holds it')
  assert.deepEqual(it.end(producer, 2), { ...producer, producerEpoch: 1 })
  assert.deepEqual(it.init(producer), { ...producer, producerEpoch: 1 }, 'the epoch before is a question repeated')
})
