import { type FileLock, type FileSystem, fileError, type OpenFile, type OpenMode } from '../runtime/files.ts'
import { MemoryContent } from '../storage/memory-files.ts'
import type { SeededRandom } from './seeded-random.ts'
import type { SimulatedProcess, SimulatedTime } from './simulated-time.ts'

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
  /** Bytes all files may have together; beyond it, ENOSPC. */
  capacityBytes: number
  /** A disk that says a sync is done and does nothing: a planted fault. */
  syncLies: boolean
}

interface Change {
  readonly kind: 'write' | 'truncate'
  /** Of a write; of a truncate the new size. */
  readonly position: number
  readonly bytes: Uint8Array
}

class FileNode {
  readonly kind = 'file'
  /** What processes see: the page cache. */
  readonly cached: MemoryContent
  readonly durable: MemoryContent
  /** Changes to `cached` since they were last on disk, in order. */
  dirty: Change[] = []

  constructor(cached = new MemoryContent(), durable = new MemoryContent()) {
    this.cached = cached
    this.durable = durable
  }
}

type Entry = FileNode | FolderNode

interface NameChange {
  readonly name: string
  readonly entry: Entry | null
  /** The name it had before: of a rename both come true together. */
  readonly was: string | null
}

class FolderNode {
  readonly kind = 'folder'
  readonly entries = new Map<string, Entry>()
  readonly durable = new Map<string, Entry>()
  dirty: NameChange[] = []

  set(name: string, entry: Entry | null, was: string | null = null): void {
    const change = { name, entry, was }
    applyName(this.entries, change)
    this.dirty.push(change)
  }
}

/**
 * A disk with a page cache. What was not synced survives the process but, when the power fails, comes true only in part: writes
 * are lost, torn by sectors or reordered; names that were made, renamed or removed since their folder was synced go back.
 */
export class SimulatedDisk {
  readonly faults: DiskFaults
  /** Told of every change of a file and every sync, for a trace. */
  onChange: ((what: string) => void) | null = null
  readonly #time: SimulatedTime
  readonly #random: SeededRandom
  #root = new FolderNode()
  #boot = 0
  #holder: SimulatedProcess | null = null
  /** For tests of what is left over: descriptors by process. */
  readonly #open = new Map<SimulatedProcess, number>()
  syncs = 0

  constructor(time: SimulatedTime, random: SeededRandom, faults: DiskFaults) {
    this.#time = time
    this.#random = random
    this.faults = faults
  }

