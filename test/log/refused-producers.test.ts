import assert from 'node:assert/strict'
import test from 'node:test'
import { buildBatch } from '../../src/log/record-batch.ts'
import { Bench, code } from './disk-bench.ts'
import { SETTINGS, TOPIC_ID, valuesFrom } from './log-harness.ts'

const PRODUCER = { producerId: 7, producerEpoch: 0 }
const sequenced = (value: string, baseSequence: number) =>
  buildBatch([{ key: null, value: Buffer.from(value), timestampMs: 1_700_000_000_000 }], { ...PRODUCER, baseSequence })

async function openBench(): Promise<{ bench: Bench; partition: ReturnType<Bench['log']['createPartition']> }> {
  const bench = new Bench()
  await bench.until(bench.log.open())
  const partition = bench.log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  bench.log.start()
  return { bench, partition }
}

test('what a producer sent behind a first batch that the disk refused does not come before it', async () => {
  const { bench, partition } = await openBench()
  bench.disk.faults.writeError = { code: 'ENOSPC', path: /orders-0/ }
  assert.equal(code(await bench.appendBatch(partition, sequenced('a', 0), 'written')), 'storage-error')
  bench.disk.faults.writeError = null
  assert.equal(partition.checkProducer({ ...PRODUCER, baseSequence: 1, lastSequence: 1 }).outcome, 'out-of-order')
  assert.equal(partition.checkProducer({ ...PRODUCER, baseSequence: 0, lastSequence: 0 }).outcome, 'append')
  assert.deepEqual(await bench.appendBatch(partition, sequenced('a', 0)), [0])
  assert.equal(partition.checkProducer({ ...PRODUCER, baseSequence: 1, lastSequence: 1 }).outcome, 'append')
  assert.deepEqual(await bench.until(valuesFrom(partition)), ['a'])
  await bench.until(bench.log.close())
})

test('nor does it where the partition took nothing when the first batch came', async () => {
  const { bench, partition } = await openBench()
  bench.disk.faults.writeError = { code: 'ENOSPC', path: /^(topics|state)\// }
  // In the journal, and kept in memory until there is room.
  assert.deepEqual(await bench.append(partition, 'x'), [0])
  assert.equal(partition.readOnly?.code, 'storage-error')
  assert.equal(code(await bench.appendBatch(partition, sequenced('a', 0))), 'storage-error')
  bench.disk.faults.writeError = null
  await bench.pass(5000)
  assert.equal(partition.readOnly, null)
  assert.equal(partition.checkProducer({ ...PRODUCER, baseSequence: 1, lastSequence: 1 }).outcome, 'out-of-order')
  assert.deepEqual(await bench.appendBatch(partition, sequenced('a', 0)), [1])
  await bench.until(bench.log.close())
})
