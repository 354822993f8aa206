import type { LocalPartition } from '../local-partition.ts'
import type { LogCore } from '../log-core.ts'
import type { AbortedTransaction } from '../ports.ts'
import { batchBaseOffset, batchIsControl, batchLeaderEpoch, batchOffsetCount, emptyBatch } from '../record-batch.ts'
import { EMPTY_FILES, Segment } from '../segment.ts'
import type { Pacer } from './pacer.ts'

/** Ends the names of files that are being written; a start removes them. */
export const CLEANED = '.cleaned'

/** Batches are written together up to so many bytes. */
const WRITE_BYTES = 262_144

/** Offsets whose batches went, all of one leader epoch. */
interface Gap {
  readonly baseOffset: number
  endOffset: number
  readonly leaderEpoch: number
}

/**
 * A segment that the cleaner writes, beside those it comes from. Its offsets follow each other without a gap, like those of any segment:
 * where batches went, one without records stands, so that damage is still told from what was never there.
 */
export class CleanedSegment {
  readonly segment: Segment
  readonly #pacer: Pacer
  readonly #aborted: ReadonlyMap<number, AbortedTransaction>
  #waiting: Uint8Array[] = []
  #waitingBytes = 0
  #gap: Gap | null = null
  /** Batches in it. */
  count = 0

  /** `aborted`: by the offset of its marker. */
  constructor(core: LogCore, pacer: Pacer, segment: Segment, aborted: ReadonlyMap<number, AbortedTransaction>) {
    this.#pacer = pacer
    this.segment = segment
    this.#aborted = aborted
    // A file of a former attempt may be there; and all are to be there when they are renamed together.
    for (const { path } of segment.files) {
      const file = core.fileSystem.open(path, 'write')
      file.truncate(0)
      file.close()
    }
  }

  static begin(core: LogCore, pacer: Pacer, folder: string, from: Segment, indexIntervalBytes: number, aborted: ReadonlyMap<number, AbortedTransaction>) {
    const options = { indexIntervalBytes, openedAtMs: from.openedAtMs, suffix: CLEANED }
    return new CleanedSegment(core, pacer, new Segment(core.pool, folder, { ...EMPTY_FILES, baseOffset: from.baseOffset }, options), aborted)
  }

  /** A batch went. */
  drop(batch: Uint8Array): void {
    const baseOffset = batchBaseOffset(batch)
    const endOffset = baseOffset + batchOffsetCount(batch)
    const leaderEpoch = batchLeaderEpoch(batch)
    if (this.#gap?.leaderEpoch === leaderEpoch) {
      this.#gap.endOffset = endOffset
      return
    }
    this.#fillGap()
    this.#gap = { baseOffset, endOffset, leaderEpoch }
  }

  /** A batch stays, whole or with fewer records. */
  async keep(batch: Uint8Array): Promise<void> {
    this.#fillGap()
    const aborted = batchIsControl(batch) ? this.#aborted.get(batchBaseOffset(batch)) : undefined
    if (aborted !== undefined) this.segment.txnIndex.add(aborted)
    this.#push(batch)
    if (this.#waitingBytes >= WRITE_BYTES) await this.#write()
  }

  /** No batch follows. */
  end(): void {
    this.#fillGap()
  }

  /** All of it, and its indexes, are on disk when it resolves. */
  async finish(): Promise<void> {
    this.end()
    await this.#write()
    this.segment.seal()
    await this.segment.sync(true)
  }

  /** Removes it, unless a swap has begun; not where its folder is another's by now, or goes as a whole. */
  async discard(partition: LocalPartition, { fileSystem }: LogCore): Promise<void> {
    this.segment.close()
    const { path } = this.segment.log
    if (partition.gone || !path.endsWith(CLEANED) || !path.startsWith(`${partition.folder}/`)) return
    // What cannot be removed is when the segment is cleaned again, or at the next start.
    for (const file of this.segment.files) await fileSystem.remove(file.path).catch(() => {})
  }

  #fillGap(): void {
    const gap = this.#gap
    if (gap === null) return
    this.#gap = null
    this.#push(emptyBatch(gap.baseOffset, gap.endOffset - gap.baseOffset, gap.leaderEpoch))
  }

  #push(batch: Uint8Array): void {
    this.count++
    this.#waiting.push(batch)
    this.#waitingBytes += batch.length
  }

  async #write(): Promise<void> {
    if (this.#waiting.length === 0) return
    const batches = this.#waiting
    this.#waiting = []
    this.#waitingBytes = 0
    let position = this.segment.writtenBytes
    await this.segment.log.writeAsync(batches, position)
    this.#pacer.begin()
    for (const batch of batches) {
      this.segment.alreadyWritten(batch, position)
      position += batch.length
    }
    this.segment.sizeBytes = position
  }
}
