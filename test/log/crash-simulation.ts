/**
 * A broker's worth of appends on a disk that fails, again and again, and a ledger of what was promised. After every start the
 * ledger is held against what is there; the first broken promise is thrown, with the seed that brings it back.
 */
import assert from 'node:assert/strict'
import { LocalLog } from '../../src/log/local-log.ts'
import type { LogFailure, PartitionLog, PartitionSettings, StateMachine, StateRecord } from '../../src/log/ports.ts'
import { type BatchRecord, buildBatch, readRecords } from '../../src/log/record-batch.ts'
import { DEFAULT_LOG_SETTINGS, type LogSettings } from '../../src/log/settings.ts'
import { CrashingDisk, type DiskFaults } from '../../src/testing/crashing-disk.ts'
import { ManualClock } from '../../src/testing/manual-clock.ts'
import { SeededRandom } from '../../src/testing/seeded-random.ts'
import { randomUuid } from '../../src/util/uuid.ts'
import { MapMachine } from './log-harness.ts'

const LOG_SETTINGS: LogSettings = {
  ...DEFAULT_LOG_SETTINGS,
  journalFileBytes: 65_536,
  bypassBytes: 6_000,
  commitBytes: 16_384,
  checkpointBytes: 24_576,
  tailCacheBytes: 8_192,
  openFilesMax: 12,
  stateSnapshotBytes: 6_000,
  retentionCheckMs: 20_000,
}

const PARTITION_SETTINGS: PartitionSettings = {
  segmentBytes: 12_000,
  segmentMs: 604_800_000,
  indexIntervalBytes: 600,
  retentionMs: -1,
  retentionBytes: 60_000,
  deleteOld: true,
}

const TOPIC_KIND = 1
const GROUP_KIND = 2

/** One record that was appended, at the offset it was given. */
interface Entry {
  readonly value: string
  readonly offset: number
  promise: 'none' | 'written' | 'durable'
  /** Read by somebody through the high watermark. */
  readonly stateSlot: number
}

interface PartitionLedger {
  readonly topicId: string
  readonly topicName: string
  readonly index: number
  /** By offset; replaced only by entries behind what survived. */
  entries: Entry[]
  /** The highest start that was asked for; what lies below may be gone. */
  mayStartAt: number
  mustStartAt: number
  nextSequence: number
  log: PartitionLog | null
  /** The topic's deletion was asked for. */
  leaving: boolean
}

interface StateEntry {
  readonly records: readonly StateRecord[]
  acknowledged: boolean
}

export interface SimulationOptions {
  readonly seed: number
  readonly crashes: number
  readonly faults?: Partial<DiskFaults>
}

export interface SimulationTally {
  crashes: number
  appends: number
  acknowledged: number
}

export async function simulateCrashes({ seed, crashes, faults }: SimulationOptions): Promise<SimulationTally> {
  const simulation = new Simulation(seed, faults ?? {})
  try {
    for (let i = 0; i < crashes; i++) await simulation.life()
    await simulation.lastStart()
  } catch (error) {
    throw new Error(`seed ${seed}, after ${simulation.tally.crashes} crashes: ${error instanceof Error ? error.message : String(error)}`, { cause: error })
  }
  return simulation.tally
}

class Simulation {
  readonly tally: SimulationTally = { crashes: 0, appends: 0, acknowledged: 0 }
  readonly #random: SeededRandom
  #disk: CrashingDisk
  #clock = new ManualClock()
  #partitions: PartitionLedger[] = []
  /** Every append of state, in order: what survives is the first so many. */
  #states: StateEntry[] = []
  #topics = new MapMachine(TOPIC_KIND)
  #groups = new MapMachine(GROUP_KIND)
  #nextValue = 0
  #machineFailed = false
  /** Rises with every start: callbacks of an earlier life are not heard. */
  #life = 0

