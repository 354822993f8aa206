import type { FileSystem, OpenFile } from '../runtime/files.ts'
import {
  alignGroup,
  GroupEncoder,
  groupBytes,
  highestSequence,
  type JournalEntry,
  type JournalGroup,
  linkGroups,
  type PlacedGroup,
  readGroups,
} from './journal-format.ts'

/** What is preallocated at once: the file grows in the background, not at the first start. */
const GROWTH_BYTES = 1_048_576

const FILES = ['journal-0', 'journal-1'] as const

interface JournalFile {
  readonly path: string
  handle: OpenFile
  /** Bytes that exist: writing within them changes no metadata, so one sync of data is enough. */
  allocatedBytes: number
  /** The last group in it; 0 where none matters. */
  lastSequence: number
}

/** What the data directory says of it. */
export interface LeftMarks {
  /** The next sequence that an orderly shutdown left; null where there was none. */
  readonly cleanSequence: number | null
  /** Groups up to it are in synced segments. */
  readonly freedSequence: number
}

/** What an earlier process left. */
export interface JournalRecovery {
  /** In order of their sequence. */
  readonly groups: readonly JournalGroup[]
  /** What is wrong with it, for people; null where nothing is. */
  readonly damage: string | null
}

/**
 * The commit journal: two preallocated files, overwritten in turn. One group at a time is written, and is on disk when `write`
 * resolves. A file is overwritten only when the checkpoint has synced every segment its groups speak of (`free`).
 */
export class Journal {
  readonly #fileSystem: FileSystem
  readonly #fileBytes: number
  readonly #encoder: GroupEncoder
  readonly #journalId: Uint8Array
  #files: JournalFile[] = []
  #current = 0
  #position = 0
  #nextSequence = 1
  /** The sequence of the newest group on disk. */
  #lastWritten = 0
  #freedSequence = 0
  /** What the newest group on disk says of it. */
  #toldFreed = 0
  /** The piece that is being preallocated. */
  #growth: Promise<void> | null = null
  #closed = false
  /** Called when a file has to be overwritten that is not free; null where no group waits for it. */
  #whenFree: (() => void) | null = null
  /** Whether waiting for `free` can help; before, the current file grows instead. */
  canWait = false
  /** Asks for a checkpoint: the journal is full. */
  onFull: (() => void) | null = null

  constructor(fileSystem: FileSystem, journalId: Uint8Array, fileBytes: number) {
    this.#fileSystem = fileSystem
    this.#journalId = journalId
    this.#fileBytes = alignGroup(fileBytes)
    this.#encoder = new GroupEncoder(journalId)
  }

  /** The sequence of the last group that was written. */
  get lastSequence(): number {
    return this.#nextSequence - 1
  }

  get nextSequence(): number {
    return this.#nextSequence
  }

  /** Bytes written since the file of before was freed: what a checkpoint would free. */
  get usedBytes(): number {
    return this.#position
  }

