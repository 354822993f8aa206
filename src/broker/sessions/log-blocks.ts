/**
 * History for sessions that are behind: pieces of partitions, read and decoded once for all who want them. Reads are few at
 * a time; what was decoded stays in a small cache, so that sessions that went offline together catch up together.
 */
import type { AbortedTransaction, LogFailure, ReadResult } from '../../log/ports.ts'
import {
  type BatchRecord,
  batchBaseOffset,
  batchCompression,
  batchIsControl,
  batchIsTransactional,
  batchOffsetCount,
  batchProducerId,
  batchRecordsSection,
  readRecords,
} from '../../log/record-batch.ts'
import type { StoredMessage } from '../topics/mapping/record-to-message.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { SessionCounters } from './session-counters.ts'

/** Turns a record into a message; which partition it is of tells under which name. */
export type DecodeRecord = (tail: PartitionTail, record: BatchRecord) => StoredMessage

/** Decompresses the records of a batch, off the loop; rejects where they are damaged or larger than `maxBytes`. */
export type Inflate = (compression: number, section: Uint8Array, maxBytes: number) => Promise<Uint8Array>

export interface BlockSettings {
  readonly catchUpReadBytes: number
  readonly maxCatchUpReads: number
  readonly catchUpCacheBytes: number
  readonly maxInflatedBatchBytes: number
}

/** Records of one partition in offset order: all that a client may see in [from, end). */
export interface Block {
  readonly from: number
  readonly end: number
  readonly offsets: readonly number[]
  readonly messages: readonly StoredMessage[]
  readonly sizeBytes: number
}

type OnBlock = (block: Block | LogFailure) => void

interface Wanted {
  readonly tail: PartitionTail
  readonly from: number
  readonly waiting: OnBlock[]
}

export class LogBlocks {
  readonly #decode: DecodeRecord
  readonly #inflate: Inflate
  readonly #settings: BlockSettings
  readonly #counters: SessionCounters
  /** Least recently used first. */
  readonly #cache = new Map<string, { readonly tail: PartitionTail; readonly block: Block }>()
  #cachedBytes = 0
  readonly #wanted = new Map<string, Wanted>()
  readonly #queue: Wanted[] = []
  #reading = 0
  #closed = false

  constructor(decode: DecodeRecord, inflate: Inflate, counters: SessionCounters, settings: BlockSettings) {
    this.#decode = decode
    this.#inflate = inflate
    this.#counters = counters
    this.#settings = settings
  }

  /**
   * Records of `tail` from `from`, which is below its `dispatched`, on: at once where they are at hand, else null and
   * `onBlock` is called later. A block may begin below `from` and never reaches beyond `dispatched`... of the moment it was read.
   */
  get(tail: PartitionTail, from: number, onBlock: OnBlock): Block | null {
    const key = `${tail.key}@${from}`
    const cached = this.#cache.get(key)
    if (cached !== undefined) {
      this.#cache.delete(key)
      this.#cache.set(key, cached)
      return cached.block
    }
    const wanted = this.#wanted.get(key)
    if (wanted !== undefined) {
      wanted.waiting.push(onBlock)
      return null
    }
    const read = tail.partition.log.readTail(from, this.#limits(tail))
    if (read !== undefined && read.batches.length > 0 && !read.batches.some((batch) => batchCompression(batch) !== 0)) {
      return this.#remember(key, tail, this.#blockOf(tail, from, read, []))
    }
    const fresh: Wanted = { tail, from, waiting: [onBlock] }
    this.#wanted.set(key, fresh)
    this.#queue.push(fresh)
    this.#pump()
    return null
  }

  /** Decodes batches that just became visible; a promise where one of them is compressed. Not cached. */
  decode(tail: PartitionTail, from: number, read: ReadResult): Block | Promise<Block> {
    if (read.batches.some((batch) => batchCompression(batch) !== 0)) return this.#inflated(tail, from, read)
    return this.#blockOf(tail, from, read, [])
  }

  /** The topic was deleted. */
  forget(tail: PartitionTail): void {
    for (const [key, cached] of this.#cache) {
      if (cached.tail !== tail) continue
      this.#cache.delete(key)
      this.#cachedBytes -= cached.block.sizeBytes
    }
  }

  close(): void {
    this.#closed = true
    this.#queue.length = 0
    this.#wanted.clear()
    this.#cache.clear()
  }

  #limits(tail: PartitionTail) {
    return { maxBytes: this.#settings.catchUpReadBytes, atLeastOne: true, endOffset: tail.dispatched }
  }

  #pump(): void {
    while (this.#reading < this.#settings.maxCatchUpReads) {
      const wanted = this.#queue.shift()
      if (wanted === undefined) return
      this.#reading++
      void this.#read(wanted)
    }
  }

