import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { Partition } from '../../../src/broker/topics/partition.ts'
import { errorOf, ID, LAST_EPOCH, producerOf, start } from './support/coordinator.ts'

test('offsets of a topic that was deleted and made anew before the commit are not those of the new one', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.offset(producer, 'group', 'topic', 7)
  it.known.set('topic-2', { ...it.topic, id: 'topic-2' })
  it.known.delete('topic')
  const next = producerOf(it.end(producer, 2))
  assert.deepEqual(it.committed, [])
  it.offset(next, 'group', 'topic-2', 1)
  it.end(next, 2)
  assert.deepEqual(it.committed, ['group topic-0 1'])
})

test('a topic made anew before the commit gets no marker of the one before', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  it.known.set('topic-2', { ...it.topic, id: 'topic-2' })
  it.known.delete('topic')
  assert.deepEqual(it.end(producer, 0), producer)
  assert.deepEqual(it.appended.at(-1)?.batches, [])
})

test('offsets count when the disk has the commit: not before, not after an abort, not where it was refused', () => {
  const it = start()
  let producer = producerOf(it.init())
  it.offset(producer, 'group', 'topic', 7)
  assert.equal(errorOf(it.end(producer, 2, true, 'refuses')), 'NOT_COORDINATOR')
  assert.deepEqual(it.committed, [])
  assert.ok(it.coordinator.isPending('group', 'topic', 0))
  producer = producerOf(it.end(producer, 2, false))
  assert.equal(it.coordinator.isPending('group', 'topic', 0), false)
  assert.deepEqual(it.committed, [])
  it.offset(producer, 'group', 'topic', 8)
  it.end(producer, 2)
  assert.deepEqual(it.committed, ['group topic-0 8'])
})

test('the offsets of a transaction have a bound, over all groups', () => {
  const it = start()
  const producer = producerOf(it.init())
  for (let group = 0; group < 5; group++) assert.equal(it.offset(producer, `group-${group}`, 'topic', 1), null)
  assert.equal(errorOf(it.offset(producer, 'group-5', 'topic', 1)), 'POLICY_VIOLATION')
  assert.equal(it.offset(producer, 'group-4', 'topic', 2), null, 'the same one again')
  it.end(producer, 2)
  assert.equal(it.committed.length, 5)
})

for (const version of [0, 2] as const) {
  test(`v${version === 0 ? 1 : 2}: what comes late after a timeout is fenced, and opens nothing`, () => {
    const it = start()
    const producer = producerOf(it.init())
    if (version === 0) it.add(producer, 0)
    else it.coordinator.admitBatch({ transactionalId: ID, ...producer }, it.topic.partitions[0] as Partition, 2)
    it.log.commit()
    assert.equal(it.record()?.state, 'Ongoing')
    it.clock.advance(6_100)
    it.log.commit()
    assert.equal(it.record()?.state, 'CompleteAbort')
    assert.equal(it.check(producer, 0, version)?.name, 'INVALID_PRODUCER_EPOCH')
    assert.equal(it.check(producer, 1, version)?.name, 'INVALID_PRODUCER_EPOCH')
    const admission = it.coordinator.admitBatch({ transactionalId: ID, ...producer }, it.topic.partitions[1] as Partition, 2)
    assert.deepEqual(admission.state, [])
    assert.equal(errorOf(it.offset(producer, 'group', 'topic', 1, version)), 'PRODUCER_FENCED')
    assert.equal(errorOf(it.add(producer, 1)), 'PRODUCER_FENCED')
    assert.equal(it.record()?.state, 'CompleteAbort')
    assert.equal(it.appended.at(-1)?.batches.length, 1, 'nothing was appended after the abort')
    const next = producerOf(it.init())
    assert.ok(next.producerEpoch > producer.producerEpoch + 1)
  })
}

test('a timeout while InitProducerId waits for the disk leaves the end to it', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  it.init(null, 'waits')
  const before = it.appended.length
  it.clock.advance(10_000)
  assert.equal(it.appended.length, before, 'one abort is enough')
  it.log.commit()
  assert.equal(it.record()?.state, 'CompleteAbort')
})

test('InitProducerId beside EndTxn: whoever comes second is told to come again, and sees what the first one did', () => {
  for (const commit of [true, false]) {
    const it = start()
    const producer = producerOf(it.init())
    it.add(producer, 0)
    it.end(producer, 0, commit, 'waits')
    assert.equal(errorOf(it.init(null, 'waits')), 'CONCURRENT_TRANSACTIONS')
    it.log.commit()
    assert.equal(it.record()?.state, commit ? 'CompleteCommit' : 'CompleteAbort')
    const taken = producerOf(it.init())
    assert.equal(errorOf(it.end(producer, 0, commit)), 'PRODUCER_FENCED', 'the one before')
    assert.equal(errorOf(it.end(taken, 0, commit)), 'INVALID_TXN_STATE', 'nothing is open')
  }
})

