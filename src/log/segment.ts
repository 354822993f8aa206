import type { FileSystem } from '../runtime/files.ts'
import type { FilePool, PooledFile } from '../storage/file-pool.ts'
import type { IndexCache } from './index-cache.ts'
import { IndexFile } from './index-file.ts'
import { OFFSET_ENTRY_BYTES, writeOffsetEntry } from './offset-index.ts'
import type { PartitionSettings } from './ports.ts'
import { batchBaseOffset, batchLastOffsetDelta, batchMaxTimestampMs, batchSizeBytes } from './record-batch.ts'
import { readTimeEntry, TIME_ENTRY_BYTES, writeTimeEntry } from './time-index.ts'
import { TxnIndex } from './txn-index.ts'

/** A timestamp no record has: before any. */
const NO_TIMESTAMP = -1
/** Offsets of a segment are 32-bit numbers relative to its base, positions likewise. */
const MAX_RELATIVE = 0x7fff_ffff

/** What the folder says of a segment that exists. */
export interface SegmentFiles {
  readonly baseOffset: number
  readonly logBytes: number
  readonly indexBytes: number
  readonly timeIndexBytes: number
  readonly txnIndexBytes: number
}

export interface SegmentOptions {
  readonly indexIntervalBytes: number
  /** Wall clock of its first append, for records without a time. */
  readonly openedAtMs: number
  /** Behind the names of its files, while they are no part of the log. */
  readonly suffix?: string
}

/** One of a segment's files. */
export interface SegmentFile {
  readonly path: string
  /** It was renamed: an open descriptor stays good. */
  moved(path: string): void
}

/** Of a segment that is about to be made. */
export const EMPTY_FILES: Omit<SegmentFiles, 'baseOffset'> = { logBytes: 0, indexBytes: 0, timeIndexBytes: 0, txnIndexBytes: 0 }

/**
 * One file of a partition's log, its two sparse indexes and its aborted transactions, in Kafka's layout and rules (LogSegment.java). Bytes reach the
 * page cache in `write`; the disk when the checkpoint calls `sync`.
 */
export class Segment {
  readonly baseOffset: number
  readonly log: PooledFile
  readonly offsetIndex: IndexFile
  readonly timeIndex: IndexFile
  readonly txnIndex: TxnIndex
  /** Bytes given away to batches, the waiting ones too: where the next one begins. */
  sizeBytes: number
  /** Bytes in the file. */
  writtenBytes: number
  /** Bytes that are on disk for certain. */
  syncedBytes = 0
  /** Whether the names of its files, and of the folder, are on disk. */
  linked = false
  /** Nothing is appended to it any more. */
  isClosed = false
  /** When its first batch was made, by the batch's own clock; null where it is not known yet. */
  firstTimestampMs: number | null = null
  /** Whether the time index was held against the batches; an earlier process's may be damaged. */
  times: 'unchecked' | 'true' | 'false'
  /** While its indexes are made anew. */
  rebuilding: Promise<void> | null = null
  /** Wall clock of the first append in this process; for segments whose records carry no time. */
  readonly openedAtMs: number
  #bytesSinceIndexEntry = 0
  /** True for what an earlier process left, until it is found wrong. */
  #indexesSynced = true
  #indexIntervalBytes: number
  /** Null until it was read from the time index. */
  #maxTimestamp: { timestampMs: number; offset: number } | null
  /** Of what was noted while the time index could not be read. */
  #noted: { timestampMs: number; offset: number } | null = null

  constructor(pool: FilePool, folder: string, files: SegmentFiles, options: SegmentOptions) {
    const fileOf = (kind: string) => pool.file(`${folder}/${segmentName(files.baseOffset)}.${kind}${options.suffix ?? ''}`)
    this.baseOffset = files.baseOffset
    this.log = fileOf('log')
    this.offsetIndex = new IndexFile(fileOf('index'), OFFSET_ENTRY_BYTES, files.indexBytes)
    this.timeIndex = new IndexFile(fileOf('timeindex'), TIME_ENTRY_BYTES, files.timeIndexBytes)
    this.txnIndex = new TxnIndex(fileOf('txnindex'), files.txnIndexBytes)
    this.sizeBytes = files.logBytes
    this.writtenBytes = files.logBytes
    this.openedAtMs = options.openedAtMs
    this.#indexIntervalBytes = options.indexIntervalBytes
    this.times = files.logBytes === 0 ? 'true' : 'unchecked'
    this.#maxTimestamp = files.logBytes === 0 ? { timestampMs: NO_TIMESTAMP, offset: files.baseOffset } : null
  }