  /**
   * Opens or makes the files. Where nothing was written since an orderly shutdown, they are not read.
   */
  async open({ cleanSequence, freedSequence }: LeftMarks): Promise<JournalRecovery> {
    // Both are there before the first state is.
    const missing = cleanSequence === null && this.#fileSystem.list('state').length > 0 ? FILES.filter((name) => this.#fileSystem.size(name) < 0) : []
    this.#files = FILES.map((name) => this.#openFile(name))
    // A group in a file whose name is lost is lost.
    if (this.#files.some((file) => file.allocatedBytes === 0)) await this.#fileSystem.syncFolder('')
    if (cleanSequence !== null && (await this.#isUnusedSince(cleanSequence))) {
      this.#nextSequence = cleanSequence
      this.#freedSequence = cleanSequence - 1
      this.#lastWritten = cleanSequence - 1
      this.#toldFreed = cleanSequence - 1
      return { groups: [], damage: null }
    }
    const contents = []
    for (const file of this.#files) contents.push(await readWhole(file))
    const found = contents.map((content) => readGroups(content, this.#journalId))
    const chain = linkGroups(found.flat(), freedSequence)
    const counts = new Set(chain.groups)
    const groups = found.map((list) => list.filter((group) => counts.has(group)))
    for (const [i, content] of contents.entries()) await this.#writeLastAgain(this.#files[i] as JournalFile, content, groups[i] as PlacedGroup[])
    this.#nextSequence = Math.max(...contents.map((content) => highestSequence(content, this.#journalId)), (cleanSequence ?? 1) - 1) + 1
    const newest = chain.groups.at(-1)
    this.#lastWritten = newest?.sequence ?? 0
    this.#freedSequence = Math.max(freedSequence, newest?.freed ?? 0)
    this.#toldFreed = this.#freedSequence
    this.#current = newest !== undefined && groups[1]?.includes(newest) ? 1 : 0
    const last = groups[this.#current]?.at(-1)
    this.#position = last === undefined ? 0 : last.position + last.paddedBytes
    this.#files.forEach((file, i) => {
      file.lastSequence = groups[i]?.at(-1)?.sequence ?? 0
    })
    return { groups: chain.groups, damage: missing.length > 0 ? missingOf(missing) : damageOf(chain.missing) }
  }

  /** Writes one group; its sequence, once it is on disk. Throws what the disk answers. One call at a time. */
  async write(entries: readonly JournalEntry[]): Promise<number> {
    await this.#makeRoom(groupBytes(entries))
    return this.#append(entries)
  }

  /** At the current position. */
  async #append(entries: readonly JournalEntry[]): Promise<number> {
    const sequence = this.#nextSequence
    const freed = this.#freedSequence
    const { buffers, sizeBytes } = this.#encoder.encode({ sequence, previous: this.#lastWritten, freed }, entries)
    const file = this.#files[this.#current] as JournalFile
    try {
      await file.handle.writeAsync(buffers, this.#position)
    } catch (error) {
      file.allocatedBytes = file.handle.size()
      throw error
    }
    this.#position += sizeBytes
    file.lastSequence = sequence
    this.#lastWritten = sequence
    this.#toldFreed = freed
    this.#nextSequence++
    return sequence
  }

  /** All groups up to `sequence` are in segments that are on disk. */
  free(sequence: number): void {
    this.#freedSequence = Math.max(this.#freedSequence, sequence)
    if (this.#otherIsFree()) {
      const waiting = this.#whenFree
      this.#whenFree = null
      waiting?.()
    }
  }

  /** Preallocates both files, bit by bit, off the event loop. */
  async grow(): Promise<void> {
    const zeros = Buffer.alloc(GROWTH_BYTES)
    try {
      await this.#growAll(zeros)
    } finally {
      this.#growth = null
    }
  }

  async #growAll(zeros: Uint8Array): Promise<void> {
    for (const file of this.#files) {
      while (!this.#closed && file.allocatedBytes < this.#fileBytes) {
        const at = file.allocatedBytes
        const length = Math.min(GROWTH_BYTES, this.#fileBytes - at)
        this.#growth = file.handle.writeAsync([zeros.subarray(0, length)], at)
        await this.#growth
        file.allocatedBytes = at + length
      }
    }
  }

  close(): void {
    this.#closed = true
    for (const file of this.#files) file.handle.close()
  }

  async #makeRoom(sizeBytes: number): Promise<void> {
    for (;;) {
      const file = this.#files[this.#current] as JournalFile
      const end = this.#position + sizeBytes
      if (end <= file.allocatedBytes) return
      if (this.#growth !== null) {
        // Zeros are on their way to where the group would go.
        await this.#growth.catch(() => {})
        continue
      }
      // A group longer than a file makes it grow, and so does one that cannot wait for the other file.
      if (this.#position === 0 || !(this.canWait || this.#otherIsFree())) {
        file.allocatedBytes = end
        return
      }
      if (!this.#otherIsFree()) await this.#untilFree()
      // A torn write must not take groups away that nothing on disk says are free.
      if (this.#toldFreed < this.#other.lastSequence) await this.#tellFreed()
      this.#current = 1 - this.#current
      this.#position = 0
    }
  }

  #untilFree(): Promise<void> {
    const freed = new Promise<void>((resolve) => {
      this.#whenFree = resolve
    })
    this.onFull?.()
    return freed
  }

  #otherIsFree(): boolean {
    return this.#other.lastSequence <= this.#freedSequence
  }

  get #other(): JournalFile {
    return this.#files[1 - this.#current] as JournalFile
  }

  /** An empty group at the end of a full file. */
  async #tellFreed(): Promise<void> {
    await this.#append([])
    const file = this.#files[this.#current] as JournalFile
    file.allocatedBytes = Math.max(file.allocatedBytes, this.#position)
  }

  /**
   * A process that was killed, or whose disk failed, may have left its last group in the page cache only: the kernel takes pages
   * of a failed sync for written. What is replayed from it, and the groups that follow it, are worth nothing if it is lost.
   */
  async #writeLastAgain(file: JournalFile, content: Uint8Array, groups: readonly PlacedGroup[]): Promise<void> {
    const last = groups.at(-1)
    if (last !== undefined) await file.handle.writeAsync([content.subarray(last.position, last.position + last.paddedBytes)], last.position)
  }

  #openFile(path: string): JournalFile {
    const handle = this.#fileSystem.open(path, 'write-through')
    return { path, handle, allocatedBytes: handle.size(), lastSequence: 0 }
  }

  /** Whether neither file begins with a group that is newer than the orderly shutdown: the first one after it stands at the beginning. */
  async #isUnusedSince(cleanSequence: number): Promise<boolean> {
    for (const file of this.#files) {
      const head = Buffer.alloc(64)
      await file.handle.read(head, 0)
      if (highestSequence(head, this.#journalId) >= cleanSequence) return false
    }
    return true
  }
}

function missingOf(files: readonly string[]): string {
  return `${files.join(' and ')} ${files.length === 1 ? 'is' : 'are'} missing, and may have held what is nowhere else`
}

function damageOf(missing: readonly number[]): string | null {
  if (missing.length === 0) return null
  return `the journal (journal-0, journal-1) is damaged: ${missing.map((sequence) => `group ${sequence}`).join(', ')} cannot be read, and may hold what was acknowledged and is nowhere else`
}

async function readWhole(file: JournalFile): Promise<Buffer> {
  const content = Buffer.alloc(file.allocatedBytes)
  const filled = await file.handle.read(content, 0)
  return content.subarray(0, filled)
}
