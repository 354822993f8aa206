import { type DiskSpace, type FileLock, type FileSystem, fileError, type OpenFile, type OpenMode } from '../runtime/files.ts'
import { readAll, readAllAsync, writeAll, writeAllAsync } from '../runtime/whole-transfers.ts'
import { type Change, FileNode } from './disk-nodes.ts'
import type { SimulatedDisk } from './simulated-disk.ts'
import type { SimulatedProcess, SimulatedTime } from './simulated-time.ts'

const EMPTY = new Uint8Array()

/** The disk as one process sees it. */
export function mountDisk(disk: SimulatedDisk, time: SimulatedTime, process: SimulatedProcess): FileSystem {
  return new MountedDisk(disk, time, process, `boot-${disk.boot}`)
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

  async space(): Promise<DiskSpace | null> {
    const { capacityBytes } = this.#disk.faults
    return capacityBytes === Number.POSITIVE_INFINITY ? null : { totalBytes: capacityBytes, usableBytes: Math.max(0, capacityBytes - this.#disk.usedBytes) }
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
    writeAll([joined(buffers)], position, (rest, at) => this.#writeSome(rest, at).bytes.length)
  }

  async writeAsync(buffers: readonly Uint8Array[], position: number): Promise<void> {
    this.#mustBeOpen()
    const { faults } = this.#disk
    // A file that is written through is so with every call.
    await writeAllAsync([joined(buffers)], position, async (rest, at) => {
      let change: Change | null = null
      await this.#later(faults.latencyMs(), () => {
        change = this.#writeSome(rest, at)
      })
      const written = change as Change | null
      if (this.#writeThrough) await this.#sync(written === null ? [] : [written], 'write-through')
      return written?.bytes.length ?? 0
    })
  }

  readNow(into: Uint8Array, position: number): number {
    this.#mustBeOpen()
    return readAll(into, position, (rest, at) => this.#readSome(rest, at))
  }

  read(into: Uint8Array, position: number): Promise<number> {
    this.#mustBeOpen()
    return readAllAsync(into, position, async (rest, at) => {
      let read = 0
      await this.#later(this.#disk.faults.latencyMs(), () => {
        read = this.#readSome(rest, at)
      })
      return read
    })
  }

  async sync(): Promise<void> {
    this.#mustBeOpen()
    await this.#sync([...this.#file.dirty], 'sync')
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

  #sync(changes: readonly Change[], by: 'sync' | 'write-through'): Promise<void> {
    const { faults } = this.#disk
    const fails = faults.syncFailure > 0 && this.#disk.drawFailure(faults.syncFailure)
    return this.#later(faults.syncMs(), () => {
      if (fails) {
        this.#disk.spoil(this.#file, changes)
        throw fileError('EIO', 'fdatasync', this.#path)
      }
      this.#disk.onChange?.(`synced ${this.#path}`)
      this.#disk.settle(this.#file, changes, by)
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

  #writeSome([bytes = EMPTY]: readonly Uint8Array[], position: number): Change {
    return this.#apply(this.#disk.shortened(bytes), position)
  }

  #readSome(into: Uint8Array, position: number): number {
    this.#mayFailToRead()
    return this.#file.cached.read(this.#disk.shortened(into), position)
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

/** A copy: what the caller does with its memory afterwards is its own affair. */
function joined(buffers: readonly Uint8Array[]): Uint8Array {
  return Uint8Array.from(Buffer.concat(buffers))
}
