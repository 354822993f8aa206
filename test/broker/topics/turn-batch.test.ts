import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../../src/broker/errors.ts'
import type { Message } from '../../../src/broker/sessions/ports.ts'
import { MAPPING_DEFAULTS, TopicMapping } from '../../../src/broker/topics/mapping/topic-mapping.ts'
import { TopicRegistry } from '../../../src/broker/topics/topic-registry.ts'
import { TurnAttachment, TurnBatch } from '../../../src/broker/topics/turn-batch.ts'
import { batchIsLogAppendTime, checkBatch, readRecords } from '../../../src/log/record-batch.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import { InstantLog } from './mapping/instant-log.ts'

function setUp(configs: Record<string, string> = {}) {
  const log = new InstantLog()
  const topics = new TopicRegistry(log, { bytes: (length) => Buffer.alloc(length, 7), below: () => 0 }, { numPartitions: 2, maxPartitions: 100 })
  topics.create({ name: 'orders', partitions: 1, configs: new Map(Object.entries(configs)) }, () => {})
  const mapping = new TopicMapping(topics, log, MAPPING_DEFAULTS, () => {})
  const turns: (() => void)[] = []
  const clock: Clock = { now: () => 1_700_000_000_000, monotonicMs: () => 0, after: () => ({ cancel: () => {} }), endOfTurn: (run) => turns.push(run) }
  const batch = new TurnBatch(log, clock)
  const route = (topic: string) => {
    const found = mapping.route(topic)
    assert.ok(!isFailure(found) && found.kind === 'log')
    return found
  }
  const message = (topic: string, payload: string | Buffer, qos: 0 | 1 | 2 = 1): Message => ({
    topic,
    payload: Buffer.from(payload),
    qos,
    retain: false,
    properties: null,
    packet: null,
    packetLevel: 5,
  })
  const endTurn = () => {
    for (const run of turns.splice(0)) run()
  }
  const appended = () => log.groups.filter((group) => group.batches.length > 0)
  return { log, batch, route, message, endTurn, appended }
}

test('messages of one turn are one batch per partition, with the messages attached in order', () => {
  const { batch, route, message, endTurn, appended } = setUp()
  const options = { publisher: null, durable: true }
  const first = message('orders/a', '1')
  const second = message('orders/b', '2')
  batch.add(route('orders/a'), first, options, null)
  batch.add(route('orders/b'), second, options, null)
  batch.add(route('other'), message('other', '3'), options, null)
  assert.equal(appended().length, 0)
  endTurn()
  assert.equal(appended().length, 2)
  const own = appended()[0]?.batches[0]
  assert.ok(own)
  assert.equal(checkBatch(own.bytes), null)
  const records = readRecords(own.bytes)
  assert.ok(Array.isArray(records))
  assert.deepEqual(
    records.map(({ key, value, timestampMs }) => [String(key), String(value), timestampMs]),
    [
      ['a', '1', 1_700_000_000_000],
      ['b', '2', 1_700_000_000_000],
    ],
  )
  assert.ok(own.attachment instanceof TurnAttachment)
  assert.deepEqual(
    own.attachment.messages.map((stored) => stored.message),
    [first, second],
  )
})

test('each message is told its offset when its group is done, in order, never before', () => {
  const { batch, route, message, endTurn, log } = setUp()
  const done: unknown[] = []
  for (const payload of ['1', '2'])
    batch.add(route('orders/a'), message('orders/a', payload), { publisher: null, durable: true }, (failed, offset) => done.push([failed, offset]))
  endTurn()
  assert.deepEqual(done, [])
  log.finish()
  assert.deepEqual(done, [
    [null, 0],
    [null, 1],
  ])
})

test('a failure of the disk is told to each message', () => {
  const { batch, route, message, endTurn, log } = setUp()
  const done: unknown[] = []
  batch.add(route('orders/a'), message('orders/a', '1'), { publisher: null, durable: true }, (failed, offset) => done.push([failed?.error.name, offset]))
  endTurn()
  log.finish({ code: 'storage-error', message: 'disk full' })
  assert.deepEqual(done, [['KAFKA_STORAGE_ERROR', -1]])
})

test('a batch with any QoS 1 message waits for the disk, one with only QoS 0 does not', () => {
  const { batch, route, message, endTurn, appended } = setUp()
  batch.add(route('orders/a'), message('orders/a', '1', 0), { publisher: null, durable: false }, null)
  endTurn()
  batch.add(route('orders/a'), message('orders/a', '1', 0), { publisher: null, durable: false }, null)
  batch.add(route('orders/a'), message('orders/a', '2', 1), { publisher: null, durable: true }, null)
  endTurn()
  assert.deepEqual(
    appended().map((group) => [group.durability, group.batches.length]),
    [
      ['written', 1],
      ['durable', 1],
    ],
  )
})

test('state and batches alongside are in the same group', () => {
  const { batch, route, message, endTurn, appended, log } = setUp()
  const other = { partition: log.createPartition('r', '__retained', 0), bytes: Buffer.alloc(61) }
  const assigned: number[] = []
  const state = [{ kind: 7, key: 'client/1', value: new Uint8Array(0) }]
  const alongside = { append: other, onAssigned: (offset: number) => assigned.push(offset) }
  batch.add(route('orders/a'), message('orders/a', '1', 2), { publisher: null, durable: true, state, alongside }, null)
  endTurn()
  const group = appended()[0]
  assert.deepEqual(group?.state, state)
  assert.equal(group?.batches[1], other)
  assert.deepEqual(assigned, [0])
})

test('a batch never exceeds max.message.bytes, and a message that would is refused', () => {
  const { batch, route, message, endTurn, appended, log } = setUp({ 'max.message.bytes': '1000' })
  const done: unknown[] = []
  const options = { publisher: null, durable: true }
  for (let n = 0; n < 10; n++)
    batch.add(route('orders/a'), message('orders/a', Buffer.alloc(300)), options, (failed, offset) => done.push(failed?.error.name ?? offset))
  batch.add(route('orders/a'), message('orders/a', Buffer.alloc(1000)), options, (failed) => done.push(failed?.error.name))
  assert.deepEqual(done, [])
  endTurn()
  log.finish()
  for (const group of appended()) assert.ok((group.batches[0]?.bytes.length ?? 0) <= 1000)
  assert.deepEqual(done, ['MESSAGE_TOO_LARGE', 0, 1, 2, 3, 4, 5, 6, 7, 8, 9])
})

test('a topic with LogAppendTime gets batches that say so', () => {
  const { batch, route, message, endTurn, appended } = setUp({ 'message.timestamp.type': 'LogAppendTime' })
  batch.add(route('orders/a'), message('orders/a', '1'), { publisher: null, durable: true }, null)
  endTurn()
  assert.equal(batchIsLogAppendTime(appended()[0]?.batches[0]?.bytes as Uint8Array), true)
})

test('a message without a key is refused on a compacted topic, what stands beside it is not', () => {
  const { batch, route, message, endTurn, appended } = setUp({ 'cleanup.policy': 'compact' })
  const told: (string | number)[] = []
  for (const topic of ['orders/a', 'orders', 'orders/']) {
    batch.add(route(topic), message(topic, '1'), { publisher: null, durable: true }, (failed, offset) => told.push(failed?.error.name ?? offset))
  }
  endTurn()
  const records = readRecords(appended()[0]?.batches[0]?.bytes as Uint8Array)
  assert.ok(Array.isArray(records))
  assert.deepEqual(
    records.map(({ key }) => Buffer.from(key as Uint8Array).toString()),
    ['a', ''],
  )
  assert.ok(told.includes('INVALID_RECORD'))
})