  constructor(seed: number, faults: Partial<DiskFaults>) {
    this.#random = new SeededRandom(seed)
    this.#disk = new CrashingDisk(new SeededRandom(seed + 1), faults)
  }

  /** Start, check, append for a while, crash: at any point of it. */
  async life(): Promise<void> {
    const steps = this.#random.chance(0.15) ? this.#random.below(60) : Number.POSITIVE_INFINITY
    const log = await this.#start(steps)
    if (log !== null) await this.#work(log)
    this.tally.crashes++
    this.#life++
    // A crash while the start of before was still at it: what the machine lost is not dealt with yet.
    const kill = this.#random.chance(0.3)
    this.#machineFailed = !kill || (log === null && this.#machineFailed)
    this.#disk = kill ? this.#disk.kill() : this.#disk.crash()
    if (!kill) this.#forgetUnsynced()
  }

  async lastStart(): Promise<void> {
    const log = await this.#start(Number.POSITIVE_INFINITY)
    assert.ok(log !== null)
    await this.#drive(log.close(), Number.POSITIVE_INFINITY)
    const again = await this.#start(Number.POSITIVE_INFINITY)
    assert.ok(again !== null)
  }

  /** What is only written may be gone after the machine failed. */
  #forgetUnsynced(): void {
    for (const partition of this.#partitions) for (const entry of partition.entries) if (entry.promise === 'written') entry.promise = 'none'
  }