  async #read(wanted: Wanted): Promise<void> {
    const { tail, from } = wanted
    const key = `${tail.key}@${from}`
    let result: Block | LogFailure
    try {
      const read = await tail.partition.log.read(from, this.#limits(tail))
      result = 'code' in read ? read : await this.#inflated(tail, from, read)
    } catch (cause) {
      result = { code: 'storage-error', message: `reading ${tail.topicName}-${tail.partition.index} from ${from} failed`, cause }
    }
    this.#reading--
    if (this.#closed) return
    this.#wanted.delete(key)
    if (!('code' in result)) this.#remember(key, tail, result)
    for (const onBlock of wanted.waiting) onBlock(result)
    this.#pump()
  }

  async #inflated(tail: PartitionTail, from: number, read: ReadResult): Promise<Block> {
    const sections: (Uint8Array | null)[] = []
    // One after the other: the thread pool is shared with the disk.
    for (const batch of read.batches) sections.push(await this.#section(batch))
    return this.#blockOf(tail, from, read, sections)
  }

  /** Null where the batch cannot be decompressed. */
  async #section(batch: Uint8Array): Promise<Uint8Array | null> {
    const section = batchRecordsSection(batch)
    if (batchCompression(batch) === 0 || batchIsControl(batch)) return section
    try {
      return await this.#inflate(batchCompression(batch), section, this.#settings.maxInflatedBatchBytes)
    } catch {
      return null
    }
  }

  #blockOf(tail: PartitionTail, from: number, read: ReadResult, sections: readonly (Uint8Array | null)[]): Block {
    const offsets: number[] = []
    const messages: StoredMessage[] = []
    const last = read.batches[read.batches.length - 1]
    const end = last === undefined ? from : batchBaseOffset(last) + batchOffsetCount(last)
    const aborted = tail.partition.log.abortedTransactions(from, end)
    for (const [index, batch] of read.batches.entries()) {
      if (batchIsControl(batch) || isAborted(batch, aborted)) continue
      const section = sections[index] === undefined ? batchRecordsSection(batch) : sections[index]
      const records = section === null ? null : readRecords(batch, section)
      if (records === null || 'fault' in records) {
        this.#counters.unreadable++
        continue
      }
      for (const record of records) {
        if (record.offset < from) continue
        offsets.push(record.offset)
        messages.push(this.#decode(tail, record))
      }
    }
    return { from, end, offsets, messages, sizeBytes: read.sizeBytes }
  }

  #remember(key: string, tail: PartitionTail, block: Block): Block {
    this.#cache.set(key, { tail, block })
    this.#cachedBytes += block.sizeBytes
    for (const [oldest, cached] of this.#cache) {
      if (this.#cachedBytes <= this.#settings.catchUpCacheBytes || oldest === key) break
      this.#cache.delete(oldest)
      this.#cachedBytes -= cached.block.sizeBytes
    }
    return block
  }
}

function isAborted(batch: Uint8Array, aborted: readonly AbortedTransaction[]): boolean {
  if (aborted.length === 0 || !batchIsTransactional(batch)) return false
  const producerId = batchProducerId(batch)
  const baseOffset = batchBaseOffset(batch)
  return aborted.some((txn) => txn.producerId === producerId && txn.firstOffset <= baseOffset && baseOffset <= txn.lastOffset)
}
