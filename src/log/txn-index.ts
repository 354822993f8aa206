/**
 * The aborted transactions of one segment, in Kafka's layout (TransactionIndex.java, AbortedTxn.java): entries of 34 bytes in
 * the order of their markers. Unlike the other indexes it cannot be made again from its segment alone, so it is synced with it. The layout
 * has no checksum: the log's own state has one (txn-index-sums.ts).
 */
import type { PooledFile } from '../storage/file-pool.ts'
import { readInt16, readInt64, writeInt16, writeInt64 } from '../util/big-endian.ts'
import { crc32c } from '../util/crc32c.ts'
import { IndexFile } from './index-file.ts'
import type { AbortedTransaction } from './ports.ts'

/** version int16, producerId int64, firstOffset int64, lastOffset int64, lastStableOffset int64. */
const TXN_ENTRY_BYTES = 34
const VERSION = 0

/** Of the first entries of an index. */
export interface TxnIndexSum {
  readonly count: number
  /** CRC-32C of their bytes. */
  readonly crc: number
}

const NO_SUM: TxnIndexSum = { count: 0, crc: 0 }

export class TxnIndex {
  readonly #file: IndexFile
  /** All entries, once somebody asked. */
  #entries: AbortedTransaction[] | null
  /** Whether the file's name is on disk: it is made later than those of the segment's other files. */
  #isLinked: boolean
  #sum = NO_SUM

  /** `sizeBytes` as the folder lists it; 0 where there is none, and then no file is made before the first entry. */
  constructor(file: PooledFile, sizeBytes: number) {
    this.#file = new IndexFile(file, TXN_ENTRY_BYTES, sizeBytes)
    this.#entries = sizeBytes === 0 ? [] : null
    this.#isLinked = sizeBytes > 0
  }

  get path(): string {
    return this.#file.path
  }

  moved(path: string): void {
    this.#file.moved(path)
  }

  get isEmpty(): boolean {
    return this.#file.entries === 0
  }

  /** By the offset of their markers. Reads the file within the call, once; a file that is no index is taken for what of it is. */
  entries(): readonly AbortedTransaction[] {
    this.#entries ??= parse(this.#file.loadNow())
    return this.#entries
  }

  /** What a checksum is kept of: the entries whose markers lie below `offset`, which rises from call to call. */
  sumBelow(offset: number): TxnIndexSum {
    const entries = this.entries()
    let { count, crc } = this.#sum
    for (let next = entries[count]; next !== undefined && next.lastOffset < offset; next = entries[count]) {
      crc = crc32c(write(Buffer.alloc(TXN_ENTRY_BYTES), next), crc)
      count++
    }
    this.#sum = { count, crc }
    return this.#sum
  }

  add(transaction: AbortedTransaction): void {
    const known = this.entries() as AbortedTransaction[]
    known.push(transaction)
    write(this.#file.push(), transaction)
  }

  /** Begins anew with these, by the offset of their markers. */
  replace(entries: readonly AbortedTransaction[]): void {
    this.#file.keep(0)
    this.#entries = []
    this.#sum = NO_SUM
    this.#isLinked = false
    for (const entry of entries) this.add(entry)
  }

  /** Forgets transactions that ended at or behind `offset`, and whatever is no entry; for a start, which sees their markers again. */
  keepBelow(offset: number): void {
    const kept = this.entries().filter(({ lastOffset }) => lastOffset < offset)
    if (kept.length === this.#file.entries && this.#file.isWhole) return
    this.#file.keep(kept.length)
    this.#entries = kept
    this.#sum = NO_SUM
    // Nobody may have synced the name of what held nothing that counts.
    if (kept.length === 0) this.#isLinked = false
  }

  /** To the page cache. */
  flush(): void {
    this.#file.flush()
  }

  /** There is a file whose name may not be on disk. */
  get needsLink(): boolean {
    return !this.#isLinked && this.#file.flushedEntries > 0
  }

  /** The folder was synced since the file was flushed. */
  linked(): void {
    this.#isLinked = true
  }

  /** What was flushed is on disk when it resolves, but for its name. */
  sync(): Promise<void> {
    return this.#file.sync()
  }

  close(): void {
    this.#file.close()
  }
}

interface HasTransactions {
  readonly txnIndex: TxnIndex
}

/**
 * Aborted transactions that a reader of [fromOffset, endOffset) must know, sorted by first offset. Markers may lie in later segments than the
 * records: the search ends where a transaction ended with everything before `endOffset` decided.
 */
export function abortedBetween(
  segments: readonly (HasTransactions & { readonly baseOffset: number })[],
  fromOffset: number,
  endOffset: number,
): readonly AbortedTransaction[] {
  const found: AbortedTransaction[] = []
  for (const [i, { txnIndex }] of segments.entries()) {
    if ((segments[i + 1]?.baseOffset ?? Number.POSITIVE_INFINITY) <= fromOffset || txnIndex.isEmpty) continue
    const entries = txnIndex.entries()
    for (let slot = firstEndingAt(entries, fromOffset); slot < entries.length; slot++) {
      const transaction = entries[slot] as AbortedTransaction
      if (transaction.firstOffset < endOffset) found.push(transaction)
      if (transaction.lastStableOffset >= endOffset) return found.sort(byFirstOffset)
    }
  }
  return found.sort(byFirstOffset)
}

const byFirstOffset = (a: AbortedTransaction, b: AbortedTransaction): number => a.firstOffset - b.firstOffset

function firstEndingAt(entries: readonly AbortedTransaction[], offset: number): number {
  let low = 0
  let high = entries.length
  while (low < high) {
    const middle = (low + high) >>> 1
    if ((entries[middle] as AbortedTransaction).lastOffset < offset) low = middle + 1
    else high = middle
  }
  return low
}

/** Entries rise by the offsets of their markers; what follows one that does not is damage. */
function parse(bytes: Uint8Array): AbortedTransaction[] {
  const found: AbortedTransaction[] = []
  for (let at = 0; at + TXN_ENTRY_BYTES <= bytes.length; at += TXN_ENTRY_BYTES) {
    const transaction = {
      producerId: readInt64(bytes, at + 2),
      firstOffset: readInt64(bytes, at + 10),
      lastOffset: readInt64(bytes, at + 18),
      lastStableOffset: readInt64(bytes, at + 26),
    }
    const isSane =
      readInt16(bytes, at) === VERSION && transaction.firstOffset < transaction.lastOffset && transaction.lastOffset > (found.at(-1)?.lastOffset ?? -1)
    if (!isSane) break
    found.push(transaction)
  }
  return found
}

function write(entry: Buffer, { producerId, firstOffset, lastOffset, lastStableOffset }: AbortedTransaction): Buffer {
  writeInt16(entry, 0, VERSION)
  writeInt64(entry, 2, producerId)
  writeInt64(entry, 10, firstOffset)
  writeInt64(entry, 18, lastOffset)
  writeInt64(entry, 26, lastStableOffset)
  return entry
}
