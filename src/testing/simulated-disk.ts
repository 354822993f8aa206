import { type FileLock, fileError } from '../runtime/files.ts'
import { MemoryContent } from '../storage/memory-files.ts'
import { applyChange, applyName, type Change, FileNode, FolderNode, type NameChange, withOverwritten } from './disk-nodes.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedProcess } from './simulated-time.ts'

/** What the disk loses when the power fails is decided for pieces of this size. */
const SECTOR_BYTES = 512

/** How the disk behaves; changed while it runs. */
export interface DiskFaults {
  /** Milliseconds until a write, a read or a change of names that somebody waits for is done. */
  latencyMs: () => number
  /** Milliseconds of a sync. */
  syncMs: () => number
  /** Probability that a sync answers EIO; what it should have synced may never reach the disk. */
  syncFailure: number
  /** Probability that a read answers EIO. */
  readFailure: number
  /** Probability that one call writes, or reads, fewer bytes than it is asked for. */
  shortTransfer: number
  /** Bytes all files may have together; beyond it, ENOSPC. */
  capacityBytes: number
  /** What it says is done, and is not: planted faults. */
  lies: ReadonlySet<DiskLie>
}

export type DiskLie = 'sync' | 'names' | 'write-through'

/**
 * A disk with a page cache. What was not synced survives the process but, when the power fails, comes true only in part: writes
 * are lost, torn by sectors or reordered; names that were made, renamed or removed since their folder was synced go back.
 */
export class SimulatedDisk {
  readonly faults: DiskFaults
  /** Told of every change of a file and every sync, for a trace. */
  onChange: ((what: string) => void) | null = null
  readonly #random: SeededRandom
  #root = new FolderNode()
  #boot = 0
  #holder: SimulatedProcess | null = null
  /** For tests of what is left over: descriptors by process. */
  readonly #open = new Map<SimulatedProcess, number>()
  syncs = 0

  constructor(random: SeededRandom, faults: DiskFaults) {
    this.#random = random
    this.faults = faults
  }

  /** The machine goes down: call after its processes were killed. */
  powerLoss(): void {
    this.#boot++
    this.#root = this.#survivingFolder(this.#root)
  }

  get usedBytes(): number {
    let sum = 0
    for (const [, file] of this.files()) sum += file.cached.size
    return sum
  }