test('two connections with one transactional id: the later InitProducerId fences the earlier one, whose transaction is aborted', () => {
  const it = start()
  const first = producerOf(it.init())
  it.add(first, 0)
  assert.equal(errorOf(it.init()), 'CONCURRENT_TRANSACTIONS')
  assert.equal(errorOf(it.end(first, 0)), 'PRODUCER_FENCED')
  const second = producerOf(it.init())
  it.add(second, 1)
  for (const version of [0, 2] as const) {
    assert.equal(errorOf(it.end(first, version)), 'PRODUCER_FENCED')
    assert.equal(it.check(first, 1, version)?.name, 'INVALID_PRODUCER_EPOCH')
  }
  assert.equal(it.record()?.state, 'Ongoing', 'it is the second one that holds it')
  assert.deepEqual(it.end(second, 0), second)
})

test('two that begin one transactional id at the same time get different epochs', () => {
  const it = start()
  const answers = [it.init(null, 'waits'), it.init(null, 'waits')]
  it.log.commit()
  it.log.commit()
  assert.deepEqual(answers, [undefined, undefined])
  const producer = producerOf(it.init())
  assert.ok(producer.producerEpoch >= 1)
})

test('a timeout at the last epoch uses up what is left, and the next InitProducerId gives a new producer id', () => {
  const it = start()
  let producer = producerOf(it.init())
  while (producer.producerEpoch < LAST_EPOCH) producer = producerOf(it.init())
  it.add(producer, 0)
  it.clock.advance(6_100)
  it.log.commit()
  assert.equal(it.record()?.producerEpoch, LAST_EPOCH + 1)
  assert.equal(it.check(producer, 0)?.name, 'INVALID_PRODUCER_EPOCH')
  const again = start(it.log.durable)
  assert.equal(errorOf(again.init(producer)), 'PRODUCER_FENCED', 'who was timed out')
  const next = producerOf(again.init())
  assert.equal(next.producerEpoch, 0)
  assert.notEqual(next.producerId, producer.producerId)
  assert.equal(again.check(producer, 0)?.name, 'INVALID_PRODUCER_ID_MAPPING')
})

test('where a new producer id cannot be had, the end of a transaction fails and it stays open', () => {
  const it = start()
  let producer = producerOf(it.init())
  while (producer.producerEpoch < LAST_EPOCH) producer = producerOf(it.init())
  for (let id = 1; id < 10; id++) it.coordinator.init({ transactionalId: `other-${id}`, timeoutMs: 1_000, expected: null }, () => undefined)
  it.log.commit()
  it.add(producer, 0)
  assert.ok(errorOf(it.end(producer, 2, true, 'refuses')) !== undefined)
  assert.equal(it.record()?.state, 'Ongoing')
  const next = producerOf(it.end(producer, 2) ?? it.end(producer, 2))
  assert.equal(next.producerEpoch, 0)
  assert.notEqual(next.producerId, producer.producerId)
})

test('a start in the middle of an end finds all of it, or nothing', () => {
  for (const kept of [0, 1]) {
    const it = start()
    const producer = producerOf(it.init())
    it.add(producer, 0)
    it.offset(producer, 'group', 'topic', 3)
    it.end(producer, 2, true, 'waits')
    it.log.crash(kept)
    const again = start(it.log.durable)
    assert.equal(again.record()?.state, kept === 0 ? 'Ongoing' : 'CompleteCommit')
    assert.deepEqual(again.end(producer, 2), { ...producer, producerEpoch: producer.producerEpoch + 1 }, 'the same question gets the same answer')
    assert.deepEqual(again.committed, kept === 0 ? ['group topic-0 3'] : [])
  }
})

test('an id whose transaction is open is never forgotten, however long it takes', () => {
  const it = start()
  const producer = producerOf(it.init())
  it.add(producer, 0)
  // The disk refuses each abort, so the transaction outlives its timeout and the expiry of ids.
  for (let i = 0; i < 100; i++) {
    it.clock.advance(1_000)
    it.log.fail()
  }
  assert.equal(it.record()?.state, 'Ongoing')
  it.clock.advance(1_000)
  it.log.commit()
  assert.equal(it.record()?.state, 'CompleteAbort')
  it.clock.advance(71_000)
  it.log.commit()
  assert.equal(it.record(), undefined)
})
