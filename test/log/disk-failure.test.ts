import assert from 'node:assert/strict'
import test from 'node:test'
import type { LogFailure, PartitionLog } from '../../src/log/ports.ts'
import { Bench, code } from './disk-bench.ts'
import { SETTINGS, TOPIC_ID, valuesFrom } from './log-harness.ts'

const FULL = { code: 'ENOSPC', path: /^(topics|state)\// }

test('a fresh directory takes its first checkpoint before there is any topic', async () => {
  const bench = new Bench()
  await bench.until(bench.log.open())
  bench.log.start()
  assert.equal(code(await bench.appendState('a')), 'ok')
  await bench.pass(5000)
  assert.equal(code(await bench.appendState('b')), 'ok')
  await bench.until(bench.log.close())
})

test('a full disk refuses appends and goes on when there is room, without a restart', async () => {
  const bench = new Bench()
  await bench.until(bench.log.open())
  const partition = bench.log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  const other = bench.log.createPartition(TOPIC_ID, 'orders', 1, SETTINGS)
  bench.log.start()
  assert.deepEqual(await bench.append(partition, 'a'), [0])
  await bench.pass(2000)
  bench.disk.faults.writeError = FULL
  assert.equal(code(await bench.append(other, 'x', 'written')), 'storage-error')
  // In the journal, which was there before: durable, though the segment has no room for it.
  assert.deepEqual(await bench.append(partition, 'b'), [1])
  assert.equal(code(await bench.append(partition, 'c')), 'storage-error')
  await bench.pass(5000)
  assert.equal(code(await bench.append(partition, 'd')), 'storage-error')
  // State, such as the deletion of a topic that makes room, still gets into the journal.
  assert.equal(code(await bench.appendState('deleted')), 'ok')
  assert.equal(code(await bench.appendState('another')), 'ok')
  bench.disk.faults.writeError = null
  await bench.pass(5000)
  assert.deepEqual(await bench.append(partition, 'e'), [2])
  assert.deepEqual(await bench.append(other, 'y', 'written'), [0])
  assert.deepEqual(await bench.until(valuesFrom(partition)), ['a', 'b', 'e'])
  await bench.until(bench.log.close())
})

test('a start on a full disk serves what is there, takes deletions, and mends itself when there is room', async () => {
  let bench = new Bench()
  await bench.until(bench.log.open())
  let partition: PartitionLog = bench.log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  bench.log.start()
  assert.deepEqual(await bench.append(partition, 'a'), [0])
  await bench.pass(2000)
  bench.disk.faults.writeError = FULL
  assert.deepEqual(await bench.append(partition, 'b'), [1])
  assert.equal(code(await bench.appendState('k1')), 'ok')
  bench = new Bench(bench.disk.kill())
  bench.disk.faults.writeError = FULL
  await bench.until(bench.log.open())
  assert.deepEqual([...bench.machine.values.keys()], ['k1'])
  partition = (await bench.until(bench.log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS))) as PartitionLog
  bench.log.start()
  // What was acknowledged is there, though only in the journal and in memory.
  assert.deepEqual(await bench.until(valuesFrom(partition)), ['a', 'b'])
  let seenAgain = 0
  partition.onVisible = () => seenAgain++
  assert.equal(partition.readOnly?.code, 'storage-error')
  assert.equal(code(await bench.appendState('k2')), 'ok')
  bench.disk.faults.writeError = null
  await bench.pass(5000)
  assert.equal(seenAgain, 0)
  assert.deepEqual(await bench.until(valuesFrom(partition)), ['a', 'b'])
  assert.deepEqual(await bench.append(partition, 'c'), [2])
  bench = new Bench(bench.disk.crash())
  await bench.until(bench.log.open())
  assert.deepEqual([...bench.machine.values.keys()].sort(), ['k1', 'k2'])
  partition = (await bench.until(bench.log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS))) as PartitionLog
  bench.log.start()
  assert.deepEqual(await bench.until(valuesFrom(partition)), ['a', 'b', 'c'])
})

test('a failed sync of the journal acknowledges nothing, rolls back and ends appends with the reason', async () => {
  const bench = new Bench()
  await bench.until(bench.log.open())
  const partition = bench.log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  bench.log.start()
  assert.deepEqual(await bench.append(partition, 'a'), [0])
  await bench.pass(3000)
  bench.disk.faults.syncError = 'EIO'
  const failed = await bench.append(partition, 'b')
  assert.equal(code(failed), 'storage-error')
  assert.match((failed as LogFailure).message, /EIO/)
  bench.disk.faults.syncError = null
  assert.equal(partition.logEndOffset, 1)
  assert.equal(partition.highWatermark, 1)
  assert.equal(partition.readOnly?.code, 'storage-error')
  assert.equal(code(await bench.append(partition, 'c', 'written')), 'storage-error')
  assert.deepEqual(await bench.until(valuesFrom(partition)), ['a'])
  await bench.until(bench.log.close())
})

test('an input/output error of one segment makes that partition read-only, and no other', async () => {
  const bench = new Bench()
  await bench.until(bench.log.open())
  const partition = bench.log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  const other = bench.log.createPartition(TOPIC_ID, 'orders', 1, SETTINGS)
  bench.log.start()
  bench.disk.faults.writeError = { code: 'EIO', path: /orders-0/ }
  assert.equal(code(await bench.append(partition, 'a', 'written')), 'storage-error')
  assert.match(partition.readOnly?.message ?? '', /EIO/)
  assert.deepEqual(await bench.append(other, 'b', 'written'), [0])
  bench.disk.faults.writeError = null
  assert.equal(code(await bench.append(partition, 'c')), 'storage-error')
})
