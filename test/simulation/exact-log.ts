import type { FetchedRecord } from './workloads/fetched-records.ts'
import type { World } from './world.ts'

interface ExactRecord {
  readonly value: string
  readonly timestampMs: number
}

interface ExactBatch {
  readonly baseOffset: number
  readonly sizeBytes: number
}

/** What may be cut off a partition's head without anybody asking; -1: nothing. */
export interface Retention {
  readonly ms: number
  readonly bytes: number
}

/**
 * A partition that one idempotent producer alone writes, with acks=all, in order, trying again until it is told: nothing is lost,
 * twice, or out of order, so record n stands at offset n, and everything the broker says of the partition can be compared.
 */
export class ExactPartition {
  readonly topic: string
  readonly index: number
  readonly records: ExactRecord[] = []
  readonly retention: Retention
  /** Everything below was acknowledged, or shown. */
  durableEnd = 0
  /** The highest log start that anybody was told. */
  logStart = 0
  /** Up to here somebody asked to delete. */
  deletable = 0
  readonly #world: World
  readonly #batches: ExactBatch[] = []
  readonly #epochs: number[] = []

  constructor(world: World, topic: string, index: number, retention: Retention = { ms: -1, bytes: -1 }) {
    this.#world = world
    this.topic = topic
    this.index = index
    this.retention = retention
  }

  get name(): string {
    return `${this.topic}-${this.index}`
  }

  /** A batch was made, and will be sent until it is acknowledged. Answers its base offset. */
  write(records: readonly ExactRecord[], sizeBytes: number): number {
    const baseOffset = this.records.length
    this.records.push(...records)
    this.#batches.push({ baseOffset, sizeBytes })
    return baseOffset
  }

  acknowledged(baseOffset: number, count: number, told: number): void {
    if (told !== baseOffset) this.#world.violate(`${this.name}: ${this.records[baseOffset]?.value} was given offset ${told}, it is number ${baseOffset}`)
    this.durableEnd = Math.max(this.durableEnd, baseOffset + count)
  }

