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

/** What a decoded message takes beside its bytes, about. */
const DECODED_BYTES = 250
/** Blocks in the cache, however small: a partition's are searched one by one. */
const MAX_CACHED_BLOCKS = 256

export class LogBlocks {
  readonly #decode: DecodeRecord
  readonly #inflate: Inflate
  readonly #settings: BlockSettings
  readonly #counters: SessionCounters
  /** Least recently used first. */
  readonly #cache = new Map<Block, PartitionTail>()
  /** The cached blocks of each partition: few, since blocks are large beside the cache. */
  readonly #byTail = new Map<PartitionTail, Block[]>()
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

  get cachedBytes(): number {
    return this.#cachedBytes
  }

  /** Pieces that were asked for and are not read yet. */
  get waiting(): number {
    return this.#wanted.size
  }

  /**
   * Records of `tail` from `from`, which is below its `dispatched`, on: at once where they are at hand, else null and
   * `onBlock` is called later. A block may begin below `from`; it never reaches beyond what `dispatched` was when it was read.
   */
  get(tail: PartitionTail, from: number, onBlock: OnBlock): Block | null {
    const cached = this.#cached(tail, from)
    if (cached !== undefined) return cached
    const key = `${tail.key}@${from}`
    const wanted = this.#wanted.get(key)
    if (wanted !== undefined) {
      wanted.waiting.push(onBlock)
      return null
    }
    const read = tail.partition.log.readTail(from, this.#limits(tail))
    if (read !== undefined && read.batches.length > 0 && !read.batches.some((batch) => batchCompression(batch) !== 0)) {
      return this.#remember(tail, this.#blockOf(tail, from, read, []))
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
    for (const block of this.#byTail.get(tail) ?? []) {
      this.#cache.delete(block)
      this.#cachedBytes -= block.sizeBytes
    }
    this.#byTail.delete(tail)
  }

  close(): void {
    this.#closed = true
    this.#queue.length = 0
    this.#wanted.clear()
    this.#cache.clear()
    this.#byTail.clear()
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
    if (!('code' in result)) this.#remember(tail, result)
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
    // What messages are views into: of a compressed batch what it was inflated to.
    let sizeBytes = 0
    for (const [index, batch] of read.batches.entries()) {
      if (batchIsControl(batch) || isAborted(batch, aborted)) continue
      const section = sections[index] === undefined ? batchRecordsSection(batch) : sections[index]
      sizeBytes += Math.max(batch.length, section?.length ?? 0)
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
    return { from, end, offsets, messages, sizeBytes: sizeBytes + messages.length * DECODED_BYTES }
  }

  #cached(tail: PartitionTail, offset: number): Block | undefined {
    const block = this.#byTail.get(tail)?.find((each) => each.from <= offset && offset < each.end)
    if (block === undefined) return undefined
    this.#cache.delete(block)
    this.#cache.set(block, tail)
    return block
  }

  #remember(tail: PartitionTail, block: Block): Block {
    if (block.end === block.from) return block
    this.#cache.set(block, tail)
    this.#cachedBytes += block.sizeBytes
    const blocks = this.#byTail.get(tail)
    if (blocks === undefined) this.#byTail.set(tail, [block])
    else blocks.push(block)
    for (const [oldest, itsTail] of this.#cache) {
      if ((this.#cachedBytes <= this.#settings.catchUpCacheBytes && this.#cache.size <= MAX_CACHED_BLOCKS) || oldest === block) break
      this.#drop(oldest, itsTail)
    }
    return block
  }

  #drop(block: Block, tail: PartitionTail): void {
    this.#cache.delete(block)
    this.#cachedBytes -= block.sizeBytes
    const left = (this.#byTail.get(tail) ?? []).filter((each) => each !== block)
    if (left.length === 0) this.#byTail.delete(tail)
    else this.#byTail.set(tail, left)
  }
}

function isAborted(batch: Uint8Array, aborted: readonly AbortedTransaction[]): boolean {
  if (aborted.length === 0 || !batchIsTransactional(batch)) return false
  const producerId = batchProducerId(batch)
  const baseOffset = batchBaseOffset(batch)
  return aborted.some((txn) => txn.producerId === producerId && txn.firstOffset <= baseOffset && baseOffset <= txn.lastOffset)
}
