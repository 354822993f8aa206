import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ProducerIds } from '../../../src/broker/producers/producer-ids.ts'
import { StateLog } from '../groups/support/state-log.ts'

function start(log = new StateLog(), maxWaiting = 100) {
  const ids = new ProducerIds(log, { blockSize: 3, maxWaiting })
  log.replay()
  const given: (number | string)[] = []
  const allocate = (count = 1) => {
    for (let left = count; left > 0; left--) ids.allocate((result) => given.push('error' in result ? result.error.name : result.producerId))
  }
  return { log, ids, given, allocate }
}

test('no id is given away before its block is durable', () => {
  const it = start()
  it.allocate(2)
  assert.deepEqual(it.given, [])
  it.log.commit()
  assert.deepEqual(it.given, [0, 1])
})

test('within a block ids are given away at once', () => {
  const it = start()
  it.allocate()
  it.log.commit()
  it.allocate(2)
  assert.deepEqual(it.given, [0, 1, 2])
  assert.equal(it.log.waitingCount, 0)
})

test('more waiting producers than a block holds need more blocks', () => {
  const it = start()
  it.allocate(7)
  it.log.commit()
  assert.deepEqual(it.given, [0, 1, 2, 3, 4, 5, 6])
})

test('after a restart the rest of a block is lost and no id comes twice', () => {
  const first = start()
  first.allocate()
  first.log.commit()
  const second = start(new StateLog(first.log.durable))
  second.allocate()
  second.log.commit()
  assert.deepEqual(second.given, [3])
})

test('a block that reached the disk unseen is not used again', () => {
  const first = start()
  first.allocate()
  first.log.crash(1)
  const second = start(new StateLog(first.log.durable))
  second.allocate()
  second.log.commit()
  assert.deepEqual(second.given, [3])
})

test('a failed disk is told, and the next attempt works', () => {
  const it = start()
  it.allocate()
  it.log.fail()
  it.allocate()
  it.log.commit()
  assert.deepEqual(it.given, ['KAFKA_STORAGE_ERROR', 3])
})

test('a snapshot holds the reservation', () => {
  const it = start()
  assert.equal(it.log.snapshot().size, 0)
  it.allocate()
  it.log.commit()
  assert.deepEqual(it.log.snapshot(), it.log.durable)
})

test('waiting producers are bounded', () => {
  const it = start(new StateLog(), 1)
  it.allocate(2)
  assert.deepEqual(it.given, ['COORDINATOR_NOT_AVAILABLE'])
})

test('a thousand ids over random crashes are all different', () => {
  let log = new StateLog()
  const all: (number | string)[] = []
  for (let round = 0; all.length < 1_000; round++) {
    const it = start(log)
    it.allocate(1 + (round % 5))
    if (round % 3 !== 0) log.commit()
    log.crash(round % 2)
    all.push(...it.given)
    log = new StateLog(log.durable)
  }
  assert.equal(new Set(all).size, all.length)
})
