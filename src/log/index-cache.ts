import type { IndexFile } from './index-file.ts'

/** Whole index files in memory, for readers of the past; the least recently used goes first. */
export class IndexCache {
  readonly #maxBytes: number
  readonly #loaded = new Map<IndexFile, Buffer>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** All entries of `index`, of now. */
  async entries(index: IndexFile, entryBytes: number): Promise<Buffer> {
    const cached = this.#loaded.get(index)
    if (cached !== undefined && cached.length === index.entries * entryBytes) {
      this.#loaded.delete(index)
      this.#loaded.set(index, cached)
      return cached
    }
    this.forget(index)
    const loaded = await index.load()
    this.forget(index)
    this.#loaded.set(index, loaded)
    this.#bytes += loaded.length
    for (const [oldest] of this.#loaded) {
      if (this.#bytes <= this.#maxBytes) break
      this.forget(oldest)
    }
    return loaded
  }

  forget(index: IndexFile): void {
    const cached = this.#loaded.get(index)
    if (cached === undefined) return
    this.#loaded.delete(index)
    this.#bytes -= cached.length
  }
}
