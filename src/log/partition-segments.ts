import type { LogCore } from './log-core.ts'
import { lastSlot } from './offset-index.ts'
import type { RecoveryPoint } from './partition-start.ts'
import type { PartitionSettings } from './ports.ts'
import { batchLastOffsetDelta } from './record-batch.ts'
import { EMPTY_FILES, Segment } from './segment.ts'

/** The segments of one partition, rising by base offset; the last one is appended to. Empty before the first record. */
export class PartitionSegments {
  readonly all: Segment[]
  readonly #core: LogCore
  #layout = 0

  constructor(core: LogCore, all: Segment[]) {
    this.#core = core
    this.all = all
  }

  get active(): Segment | undefined {
    return this.all.at(-1)
  }

  get sizeBytes(): number {
    return this.all.reduce((sum, segment) => sum + segment.writtenBytes, 0)
  }

  /** Changes when the cleaner put a segment in the place of others: what was read of those may be half. */
  get layout(): number {
    return this.#layout
  }

  /** Whether a name of a file is not on disk yet. */
  get needsLink(): boolean {
    return this.all.some((segment) => segment.needsLink)
  }

  /** Whether there is anything a checkpoint would do. */
  get isDirty(): boolean {
    return this.all.some(({ isDirty }) => isDirty)
  }

  has(segment: Segment): boolean {
    return this.all.includes(segment)
  }

  /** The segment that holds `offset`. */
  at(offset: number): Segment | undefined {
    return this.all[lastSlot(this.all.length, (i) => (this.all[i] as Segment).baseOffset <= offset)]
  }

  /** The first offset behind what is written of `segment`, where all below `writtenOffset` is. */
  endOf(segment: Segment, writtenOffset: number): number {
    const next = this.all[this.all.indexOf(segment) + 1]
    return next === undefined ? writtenOffset : Math.min(next.baseOffset, writtenOffset)
  }

  /** The place behind all that is written, which ends at `writtenOffset`. */
  writtenUpTo(writtenOffset: number): RecoveryPoint {
    const last = this.all.findLast(({ writtenBytes }) => writtenBytes > 0)
    return { segmentBase: last?.baseOffset ?? writtenOffset, position: last?.writtenBytes ?? 0, offset: writtenOffset }
  }

  /** The segment that a batch is appended to. */
  forBatch(bytes: Uint8Array, baseOffset: number, folder: string, settings: PartitionSettings): Segment {
    const lastOffset = baseOffset + batchLastOffsetDelta(bytes)
    const { active } = this
    const isFull = active?.mustRoll(bytes, lastOffset, settings, this.#core.clock.now()) ?? true
    return active === undefined || isFull ? this.add(folder, baseOffset, settings.indexIntervalBytes) : active
  }

  /** Begins a new one; nothing is appended to the one before any more. */
  add(folder: string, baseOffset: number, indexIntervalBytes: number): Segment {
    const segment = new Segment(this.#core.pool, folder, { ...EMPTY_FILES, baseOffset }, { indexIntervalBytes, openedAtMs: this.#core.clock.now() })
    this.active?.seal()
    this.all.push(segment)
    return segment
  }

  /** Puts `fresh` in the place of segments that follow each other, the first of which has its base offset. */
  replace(old: readonly Segment[], fresh: Segment): void {
    this.all.splice(this.all.indexOf(old[0] as Segment), old.length, fresh)
    this.#layout++
  }

  /** Deletes what lies wholly below `offset`. */
  removeBelow(offset: number): void {
    while (this.all.length > 1 && (this.all[1] as Segment).baseOffset <= offset) this.#delete(this.all.shift() as Segment)
  }

  #delete(segment: Segment): void {
    this.#core.pressure.add(segment.syncedBytes - segment.sizeBytes)
    this.#core.inBackground(`deleting ${segment.log.path}`, segment.delete(this.#core.fileSystem, this.#core.indexCache))
  }
}
