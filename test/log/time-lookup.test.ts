import assert from 'node:assert/strict'
import test from 'node:test'
import { LocalLog } from '../../src/log/local-log.ts'
import type { PartitionLog } from '../../src/log/ports.ts'
import { buildBatch } from '../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS } from '../../src/log/settings.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { mountDisk } from '../../src/testing/simulated-files.ts'
import type { SimulatedProcess } from '../../src/testing/simulated-time.ts'
import { crc32c } from '../../src/util/crc32c.ts'
import { steadyDisk } from '../testing/steady-disk.ts'
import { Bench } from './disk-bench.ts'
import { append, SETTINGS, TOPIC_ID } from './log-harness.ts'

const START_MS = 1_700_000_000_000

/** One batch of records with these ages behind the start. */
const at = (...afterMs: number[]) => buildBatch(afterMs.map((ms) => ({ key: null, value: Buffer.from('v'), timestampMs: START_MS + ms })))

async function openBench(): Promise<{ bench: Bench; partition: PartitionLog }> {
  const bench = new Bench()
  await bench.until(bench.log.open())
  const partition = bench.log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  bench.log.start()
  return { bench, partition }
}

const raiseStart = (bench: Bench, partition: PartitionLog, offset: number) =>
  bench.until(new Promise<void>((resolve, reject) => partition.raiseStart(offset, (failure) => (failure === null ? resolve() : reject(failure)))))

test('the largest timestamp is that of a record that can be read, though a larger one lies below the log start', async () => {
  const { bench, partition } = await openBench()
  for (const batch of [at(9000), at(10, 5000, 20, 30), at(25)]) await bench.appendBatch(partition, batch)
  assert.deepEqual(await bench.until(partition.offsetOfMaxTimestamp()), { offset: 0, timestampMs: START_MS + 9000, leaderEpoch: 0 })
  await raiseStart(bench, partition, 1)
  assert.deepEqual(await bench.until(partition.offsetOfMaxTimestamp()), { offset: 2, timestampMs: START_MS + 5000, leaderEpoch: 0 })
  // In the middle of a batch.
  await raiseStart(bench, partition, 3)
  assert.deepEqual(await bench.until(partition.offsetOfMaxTimestamp()), { offset: 4, timestampMs: START_MS + 30, leaderEpoch: 0 })
  await raiseStart(bench, partition, 6)
  assert.equal(await bench.until(partition.offsetOfMaxTimestamp()), null)
  await bench.until(bench.log.close())
})

/** What a client may send: its header and its CRC are right, what it says to be gzip is none. */
function unreadable(...afterMs: number[]): Uint8Array {
  const bytes = Buffer.from(at(...afterMs))
  bytes.writeInt16BE(1, 21)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

test('a batch that a client compressed wrongly is found by its header: its first offset and its largest time', async () => {
  const { bench, partition } = await openBench()
  for (const batch of [at(10), unreadable(20, 500, 30), at(600)]) await bench.appendBatch(partition, batch)
  const found = { offset: 1, timestampMs: START_MS + 500, leaderEpoch: 0 }
  for (const ms of [15, 20, 500]) assert.deepEqual(await bench.until(partition.offsetForTime(START_MS + ms)), found)
  assert.deepEqual(await bench.until(partition.offsetForTime(START_MS + 501)), { offset: 4, timestampMs: START_MS + 600, leaderEpoch: 0 })
  await raiseStart(bench, partition, 2)
  assert.deepEqual(await bench.until(partition.offsetForTime(START_MS)), { ...found, offset: 2 })
  await bench.appendBatch(partition, unreadable(700))
  assert.deepEqual(await bench.until(partition.offsetOfMaxTimestamp()), { offset: 5, timestampMs: START_MS + 700, leaderEpoch: 0 })
  await bench.until(bench.log.close())
})

/** A log on a machine whose power may fail: sizes may survive without their bytes. */
function machine(seed: number) {
  const { time, disk } = steadyDisk(seed)
  const boot = (): { log: LocalLog; process: SimulatedProcess } => {
    const process = time.process('test')
    return { process, log: new LocalLog(mountDisk(disk, time, process), process, new SeededRandom(seed), null, DEFAULT_LOG_SETTINGS) }
  }
  const complete = async <T>(work: Promise<T>): Promise<T> => {
    let done = false
    const end = (): void => {
      done = true
    }
    work.then(end, end)
    await time.run(time.nowMs + 60_000, () => done)
    return work
  }
  return { time, disk, boot, complete }
}

test('times are found after a power cut in segments that were synced while they were open, and closed later', async () => {
  const settings = { ...SETTINGS, segmentMs: 1_000 }
  for (let seed = 1; seed <= 5; seed++) {
    const { time, disk, boot, complete } = machine(seed)
    let { log, process } = boot()
    await complete(log.open())
    let partition: PartitionLog = log.createPartition(TOPIC_ID, 'orders', 0, settings)
    log.start()
    const write = (...afterMs: number[]) => complete(append(log, { batches: [{ partition, bytes: at(...afterMs) }] }))
    for (let i = 0; i < 4; i++) await write(i * 100)
    // A checkpoint syncs the open segment, the next batch closes it, another checkpoint moves the recovery point behind it.
    await time.run(time.nowMs + 3_000)
    await write(5_000)
    await time.run(time.nowMs + 3_000)
    process.kill()
    disk.powerLoss()
    ;({ log, process } = boot())
    await complete(log.open())
    partition = await complete(log.openPartition(TOPIC_ID, 'orders', 0, settings))
    log.start()
    const found = await complete(partition.offsetForTime(START_MS + 150))
    assert.deepEqual(found, { offset: 2, timestampMs: START_MS + 200, leaderEpoch: 0 }, `seed ${seed}`)
    process.kill()
  }
})
