import assert from 'node:assert/strict'
import test from 'node:test'
import type { PartitionLog } from '../../src/log/ports.ts'
import { CrashingDisk } from '../../src/testing/crashing-disk.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { Bench, code } from './disk-bench.ts'
import { batchOf, SETTINGS, TOPIC_ID } from './log-harness.ts'

const TRIES_MAX = 2_000

test('a checkpoint that a full disk keeps from writing indexes, with much that waits for room, is not tried again at once', async () => {
  const bench = new Bench(new CrashingDisk(new SeededRandom(1)), { checkpointBytes: 2_000 })
  await bench.until(bench.log.open())
  // A segment for each batch: closed ones have indexes to sync.
  const small = { ...SETTINGS, segmentBytes: 600 }
  const closed: PartitionLog = bench.log.createPartition(TOPIC_ID, 'orders', 0, small)
  const stuck: PartitionLog = bench.log.createPartition(TOPIC_ID, 'orders', 1, SETTINGS)
  bench.log.start()
  await bench.pass(10_000)
  let tries = 0
  const { faults } = bench.disk
  faults.writeError = {
    code: 'ENOSPC',
    get path() {
      // A loop that nothing else interrupts would never end: it gets room, and fails below.
      if (++tries > TRIES_MAX) faults.writeError = null
      return /orders-0\/.*index|orders-1/
    },
  }
  for (let i = 0; i < 3; i++) assert.equal(code(await bench.appendBatch(closed, batchOf('x'.repeat(500)))), 'ok')
  assert.equal(code(await bench.appendBatch(stuck, batchOf('y'.repeat(4_000)))), 'ok')
  await bench.pass(10_000)
  assert.ok(tries <= TRIES_MAX, `${tries} tries`)
  faults.writeError = null
  await bench.pass(10_000)
  assert.equal(stuck.readOnly, null)
  await bench.until(bench.log.close())
})