  shown(records: readonly FetchedRecord[]): void {
    for (const { offset, value, timestampMs, leaderEpoch } of records) {
      const expected = this.records[offset]
      if (expected?.value !== value || expected.timestampMs !== timestampMs) {
        this.#world.violate(
          `${this.name} offset ${offset} should hold ${expected?.value ?? 'nothing'} of ${expected?.timestampMs}, and holds ${value} of ${timestampMs}`,
        )
        return
      }
      const epoch = this.#epochs[offset]
      if (epoch !== undefined && epoch !== leaderEpoch) this.#world.violate(`${this.name} offset ${offset} was of epoch ${epoch} and is of ${leaderEpoch}`)
      this.#epochs[offset] = leaderEpoch
      this.durableEnd = Math.max(this.durableEnd, offset + 1)
    }
  }

  /** The epoch that the record at `offset` was shown with; undefined where it was not. */
  epochAt(offset: number): number | undefined {
    return this.#epochs[offset]
  }

  /** The broker said where the log ends for readers; `floor` was durable before it was asked. */
  toldEnd(end: number, floor: number): void {
    if (end > this.records.length) this.#world.violate(`${this.name} ends at ${end}, only ${this.records.length} records were ever sent`)
    // With a full disk what is in the journal may wait for room before it is shown.
    if (end < floor && !this.#world.diskFails) this.#world.violate(`${this.name} ends at ${end}, but ${floor} were told to be durable`)
    this.durableEnd = Math.max(this.durableEnd, end)
  }

  /** The broker said where the log begins; `floor` was told before it was asked. */
  toldStart(start: number, floor: number): void {
    if (start < floor) this.#world.violate(`${this.name}: the log start went back from ${floor} to ${start}`)
    if (start <= this.logStart) return
    const why = start <= this.deletable ? null : this.#mustStay(start)
    if (why !== null) this.#world.violate(`${this.name}: the log start is ${start}, it was ${this.logStart}; ${why}`)
    this.logStart = start
    this.durableEnd = Math.max(this.durableEnd, start)
  }

  /** Why not everything below `start` may be gone; null where it may. */
  #mustStay(start: number): string | null {
    const { ms, bytes } = this.retention
    if (start > this.records.length) return `only ${this.records.length} records were ever sent`
    if (ms < 0 && bytes < 0) return `nobody asked for more than ${this.deletable}`
    if (ms >= 0) {
      const { highestWallMs } = this.#world.time
      const young = this.records.findIndex(
        ({ timestampMs }, offset) => offset >= Math.max(this.logStart, this.deletable) && offset < start && highestWallMs - timestampMs <= ms,
      )
      if (young >= 0) return `offset ${young} was never older than ${highestWallMs - (this.records[young]?.timestampMs ?? 0)} ms`
    }
    const left = this.bytesFrom(start)
    return bytes >= 0 && left < bytes ? `${left} bytes are left, ${bytes} must be` : null
  }

  /** Bytes of all batches that begin at `offset` or later. */
  bytesFrom(offset: number): number {
    return this.#batches.reduce((sum, batch) => sum + (batch.baseOffset >= offset ? batch.sizeBytes : 0), 0)
  }

  /** A time was looked up; the log began at or above `low` before, and at `high` after. `end` was durable before. */
  foundTime(
    asked: number,
    found: { readonly offset: number; readonly timestamp: number },
    { low, high, end }: { low: number; high: number; end: number },
  ): void {
    const what = `${this.name}: the first offset of ${asked} or later is said to be ${found.offset} (of ${found.timestamp})`
    const first = this.records.findIndex(({ timestampMs }, offset) => offset >= high && timestampMs >= asked)
    if (found.offset < 0) {
      if (first >= 0 && first < end && !this.#world.diskFails) this.#world.violate(`${what}, ${first} is of ${this.records[first]?.timestampMs}`)
      return
    }
    const record = this.records[found.offset]
    if (record === undefined || record.timestampMs !== found.timestamp) this.#world.violate(`${what}, it is of ${record?.timestampMs}`)
    else if (record.timestampMs < asked) this.#world.violate(what)
    else if (found.offset < low) this.#world.violate(`${what}, the log starts at ${low}`)
    else if (first >= 0 && first < found.offset) this.#world.violate(`${what}, ${first} is of ${this.records[first]?.timestampMs}`)
  }

  /** The record with the largest timestamp was asked for. */
  foundLargest(found: { readonly offset: number; readonly timestamp: number }, { low, high, end }: { low: number; high: number; end: number }): void {
    const largest = this.records.slice(high, end).reduce((max, { timestampMs }) => Math.max(max, timestampMs), -1)
    const what = `${this.name}: the largest timestamp in ${low}..${high} to ${end} is said to be ${found.timestamp} at ${found.offset}`
    if (found.offset < 0) {
      if (largest >= 0 && !this.#world.diskFails) this.#world.violate(`${what}, there is ${largest}`)
      return
    }
    const record = this.records[found.offset]
    if (record === undefined || record.timestampMs !== found.timestamp) this.#world.violate(`${what}, it is of ${record?.timestampMs}`)
    else if (found.offset < low) this.#world.violate(what)
    else if (record.timestampMs < largest && !this.#world.diskFails) this.#world.violate(`${what}, there is ${largest}`)
  }

  /** An epoch's end was asked for; `end` was durable before, the log began at `high` after. What is below that may be of any epoch. */
  foundEpochEnd(asked: number, found: { readonly leaderEpoch: number; readonly endOffset: number }, { high, end }: { high: number; end: number }): void {
    if (found.endOffset < 0) return
    const what = `${this.name}: epoch ${asked} is said to end at ${found.endOffset} (epoch ${found.leaderEpoch})`
    if (found.leaderEpoch > asked) this.#world.violate(what)
    this.#epochs.forEach((epoch, offset) => {
      if (offset < high || offset >= end) return
      if (epoch <= asked && offset >= found.endOffset) this.#world.violate(`${what}, offset ${offset} is of ${epoch}`)
      if (epoch > asked && offset < found.endOffset) this.#world.violate(`${what}, offset ${offset} is of ${epoch}`)
    })
  }
}

/** What was told within one start of the broker and must not go back while it is up. */
export class Rising {
  readonly #world: World
  readonly #what: string
  #boot = -1
  #value = 0

  constructor(world: World, what: string) {
    this.#world = world
    this.#what = what
  }

  /** `boot` is the start of the broker that was up when it was asked. */
  told(value: number, boot: number): void {
    if (boot !== this.#world.boots) return
    if (boot === this.#boot && value < this.#value) this.#world.violate(`${this.#what} went back from ${this.#value} to ${value}`)
    this.#boot = boot
    this.#value = value
  }
}
