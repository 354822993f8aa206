import assert from 'node:assert/strict'
import { cpSync, readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import test from 'node:test'
import { LocalLog } from '../../../src/log/local-log.ts'
import type { LocalPartition } from '../../../src/log/local-partition.ts'
import { buildMarker } from '../../../src/log/marker.ts'
import { type BatchRecord, batchBaseOffset, batchIsControl, batchProducerId, readRecords, TRANSACTIONAL_BIT } from '../../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS } from '../../../src/log/settings.ts'
import { NodeFiles } from '../../../src/runtime/files-node.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { silentLogger } from '../../../src/telemetry/logger.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { append, TOPIC_ID, temporaryFolder } from '../log-harness.ts'
import { batchesFrom, COMPACT, COMPACTED, cleanedUpTo, keyed, shown } from './compaction-harness.ts'

const FOLDER = 'topics/table-0'
/** Markers that nobody needs go at once, and so does what was deleted. */
const HASTY = { ...COMPACTED, compaction: { ...COMPACT, deleteRetentionMs: 0 } }
const SEED = Number(process.env.SEED ?? Date.now())

interface Opened {
  readonly log: LocalLog
  readonly partition: LocalPartition
  /** Indexes that were found damaged. */
  readonly mended: readonly string[]
}

async function open(path: string, isNew = false): Promise<Opened> {
  const mended: string[] = []
  const warn = (_: object, what: string): void => void (what.includes('index of aborted transactions is not') && mended.push(what))
  const settings = { ...DEFAULT_LOG_SETTINGS, journalFileBytes: 1_048_576, checkpointMs: 5, cleanerBackoffMs: 5 }
  const log = new LocalLog(new NodeFiles(path), systemClock, systemRandom, { ...silentLogger, warn }, settings)
  await log.open()
  const opened = isNew ? log.createPartition(TOPIC_ID, 'table', 0, HASTY) : await log.openPartition(TOPIC_ID, 'table', 0, HASTY)
  log.start()
  return { log, partition: opened as LocalPartition, mended }
}

/** What a consumer with read_committed shows: as clients do it, from the batches and the list of aborted transactions. */
async function committed(partition: LocalPartition): Promise<string[]> {
  const aborted = [...partition.abortedTransactions(partition.logStartOffset, partition.highWatermark)]
  const running = new Set<number>()
  const told: string[] = []
  for (const batch of await batchesFrom(partition)) {
    for (let next = aborted[0]; next !== undefined && next.firstOffset <= batchBaseOffset(batch); next = aborted[0]) {
      running.add(next.producerId)
      aborted.shift()
    }
    const producerId = batchProducerId(batch)
    if (batchIsControl(batch)) running.delete(producerId)
    else if (!running.has(producerId)) told.push(...(readRecords(batch) as BatchRecord[]).map(shown))
  }
  return told
}

test('on a compacted topic the indexes of aborted transactions are whole after every restart, and made again they say the same', async (t) => {
  t.diagnostic(`SEED=${SEED}`)
  const random = new SeededRandom(SEED)
  const { path, remove } = temporaryFolder()
  t.after(remove)
  let it = await open(join(path, 'data'), true)
  /** The last committed value of each key; what is aborted is never one. */
  const values = new Map<string, string>()
  const open_ = new Map<number, Map<string, string>>()
  const sequences = new Map<number, number>()
  const write = async (bytes: Uint8Array) => assert.ok(Array.isArray(await append(it.log, { batches: [{ partition: it.partition, bytes }] })))
  for (let i = 0; i < 180; i++) {
    const producerId = 1 + random.below(3)
    const mine = open_.get(producerId)
    if (mine !== undefined && random.chance(0.35)) {
      const commit = random.chance(0.5)
      await write(buildMarker({ type: commit ? 'commit' : 'abort', producerId, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 2_000 }))
      // A key is in one transaction at a time, so that the last to commit is the last in the log.
      if (commit) for (const [key, value] of mine) values.set(key, value)
      open_.delete(producerId)
    } else {
      const [key, value] = [`p${producerId}k${random.below(4)}`, `v${i}`]
      const baseSequence = sequences.get(producerId) ?? 0
      sequences.set(producerId, baseSequence + 1)
      await write(keyed([`${key}=${value}`], { attributes: TRANSACTIONAL_BIT, producerId, producerEpoch: 0, baseSequence }))
      open_.set(producerId, (mine ?? new Map<string, string>()).set(key, value))
    }
    if (i % 60 !== 59) continue
    // Cleaning stops at the first open transaction.
    for (const [id] of open_) await write(buildMarker({ type: 'abort', producerId: id, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: 2_000 }))
    open_.clear()
    await write(keyed([`plain=${i}`]))
    await cleanedUpTo(it.partition, it.partition.activeSegment?.baseOffset ?? 0)
    const before = await committed(it.partition)
    const last = new Map(before.map((record) => (record.split(':')[1] as string).split('=') as [string, string]))
    last.delete('plain')
    assert.deepEqual(last, values)
    await it.log.close()

    const image = join(path, `image-${i}`)
    cpSync(join(path, 'data'), image, { recursive: true, filter: (file) => !file.endsWith('/lock') })
    for (const name of readdirSync(join(image, FOLDER))) if (name.endsWith('.txnindex') && random.chance(0.7)) rmSync(join(image, FOLDER, name))
    const damaged = await open(image)
    assert.deepEqual(await committed(damaged.partition), before, 'made again')
    await damaged.log.close()

    it = await open(join(path, 'data'))
    assert.deepEqual(it.mended, [], 'nothing was taken for damage')
    assert.deepEqual(await committed(it.partition), before)
  }
  await it.log.close()
})
