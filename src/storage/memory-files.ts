import { type FileLock, type FileSystem, fileError, type OpenFile, type OpenMode } from '../runtime/files.ts'

/** Files in memory: for `memory:`, and below the crashing disk of the tests. */
export class MemoryFiles implements FileSystem {
  readonly description: string = 'memory:'
  readonly volatile: boolean = true
  readonly bootId: string | null = null
  readonly #root: MemoryFolder = new Map()
  readonly #locks = new Set<string>()

  open(path: string, mode: OpenMode): OpenFile {
    const { folder, name } = this.#place(path, mode === 'write' || mode === 'write-through')
    let content = folder?.get(name)
    if (content === undefined && folder !== undefined && mode !== 'read' && mode !== 'update') {
      content = new MemoryContent()
      folder.set(name, content)
    }
    if (!(content instanceof MemoryContent)) throw fileError('ENOENT', 'open', path)
    return new MemoryFile(content)
  }

  list(folder: string): string[] {
    const found = folder === '' ? this.#root : this.#find(folder)
    return found instanceof Map ? [...found.keys()] : []
  }

  size(path: string): number {
    const found = this.#find(path)
    return found instanceof MemoryContent ? found.size : -1
  }

  /** The memory of the machine is not only for records. */
  async space(): Promise<null> {
    return null
  }

  makeFolder(path: string): void {
    this.#place(`${path}/any`, true)
  }

  rename(from: string, to: string): void {
    const source = this.#place(from, false)
    const moved = source.folder?.get(source.name)
    if (moved === undefined) throw fileError('ENOENT', 'rename', from)
    source.folder?.delete(source.name)
    const target = this.#place(to, true)
    target.folder?.set(target.name, moved)
  }

  async remove(path: string): Promise<void> {
    const { folder, name } = this.#place(path, false)
    folder?.delete(name)
  }

  async syncFolder(_path: string): Promise<void> {}

  lock(path: string): FileLock {
    if (this.#locks.has(path)) throw new Error(`the data directory is in use by this process (${path})`)
    this.#locks.add(path)
    return { release: () => this.#locks.delete(path) }
  }

  close(): void {}

  #find(path: string): MemoryFolder | MemoryContent | undefined {
    const { folder, name } = this.#place(path, false)
    return folder?.get(name)
  }

  /** The folder a path lies in, undefined where there is none; with `make` all folders on the way are made. */
  #place(path: string, make: boolean): { readonly folder: MemoryFolder | undefined; readonly name: string } {
    const steps = path.split('/')
    const name = steps.pop() as string
    let folder: MemoryFolder | undefined = this.#root
    for (const step of steps) {
      let next: MemoryFolder | MemoryContent | undefined = folder?.get(step)
      if (next === undefined && make) {
        next = new Map()
        folder?.set(step, next)
      }
      folder = next instanceof Map ? next : undefined
    }
    return { folder, name }
  }
}

type MemoryFolder = Map<string, MemoryFolder | MemoryContent>

const PAGE_BYTES = 65_536

/** A file's bytes, in pages that are made when they are written: a hole reads as zeros and takes no memory. */
export class MemoryContent {
  size = 0
  readonly #pages: (Uint8Array | undefined)[] = []

  write(bytes: Uint8Array, position: number): void {
    let done = 0
    while (done < bytes.length) {
      const index = Math.floor((position + done) / PAGE_BYTES)
      const start = (position + done) % PAGE_BYTES
      const length = Math.min(PAGE_BYTES - start, bytes.length - done)
      this.#page(index, start + length).set(bytes.subarray(done, done + length), start)
      done += length
    }
    if (position + bytes.length > this.size) this.size = position + bytes.length
  }

  read(into: Uint8Array, position: number): number {
    const total = Math.max(0, Math.min(into.length, this.size - position))
    let done = 0
    while (done < total) {
      const start = (position + done) % PAGE_BYTES
      const length = Math.min(PAGE_BYTES - start, total - done)
      const page = this.#pages[Math.floor((position + done) / PAGE_BYTES)]
      const there = page === undefined ? 0 : Math.max(0, Math.min(length, page.length - start))
      if (there > 0) into.set((page as Uint8Array).subarray(start, start + there), done)
      if (there < length) into.fill(0, done + Math.max(0, there), done + length)
      done += length
    }
    return total
  }

  truncate(sizeBytes: number): void {
    if (sizeBytes < this.size) {
      this.#pages.length = Math.min(this.#pages.length, Math.ceil(sizeBytes / PAGE_BYTES))
      this.#pages[Math.floor(sizeBytes / PAGE_BYTES)]?.fill(0, sizeBytes % PAGE_BYTES)
    }
    this.size = sizeBytes
  }

  /** The page, at least `neededBytes` long: small files, of which there are many, take small pages. */
  #page(index: number, neededBytes: number): Uint8Array {
    const page = this.#pages[index]
    if (page !== undefined && page.length >= neededBytes) return page
    let length = Math.max(page?.length ?? 0, 1024)
    while (length < neededBytes) length *= 4
    const larger = new Uint8Array(Math.min(length, PAGE_BYTES))
    if (page !== undefined) larger.set(page)
    this.#pages[index] = larger
    return larger
  }
}

class MemoryFile implements OpenFile {
  readonly #content: MemoryContent

  constructor(content: MemoryContent) {
    this.#content = content
  }

  write(buffers: readonly Uint8Array[], position: number): void {
    let at = position
    for (const buffer of buffers) {
      this.#content.write(buffer, at)
      at += buffer.length
    }
  }

  async writeAsync(buffers: readonly Uint8Array[], position: number): Promise<void> {
    this.write(buffers, position)
  }

  readNow(into: Uint8Array, position: number): number {
    return this.#content.read(into, position)
  }

  async read(into: Uint8Array, position: number): Promise<number> {
    return this.#content.read(into, position)
  }

  async sync(): Promise<void> {}

  truncate(sizeBytes: number): void {
    this.#content.truncate(sizeBytes)
  }

  size(): number {
    return this.#content.size
  }

  close(): void {}
}