  /** The disk as one process sees it. */
  mount(process: SimulatedProcess): FileSystem {
    return new MountedDisk(this, this.#time, process, `boot-${this.#boot}`)
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
  settle(file: FileNode, changes: readonly Change[]): void {
    if (this.faults.syncLies) return
    this.syncs++
    const done = withOverwritten(file.dirty, changes)
    for (const change of file.dirty) if (done.has(change)) applyChange(file.durable, change)
    file.dirty = file.dirty.filter((change) => !done.has(change))
  }

  settleNames(folder: FolderNode, changes: readonly NameChange[]): void {
    if (this.faults.syncLies) return
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

class MountedDisk implements FileSystem {
  readonly description = 'file:simulated'
  readonly volatile = false
  readonly bootId: string
  readonly #disk: SimulatedDisk
  readonly #time: SimulatedTime
  readonly #process: SimulatedProcess

  constructor(disk: SimulatedDisk, time: SimulatedTime, process: SimulatedProcess, bootId: string) {
    this.#disk = disk
    this.#time = time
    this.#process = process
    this.bootId = bootId
  }

  open(path: string, mode: OpenMode): OpenFile {
    const { folder, name } = this.#disk.parent(path)
    const entry = folder?.entries.get(name)
    if (entry?.kind === 'folder') throw fileError('EISDIR', 'open', path)
    let file = entry ?? null
    if (file === null) {
      if (folder === null || mode === 'read' || mode === 'update') throw fileError('ENOENT', 'open', path)
      file = new FileNode()
      folder.set(name, file)
    }
    this.#disk.countOpen(this.#process, 1)
    return new SimulatedFile(this.#disk, this.#time, this.#process, file, { path, writeThrough: mode === 'write-through' })
  }

  list(folder: string): string[] {
    return [...(this.#disk.folder(folder)?.entries.keys() ?? [])]
  }

  size(path: string): number {
    return this.#disk.file(path)?.cached.size ?? -1
  }

  makeFolder(path: string): void {
    this.#disk.makeFolder(path)
  }

  rename(from: string, to: string): void {
    this.#disk.onChange?.(`rename ${from} ${to}`)
    this.#disk.rename(from, to)
  }

  remove(path: string): Promise<void> {
    return this.#later(this.#disk.faults.latencyMs(), () => this.#disk.remove(path))
  }

  async syncFolder(path: string): Promise<void> {
    const folder = this.#disk.folder(path)
    if (folder === null) throw fileError('ENOENT', 'open', path)
    const changes = [...folder.dirty]
    await this.#later(this.#disk.faults.syncMs(), () => this.#disk.settleNames(folder, changes))
  }

  lock(path: string): FileLock {
    return this.#disk.lock(path, this.#process)
  }

  close(): void {}

  #later(delayMs: number, run: () => void): Promise<void> {
    return kernelCall(this.#disk, this.#time, this.#process, delayMs, run)
  }
}

class SimulatedFile implements OpenFile {
  readonly #disk: SimulatedDisk
  readonly #time: SimulatedTime
  readonly #process: SimulatedProcess
  readonly #file: FileNode
  readonly #path: string
  readonly #writeThrough: boolean
  #closed = false

  constructor(
    disk: SimulatedDisk,
    time: SimulatedTime,
    process: SimulatedProcess,
    file: FileNode,
    { path, writeThrough }: { readonly path: string; readonly writeThrough: boolean },
  ) {
    this.#disk = disk
    this.#time = time
    this.#process = process
    this.#file = file
    this.#path = path
    this.#writeThrough = writeThrough
  }

  write(buffers: readonly Uint8Array[], position: number): void {
    this.#mustBeOpen()
    this.#apply(joined(buffers), position)
  }

  async writeAsync(buffers: readonly Uint8Array[], position: number): Promise<void> {
    this.#mustBeOpen()
    const { faults } = this.#disk
    const bytes = joined(buffers)
    let change: Change | null = null
    await this.#later(faults.latencyMs(), () => {
      change = this.#apply(bytes, position)
    })
    if (this.#writeThrough) await this.#sync(change === null ? [] : [change])
  }

  readNow(into: Uint8Array, position: number): number {
    this.#mustBeOpen()
    this.#mayFailToRead()
    return this.#file.cached.read(into, position)
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    this.#mustBeOpen()
    let read = 0
    await this.#later(this.#disk.faults.latencyMs(), () => {
      this.#mayFailToRead()
      read = this.#file.cached.read(into, position)
    })
    return read
  }

  async sync(): Promise<void> {
    this.#mustBeOpen()
    await this.#sync([...this.#file.dirty])
  }

  truncate(sizeBytes: number): void {
    this.#mustBeOpen()
    this.#disk.onChange?.(`truncate ${this.#path} ${sizeBytes}`)
    this.#disk.apply(this.#file, { kind: 'truncate', position: sizeBytes, bytes: new Uint8Array() })
  }

  size(): number {
    return this.#file.cached.size
  }

  close(): void {
    this.#mustBeOpen()
    this.#closed = true
    this.#disk.countOpen(this.#process, -1)
  }

  #sync(changes: readonly Change[]): Promise<void> {
    const { faults } = this.#disk
    const fails = faults.syncFailure > 0 && this.#disk.drawFailure(faults.syncFailure)
    return this.#later(faults.syncMs(), () => {
      if (fails) {
        this.#disk.spoil(this.#file, changes)
        throw fileError('EIO', 'fdatasync', this.#path)
      }
      this.#disk.onChange?.(`synced ${this.#path}`)
      this.#disk.settle(this.#file, changes)
    })
  }

  #apply(bytes: Uint8Array, position: number): Change {
    const growth = Math.max(0, position + bytes.length - this.#file.cached.size)
    if (growth > 0 && !this.#disk.hasRoom(growth)) {
      // As much as there is room for is written before the call fails.
      const fits = bytes.subarray(0, Math.floor((bytes.length - growth) / 2))
      if (fits.length > 0) this.#disk.apply(this.#file, { kind: 'write', position, bytes: fits })
      throw fileError('ENOSPC', 'write', this.#path)
    }
    const change: Change = { kind: 'write', position, bytes }
    this.#disk.onChange?.(`write ${this.#path} ${position}..${position + bytes.length}`)
    this.#disk.apply(this.#file, change)
    return change
  }

  #mayFailToRead(): void {
    const { readFailure } = this.#disk.faults
    if (readFailure > 0 && this.#disk.drawFailure(readFailure)) throw fileError('EIO', 'read', this.#path)
  }

  #mustBeOpen(): void {
    if (this.#closed) throw fileError('EBADF', 'use', this.#path)
  }

  #later(delayMs: number, run: () => void): Promise<void> {
    return kernelCall(this.#disk, this.#time, this.#process, delayMs, run)
  }
}

/** What a thread of the pool does in the kernel: it ends before its process is gone, and with the machine. */
function kernelCall(disk: SimulatedDisk, time: SimulatedTime, process: SimulatedProcess, delayMs: number, run: () => void): Promise<void> {
  const { boot } = disk
  return new Promise((resolve, reject) => {
    time.after(delayMs, null, () => {
      if (disk.boot !== boot || !process.alive) return
      try {
        run()
      } catch (error) {
        time.after(0, process, () => reject(error))
        return
      }
      time.after(0, process, resolve)
    })
  })
}

/** With what they overwrote: it is not in the page cache any more, and cannot come true later. */
function withOverwritten(dirty: readonly Change[], changes: readonly Change[]): Set<Change> {
  const all = new Set(changes)
  for (let i = dirty.length - 1; i >= 0; i--) {
    const older = dirty[i] as Change
    if (all.has(older)) continue
    for (let later = i + 1; later < dirty.length; later++) {
      if (!all.has(dirty[later] as Change) || !overlaps(older, dirty[later] as Change)) continue
      all.add(older)
      break
    }
  }
  return all
}

function overlaps(a: Change, b: Change): boolean {
  const endOf = ({ kind, position, bytes }: Change): number => (kind === 'truncate' ? Number.POSITIVE_INFINITY : position + bytes.length)
  return a.position < endOf(b) && b.position < endOf(a)
}

function applyChange(content: MemoryContent, change: Change): void {
  if (change.kind === 'truncate') content.truncate(change.position)
  else content.write(change.bytes, change.position)
}

function applyName(entries: Map<string, Entry>, { name, entry, was }: NameChange): void {
  if (was !== null) entries.delete(was)
  if (entry === null) entries.delete(name)
  else entries.set(name, entry)
}

/** A copy: what the caller does with its memory afterwards is its own affair. */
function joined(buffers: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(buffers))
}
