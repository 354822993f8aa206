import type { FileSystem, OpenFile, OpenMode } from '../runtime/files.ts'

/**
 * Files that are opened when they are used and closed when too many others are: 10,000 partitions of three files each exceed
 * every usual limit of descriptors. The least recently used goes first; a file in use by the thread pool never goes.
 */
export class FilePool {
  readonly fileSystem: FileSystem
  readonly #maxOpen: number
  /** In order of use, the oldest first. */
  readonly #open = new Set<PooledFile>()

  constructor(fileSystem: FileSystem, maxOpen: number) {
    this.fileSystem = fileSystem
    this.#maxOpen = maxOpen
  }

  /** A file by its path; nothing is opened or made yet. */
  file(path: string): PooledFile {
    return new PooledFile(this, path)
  }

  get openCount(): number {
    return this.#open.size
  }

  /** Called by a file for itself: it was used. */
  touch(file: PooledFile): void {
    this.#open.delete(file)
    this.#open.add(file)
    if (this.#open.size <= this.#maxOpen) return
    for (const oldest of this.#open) {
      if (this.#open.size <= this.#maxOpen) return
      if (oldest !== file && !oldest.busy) oldest.close()
    }
  }

  /** Called by a file for itself: it was closed. */
  forget(file: PooledFile): void {
    this.#open.delete(file)
  }

  closeAll(): void {
    for (const file of [...this.#open]) file.close()
  }
}

/** One file of a pool. Writing makes it where it does not exist; reading does not. */
export class PooledFile {
  readonly #pool: FilePool
  #path: string
  #handle: OpenFile | null = null
  #users = 0
  #closeWhenFree = false

  constructor(pool: FilePool, path: string) {
    this.#pool = pool
    this.#path = path
  }

  get path(): string {
    return this.#path
  }

  /** Its folder was renamed: an open descriptor stays good. */
  moved(path: string): void {
    this.#path = path
  }

  /** Whether the thread pool works on it. */
  get busy(): boolean {
    return this.#users > 0
  }

  write(buffers: readonly Uint8Array[], position: number): void {
    this.#opened('write').write(buffers, position)
  }

  writeAsync(buffers: readonly Uint8Array[], position: number): Promise<void> {
    return this.#using('write', (handle) => handle.writeAsync(buffers, position))
  }

  readNow(into: Uint8Array, position: number): number {
    return this.#opened('update').readNow(into, position)
  }

  read(into: Uint8Array, position: number): Promise<number> {
    return this.#using('update', (handle) => handle.read(into, position))
  }

  sync(): Promise<void> {
    return this.#using('update', (handle) => handle.sync())
  }

  truncate(sizeBytes: number): void {
    this.#opened('update').truncate(sizeBytes)
  }

  /** Frees the descriptor, at the latest when the thread pool is done with it; the next use opens it again. */
  close(): void {
    if (this.#users > 0) {
      this.#closeWhenFree = true
      return
    }
    this.#closeWhenFree = false
    this.#pool.forget(this)
    const handle = this.#handle
    this.#handle = null
    handle?.close()
  }

  #opened(mode: OpenMode): OpenFile {
    this.#handle ??= this.#pool.fileSystem.open(this.path, mode)
    this.#pool.touch(this)
    return this.#handle
  }

  async #using<T>(mode: OpenMode, work: (handle: OpenFile) => Promise<T>): Promise<T> {
    const handle = this.#opened(mode)
    this.#users++
    try {
      return await work(handle)
    } finally {
      this.#users--
      if (this.#users === 0 && this.#closeWhenFree) this.close()
    }
  }
}