  /** All files with their paths. */
  files(): [string, FileNode][] {
    const found: [string, FileNode][] = []
    const walk = (folder: FolderNode, path: string): void => {
      for (const [name, entry] of folder.entries) {
        if (entry.kind === 'file') found.push([path + name, entry])
        else walk(entry, `${path}${name}/`)
      }
    }
    walk(this.#root, '')
    return found
  }

  openFiles(process: SimulatedProcess): number {
    return this.#open.get(process) ?? 0
  }

  /** Called by what is mounted. */
  countOpen(process: SimulatedProcess, by: number): void {
    this.#open.set(process, this.openFiles(process) + by)
  }

  /** Called by what is mounted. */
  drawFailure(probability: number): boolean {
    return this.#random.chance(probability)
  }

  /** What one call of the operating system takes of `bytes`: all, or now and then only the first of them. Called by what is mounted. */
  shortened(bytes: Uint8Array): Uint8Array {
    if (bytes.length < 2 || this.faults.shortTransfer === 0 || !this.#random.chance(this.faults.shortTransfer)) return bytes
    return bytes.subarray(0, this.#random.between(1, bytes.length - 1))
  }

  /** Changes what is stored, whatever is mounted: the page was not in the cache. */
  damage(file: FileNode, position: number, bytes: Uint8Array): void {
    file.cached.write(bytes, position)
    file.durable.write(bytes, position)
  }

  get boot(): number {
    return this.#boot
  }

  lock(path: string, process: SimulatedProcess): FileLock {
    if (this.#holder?.alive) throw new Error(`the data directory is in use by ${this.#holder.name}, says ${path}`)
    this.#holder = process
    return {
      release: () => {
        if (this.#holder === process) this.#holder = null
      },
    }
  }

  folder(path: string): FolderNode | null {
    let at: FolderNode = this.#root
    for (const name of path === '' ? [] : path.split('/')) {
      const entry = at.entries.get(name)
      if (entry === undefined || entry.kind === 'file') return null
      at = entry
    }
    return at
  }

  makeFolder(path: string): FolderNode {
    let at: FolderNode = this.#root
    for (const name of path === '' ? [] : path.split('/')) {
      const entry = at.entries.get(name)
      if (entry?.kind === 'file') throw fileError('ENOTDIR', 'mkdir', path)
      if (entry === undefined) {
        const made = new FolderNode()
        at.set(name, made)
        at = made
      } else at = entry
    }
    return at
  }

  file(path: string): FileNode | null {
    const { folder, name } = this.parent(path)
    const entry = folder?.entries.get(name)
    return entry?.kind === 'file' ? entry : null
  }

  parent(path: string): { readonly folder: FolderNode | null; readonly name: string } {
    const slash = path.lastIndexOf('/')
    return { folder: this.folder(slash < 0 ? '' : path.slice(0, slash)), name: path.slice(slash + 1) }
  }

  rename(from: string, to: string): void {
    const source = this.parent(from)
    const target = this.parent(to)
    const entry = source.folder?.entries.get(source.name)
    if (entry === undefined || source.folder === null || target.folder === null) throw fileError('ENOENT', 'rename', from)
    const together = source.folder === target.folder
    target.folder.set(target.name, entry, together ? source.name : null)
    if (!together) source.folder.set(source.name, null)
  }

  remove(path: string): void {
    const { folder, name } = this.parent(path)
    if (folder?.entries.has(name)) folder.set(name, null)
  }

  apply(file: FileNode, change: Change): void {
    applyChange(file.cached, change)
    file.dirty.push(change)
  }

  /** Whether `moreBytes` can be taken. */
  hasRoom(moreBytes: number): boolean {
    return this.faults.capacityBytes === Number.POSITIVE_INFINITY || this.usedBytes + moreBytes <= this.faults.capacityBytes
  }

  /** These changes are on disk now. */
  settle(file: FileNode, changes: readonly Change[], by: 'sync' | 'write-through'): void {
    if (this.faults.lies.has('sync') || this.faults.lies.has(by)) return
    this.syncs++
    const done = withOverwritten(file.dirty, changes)
    for (const change of file.dirty) if (done.has(change)) applyChange(file.durable, change)
    file.dirty = file.dirty.filter((change) => !done.has(change))
  }

  settleNames(folder: FolderNode, changes: readonly NameChange[]): void {
    if (this.faults.lies.has('sync') || this.faults.lies.has('names')) return
    const done = new Set(changes)
    for (const change of folder.dirty) if (done.has(change)) applyName(folder.durable, change)
    folder.dirty = folder.dirty.filter((change) => !done.has(change))
  }

  /** A sync that failed: the kernel forgets that these were not written, part of them was. */
  spoil(file: FileNode, changes: readonly Change[]): void {
    const gone = withOverwritten(file.dirty, changes)
    const survivors: Change[] = []
    for (const change of file.dirty) {
      if (!gone.has(change)) survivors.push(change)
      else this.#surviveChange(file.durable, change)
    }
    file.dirty = survivors
  }

  #survivingFolder(folder: FolderNode): FolderNode {
    const entries = new Map(folder.durable)
    // A journaling file system keeps the order of names.
    const kept = folder.dirty.slice(0, this.#random.between(0, folder.dirty.length))
    for (const change of kept) applyName(entries, change)
    const surviving = new FolderNode()
    for (const [name, entry] of entries) {
      const child = entry.kind === 'file' ? this.#survivingFile(entry) : this.#survivingFolder(entry)
      surviving.entries.set(name, child)
      surviving.durable.set(name, child)
    }
    return surviving
  }

  #survivingFile(file: FileNode): FileNode {
    for (const change of file.dirty) this.#surviveChange(file.durable, change)
    const cached = new MemoryContent()
    const all = new Uint8Array(file.durable.size)
    file.durable.read(all, 0)
    cached.write(all, 0)
    cached.size = file.durable.size
    return new FileNode(cached, file.durable)
  }

  /** Whole, not at all, or some of its sectors; the size may be there without the bytes. */
  #surviveChange(content: MemoryContent, change: Change): void {
    const random = this.#random
    if (random.chance(0.35)) {
      applyChange(content, change)
      return
    }
    if (change.kind === 'truncate' || random.chance(0.4)) return
    const end = change.position + change.bytes.length
    for (let at = change.position; at < end; ) {
      const next = Math.min(end, (Math.floor(at / SECTOR_BYTES) + 1) * SECTOR_BYTES)
      if (random.chance(0.5)) content.write(change.bytes.subarray(at - change.position, next - change.position), at)
      at = next
    }
    if (content.size < end && random.chance(0.3)) content.truncate(end)
  }
}
