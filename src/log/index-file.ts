import type { PooledFile } from '../storage/file-pool.ts'

/**
 * Entries of one size beside a segment, in Kafka's format: what was flushed lies in the file, the newest few in memory. An
 * index is a help, never the truth: it is not synced before the segment is closed, is checked when it is used, and can be made
 * again from the segment.
 */
export class IndexFile {
  readonly #file: PooledFile
  readonly #entryBytes: number
  #fileEntries: number
  #pending: Buffer
  #pendingEntries = 0
  #unsynced = false
  #isWhole: boolean
  /** The last entry of the file, where this process wrote or read it. */
  #lastInFile: Buffer | null = null

  /** `sizeBytes` as the folder lists it; 0 where the file does not exist. */
  constructor(file: PooledFile, entryBytes: number, sizeBytes: number) {
    this.#file = file
    this.#entryBytes = entryBytes
    this.#fileEntries = Math.floor(sizeBytes / entryBytes)
    this.#isWhole = sizeBytes % entryBytes === 0
    this.#pending = EMPTY
  }

  get path(): string {
    return this.#file.path
  }

  moved(path: string): void {
    this.#file.moved(path)
  }

  get entries(): number {
    return this.#fileEntries + this.#pendingEntries
  }

  /** Those that the file has. */
  get flushedEntries(): number {
    return this.#fileEntries
  }

  /** Whether the file is made of whole entries. */
  get isWhole(): boolean {
    return this.#isWhole
  }

  /** Room for one more entry, to be filled at once by the caller. */
  push(): Buffer {
    const needed = (this.#pendingEntries + 1) * this.#entryBytes
    if (this.#pending.length < needed) {
      const larger = Buffer.alloc(Math.max(needed, this.#pending.length * 2, 8 * this.#entryBytes))
      this.#pending.copy(larger)
      this.#pending = larger
    }
    this.#pendingEntries++
    return this.#pending.subarray(needed - this.#entryBytes, needed)
  }

  /** The newest entry; null where there is none. Reads the file within the call where it must. */
  last(): Buffer | null {
    if (this.#pendingEntries > 0) {
      const end = this.#pendingEntries * this.#entryBytes
      return this.#pending.subarray(end - this.#entryBytes, end)
    }
    if (this.#fileEntries === 0) return null
    if (this.#lastInFile !== null) return this.#lastInFile
    const entry = Buffer.alloc(this.#entryBytes)
    if (this.#file.readNow(entry, (this.#fileEntries - 1) * this.#entryBytes) < this.#entryBytes) return null
    this.#lastInFile = entry
    return entry
  }

  /** All entries. */
  async load(): Promise<Buffer> {
    const pending = this.#pending.subarray(0, this.#pendingEntries * this.#entryBytes)
    if (this.#fileEntries === 0) return pending
    const all = Buffer.alloc(this.entries * this.#entryBytes)
    const inFile = this.#fileEntries * this.#entryBytes
    pending.copy(all, inFile)
    await this.#file.read(all.subarray(0, inFile), 0)
    return all
  }

  /** All entries, read within the call. */
  loadNow(): Buffer {
    const inFile = this.#fileEntries * this.#entryBytes
    const all = Buffer.alloc(this.entries * this.#entryBytes)
    this.#pending.copy(all, inFile, 0, this.#pendingEntries * this.#entryBytes)
    const filled = inFile === 0 ? 0 : this.#file.readNow(all.subarray(0, inFile), 0)
    return filled === inFile ? all : all.subarray(0, filled)
  }

  /** Writes what is only in memory to the page cache. */
  flush(): void {
    if (this.#pendingEntries === 0) return
    this.#file.write([this.#pending.subarray(0, this.#pendingEntries * this.#entryBytes)], this.#fileEntries * this.#entryBytes)
    this.#lastInFile = Buffer.from(this.last() as Buffer)
    this.#fileEntries += this.#pendingEntries
    this.#pendingEntries = 0
    this.#pending = EMPTY
    this.#unsynced = true
  }

  /** What an earlier process flushed may be in the page cache only. */
  distrust(): void {
    if (this.#fileEntries > 0) this.#unsynced = true
  }

  /** What was flushed is on disk when it resolves. */
  async sync(): Promise<void> {
    if (!this.#unsynced) return
    this.#unsynced = false
    await this.#file.sync()
  }

  /** Forgets all but the first `entries`. */
  keep(entries: number): void {
    if (entries >= this.#fileEntries) {
      this.#pendingEntries = Math.min(this.#pendingEntries, entries - this.#fileEntries)
      return
    }
    this.#pendingEntries = 0
    this.#lastInFile = null
    this.#fileEntries = entries
    this.#isWhole = true
    this.#file.truncate(entries * this.#entryBytes)
  }

  close(): void {
    this.#file.close()
  }
}

const EMPTY = Buffer.alloc(0)