  /** Its folder was renamed. */
  moved(folder: string): void {
    for (const file of this.files) file.moved(folder + file.path.slice(file.path.lastIndexOf('/')))
  }

  /** All of its files, the log last. */
  get files(): readonly SegmentFile[] {
    return [this.offsetIndex, this.timeIndex, this.txnIndex, this.log]
  }

  /** Whether a closed segment's indexes are not on disk yet, though all it holds may be: it was synced while it was open. */
  get indexesAreDirty(): boolean {
    return this.isClosed && !this.#indexesSynced
  }

  /** An earlier process may have left its indexes in the page cache only. */
  distrustIndexes(): void {
    this.#indexesSynced = false
    this.offsetIndex.distrust()
    this.timeIndex.distrust()
  }

  /** Nothing is appended from now on. */
  seal(): void {
    this.isClosed = true
  }

  get needsLink(): boolean {
    return (!this.linked && this.writtenBytes > 0) || this.txnIndex.needsLink
  }

  get isDirty(): boolean {
    return this.syncedBytes < this.writtenBytes || this.needsLink || this.indexesAreDirty
  }

  set indexIntervalBytes(bytes: number) {
    this.#indexIntervalBytes = bytes
  }

  /** Whether a batch has to begin a new segment: this one is full, too old by the batch's clock, or out of 32-bit numbers. */
  mustRoll(batch: Uint8Array, lastOffset: number, settings: PartitionSettings, nowMs: number): boolean {
    if (this.sizeBytes === 0) return false
    const end = this.sizeBytes + batch.length
    const first = this.firstTimestampMs ?? -1
    const ageMs = first >= 0 ? batchMaxTimestampMs(batch) - first : nowMs - this.openedAtMs
    return end > settings.segmentBytes || end > MAX_RELATIVE || lastOffset - this.baseOffset > MAX_RELATIVE || ageMs > settings.segmentMs
  }

  /** The largest timestamp of what is written, and the last offset of the batch that has it; -1 where there is none. */
  maxTimestamp(): { readonly timestampMs: number; readonly offset: number } {
    if (this.#maxTimestamp === null) {
      const last = this.timeIndex.last()
      const entry = last === null ? null : readTimeEntry(last)
      const known = entry === null ? null : { timestampMs: entry.timestampMs, offset: this.baseOffset + entry.relativeOffset }
      const noted = this.#noted ?? { timestampMs: NO_TIMESTAMP, offset: this.baseOffset }
      this.#maxTimestamp = known !== null && known.timestampMs >= noted.timestampMs ? known : noted
      this.#noted = null
    }
    return this.#maxTimestamp
  }

  /** Writes whole batches that follow each other, in one call, into the page cache. Throws what the disk answers; then nothing counts as written. */
  write(batches: readonly Uint8Array[], position: number): void {
    this.log.write(batches, position)
    let at = position
    for (const batch of batches) {
      this.note(batch, 0, at)
      at += batch.length
    }
    this.writtenBytes = Math.max(this.writtenBytes, at)
  }

  /** Takes a batch that was written off the event loop, and synced. */
  alreadyWritten(batch: Uint8Array, position: number): void {
    this.note(batch, 0, position)
    this.writtenBytes = Math.max(this.writtenBytes, position + batch.length)
  }

