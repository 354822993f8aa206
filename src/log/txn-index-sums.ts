import { readInt32, writeInt32 } from '../util/big-endian.ts'
import type { TxnIndex, TxnIndexSum } from './txn-index.ts'

/** A segment, as far as its aborted transactions go. */
export interface IndexedSegment {
  readonly baseOffset: number
  readonly txnIndex: TxnIndex
}

const SUM_BYTES = 8

/**
 * How many aborted transactions each segment of a partition has, and a checksum of them, as the last checkpoint left it: Kafka's layout of the
 * index has none, and a record of an aborted transaction must not be shown as committed because a bit of a file flipped. Durable
 * with the recovery point, in the log's own state. A segment without any is not listed.
 */
export class TxnIndexSums {
  /** By the segment's base offset. */
  readonly #sums = new Map<number, TxnIndexSum>()

  /** Whether the entries of a segment whose markers lie below `offset`, where the checkpoint was, are what they were. */
  holds({ baseOffset, txnIndex }: IndexedSegment, offset: number): boolean {
    const actual = txnIndex.sumBelow(offset)
    const expected = this.#sums.get(baseOffset)
    return actual.count === (expected?.count ?? 0) && actual.crc === (expected?.crc ?? 0)
  }

  /** For a checkpoint at `endOffset`: what changed since the last, null for a segment that is gone or has none. */
  *takeChanges(endOffset: number, segments: readonly IndexedSegment[]): Iterable<readonly [baseOffset: number, value: Uint8Array | null]> {
    const gone = new Set(this.#sums.keys())
    for (const { baseOffset, txnIndex } of segments) {
      if (txnIndex.isEmpty || baseOffset >= endOffset) continue
      const sum = txnIndex.sumBelow(endOffset)
      if (sum.count === 0) continue
      gone.delete(baseOffset)
      const known = this.#sums.get(baseOffset)
      if (known?.count === sum.count && known.crc === sum.crc) continue
      this.#sums.set(baseOffset, sum)
      yield [baseOffset, encode(sum)]
    }
    for (const baseOffset of gone) {
      this.#sums.delete(baseOffset)
      yield [baseOffset, null]
    }
  }

  restore(baseOffset: number, value: Uint8Array): void {
    this.#sums.set(baseOffset, { count: readInt32(value, 0), crc: readInt32(value, 4) >>> 0 })
  }
}

function encode({ count, crc }: TxnIndexSum): Uint8Array {
  const out = Buffer.alloc(SUM_BYTES)
  writeInt32(out, 0, count)
  writeInt32(out, 4, crc | 0)
  return out
}
