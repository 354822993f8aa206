/**
 * A disk that keeps, when the machine fails, only what was synced, and of the rest whatever its seed says: each sector of each
 * write by itself, each folder's changes up to some point. Nothing that waits for it goes on before `step` is called, so the
 * same seed gives the same history.
 */
import { type FileLock, type FileSystem, fileError, type OpenFile, type OpenMode } from '../runtime/files.ts'
import { MemoryContent } from '../storage/memory-files.ts'
import type { SeededRandom } from './seeded-random.ts'

const SECTOR_BYTES = 512

/** What the disk does wrong, beside crashing; may be changed while it runs. */
export interface DiskFaults {
  /** Says that bytes and names are on disk, and does not put them there. */
  liesAboutSync: boolean
  /** Says so first, and puts them there a step later. */
  answersBeforeSync: boolean
  /** The code that the next sync, or durable write, fails with; null: none. */
  syncError: string | null
  /** The code that writes to files whose path matches fail with, once the first `room` bytes (none) are written; null: none. */
  writeError: { readonly code: string; readonly path: RegExp; readonly room?: number } | null
}

const NO_FAULTS: DiskFaults = { liesAboutSync: false, answersBeforeSync: false, syncError: null, writeError: null }

type Change = { readonly position: number; readonly bytes: Uint8Array } | { readonly truncateTo: number }

interface FileNode {
  readonly kind: 'file'
  /** What the process sees. */
  readonly seen: MemoryContent
  /** What would be there after a crash, if nothing more got out. */
  readonly safe: MemoryContent
  unsynced: Change[]
}

export interface FolderNode {
  readonly kind: 'folder'
  readonly seen: Map<string, Node>
  readonly safe: Map<string, Node>
  /** Each makes its change in a map of names. */
  unsynced: ((names: Map<string, Node>) => void)[]
}

export type Node = FileNode | FolderNode

/** What a disk that failed leaves to the next. */
export interface LeftDisk {
  readonly root: FolderNode
  readonly boots: number
}

export class CrashingDisk implements FileSystem {
  readonly description = 'crashing:'
  readonly volatile = false
  readonly bootId: string
  readonly faults: DiskFaults
  readonly #random: SeededRandom
  readonly #root: FolderNode
  #waiting: (() => void)[] = []
  #dead = false
  #locked = false
  readonly #boots: number

  /** Empty, unless it is `left` by another. */
  constructor(random: SeededRandom, faults: Partial<DiskFaults> = {}, left: LeftDisk = { root: newFolder(), boots: 1 }) {
    this.#random = random
    this.faults = { ...NO_FAULTS, ...faults }
    this.#root = left.root
    this.#boots = left.boots
    this.bootId = `boot-${this.#boots}`
  }

