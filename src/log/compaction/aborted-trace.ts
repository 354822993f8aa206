import { markerTypeOf } from '../marker.ts'
import type { AbortedTransaction } from '../ports.ts'
import { batchBaseOffset, batchIsControl, batchIsTransactional, batchLastOffsetDelta, batchProducerId } from '../record-batch.ts'

/** What the cleaner has to know of a batch on account of transactions. */
export type TransactionVerdict =
  /** Its records stay or go by their keys. */
  | 'plain'
  /** Records of a transaction that was aborted. */
  | 'aborted'
  /** The marker of a transaction that has batches in the log still. */
  | 'needed-marker'
  /** A marker that tells nobody anything any more: it goes after the delete horizon. */
  | 'spent-marker'

/**
 * Which batches belong to aborted transactions, and which markers are still needed, as all batches of a partition go by from its start
 * (CleanedTransactionMetadata in Cleaner.java).
 */
export class AbortedTrace {
  /** By first offset; those before `#next` have begun. */
  readonly #aborted: readonly AbortedTransaction[]
  #next = 0
  /** By producer id. */
  readonly #running = new Map<number, AbortedTransaction>()
  /** Producers whose transaction that is under way has batches, and is one of `#running` or was committed. */
  readonly #seen = new Set<number>()

  /** `aborted`: all of the range that goes by, by first offset. */
  constructor(aborted: readonly AbortedTransaction[]) {
    this.#aborted = aborted
  }

  /** The next batch. */
  look(batch: Uint8Array): TransactionVerdict {
    if (!batchIsTransactional(batch)) return 'plain'
    this.#beginUpTo(batchBaseOffset(batch) + batchLastOffsetDelta(batch))
    const producerId = batchProducerId(batch)
    if (batchIsControl(batch)) return this.#end(batch, producerId)
    this.#seen.add(producerId)
    return this.#running.has(producerId) ? 'aborted' : 'plain'
  }

  #beginUpTo(offset: number): void {
    for (let next = this.#aborted[this.#next]; next !== undefined && next.firstOffset <= offset; next = this.#aborted[this.#next]) {
      this.#running.set(next.producerId, next)
      this.#next++
    }
  }

  #end(marker: Uint8Array, producerId: number): TransactionVerdict {
    // What is no marker of a transaction stays.
    if (markerTypeOf(marker) === null) return 'needed-marker'
    this.#running.delete(producerId)
    return this.#seen.delete(producerId) ? 'needed-marker' : 'spent-marker'
  }
}
