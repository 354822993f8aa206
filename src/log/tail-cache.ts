import { lastSlot } from './offset-index.ts'
import type { ReadLimits, ReadResult } from './ports.ts'

interface CachedBatch {
  readonly baseOffset: number
  readonly offsetCount: number
  readonly bytes: Uint8Array
}

/** Recently written batches of all partitions, bounded in bytes: the oldest goes first, whoever's it is. */
export class TailCache {
  readonly #maxBytes: number
  /** Whose turn it is to lose a batch, in the order they were added. */
  readonly #order = new Fifo<PartitionTail>()
  #bytes = 0

  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes
  }

  get bytes(): number {
    return this.#bytes
  }

  /** Called by a tail: it took a batch of `bytes`. */
  added(tail: PartitionTail, bytes: number): void {
    this.#order.push(tail)
    this.#bytes += bytes
    while (this.#bytes > this.#maxBytes) {
      const oldest = this.#order.shift()
      if (oldest === undefined) return
      this.#bytes -= oldest.dropOldest()
    }
  }
}

/** What the cache holds of one partition: batches that follow each other up to the newest written. */
export class PartitionTail {
  readonly #cache: TailCache
  #batches: (CachedBatch | undefined)[] = []
  #head = 0
  /** Nothing below is given: the cleaner was there. */
  #floor = 0

  constructor(cache: TailCache) {
    this.#cache = cache
  }

  add(baseOffset: number, offsetCount: number, bytes: Uint8Array): void {
    this.#batches.push({ baseOffset, offsetCount, bytes })
    this.#cache.added(this, bytes.length)
  }

  /** Bytes that were dropped. */
  dropOldest(): number {
    const oldest = this.#batches[this.#head]
    if (oldest === undefined) return 0
    this.#batches[this.#head++] = undefined
    if (this.#head > 64 && this.#head * 2 > this.#batches.length) {
      this.#batches = this.#batches.slice(this.#head)
      this.#head = 0
    }
    return oldest.bytes.length
  }

  /** The first offset in memory; null where there is none. */
  get startOffset(): number | null {
    return this.#batches[this.#head]?.baseOffset ?? null
  }

  /** The bytes of all batches from the one that begins at `baseOffset`; null where that one is gone. */
  from(baseOffset: number): Uint8Array[] | null {
    const slot = this.#slotOf(baseOffset)
    if (slot < this.#head || this.#batches[slot]?.baseOffset !== baseOffset) return null
    return this.#batches.slice(slot).map((batch) => (batch as CachedBatch).bytes)
  }

  hideBelow(offset: number): void {
    this.#floor = Math.max(this.#floor, offset)
  }

  read(fromOffset: number, limits: ReadLimits): ReadResult | undefined {
    if (fromOffset < this.#floor) return undefined
    const slot = this.#slotOf(fromOffset)
    const first = this.#batches[slot]
    if (slot < this.#head || first === undefined || first.baseOffset + first.offsetCount <= fromOffset) return undefined
    const batches: Uint8Array[] = []
    let sizeBytes = 0
    for (let i = slot; i < this.#batches.length; i++) {
      const batch = this.#batches[i] as CachedBatch
      if (batch.baseOffset >= limits.endOffset) break
      if (sizeBytes + batch.bytes.length > limits.maxBytes && !(i === slot && limits.atLeastOne)) break
      batches.push(batch.bytes)
      sizeBytes += batch.bytes.length
    }
    return { batches, sizeBytes }
  }

  #slotOf(offset: number): number {
    const head = this.#head
    return head + lastSlot(this.#batches.length - head, (i) => (this.#batches[head + i] as CachedBatch).baseOffset <= offset)
  }
}

/** A queue whose head moves: shift costs nothing. */
export class Fifo<T> {
  #items: (T | undefined)[] = []
  #head = 0

  get length(): number {
    return this.#items.length - this.#head
  }

  push(item: T): void {
    this.#items.push(item)
  }

  peek(): T | undefined {
    return this.#items[this.#head]
  }

  /** In order, the head first. */
  *[Symbol.iterator](): IterableIterator<T> {
    for (let i = this.#head; i < this.#items.length; i++) yield this.#items[i] as T
  }

  replace(items: T[]): void {
    this.#items = items
    this.#head = 0
  }

  shift(): T | undefined {
    const item = this.#items[this.#head]
    if (this.#head >= this.#items.length) return undefined
    this.#items[this.#head++] = undefined
    if (this.#head > 64 && this.#head * 2 > this.#items.length) {
      this.#items = this.#items.slice(this.#head)
      this.#head = 0
    }
    return item
  }
}