  /** Finishes one of the operations that wait, whichever; false where none does. */
  step(): boolean {
    if (this.#waiting.length === 0) return false
    const [operation] = this.#waiting.splice(this.#random.below(this.#waiting.length), 1)
    operation?.()
    return true
  }

  /** How many operations wait. */
  get waitingCount(): number {
    return this.#waiting.length
  }

  /** The machine fails: the disk as the next start finds it. This one does nothing any more. */
  crash(): CrashingDisk {
    this.#dead = true
    // Now and then all of it had got out, or nothing.
    const keep = this.#random.pick([0, 0.3, 0.7, 0.95, 1])
    return this.#next(survivorOf(this.#root, this.#random, keep) as FolderNode, this.#boots + 1)
  }

  /** The process dies, the machine goes on: everything written is there. */
  kill(): CrashingDisk {
    this.#dead = true
    return this.#next(this.#root, this.#boots)
  }

  open(path: string, mode: OpenMode): OpenFile {
    if (this.#dead) return DEAD_FILE
    const { folder, name } = this.#parent(path)
    let node = folder.seen.get(name)
    if (node === undefined) {
      if (mode === 'read' || mode === 'update') throw fileError('ENOENT', 'open', path)
      node = { kind: 'file', seen: new MemoryContent(), safe: new MemoryContent(), unsynced: [] }
      this.#change(folder, setName(name, node))
    }
    if (node.kind === 'folder') throw fileError('EISDIR', 'open', path)
    return new CrashingFile(this, path, node, mode === 'write-through')
  }

  list(folder: string): string[] {
    const node = this.#dead ? undefined : this.#find(folder)
    return node?.kind === 'folder' ? [...node.seen.keys()] : []
  }

  size(path: string): number {
    const node = this.#dead ? undefined : this.#find(path)
    return node?.kind === 'file' ? node.seen.size : -1
  }

  async space(): Promise<null> {
    return null
  }

  makeFolder(path: string): void {
    if (this.#dead) return
    let folder = this.#root
    for (const name of path.split('/')) {
      let next = folder.seen.get(name)
      if (next === undefined) {
        next = newFolder()
        this.#change(folder, setName(name, next))
      }
      if (next.kind === 'file') throw fileError('ENOTDIR', 'mkdir', path)
      folder = next
    }
  }

  rename(from: string, to: string): void {
    if (this.#dead) return
    const source = this.#parent(from)
    const target = this.#parent(to)
    if (source.folder !== target.folder) throw fileError('EXDEV', 'rename', from)
    const node = source.folder.seen.get(source.name)
    if (node === undefined) throw fileError('ENOENT', 'rename', from)
    if (node.kind === 'folder' && target.folder.seen.has(target.name)) throw fileError('ENOTEMPTY', 'rename', to)
    this.#change(source.folder, (names) => {
      names.delete(source.name)
      names.set(target.name, node)
    })
  }

  remove(path: string): Promise<void> {
    return this.later(() => {
      const { folder, name } = this.#parent(path)
      if (folder.seen.has(name)) this.#change(folder, (names) => names.delete(name))
    })
  }

  syncFolder(path: string): Promise<void> {
    const node = this.#dead ? undefined : path === '' ? this.#root : this.#find(path)
    if (this.#dead) return NEVER
    if (node?.kind !== 'folder') return Promise.reject(fileError('ENOENT', 'open', path))
    const count = node.unsynced.length
    return this.makeSafe(() => {
      for (const change of node.unsynced.splice(0, count)) change(node.safe)
    })
  }

  lock(_path: string): FileLock {
    if (this.#locked) throw new Error('the data directory is in use by this process')
    this.#locked = true
    return { release: () => (this.#locked = false) }
  }

  close(): void {}

  /** Runs `work` in some later step. */
  later<T>(work: () => T): Promise<T> {
    if (this.#dead) return NEVER as Promise<T>
    return new Promise((resolve, reject) => {
      this.#waiting.push(() => {
        if (this.#dead) return
        try {
          resolve(work())
        } catch (error) {
          reject(error as Error)
        }
      })
    })
  }

  /** Runs `settle`, which moves unsynced changes to the safe side, when a sync should. */
  makeSafe(settle: () => void): Promise<void> {
    if (this.faults.liesAboutSync) return this.later(() => {})
    if (this.faults.answersBeforeSync) {
      void this.later(settle)
      return Promise.resolve()
    }
    return this.later(() => {
      const code = this.faults.syncError
      if (code !== null) throw fileError(code, 'fdatasync', '')
      settle()
    })
  }

  get isDead(): boolean {
    return this.#dead
  }

  #next(root: FolderNode, boots: number): CrashingDisk {
    return new CrashingDisk(this.#random, { ...this.faults, syncError: null, writeError: null }, { root, boots })
  }

  #parent(path: string): { folder: FolderNode; name: string } {
    const cut = path.lastIndexOf('/')
    const folder = cut === -1 ? this.#root : this.#find(path.slice(0, cut))
    if (folder?.kind !== 'folder') throw fileError('ENOENT', 'open', path)
    return { folder, name: path.slice(cut + 1) }
  }

  #find(path: string): Node | undefined {
    let node: Node | undefined = this.#root
    if (path === '') return node
    for (const name of path.split('/')) node = node?.kind === 'folder' ? node.seen.get(name) : undefined
    return node
  }

  #change(folder: FolderNode, change: (names: Map<string, Node>) => void): void {
    change(folder.seen)
    folder.unsynced.push(change)
  }
}

class CrashingFile implements OpenFile {
  readonly #disk: CrashingDisk
  readonly #path: string
  readonly #node: FileNode
  readonly #writeThrough: boolean

  constructor(disk: CrashingDisk, path: string, node: FileNode, writeThrough: boolean) {
    this.#disk = disk
    this.#path = path
    this.#node = node
    this.#writeThrough = writeThrough
  }

  write(buffers: readonly Uint8Array[], position: number): void {
    if (this.#disk.isDead) return
    const fault = this.#disk.faults.writeError
    if (fault?.path.test(this.#path)) {
      this.#take([Buffer.concat(buffers).subarray(0, fault.room ?? 0)], position)
      throw fileError(fault.code, 'write', this.#path)
    }
    this.#take(buffers, position)
  }

  #take(buffers: readonly Uint8Array[], position: number): void {
    let at = position
    for (const buffer of buffers) {
      const bytes = Uint8Array.from(buffer)
      this.#node.seen.write(bytes, at)
      this.#node.unsynced.push({ position: at, bytes })
      at += bytes.length
    }
  }

  async writeAsync(buffers: readonly Uint8Array[], position: number): Promise<void> {
    // Taken now: the caller may use its buffers again only when this resolves, but a copy is what tears apart.
    const copies = buffers.map((buffer) => Uint8Array.from(buffer))
    if (!this.#writeThrough) return this.#disk.later(() => this.write(copies, position))
    this.write(copies, position)
    return this.sync()
  }

  readNow(into: Uint8Array, position: number): number {
    return this.#node.seen.read(into, position)
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#disk.later(() => this.#node.seen.read(into, position))
  }

  sync(): Promise<void> {
    const node = this.#node
    const count = node.unsynced.length
    return this.#disk.makeSafe(() => {
      for (const change of node.unsynced.splice(0, count)) apply(node.safe, change)
    })
  }

  truncate(sizeBytes: number): void {
    if (this.#disk.isDead) return
    this.#node.seen.truncate(sizeBytes)
    this.#node.unsynced.push({ truncateTo: sizeBytes })
  }

  size(): number {
    return this.#node.seen.size
  }

  close(): void {}
}

const NEVER = new Promise<never>(() => {})

/** A file of a machine that failed. */
const DEAD_FILE: OpenFile = {
  write: () => {},
  writeAsync: () => NEVER,
  readNow: () => 0,
  read: () => NEVER,
  sync: () => NEVER,
  truncate: () => {},
  size: () => 0,
  close: () => {},
}

function newFolder(): FolderNode {
  return { kind: 'folder', seen: new Map(), safe: new Map(), unsynced: [] }
}

function setName(name: string, node: Node): (names: Map<string, Node>) => void {
  return (names) => names.set(name, node)
}

function apply(content: MemoryContent, change: Change): void {
  if ('truncateTo' in change) content.truncate(change.truncateTo)
  else content.write(change.bytes, change.position)
}

/** What is left of a node: `keep` is the chance of everything that was not synced. */
function survivorOf(node: Node, random: SeededRandom, keep: number): Node {
  return node.kind === 'file' ? survivingFile(node, random, keep) : survivingFolder(node, random, keep)
}

function survivingFolder(node: FolderNode, random: SeededRandom, keep: number): FolderNode {
  // A file system that journals its metadata keeps changes in their order.
  const kept = keep === 1 ? node.unsynced.length : keep === 0 ? 0 : random.below(node.unsynced.length + 1)
  const names = new Map(node.safe)
  for (const change of node.unsynced.slice(0, kept)) change(names)
  const survivor = newFolder()
  for (const [name, child] of names) {
    const left = survivorOf(child, random, keep)
    survivor.seen.set(name, left)
    survivor.safe.set(name, left)
  }
  return survivor
}

function survivingFile(node: FileNode, random: SeededRandom, keep: number): FileNode {
  const content = new MemoryContent()
  copy(node.safe, content)
  for (const change of node.unsynced) {
    if ('truncateTo' in change) {
      if (random.chance(keep)) content.truncate(change.truncateTo)
    } else {
      keepSectors(content, change, random, keep)
    }
  }
  const seen = new MemoryContent()
  copy(content, seen)
  return { kind: 'file', seen, safe: content, unsynced: [] }
}

/** Sectors get out one by one, or not; a longer file may come without its bytes. */
function keepSectors(content: MemoryContent, change: { readonly position: number; readonly bytes: Uint8Array }, random: SeededRandom, keep: number): void {
  const { position, bytes } = change
  for (let from = 0; from < bytes.length; ) {
    const to = Math.min(bytes.length, (Math.floor((position + from) / SECTOR_BYTES) + 1) * SECTOR_BYTES - position)
    if (random.chance(keep)) content.write(bytes.subarray(from, to), position + from)
    from = to
  }
  const end = position + bytes.length
  if (content.size < end && random.chance(keep / 2)) content.truncate(end)
}

function copy(from: MemoryContent, to: MemoryContent): void {
  const bytes = new Uint8Array(from.size)
  from.read(bytes, 0)
  to.write(bytes, 0)
}