  /** Null where `steps` were not enough. */
  async #start(steps: number): Promise<LocalLog | null> {
    this.#clock = new ManualClock()
    this.#topics = new MapMachine(TOPIC_KIND)
    this.#groups = new MapMachine(GROUP_KIND)
    const log = new LocalLog(this.#disk, this.#clock, this.#random, process.env.DEBUG_LOG ? debugLogger : null, LOG_SETTINGS)
    log.register(this.#topics)
    log.register(this.#groups)
    const opened = await this.#drive(this.#open(log), steps)
    return opened ? log : null
  }

  async #open(log: LocalLog): Promise<true> {
    const life = this.#life
    await log.open()
    if (life !== this.#life) return true
    this.#checkState()
    for (const partition of this.#partitions) {
      const opened = await log.openPartition(partition.topicId, partition.topicName, partition.index, PARTITION_SETTINGS)
      if (life !== this.#life) return true
      partition.log = opened
      await this.#checkPartition(partition)
    }
    log.start()
    return true
  }

  /** The state is that of the first appends of state, and of all that were acknowledged. */
  #checkState(): void {
    const acknowledged = this.#states.findLastIndex((state) => state.acknowledged) + 1
    const found = describe([this.#topics, this.#groups])
    const machines = [new MapMachine(TOPIC_KIND), new MapMachine(GROUP_KIND)]
    let survived = -1
    for (let count = 0; count <= this.#states.length; count++) {
      if (count > 0) applyState(machines, (this.#states[count - 1] as StateEntry).records)
      if (count >= acknowledged && describe(machines) === found) {
        survived = count
        break
      }
    }
    assert.notEqual(survived, -1, `the state is no prefix of what was appended that holds all ${acknowledged} acknowledged:\n${found}`)
    // Several counts may describe the same state; a count is exact where groups leave their mark, and all of ours do.
    this.#states.length = survived
    for (const state of this.#states) state.acknowledged = true
    this.#partitions = this.#partitions.filter((partition) => {
      const exists = this.#topics.values.has(partition.topicId)
      return exists
    })
    for (const partition of this.#partitions) partition.leaving = false
  }

  async #checkPartition(partition: PartitionLedger): Promise<void> {
    const log = partition.log as PartitionLog
    const name = `${partition.topicName}-${partition.index}`
    if (process.env.DEBUG_LOG)
      console.error(
        this.tally.crashes,
        name,
        partition.topicId,
        log.logStartOffset,
        log.logEndOffset,
        this.#disk
          .list(`topics/${name}`)
          .map((f) => `${f}=${this.#disk.size(`topics/${name}/${f}`)}`)
          .join(' '),
      )
    assert.equal(log.highWatermark, log.logEndOffset)
    if (log.logStartOffset > partition.mayStartAt) {
      // Retention then, which leaves its bytes but for what fills a segment.
      const left = partition.entries.slice(log.logStartOffset).reduce((sum, entry) => sum + entry.value.length, 0)
      assert.ok(left > PARTITION_SETTINGS.retentionBytes / 2, `${name} starts at ${log.logStartOffset}, nobody asked beyond ${partition.mayStartAt}`)
    }
    assert.ok(log.logStartOffset >= partition.mustStartAt, `${name} starts at ${log.logStartOffset}, below ${partition.mustStartAt}`)
    const promisedEnd = (partition.entries.findLast((entry) => entry.promise !== 'none')?.offset ?? -1) + 1
    assert.ok(log.logEndOffset >= promisedEnd, `${name} ends at ${log.logEndOffset}, but ${promisedEnd} was promised`)
    const life = this.#life
    const records = await readAll(log)
    if (life !== this.#life) return
    assert.equal(records.length, log.logEndOffset - log.logStartOffset, `${name} has a gap`)
    records.forEach((record, i) => {
      const offset = log.logStartOffset + i
      assert.equal(record.offset, offset, `${name} has a gap before ${record.offset}`)
      const expected = partition.entries[offset]
      assert.equal(text(record), expected?.value, `${name} at offset ${offset}`)
      if (expected !== undefined && expected.stateSlot >= 0) {
        assert.ok(expected.stateSlot < this.#states.length, `${name} at offset ${offset}: half of an atomic group, its state is missing`)
      }
    })
    this.#checkGroups(partition, log)
    this.#checkProducer(partition, log)
    partition.entries.length = log.logEndOffset
    for (const entry of partition.entries) if (entry.promise === 'none') entry.promise = 'written'
    partition.mayStartAt = log.logStartOffset
    partition.mustStartAt = log.logStartOffset
  }

  /** Whatever state survived, its batches did. */
  #checkGroups(partition: PartitionLedger, log: PartitionLog): void {
    for (const entry of partition.entries) {
      if (entry.stateSlot < 0 || entry.stateSlot >= this.#states.length) continue
      assert.ok(
        entry.offset < log.logEndOffset,
        `offset ${entry.offset} is missing: half of an atomic group, its state is there: ${partition.topicName}-${partition.index} ${JSON.stringify({ ...entry, value: entry.value.slice(0, 10) })} of ${this.#states.length}, ends ${log.logEndOffset}; ${partition.entries
          .slice(log.logEndOffset)
          .map((e) => `${e.offset} ${e.value.slice(0, 8)} ${e.value.length} ${e.promise} ${e.stateSlot}`)
          .join('|')} ${JSON.stringify(this.#states[entry.stateSlot]?.records.map((r) => r.key + r.value))}`,
      )
    }
  }

  /** The last batch that is there is known as a duplicate, if it came from the producer. */
  #checkProducer(partition: PartitionLedger, log: PartitionLog): void {
    // What retention took before a checkpoint remembered its producer is forgotten with it.
    const mine = partition.entries.slice(log.logStartOffset, log.logEndOffset).findLast((entry) => entry.value.startsWith('p'))
    if (mine === undefined) return
    const sequence = Number(mine.value.split(':')[1])
    const verdict = log.checkProducer({ producerId: 5, producerEpoch: 0, baseSequence: sequence, lastSequence: sequence })
    assert.deepEqual([verdict.outcome, verdict.baseOffset], ['duplicate', mine.offset], `producer's batch ${sequence} at ${mine.offset}`)
    partition.nextSequence = sequence + 1
  }

  async #work(log: LocalLog): Promise<void> {
    const actions = 5 + this.#random.below(60)
    for (let i = 0; i < actions; i++) {
      this.#act(log)
      if (this.#random.chance(0.6)) await this.#turns(this.#random.below(5))
      if (this.#random.chance(0.1)) this.#clock.advance(this.#random.pick([100, 1000, 1000, 20_000]))
    }
    await this.#turns(this.#random.below(40))
  }

  #act(log: LocalLog): void {
    const random = this.#random
    const live = this.#partitions.filter((partition) => !partition.leaving)
    if (live.length === 0 || (live.length < 6 && random.chance(0.08))) this.#createTopic(log)
    else if (random.chance(0.02)) this.#deleteTopic(log, random.pick(live))
    else if (random.chance(0.04)) this.#raiseStart(random.pick(live))
    else this.#append(log, live)
  }

  #createTopic(log: LocalLog): void {
    const topicId = randomUuid(this.#random)
    // A name that was used before now and then.
    const taken = new Set(this.#topics.values.values())
    const topicName = ['a', 'b', 'c', 'd', 'e', 'f', 'g'].find((name) => !taken.has(name))
    if (topicName === undefined) return
    this.#appendState(log, [{ kind: TOPIC_KIND, key: topicId, value: Buffer.from(topicName) }])
    for (let index = 0; index < 1 + this.#random.below(2); index++) {
      const created = log.createPartition(topicId, topicName, index, PARTITION_SETTINGS)
      this.#partitions.push({ topicId, topicName, index, entries: [], mayStartAt: 0, mustStartAt: 0, nextSequence: 0, log: created, leaving: false })
      this.#watch(this.#partitions.at(-1) as PartitionLedger)
    }
  }

  #deleteTopic(log: LocalLog, { topicId }: PartitionLedger): void {
    for (const partition of this.#partitions) if (partition.topicId === topicId) partition.leaving = true
    // As the registry does: the name is free at once, the files go when the deletion is durable.
    this.#appendState(log, [{ kind: TOPIC_KIND, key: topicId, value: null }], () => log.deleteTopic(topicId))
  }

  #raiseStart(partition: PartitionLedger): void {
    const log = partition.log as PartitionLog
    const target = log.logStartOffset + this.#random.below(1 + log.highWatermark - log.logStartOffset)
    partition.mayStartAt = Math.max(partition.mayStartAt, target)
    log.raiseStart(
      target,
      this.#heard((failure) => {
        if (failure === null) partition.mustStartAt = Math.max(partition.mustStartAt, target)
      }),
    )
  }

  #append(log: LocalLog, live: readonly PartitionLedger[]): void {
    const random = this.#random
    this.tally.appends++
    const withState = random.chance(0.25)
    const durable = withState || random.chance(0.6)
    const targets = random.chance(0.3) ? [random.pick(live), random.pick(live)] : [random.pick(live)]
    const stateSlot = withState ? this.#states.length : -1
    const entries: Entry[] = []
    const sequenced = targets.length === 1 && random.chance(0.3)
    const batches = targets.map((partition) => {
      const count = sequenced ? 1 : 1 + random.below(3)
      const size = random.chance(0.1) ? 7_000 + random.below(3_000) : random.below(400)
      const values = Array.from({ length: count }, () => {
        const id = sequenced ? `p:${partition.nextSequence}:${this.#nextValue++}` : `v:${this.#nextValue++}`
        return id.padEnd(size, '.')
      })
      const options = sequenced ? { producerId: 5, producerEpoch: 0, baseSequence: partition.nextSequence++ } : {}
      const bytes = buildBatch(
        values.map((value) => ({ key: null, value: Buffer.from(value), timestampMs: this.#clock.now() })),
        options,
      )
      return { partition, values, bytes }
    })
    const records = withState ? [{ kind: GROUP_KIND, key: `g${random.below(12)}`, value: Buffer.from(`${this.#nextValue++}`) }] : []
    if (withState) this.#states.push({ records, acknowledged: false })
    const mine = withState ? this.#states.at(-1) : undefined
    for (const record of records) this.#groups.apply(record.key, record.value)
    log.append({
      batches: batches.map(({ partition, bytes }) => ({ partition: partition.log as PartitionLog, bytes })),
      state: records,
      durability: durable ? 'durable' : 'written',
      onAssigned: (offsets) => {
        batches.forEach(({ partition, values }, i) => {
          values.forEach((value, delta) => {
            const offset = (offsets[i] as number) + delta
            const entry: Entry = { value, offset, promise: 'none', stateSlot }
            assert.equal(offset, partition.entries.length, `${partition.topicName}-${partition.index}: offsets are consecutive`)
            partition.entries.push(entry)
            entries.push(entry)
          })
        })
      },
      onDone: this.#heard((failure) => {
        if (failure !== null) return
        this.tally.acknowledged++
        if (mine !== undefined) mine.acknowledged = true
        for (const entry of entries) entry.promise = durable ? 'durable' : entry.promise === 'none' ? 'written' : entry.promise
      }),
    })
  }

  #appendState(log: LocalLog, records: readonly StateRecord[], onDurable?: () => void): void {
    const entry: StateEntry = { records, acknowledged: false }
    this.#states.push(entry)
    applyState([this.#topics, this.#groups], records)
    log.append({
      batches: [],
      state: records,
      durability: 'durable',
      onDone: this.#heard((failure) => {
        if (failure !== null) return
        entry.acknowledged = true
        onDurable?.()
      }),
    })
  }

  /** What readers saw stays the same while the process lives; retention is heard of. */
  #watch(partition: PartitionLedger): void {
    const log = partition.log as PartitionLog
    log.onStartRaised = (offset) => {
      partition.mayStartAt = Math.max(partition.mayStartAt, offset)
    }
  }

  #heard(callback: (failure: LogFailure | null) => void): (failure: LogFailure | null) => void {
    const life = this.#life
    return (failure) => {
      if (life === this.#life) callback(failure)
    }
  }

  /** Waits for `work` while disk and clock go on, at most `steps`; whether it came to its end. */
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
        if (!settled && this.#disk.waitingCount === 0) this.#clock.advance(1000)
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

async function readAll(log: PartitionLog): Promise<BatchRecord[]> {
  const records: BatchRecord[] = []
  let next = log.logStartOffset
  while (next < log.highWatermark) {
    const read = await log.read(next, { maxBytes: 16_384, atLeastOne: true, endOffset: log.highWatermark })
    if ('code' in read) throw new Error(`${read.code}: ${read.message}`)
    assert.ok(read.batches.length > 0, `nothing at offset ${next} of ${log.topicName}-${log.index}, which ends at ${log.logEndOffset}`)
    for (const batch of read.batches) {
      for (const record of readRecords(batch) as BatchRecord[]) {
        if (record.offset < next) continue
        records.push(record)
        next = record.offset + 1
      }
    }
  }
  return records
}

function text(record: BatchRecord): string {
  return Buffer.from(record.value as Uint8Array).toString()
}

function applyState(machines: readonly StateMachine[], records: readonly StateRecord[]): void {
  for (const { kind, key, value } of records) machines.find((machine) => machine.kind === kind)?.apply(key, value)
}

function describe(machines: readonly MapMachine[]): string {
  return machines.map((machine) => [...machine.values].map(([key, value]) => `${key}=${value}`).sort()).join('\n')
}

/** DEBUG_LOG=1: what the log has to say, while a seed is looked into. */
const debugLogger = {
  debug: (fields: object, message: string) => console.error(message, fields),
  info: (fields: object, message: string) => console.error(message, fields),
  warn: (fields: object, message: string) => console.error(message, fields),
  error: (fields: object, message: string) => console.error(message, fields),
}
