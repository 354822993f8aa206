import fs from 'node:fs'
import { join } from 'node:path'
import { type DiskSpace, errorCode, type FileLock, type FileSystem, type OpenFile, type OpenMode } from './files.ts'
import { lockFile } from './lock-file.ts'
import { readAll, readAllAsync, writeAll, writeAllAsync } from './whole-transfers.ts'

const { O_CREAT, O_DSYNC, O_RDONLY, O_RDWR } = fs.constants

const FLAGS: Record<OpenMode, number> = {
  read: O_RDONLY,
  update: O_RDWR,
  write: O_RDWR | O_CREAT,
  // Windows has no O_DSYNC; there `writeAsync` syncs in a second trip.
  'write-through': O_RDWR | O_CREAT | (O_DSYNC ?? 0),
}

/** The machine's own disk, below one folder. */
export class NodeFiles implements FileSystem {
  readonly description: string
  readonly volatile = false
  readonly bootId = readBootId()
  readonly #root: string

  /** `root` is made with the folders above it where it does not exist. */
  constructor(root: string) {
    this.#root = root
    this.description = `file:${root}`
    fs.mkdirSync(root, { recursive: true })
  }

  open(path: string, mode: OpenMode): OpenFile {
    return new NodeFile(fs.openSync(join(this.#root, path), FLAGS[mode], 0o644), mode === 'write-through' && O_DSYNC === undefined)
  }

  list(folder: string): string[] {
    try {
      return fs.readdirSync(join(this.#root, folder))
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return []
      throw error
    }
  }

  size(path: string): number {
    return fs.statSync(join(this.#root, path), { throwIfNoEntry: false })?.size ?? -1
  }

  async space(): Promise<DiskSpace | null> {
    try {
      const { bsize, blocks, bavail } = await fs.promises.statfs(this.#root)
      return { totalBytes: blocks * bsize, usableBytes: bavail * bsize }
    } catch {
      // Some file systems do not know.
      return null
    }
  }

  makeFolder(path: string): void {
    fs.mkdirSync(join(this.#root, path), { recursive: true })
  }

  rename(from: string, to: string): void {
    fs.renameSync(join(this.#root, from), join(this.#root, to))
  }

  async remove(path: string): Promise<void> {
    await fs.promises.rm(join(this.#root, path), { recursive: true, force: true })
  }

  async syncFolder(path: string): Promise<void> {
    const folder = await fs.promises.open(join(this.#root, path), 'r')
    try {
      await folder.sync()
    } finally {
      await folder.close()
    }
  }

  lock(path: string): FileLock {
    return lockFile(join(this.#root, path), this.bootId)
  }

  close(): void {}
}

class NodeFile implements OpenFile {
  readonly #fd: number
  readonly #syncAfterWrite: boolean

  constructor(fd: number, syncAfterWrite: boolean) {
    this.#fd = fd
    this.#syncAfterWrite = syncAfterWrite
  }

  write(buffers: readonly Uint8Array[], position: number): void {
    writeAll(buffers, position, (rest, at) => {
      const only = rest.length === 1 ? rest[0] : undefined
      return only === undefined ? fs.writevSync(this.#fd, rest as Uint8Array[], at) : fs.writeSync(this.#fd, only, 0, only.length, at)
    })
  }

  async writeAsync(buffers: readonly Uint8Array[], position: number): Promise<void> {
    await writeAllAsync(buffers, position, (rest, at) => writev(this.#fd, rest, at))
    if (this.#syncAfterWrite) await this.sync()
  }

  readNow(into: Uint8Array, position: number): number {
    return readAll(into, position, (rest, at) => fs.readSync(this.#fd, rest, 0, rest.length, at))
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return readAllAsync(into, position, (rest, at) => read(this.#fd, rest, at))
  }

  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fs.fdatasync(this.#fd, (error) => (error === null ? resolve() : reject(error)))
    })
  }

  truncate(sizeBytes: number): void {
    fs.ftruncateSync(this.#fd, sizeBytes)
  }

  size(): number {
    return fs.fstatSync(this.#fd).size
  }

  close(): void {
    fs.closeSync(this.#fd)
  }
}

function writev(fd: number, buffers: readonly Uint8Array[], position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.writev(fd, buffers as Uint8Array[], position, (error, written) => (error === null ? resolve(written) : reject(error)))
  })
}

function read(fd: number, into: Uint8Array, position: number): Promise<number> {
  return new Promise((resolve, reject) => {
    fs.read(fd, into, 0, into.length, position, (error, got) => (error === null ? resolve(got) : reject(error)))
  })
}

function readBootId(): string | null {
  try {
    return fs.readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  } catch {
    return null
  }
}