  /** A disk that cannot read an index now must not end appends. */
  #maxToChange(): { timestampMs: number; offset: number } {
    try {
      return this.maxTimestamp() as { timestampMs: number; offset: number }
    } catch {
      this.#noted ??= { timestampMs: NO_TIMESTAMP, offset: this.baseOffset }
      return this.#noted
    }
  }

  /** Takes a batch that lies in the file at `position` into the indexes. */
  note(bytes: Uint8Array, at: number, position: number): void {
    const max = this.#maxToChange()
    const lastOffset = batchBaseOffset(bytes, at) + batchLastOffsetDelta(bytes, at)
    const timestampMs = batchMaxTimestampMs(bytes, at)
    this.firstTimestampMs ??= position === 0 ? timestampMs : null
    if (timestampMs > max.timestampMs) {
      max.timestampMs = timestampMs
      max.offset = lastOffset
    }
    if (this.#bytesSinceIndexEntry > this.#indexIntervalBytes) {
      writeOffsetEntry(this.offsetIndex.push(), lastOffset - this.baseOffset, position)
      if (this.#maxTimestamp !== null) this.#noteTime()
      this.#bytesSinceIndexEntry = 0
    }
    this.#bytesSinceIndexEntry += batchSizeBytes(bytes, at)
    this.#indexesSynced = false
  }

  /** Writes the indexes to the page cache, with an entry for the largest timestamp so far: all that a start needs. */
  flushIndexes(): void {
    this.#noteTime()
    this.offsetIndex.flush()
    this.timeIndex.flush()
  }

  /** Where the disk refuses, the entries stay in memory: what is in the log matters more, and an index can be made again. */
  #tryFlushIndexes(): boolean {
    try {
      this.flushIndexes()
      return true
    } catch {
      // The next checkpoint tries again.
      return false
    }
  }

  /** Both indexes are on disk when it resolves. An open segment's are synced at an orderly shutdown only: after that nobody looks for lost entries. */
  async syncIndexes(): Promise<void> {
    if (this.#indexesSynced || this.writtenBytes === 0) return
    this.flushIndexes()
    await this.offsetIndex.sync()
    await this.timeIndex.sync()
    this.#indexesSynced = true
  }

  /** Everything written up to now is on disk when it resolves; answers how many bytes that gained. The indexes too, where the segment is `closed`. */
  async sync(closed: boolean): Promise<number> {
    const bytes = this.writtenBytes
    const flushed = this.#tryFlushIndexes()
    this.txnIndex.flush()
    if (this.syncedBytes < bytes) await this.log.sync()
    await this.txnIndex.sync()
    if (closed && flushed) {
      await this.offsetIndex.sync()
      await this.timeIndex.sync()
      this.#indexesSynced = true
    }
    const gained = Math.max(0, bytes - this.syncedBytes)
    this.syncedBytes += gained
    return gained
  }

  /** Cuts the file behind what was noted. */
  cutTail(position: number): void {
    this.log.truncate(position)
    this.writtenBytes = position
    this.sizeBytes = position
    this.syncedBytes = Math.min(this.syncedBytes, position)
  }

  /** Forgets all but the first entries, to `note` what follows anew. */
  resetIndexes(keep: { readonly offsetEntries: number; readonly timeEntries: number }): void {
    this.offsetIndex.keep(keep.offsetEntries)
    this.timeIndex.keep(keep.timeEntries)
    this.#indexesSynced = false
    this.#bytesSinceIndexEntry = 0
    this.#noted = null
    this.#maxTimestamp = null
    this.maxTimestamp()
  }

  /** What a failed write, or a large batch that was taken back, left from `position` on must not be taken for batches by a later start. */
  cutJunk(fileSystem: FileSystem, position: number): void {
    try {
      if (fileSystem.size(this.log.path) > position) this.log.truncate(position)
    } catch {
      // The next write overwrites it, or fails itself.
    }
  }

  /** Removes its files. */
  async delete(fileSystem: FileSystem, cache: IndexCache): Promise<void> {
    cache.forget(this.offsetIndex)
    cache.forget(this.timeIndex)
    this.close()
    // Renamed within the call, as Kafka does: until they are gone, a topic made anew may have files of these names.
    const paths = this.files.map(({ path }) => path).filter((path) => fileSystem.size(path) >= 0)
    for (const path of paths) fileSystem.rename(path, path + DELETED)
    for (const path of paths) await fileSystem.remove(path + DELETED)
  }

  /** Frees the descriptors. */
  close(): void {
    this.log.close()
    this.offsetIndex.close()
    this.timeIndex.close()
    this.txnIndex.close()
  }

  #noteTime(): void {
    const max = this.maxTimestamp()
    const last = this.timeIndex.last()
    if (max.timestampMs === NO_TIMESTAMP || (last !== null && readTimeEntry(last).timestampMs >= max.timestampMs)) return
    writeTimeEntry(this.timeIndex.push(), max.timestampMs, max.offset - this.baseOffset)
  }
}

/** Ends the names of files that are on their way out. */
export const DELETED = '.deleted'

/** Kafka's name of a segment: its base offset in 20 digits. */
export function segmentName(baseOffset: number): string {
  return String(baseOffset).padStart(20, '0')
}

/** The base offset of `00000000000000000042.log`; null for any other name. */
export function baseOffsetOf(fileName: string): number | null {
  return /^\d{20}\.log$/.test(fileName) ? Number(fileName.slice(0, 20)) : null
}
