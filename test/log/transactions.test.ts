import assert from 'node:assert/strict'
import { cpSync, existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { LocalLog } from '../../src/log/local-log.ts'
import { buildMarker, type MarkerType, markerTypeOf } from '../../src/log/marker.ts'
import type { AbortedTransaction, PartitionLog } from '../../src/log/ports.ts'
import { ProducerStates } from '../../src/log/producer-state.ts'
import { buildBatch, patchBatch, readBatchHeader, TRANSACTIONAL_BIT } from '../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS } from '../../src/log/settings.ts'
import { NodeFiles } from '../../src/runtime/files-node.ts'
import { systemRandom } from '../../src/runtime/random.ts'
import { systemClock } from '../../src/runtime/system-clock.ts'
import { silentLogger } from '../../src/telemetry/logger.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { SimulatedDisk } from '../../src/testing/simulated-disk.ts'
import { mountDisk } from '../../src/testing/simulated-files.ts'
import { type SimulatedProcess, SimulatedTime } from '../../src/testing/simulated-time.ts'
import { Bench } from './disk-bench.ts'
import { append, openLog, SETTINGS, TOPIC_ID, temporaryFolder } from './log-harness.ts'

const SMALL = { ...SETTINGS, segmentBytes: 3_000, indexIntervalBytes: 300 }

function transactional(producerId: number, baseSequence: number, count = 1, producerEpoch = 0): Uint8Array {
  const records = Array.from({ length: count }, (_, i) => ({ key: null, value: Buffer.from(`${producerId}/${baseSequence + i}`), timestampMs: 1_000 }))
  return buildBatch(records, { attributes: TRANSACTIONAL_BIT, producerId, producerEpoch, baseSequence })
}

function marker(producerId: number, type: MarkerType, producerEpoch = 0): Uint8Array {
  return buildMarker({ type, producerId, producerEpoch, coordinatorEpoch: 0, timestampMs: 2_000 })
}

async function appendOne(log: LocalLog, partition: PartitionLog, bytes: Uint8Array): Promise<number> {
  const offsets = await append(log, { batches: [{ partition, bytes }] })
  assert.ok(Array.isArray(offsets), JSON.stringify(offsets))
  return offsets[0] as number
}

async function inFolder(run: (path: string) => Promise<void>): Promise<void> {
  const { path, remove } = temporaryFolder()
  try {
    await run(path)
  } finally {
    remove()
  }
}

test('the last stable offset is the first offset of the oldest open transaction', () =>
  inFolder(async (path) => {
    const log = await openLog(new NodeFiles(path))
    const partition = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    await appendOne(log, partition, buildBatch([{ key: null, value: null, timestampMs: 1 }]))
    assert.equal(partition.lastStableOffset, 1)
    await appendOne(log, partition, transactional(1, 0, 2))
    await appendOne(log, partition, transactional(2, 0))
    assert.equal(partition.lastStableOffset, 1)
    assert.equal(partition.transactionStart(2), 3)
    await appendOne(log, partition, marker(1, 'abort'))
    assert.equal(partition.lastStableOffset, 3)
    await appendOne(log, partition, marker(2, 'commit'))
    assert.equal(partition.lastStableOffset, 6)
    assert.equal(partition.transactionStart(2), null)
    assert.deepEqual(partition.abortedTransactions(0, 6), [{ producerId: 1, firstOffset: 1, lastOffset: 4, lastStableOffset: 3 }])
    assert.deepEqual(partition.abortedTransactions(5, 6), [])
    await log.close()
  }))

test('a marker of a higher epoch fences the one before, and the next sequence is 0', () =>
  inFolder(async (path) => {
    let log = await openLog(new NodeFiles(path))
    let partition: PartitionLog = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    await appendOne(log, partition, transactional(1, 0, 2))
    await appendOne(log, partition, marker(1, 'commit', 1))
    const verdicts = () =>
      [
        { producerEpoch: 0, baseSequence: 2 },
        { producerEpoch: 1, baseSequence: 2 },
        { producerEpoch: 1, baseSequence: 0 },
      ].map((batch) => partition.checkProducer({ producerId: 1, lastSequence: batch.baseSequence, ...batch }).outcome)
    assert.deepEqual(verdicts(), ['fenced', 'out-of-order', 'append'])
    await log.close()
    log = await openLog(new NodeFiles(path))
    partition = await log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    assert.deepEqual(verdicts(), ['fenced', 'out-of-order', 'append'])
    await log.close()
  }))

test('the index of aborted transactions has the bytes of Kafka', () =>
  inFolder(async (path) => {
    const log = await openLog(new NodeFiles(path))
    const partition = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    await appendOne(log, partition, transactional(0x1234, 0, 3))
    await appendOne(log, partition, marker(0x1234, 'abort'))
    await log.close()
    // AbortedTxn.java: version, producer id, first offset, last offset, last stable offset.
    const expected = '0000' + '0000000000001234' + '0000000000000000' + '0000000000000003' + '0000000000000004'
    assert.equal(readFileSync(join(path, 'topics/orders-0/00000000000000000000.txnindex')).toString('hex'), expected)
  }))

const golden: Record<MarkerType, string> = JSON.parse(readFileSync(new URL('../golden/kafka/transaction-markers.kafka-4.4.0.json', import.meta.url), 'utf8'))

for (const type of ['commit', 'abort'] as const) {
  test(`a marker of an ${type === 'abort' ? 'aborted' : 'ended'} transaction has the bytes of Kafka 4.4`, () => {
    const theirs = Buffer.from(golden[type], 'hex')
    assert.equal(markerTypeOf(theirs), type)
    const { producerId, producerEpoch, baseOffset, baseTimestampMs } = readBatchHeader(theirs)
    const ours = buildMarker({ type, producerId, producerEpoch, coordinatorEpoch: 0, timestampMs: baseTimestampMs })
    patchBatch(ours, baseOffset, 0)
    assert.equal(Buffer.from(ours).toString('hex'), golden[type])
  })
}

test('a producer whose transaction is open is not forgotten, however long it was silent; behind its end it is', () => {
  const producers = new ProducerStates()
  const at = (batch: Uint8Array, offset: number): Uint8Array => {
    patchBatch(batch, offset, 0)
    return batch
  }
  producers.remember(at(transactional(7, 0), 0), 1_000, Number.POSITIVE_INFINITY)
  producers.expire(1_000_000)
  const next = { producerId: 7, producerEpoch: 0, baseSequence: 1, lastSequence: 1 }
  assert.equal(producers.check(next).isKnown, true)
  assert.equal(producers.check({ ...next, baseSequence: 5, lastSequence: 5 }).outcome, 'out-of-order')
  producers.remember(at(marker(7, 'abort'), 1), 2_000, Number.POSITIVE_INFINITY)
  producers.expire(1_500)
  assert.equal(producers.check(next).isKnown, true)
  producers.expire(1_000_000)
  assert.equal(producers.check(next).isKnown, false)
})

interface Step {
  readonly base: number
  readonly producerId: number
  readonly type: MarkerType | 'data' | 'plain'
}

/** What any reader of all batches would say. */
function naive(steps: readonly Step[], highWatermark: number): { stable: number; aborted: AbortedTransaction[] } {
  const open = new Map<number, number>()
  const aborted: AbortedTransaction[] = []
  for (const { base, producerId, type } of steps) {
    if (type === 'plain') continue
    if (type === 'data') {
      if (!open.has(producerId)) open.set(producerId, base)
      continue
    }
    const firstOffset = open.get(producerId)
    if (firstOffset === undefined) continue
    open.delete(producerId)
    if (type === 'abort') aborted.push({ producerId, firstOffset, lastOffset: base, lastStableOffset: Math.min(base + 1, ...open.values()) })
  }
  return { stable: Math.min(highWatermark, ...open.values()), aborted }
}

const SEED = Number(process.env.SEED ?? Date.now())

test('random transactions over segments, restarts and kills are what a reader of all batches would say', (t) =>
  inFolder(async (path) => {
    t.diagnostic(`SEED=${SEED}`)
    const random = new SeededRandom(SEED)
    const steps: Step[] = []
    const sequences = new Map<number, number>()
    let folder = join(path, 'data')
    const settings = { ...DEFAULT_LOG_SETTINGS, journalFileBytes: 1_048_576, checkpointBytes: 2_000, checkpointMs: 5 }
    const mended: string[] = []
    const warn = (_: object, what: string): void => void (what.includes('made again') && mended.push(what))
    const logger = { ...silentLogger, warn }
    let log = await openLog(new NodeFiles(folder), settings)
    let partition: PartitionLog = log.createPartition(TOPIC_ID, 'orders', 0, SMALL)
    log.start()
    const check = (): void => {
      const { stable, aborted } = naive(steps, partition.highWatermark)
      assert.equal(partition.lastStableOffset, stable)
      const from = random.below(partition.highWatermark + 1)
      const end = from + random.below(partition.highWatermark + 1 - from)
      const expected = aborted.filter(({ firstOffset, lastOffset }) => lastOffset >= from && firstOffset < end).sort((a, b) => a.firstOffset - b.firstOffset)
      assert.deepEqual(partition.abortedTransactions(from, end), expected, `aborted in [${from}, ${end})`)
    }
    for (let i = 0; i < 400; i++) {
      const producerId = 1 + random.below(4)
      const type = random.pick(['data', 'data', 'data', 'plain', 'abort', 'commit'] as const)
      const sequence = sequences.get(producerId) ?? 0
      const count = 1 + random.below(4)
      if (type === 'data') sequences.set(producerId, sequence + count)
      const bytes =
        type === 'data'
          ? transactional(producerId, sequence, count)
          : type === 'plain'
            ? buildBatch([{ key: null, value: Buffer.alloc(random.below(200)), timestampMs: 1 }])
            : marker(producerId, type)
      steps.push({ base: await appendOne(log, partition, bytes), producerId, type })
      check()
      if (!random.chance(0.04)) continue
      // A copy of the folder is what kill -9 leaves.
      const image = join(path, `image-${i}`)
      if (random.chance(0.5)) cpSync(folder, image, { recursive: true, filter: (file) => !file.endsWith('/lock') })
      await log.close()
      if (existsSync(image)) folder = image
      log = new LocalLog(new NodeFiles(folder), systemClock, systemRandom, logger, settings)
      await log.open()
      partition = await log.openPartition(TOPIC_ID, 'orders', 0, SMALL)
      log.start()
      check()
      assert.deepEqual(mended, [], 'no index was taken for a damaged one')
    }
    await log.close()
  }))

test('aborted transactions are known after a power cut, though their index was made later than its segment', async () => {
  for (let seed = 1; seed <= 5; seed++) {
    const time = new SimulatedTime({
      turnMs: () => 0.1,
      onCrash: (_, error) => {
        throw error
      },
    })
    const faults = { latencyMs: () => 0.05, syncMs: () => 1, syncFailure: 0, readFailure: 0, shortTransfer: 0, capacityBytes: Number.POSITIVE_INFINITY }
    const disk = new SimulatedDisk(new SeededRandom(seed), { ...faults, lies: new Set<never>() })
    const boot = (): { log: LocalLog; process: SimulatedProcess } => {
      const process = time.process('test')
      return { process, log: new LocalLog(mountDisk(disk, time, process), process, new SeededRandom(seed), null, DEFAULT_LOG_SETTINGS) }
    }
    const complete = async <T>(work: Promise<T>): Promise<T> => {
      let done = false
      void work.finally(() => {
        done = true
      })
      await time.run(time.nowMs + 60_000, () => done)
      return work
    }
    let { log, process } = boot()
    await complete(log.open())
    let partition: PartitionLog = log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
    log.start()
    await complete(appendOne(log, partition, transactional(1, 0)))
    // A checkpoint syncs the segment and its name; the next one moves the recovery point behind the marker.
    await time.run(time.nowMs + 60_000)
    await complete(appendOne(log, partition, marker(1, 'abort')))
    await time.run(time.nowMs + 60_000)
    process.kill()
    disk.powerLoss()
    ;({ log, process } = boot())
    await complete(log.open())
    partition = await complete(log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS))
    assert.deepEqual(partition.abortedTransactions(0, 2), [{ producerId: 1, firstOffset: 0, lastOffset: 1, lastStableOffset: 2 }], `seed ${seed}`)
    process.kill()
  }
})

test('what a full disk keeps in the journal is known as aborted when it is shown', async () => {
  const full = { code: 'ENOSPC', path: /orders-0/ }
  const bench = new Bench()
  await bench.until(bench.log.open())
  const partition = bench.log.createPartition(TOPIC_ID, 'orders', 0, SETTINGS)
  bench.log.start()
  bench.disk.faults.writeError = full
  const group = [transactional(1, 0, 2), marker(1, 'abort')].map((bytes) => ({ partition, bytes }))
  assert.deepEqual(await bench.until(append(bench.log, { batches: group })), [0, 2])
  const disk = bench.disk.kill()
  disk.faults.writeError = full
  const next = new Bench(disk)
  await next.until(next.log.open())
  const opened = await next.until(next.log.openPartition(TOPIC_ID, 'orders', 0, SETTINGS))
  assert.equal(opened.lastStableOffset, 3)
  assert.deepEqual(opened.abortedTransactions(0, 3), [{ producerId: 1, firstOffset: 0, lastOffset: 2, lastStableOffset: 3 }])
})
