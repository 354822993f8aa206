/**
 * A compacted partition on a disk that fails, again and again, and a ledger of all that was appended. Whoever reads it from its start gets
 * records of the ledger, each at its offset, and of every key the last one; nothing of an aborted transaction, and no key that was deleted comes back.
 */
import assert from 'node:assert/strict'
import { LocalLog } from '../../../src/log/local-log.ts'
import type { LocalPartition } from '../../../src/log/local-partition.ts'
import { buildMarker } from '../../../src/log/marker.ts'
import type { AbortedTransaction, LogFailure, PartitionSettings } from '../../../src/log/ports.ts'
import {
  type BatchRecord,
  batchBaseOffset,
  batchCompression,
  batchIsControl,
  batchIsTransactional,
  batchOffsetCount,
  batchProducerId,
  batchRecordsSection,
  buildBatch,
  readRecords,
  TRANSACTIONAL_BIT,
} from '../../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from '../../../src/log/settings.ts'
import { type Logger, silentLogger } from '../../../src/telemetry/logger.ts'
import { CrashingDisk, type DiskFaults } from '../../../src/testing/crashing-disk.ts'
import { ManualClock } from '../../../src/testing/manual-clock.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { COMPRESSION_CODECS, type Compress, compressSync, type Decompress, decompressSync } from '../../../src/util/compression.ts'
import { TOPIC_ID } from '../log-harness.ts'

const LOG_SETTINGS: LogSettings = {
  ...DEFAULT_LOG_SETTINGS,
  journalFileBytes: 65_536,
  bypassBytes: 3_000,
  commitBytes: 16_384,
  checkpointBytes: 8_192,
  tailCacheBytes: 2_048,
  openFilesMax: 12,
  stateSnapshotBytes: 20_000,
  retentionCheckMs: 20_000,
  cleanerBackoffMs: 300,
}

/** Steps of the disk after which something that should end does not. */
const PATIENCE = 20_000

const DELETE_RETENTION_MS = 5_000

const PARTITION_SETTINGS: PartitionSettings = {
  segmentBytes: 2_500,
  segmentMs: 604_800_000,
  indexIntervalBytes: 300,
  retentionMs: -1,
  retentionBytes: -1,
  deleteOld: false,
  compaction: { minDirtyRatio: 0.1, minLagMs: 0, maxLagMs: Number.MAX_SAFE_INTEGER, deleteRetentionMs: DELETE_RETENTION_MS },
}

// No thread pool: the same seed is the same history.
const inflate: Decompress = async (codec, input, maxBytes) => decompressSync(codec, input, maxBytes)
const deflate: Compress = async (codec, input, level) => compressSync(codec, input, level)

/** What was appended at an offset. */
interface Entry {
  readonly key: string
  /** Null: a tombstone. */
  readonly value: string | null
  readonly producerId: number
  /** Of the batch it came in. */
  readonly baseOffset: number
  readonly lastOffset: number
  readonly lastSequence: number
  readonly kind: 'plain' | 'transactional' | 'commit' | 'abort'
  readonly atMs: number
  isDurable: boolean
  isWritten: boolean
}

type Fate = 'visible' | 'open' | 'aborted' | 'marker'

export interface CompactionHistory {
  readonly seed: number
  readonly crashes: number
  readonly faults?: Partial<DiskFaults>
}

export interface CompactionTally {
  crashes: number
  appends: number
  cleanings: number
  gone: number
}

