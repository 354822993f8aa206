/**
 * The transactions of one partition: which are open, and which ended so lately that the log may still be rolled back behind their
 * markers, or a checkpoint has not passed them (ProducerStateManager.java, KIP-98). It gives the last stable offset.
 */
import { readInt64, writeInt64 } from '../util/big-endian.ts'
import { markerTypeOf } from './marker.ts'
import type { AbortedTransaction } from './ports.ts'
import { batchBaseOffset, batchIsControl, batchIsTransactional, batchProducerId } from './record-batch.ts'
import type { TxnIndex } from './txn-index.ts'

interface Ended {
  readonly producerId: number
  readonly firstOffset: number
  /** The marker's. */
  readonly lastOffset: number
  /** Null where it was committed. */
  readonly aborted: AbortedTransaction | null
}

export class OpenTransactions {
  /** First offsets by producer id, in the order they began: rising. */
  #open = new Map<number, number>()
  /** By the offset of their markers. */
  #ended: Ended[] = []
  /** Slot of the first in `#ended` whose marker is not visible yet. */
  #shown = 0
  /** What the last checkpoint said. */
  #kept = ''
  /** All below was noted, by this process or the one that made the checkpoint. */
  #notedUpTo = 0

  /** Takes a patched batch that was appended, or is found at a start. */
  note(batch: Uint8Array): void {
    if (!batchIsTransactional(batch)) return
    const producerId = batchProducerId(batch)
    const offset = batchBaseOffset(batch)
    if (offset < this.#notedUpTo) return
    this.#notedUpTo = offset + 1
    if (!batchIsControl(batch)) {
      if (!this.#open.has(producerId)) this.#open.set(producerId, offset)
      return
    }
    const type = markerTypeOf(batch)
    const firstOffset = this.#open.get(producerId)
    // A marker without records before it in this partition ends nothing that a reader could have seen.
    if (type === null || firstOffset === undefined) return
    this.#open.delete(producerId)
    const lastStableOffset = this.#firstOpen() ?? offset + 1
    const aborted = type === 'abort' ? { producerId, firstOffset, lastOffset: offset, lastStableOffset } : null
    this.#ended.push({ producerId, firstOffset, lastOffset: offset, aborted })
  }

  /** Whether a producer's transaction is open here, and since which offset. */
  firstOffsetOf(producerId: number): number | undefined {
    return this.#open.get(producerId)
  }

  /** The first offset of the oldest transaction that is open for whoever reads below `highWatermark`, else that. */
  lastStableOffset(highWatermark: number): number {
    while (this.#shown < this.#ended.length && (this.#ended[this.#shown] as Ended).lastOffset < highWatermark) this.#shown++
    let stable = Math.min(highWatermark, this.#firstOpen() ?? highWatermark)
    for (let slot = this.#shown; slot < this.#ended.length; slot++) stable = Math.min(stable, (this.#ended[slot] as Ended).firstOffset)
    return stable
  }

  /** The marker at `offset` was written: adds the aborted transaction that it ended, if it did, to its segment's index. */
  index(offset: number, into: Pick<TxnIndex, 'add'>): void {
    for (let slot = this.#ended.length - 1; slot >= 0; slot--) {
      const { lastOffset, aborted } = this.#ended[slot] as Ended
      if (lastOffset === offset && aborted !== null) into.add(aborted)
      if (lastOffset <= offset) return
    }
  }

  /** Nothing is taken back any more: for who only looks at what there is. */
  forgetEnded(): void {
    this.#ended = []
    this.#shown = 0
  }

  /** Batches from `offset` on are taken back, markers too. */
  rollBack(offset: number): void {
    if (offset >= this.#notedUpTo) return
    this.#notedUpTo = offset
    const open = [...this.#open]
    for (const { producerId, firstOffset, lastOffset } of this.#ended) if (lastOffset >= offset) open.push([producerId, firstOffset])
    this.#ended = this.#ended.filter(({ lastOffset }) => lastOffset < offset)
    this.#shown = Math.min(this.#shown, this.#ended.length)
    this.#open = new Map(open.filter(([, firstOffset]) => firstOffset < offset).sort(([, a], [, b]) => a - b))
  }

  /**
   * For a checkpoint at `offset`: what was open there, for `restore`; undefined where the last one said the same. Ended
   * transactions below it are forgotten: they cannot be taken back any more.
   */
  takeOpenAt(offset: number): Uint8Array | undefined {
    const open = [...this.#open].filter(([, firstOffset]) => firstOffset < offset)
    for (const { producerId, firstOffset, lastOffset } of this.#ended) if (lastOffset >= offset && firstOffset < offset) open.push([producerId, firstOffset])
    const done = this.#ended.findIndex(({ lastOffset }) => lastOffset >= offset)
    const forgotten = Math.min(done === -1 ? this.#ended.length : done, this.#shown)
    this.#ended.splice(0, forgotten)
    this.#shown -= forgotten
    open.sort(([, a], [, b]) => a - b)
    const said = open.join(';')
    if (said === this.#kept) return undefined
    this.#kept = said
    return encode(offset, open)
  }

  restore(value: Uint8Array): void {
    const { offset, open } = decode(value)
    this.#open = new Map(open)
    this.#kept = open.join(';')
    this.#notedUpTo = offset
  }

  #firstOpen(): number | undefined {
    for (const firstOffset of this.#open.values()) return firstOffset
    return undefined
  }
}

const HEAD_BYTES = 8
const ENTRY_BYTES = 16

type Open = readonly (readonly [producerId: number, firstOffset: number])[]

function encode(offset: number, open: Open): Uint8Array {
  const out = Buffer.alloc(HEAD_BYTES + open.length * ENTRY_BYTES)
  writeInt64(out, 0, offset)
  open.forEach(([producerId, firstOffset], i) => {
    writeInt64(out, HEAD_BYTES + i * ENTRY_BYTES, producerId)
    writeInt64(out, HEAD_BYTES + i * ENTRY_BYTES + 8, firstOffset)
  })
  return out
}

function decode(value: Uint8Array): { readonly offset: number; readonly open: Open } {
  const open: [number, number][] = []
  for (let at = HEAD_BYTES; at + ENTRY_BYTES <= value.length; at += ENTRY_BYTES) open.push([readInt64(value, at), readInt64(value, at + 8)])
  return { offset: readInt64(value, 0), open }
}