export async function playCompaction({ seed, crashes, faults }: CompactionHistory): Promise<CompactionTally> {
  const history = new History(seed, faults ?? {})
  try {
    for (let i = 0; i < crashes; i++) await history.life()
    await history.peace()
  } catch (error) {
    throw new Error(`seed ${seed}, after ${history.tally.crashes} crashes: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  return history.tally
}

class History {
  readonly tally: CompactionTally = { crashes: 0, appends: 0, cleanings: 0, gone: 0 }
  readonly #random: SeededRandom
  #disk: CrashingDisk
  #clock = new ManualClock()
  #entries: Entry[] = []
  #nextValue = 0
  #mayStartAt = 0
  #life = 0

  constructor(seed: number, faults: Partial<DiskFaults>) {
    this.#random = new SeededRandom(seed)
    this.#disk = new CrashingDisk(new SeededRandom(seed + 1), faults)
  }

  async life(): Promise<void> {
    const steps = this.#random.chance(0.2) ? this.#random.below(80) : PATIENCE
    const opened = await this.#start(steps)
    assert.ok(opened !== null || steps < PATIENCE, 'the log does not open')
    if (opened !== null) await this.#work(opened)
    this.tally.crashes++
    this.#life++
    const kill = this.#random.chance(0.3)
    this.#disk = kill ? this.#disk.kill() : this.#disk.crash()
    if (!kill) for (const entry of this.#entries) entry.isWritten = entry.isDurable
  }

  readonly #logger: Logger = {
    ...(process.env.DEBUG_LOG ? debugLogger : silentLogger),
    info: (fields, message) => {
      if (message === 'a partition was compacted') this.tally.cleanings++
      if (process.env.DEBUG_LOG) debugLogger.info(fields, message)
    },
  }

  /** In the end all that can be compacted is. */
  async peace(): Promise<void> {
    const opened = await this.#start(PATIENCE)
    assert.ok(opened !== null)
    const { log, partition } = opened
    const target = this.#cleanableEnd(partition)
    const cleaned = await this.#drive(
      this.#until(() => partition.cleanerMark.cleanBelow >= target),
      200_000,
    )
    assert.ok(cleaned, `cleaned below ${partition.cleanerMark.cleanBelow} only, not ${target}`)
    assert.ok(await this.#drive(this.#check(partition, partition.cleanerMark.cleanBelow), PATIENCE))
    assert.ok(await this.#drive(log.close(), PATIENCE), 'the log does not close')
    assert.ok((await this.#start(PATIENCE)) !== null)
  }

  /** The end of the last closed segment below the last stable offset, if so much is new that the cleaner has to. */
  #cleanableEnd(partition: LocalPartition): number {
    // The recovery point must lie in a later segment.
    const last = partition.segments.findLast(({ writtenBytes }) => writtenBytes > 0)
    const closed = partition.segments.filter(
      (segment) => segment.baseOffset < (last?.baseOffset ?? 0) && partition.endOf(segment) <= partition.lastStableOffset,
    )
    const bytes = closed.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)
    const dirty = closed.filter((segment) => partition.endOf(segment) > partition.cleanerMark.cleanBelow)
    const dirtyBytes = dirty.reduce((sum, { writtenBytes }) => sum + writtenBytes, 0)
    const end = closed.at(-1)
    return end === undefined || dirtyBytes / bytes <= 0.1 ? 0 : partition.endOf(end)
  }

  async #until(holds: () => boolean): Promise<void> {
    while (!holds()) await breath()
  }

  async #start(steps: number): Promise<{ log: LocalLog; partition: LocalPartition } | null> {
    this.#clock = new ManualClock(this.#clock.now())
    const log = new LocalLog(this.#disk, this.#clock, this.#random, this.#logger, LOG_SETTINGS, inflate, deflate)
    const holder: { partition: LocalPartition | null } = { partition: null }
    const open = async (): Promise<void> => {
      const life = this.#life
      await log.open()
      const partition = (await log.openPartition(TOPIC_ID, 'table', 0, PARTITION_SETTINGS)) as LocalPartition
      holder.partition = partition
      if (life !== this.#life) return
      this.#adopt(partition)
      await this.#check(partition, 0)
      if (life !== this.#life) return
      log.start()
    }
    if (!(await this.#drive(open(), steps))) return null
    return { log, partition: holder.partition as LocalPartition }
  }

  /** What nobody was promised may be gone, from some offset on. */
  #adopt(partition: LocalPartition): void {
    const promised = this.#entries.findLastIndex(({ isDurable, isWritten }) => isDurable || isWritten) + 1
    assert.ok(partition.logEndOffset >= promised, `the log ends at ${partition.logEndOffset}, ${promised} was promised`)
    assert.ok(partition.logEndOffset <= this.#entries.length, `the log ends at ${partition.logEndOffset}, ${this.#entries.length} were appended`)
    assert.ok(partition.logStartOffset <= this.#mayStartAt, `the log begins at ${partition.logStartOffset}, nobody asked for more than ${this.#mayStartAt}`)
    this.#entries.length = partition.logEndOffset
    for (const entry of this.#entries) entry.isWritten = true
  }

  /** What becomes of each entry, as readers of committed records see it. */
  #fates(): Fate[] {
    const fates: Fate[] = []
    const open = new Map<number, number[]>()
    for (const [offset, { kind, producerId }] of this.#entries.entries()) {
      if (kind === 'plain') fates.push('visible')
      else if (kind === 'transactional') {
        fates.push('open')
        open.set(producerId, [...(open.get(producerId) ?? []), offset])
      } else {
        fates.push('marker')
        for (const each of open.get(producerId) ?? []) fates[each] = kind === 'commit' ? 'visible' : 'aborted'
        open.delete(producerId)
      }
    }
    return fates
  }

  /** `compactBelow`: no record that is superseded below it may be left there. */
  async #check(partition: LocalPartition, compactBelow: number): Promise<void> {
    const life = this.#life
    const endOffset = partition.highWatermark
    const seen = await this.#readAll(partition, endOffset)
    // A reader of an earlier life is not heard.
    if (life !== this.#life) return
    const fates = this.#fates()
    const start = partition.logStartOffset
    const active = partition.activeSegment?.baseOffset ?? 0
    for (let offset = Math.max(active, start); offset < endOffset; offset++) {
      if (fates[offset] === 'visible' || fates[offset] === 'open') assert.ok(seen.has(offset), `offset ${offset} is not there, and is in no closed segment`)
    }
    const latest = new Map<string, number>()
    const latestBelow = new Map<string, number>()
    for (let offset = start; offset < this.#entries.length; offset++) {
      if (fates[offset] === 'open' && offset < endOffset) assert.ok(seen.has(offset), `offset ${offset} of an open transaction is gone`)
      if (fates[offset] !== 'visible') continue
      latest.set((this.#entries[offset] as Entry).key, offset)
      if (offset < compactBelow) latestBelow.set((this.#entries[offset] as Entry).key, offset)
    }
    for (const [key, offset] of latest) {
      const { value, atMs } = this.#entries[offset] as Entry
      // Appended since.
      if (seen.has(offset) || offset >= endOffset) continue
      assert.equal(value, null, `the last record of ${key}, at offset ${offset}, is gone`)
      assert.ok(this.#clock.now() - atMs >= DELETE_RETENTION_MS, `the tombstone of ${key} at offset ${offset} is gone after ${this.#clock.now() - atMs} ms`)
      const older = [...seen].find((each) => (this.#entries[each] as Entry).key === key && fates[each] === 'visible')
      assert.equal(older, undefined, `${key} was deleted at offset ${offset}, and is back at ${older}`)
      this.tally.gone++
    }
    for (const offset of seen) {
      const { key } = this.#entries[offset] as Entry
      if (offset < compactBelow) assert.equal(latestBelow.get(key), offset, `${key} at offset ${offset} is superseded by ${latestBelow.get(key)}`)
    }
    this.#checkProducers(partition, start)
  }

  /** The offsets of all records that are not of an aborted transaction, each of which was held against the ledger. */
  async #readAll(partition: LocalPartition, endOffset: number): Promise<Set<number>> {
    const life = this.#life
    const seen = new Set<number>()
    let next = partition.logStartOffset
    while (next < endOffset) {
      const stable = partition.lastStableOffset
      const read = await partition.read(next, { maxBytes: 4_096, atLeastOne: true, endOffset })
      if (life !== this.#life) return seen
      if ('code' in read && next < partition.logStartOffset) {
        next = partition.logStartOffset
        continue
      }
      if ('code' in read) throw new Error(`${read.code} at ${next}: ${read.message}`)
      const last = read.batches.at(-1)
      assert.ok(last !== undefined, `nothing at offset ${next}, the log ends at ${endOffset}`)
      const end = batchBaseOffset(last) + batchOffsetCount(last)
      assert.ok(end > next, `a read at ${next} ends at ${end}`)
      const aborted = partition.abortedTransactions(next, end)
      for (const batch of read.batches) this.#look(batch, aborted, { from: next, stable }, seen)
      next = end
    }
    return seen
  }

  #look(
    batch: Uint8Array,
    aborted: readonly AbortedTransaction[],
    { from, stable }: { readonly from: number; readonly stable: number },
    seen: Set<number>,
  ): void {
    const codec = batchCompression(batch)
    const section = codec === 0 ? batchRecordsSection(batch) : decompressSync(codec, batchRecordsSection(batch), 1_000_000)
    const records = readRecords(batch, section)
    assert.ok(Array.isArray(records), JSON.stringify(records))
    if (batchIsControl(batch)) return
    const base = batchBaseOffset(batch)
    const isAborted =
      batchIsTransactional(batch) &&
      aborted.some(({ producerId, firstOffset, lastOffset }) => producerId === batchProducerId(batch) && firstOffset <= base && base <= lastOffset)
    const fates = this.#fates()
    for (const record of records as BatchRecord[]) {
      const entry = this.#entries[record.offset]
      assert.ok(entry !== undefined, `offset ${record.offset} was never appended`)
      const found = `${Buffer.from(record.key ?? []).toString()}=${record.value === null ? null : Buffer.from(record.value).toString()} ${record.timestampMs}`
      assert.equal(found, `${entry.key}=${entry.value} ${entry.atMs}`, `offset ${record.offset}`)
      assert.equal(batchProducerId(batch), entry.producerId, `the producer of offset ${record.offset}`)
      assert.deepEqual([base, base + batchOffsetCount(batch) - 1], [entry.baseOffset, entry.lastOffset], `the batch of offset ${record.offset}`)
      if (record.offset < from) continue
      const fate = fates[record.offset]
      if (isAborted || record.offset < stable) assert.equal(isAborted, fate === 'aborted', `offset ${record.offset} is ${fate}, readers are told otherwise`)
      if (!isAborted) seen.add(record.offset)
    }
  }

  /** Idempotence survives: the last batch of each producer is known, and what comes next. */
  #checkProducers(partition: LocalPartition, start: number): void {
    for (const producerId of [5, 6, 7]) {
      const last = this.#entries.slice(start).findLast((entry) => entry.producerId === producerId && entry.lastSequence >= 0)
      if (last === undefined) continue
      const baseSequence = last.lastSequence - (last.lastOffset - last.baseOffset)
      const verdict = partition.checkProducer({ producerId, producerEpoch: 0, baseSequence, lastSequence: last.lastSequence })
      assert.deepEqual([verdict.outcome, verdict.baseOffset], ['duplicate', last.baseOffset], `the last batch of producer ${producerId}`)
    }
  }

  async #work({ log, partition }: { readonly log: LocalLog; readonly partition: LocalPartition }): Promise<void> {
    const actions = 10 + this.#random.below(150)
    let reading: Promise<void> | null = null
    for (let i = 0; i < actions; i++) {
      this.#append(log, partition)
      if (this.#random.chance(0.5)) await this.#turns(this.#random.below(8))
      if (this.#random.chance(0.2)) this.#clock.advance(this.#random.pick([100, 300, 1000, 1000, 6_000]))
      if (this.#random.chance(0.01)) this.#raiseStart(partition)
      if (reading === null && this.#random.chance(0.1)) {
        // A reader from the start, while all goes on.
        const read = this.#check(partition, 0).then(() => {
          reading = null
        })
        read.catch((error: unknown) => {
          this.#failed = error
        })
        reading = read
      }
      if (this.#failed !== null) throw this.#failed
    }
    await this.#turns(this.#random.below(200))
    if (this.#failed !== null) throw this.#failed
  }

  #failed: unknown = null

  #raiseStart(partition: LocalPartition): void {
    const target = partition.logStartOffset + this.#random.below(1 + Math.floor((partition.highWatermark - partition.logStartOffset) / 3))
    this.#mayStartAt = Math.max(this.#mayStartAt, target)
    partition.raiseStart(target, () => {})
  }

  #append(log: LocalLog, partition: LocalPartition): void {
    const random = this.#random
    const open = [6, 7].filter((producerId) => partition.transactionStart(producerId) !== null)
    this.tally.appends++
    if (open.length > 0 && random.chance(0.25)) {
      const producerId = random.pick(open)
      const type = random.chance(0.5) ? 'commit' : 'abort'
      const bytes = buildMarker({ type, producerId, producerEpoch: 0, coordinatorEpoch: 0, timestampMs: this.#clock.now() })
      this.#send(log, partition, bytes, [{ key: '', value: null }], { producerId, kind: type, firstSequence: -1 }, true)
      return
    }
    const producerId = random.pick([-1, -1, 5, 6, 7])
    const records = Array.from({ length: 1 + random.below(random.pick([1, 3, 12])) }, () => {
      const key = `k${random.below(random.pick([4, 20, 60]))}`
      const value = random.chance(0.2) ? null : `${this.#nextValue++}`.padEnd(random.below(60), '.')
      return { key, value }
    })
    const isTransactional = producerId > 5
    const firstSequence = producerId < 0 ? -1 : this.#nextSequence(producerId)
    const codec = random.pick(Object.values(COMPRESSION_CODECS))
    const bytes = buildBatch(
      records.map(({ key, value }) => ({ key: Buffer.from(key), value: value === null ? null : Buffer.from(value), timestampMs: this.#clock.now() })),
      {
        attributes: codec | (isTransactional ? TRANSACTIONAL_BIT : 0),
        ...(codec !== 0 && { compress: (section: Uint8Array) => compressSync(codec, section) }),
        ...(producerId >= 0 && { producerId, producerEpoch: 0, baseSequence: firstSequence }),
      },
    )
    this.#send(log, partition, bytes, records, { producerId, kind: isTransactional ? 'transactional' : 'plain', firstSequence }, random.chance(0.7))
  }

  #nextSequence(producerId: number): number {
    return (this.#entries.findLast((entry) => entry.producerId === producerId && entry.lastSequence >= 0)?.lastSequence ?? -1) + 1
  }

  #send(
    log: LocalLog,
    partition: LocalPartition,
    bytes: Uint8Array,
    records: readonly { readonly key: string; readonly value: string | null }[],
    { producerId, kind, firstSequence }: { readonly producerId: number; readonly kind: Entry['kind']; readonly firstSequence: number },
    durable: boolean,
  ): void {
    const mine: Entry[] = []
    log.append({
      batches: [{ partition, bytes }],
      state: [],
      durability: durable ? 'durable' : 'written',
      onAssigned: ([baseOffset]) => {
        assert.equal(baseOffset, this.#entries.length)
        for (const record of records) {
          const batch = { baseOffset, lastOffset: baseOffset + records.length - 1, lastSequence: firstSequence < 0 ? -1 : firstSequence + records.length - 1 }
          mine.push({ ...record, ...batch, producerId, kind, atMs: this.#clock.now(), isDurable: false, isWritten: false })
        }
        this.#entries.push(...mine)
      },
      onDone: this.#heard((failure) => {
        if (failure !== null) return
        for (const entry of mine) {
          entry.isWritten = true
          entry.isDurable = durable
        }
      }),
    })
  }

  #heard(callback: (failure: LogFailure | null) => void): (failure: LogFailure | null) => void {
    const life = this.#life
    return (failure) => {
      if (life === this.#life) callback(failure)
    }
  }

  async #drive(work: Promise<unknown>, steps: number): Promise<boolean> {
    let settled = false
    let failed: unknown = null
    work.then(
      () => {
        settled = true
      },
      (error: unknown) => {
        settled = true
        failed = error
      },
    )
    for (let i = 0; i < steps; i++) {
      await breath()
      if (settled) break
      const turned = this.#clock.endTurn()
      if (!this.#disk.step() && !turned) {
        await breath()
        if (!settled && this.#disk.waitingCount === 0) this.#clock.advance(100)
      }
    }
    if (failed !== null) throw failed
    return settled
  }

  async #turns(count: number): Promise<void> {
    for (let i = 0; i < count; i++) {
      await breath()
      this.#clock.endTurn()
      this.#disk.step()
    }
    await breath()
  }
}

/** Lets all promises that can go on do so. */
function breath(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve))
}

/** DEBUG_LOG=1: what the log has to say, while a seed is looked into. */
const debugLogger = {
  debug: (fields: object, message: string) => console.error(message, fields),
  info: (fields: object, message: string) => console.error(message, fields),
  warn: (fields: object, message: string) => console.error(message, fields),
  error: (fields: object, message: string) => console.error(message, fields),
}
