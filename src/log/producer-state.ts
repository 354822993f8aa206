/**
 * What a partition remembers of idempotent producers (ProducerStateManager.java, rule 13 of the produce path): the epoch and
 * the last five batches of each, so that a retry is answered and not appended again, and a gap is refused.
 */
import { readInt16, readInt32, readInt64, writeInt16, writeInt32, writeInt64 } from '../util/big-endian.ts'
import { OpenTransactions } from './open-transactions.ts'
import type { ActiveProducer, ProducerVerdict } from './ports.ts'
import {
  batchBaseOffset,
  batchBaseSequence,
  batchIsControl,
  batchLastOffsetDelta,
  batchMaxTimestampMs,
  batchProducerEpoch,
  batchProducerId,
} from './record-batch.ts'
import { type IndexedSegment, TxnIndexSums } from './txn-index-sums.ts'

/** Batches of a producer that a retry is compared with. */
const REMEMBERED = 5
const SEQUENCES = 0x8000_0000
const UNKNOWN: ProducerVerdict = { outcome: 'append', isKnown: false, baseOffset: -1, logAppendTimeMs: -1 }
const APPEND: ProducerVerdict = { ...UNKNOWN, isKnown: true }
const OUT_OF_ORDER: ProducerVerdict = { ...APPEND, outcome: 'out-of-order' }
const FENCED: ProducerVerdict = { ...APPEND, outcome: 'fenced' }

interface RememberedBatch {
  readonly baseSequence: number
  readonly lastSequence: number
  readonly baseOffset: number
  readonly timestampMs: number
}

interface Producer {
  epoch: number
  /** Wall clock of the last append. */
  lastAppendMs: number
  /** Where the epoch was first seen: a marker, which is no remembered batch, raises it too (KIP-890). */
  epochOffset: number
  /** The oldest first: five that are settled, and those that still wait. None where the first one was refused, or a marker raised the epoch. */
  readonly batches: RememberedBatch[]
  /** Where there is no batch: the sequence of the one that was refused, which nothing may overtake. */
  dueSequence: number
  /** A transaction of it ended here: its coordinator has written a marker. */
  isMarked: boolean
}

/** The epoch of a producer that has nothing in the log: its first batch was refused. */
const NOT_SEEN = Number.MAX_SAFE_INTEGER
/** Among producer ids in `takeChanges` and `restore`: the partition's open transactions. Below it are the sums of its segments' indexes. */
const TRANSACTIONS = -1

/** A batch as its producer announces it. */
export interface SequencedBatch {
  readonly producerId: number
  readonly producerEpoch: number
  readonly baseSequence: number
  readonly lastSequence: number
}

/** The producers of one partition, and their transactions. */
export class ProducerStates {
  readonly transactions = new OpenTransactions()
  readonly indexSums = new TxnIndexSums()
  readonly #producers = new Map<number, Producer>()
  /** Changed since the last checkpoint. */
  readonly #changed = new Set<number>()

  get size(): number {
    return this.#producers.size
  }

  /** In this order: a duplicate, an old epoch, a gap. */
  check(batch: SequencedBatch): ProducerVerdict {
    const producer = this.#producers.get(batch.producerId)
    if (producer === undefined) return UNKNOWN
    if (batch.producerEpoch < producer.epoch) return FENCED
    if (batch.producerEpoch > producer.epoch) return batch.baseSequence === 0 ? APPEND : OUT_OF_ORDER
    const last = producer.batches.at(-1)
    if (last === undefined) return batch.baseSequence === producer.dueSequence ? APPEND : OUT_OF_ORDER
    for (let i = producer.batches.length - 1; i >= Math.max(0, producer.batches.length - REMEMBERED); i--) {
      const known = producer.batches[i] as RememberedBatch
      if (known.baseSequence === batch.baseSequence && known.lastSequence === batch.lastSequence) {
        return { outcome: 'duplicate', isKnown: true, baseOffset: known.baseOffset, logAppendTimeMs: known.timestampMs }
      }
    }
    return batch.baseSequence === (last.lastSequence + 1) % SEQUENCES ? APPEND : OUT_OF_ORDER
  }

  /** Takes a patched batch that was appended. `settledOffset`: below it nothing can be rolled back. One that is remembered already changes nothing. */
  remember(bytes: Uint8Array, nowMs: number, settledOffset: number): void {
    const producerId = batchProducerId(bytes)
    if (producerId < 0) return
    const producer = this.#of(producerId)
    const epoch = batchProducerEpoch(bytes)
    const baseOffset = batchBaseOffset(bytes)
    const { batches } = producer
    if (baseOffset <= lastOffsetOf(producer)) return
    this.transactions.note(bytes)
    producer.lastAppendMs = nowMs
    this.#changed.add(producerId)
    if (epoch !== producer.epoch || producer.epochOffset === NOT_SEEN) {
      if (epoch !== producer.epoch) producer.dueSequence = 0
      producer.epoch = epoch
      producer.epochOffset = baseOffset
      batches.length = 0
    }
    if (batchIsControl(bytes)) {
      producer.isMarked = true
      return
    }
    const baseSequence = batchBaseSequence(bytes)
    batches.push({ baseSequence, lastSequence: (baseSequence + batchLastOffsetDelta(bytes)) % SEQUENCES, baseOffset, timestampMs: batchMaxTimestampMs(bytes) })
    while (batches.length > REMEMBERED && (batches[REMEMBERED] as RememberedBatch).baseOffset < settledOffset) batches.shift()
  }

  /**
   * The first batch of a producer was refused. What it sent behind that, before it knew, must not come before the batch itself: a
   * producer that is unknown may begin with any sequence.
   */
  refused(bytes: Uint8Array, nowMs: number): void {
    const producerId = batchProducerId(bytes)
    if (producerId < 0 || this.#producers.has(producerId)) return
    this.#producers.set(producerId, {
      epoch: batchProducerEpoch(bytes),
      epochOffset: NOT_SEEN,
      lastAppendMs: nowMs,
      batches: [],
      dueSequence: batchBaseSequence(bytes),
      isMarked: false,
    })
  }

  /** Batches from `offset` on were refused after all: each has to come again before what follows it. */
  takeBack(offset: number): void {
    for (const [id, producer] of this.#producers) {
      const first = dropFrom(producer, offset)
      if (first !== undefined) producer.dueSequence = first.baseSequence
      else if (producer.epochOffset === NOT_SEEN || producer.epochOffset < offset) continue
      if (producer.epochOffset >= offset) producer.epochOffset = NOT_SEEN
      this.#changed.add(id)
    }
    this.transactions.rollBack(offset)
  }

  /** Forgets batches from `offset` on, which a crash took. A producer with none left is unknown. */
  rollBack(offset: number): void {
    for (const [id, producer] of this.#producers) {
      const isLost = dropFrom(producer, offset) !== undefined
      if (!isLost && producer.epochOffset < offset) continue
      if (producer.epochOffset >= offset || producer.batches.length === 0) this.#producers.delete(id)
      this.#changed.add(id)
    }
    this.transactions.rollBack(offset)
  }

  /** Forgets producers that were silent since `beforeMs` and have no transaction open. */
  expire(beforeMs: number): void {
    for (const [id, producer] of this.#producers) {
      if (producer.lastAppendMs >= beforeMs || this.transactions.firstOffsetOf(id) !== undefined) continue
      this.#producers.delete(id)
      this.#changed.add(id)
    }
  }

  /**
   * What changed since the last call, with batches below `endOffset` only: the values for `restore`, null for a producer that is gone.
   * `segments` have the indexes of aborted transactions.
   */
  *takeChanges(endOffset: number, segments: readonly IndexedSegment[]): Iterable<readonly [producerId: number, value: Uint8Array | null]> {
    const changed = [...this.#changed]
    this.#changed.clear()
    for (const id of changed) {
      const producer = this.#producers.get(id)
      const kept = producer?.batches.filter((batch) => batch.baseOffset < endOffset).slice(-REMEMBERED) ?? []
      if (producer !== undefined && (kept.length < producer.batches.length || producer.epochOffset >= endOffset)) this.#changed.add(id)
      const isKnown = producer !== undefined && (kept.length > 0 || producer.epochOffset < endOffset)
      yield [id, isKnown ? encodeProducer(producer, kept) : null]
    }
    const open = this.transactions.takeOpenAt(endOffset)
    if (open !== undefined) yield [TRANSACTIONS, open]
    for (const [baseOffset, value] of this.indexSums.takeChanges(endOffset, segments)) yield [TRANSACTIONS - 1 - baseOffset, value]
  }

  /** By producer id: the base offset of its last batch, or of the marker that raised its epoch. */
  lastOffsets(): ReadonlyMap<number, number> {
    return new Map([...this.#producers].map(([id, producer]) => [id, lastOffsetOf(producer)]))
  }

  /** All of them, for people. */
  *active(): Iterable<ActiveProducer> {
    for (const [producerId, { epoch, batches, isMarked }] of this.#producers) {
      const last = batches.at(-1)
      yield { producerId, producerEpoch: epoch, lastSequence: last?.lastSequence ?? -1, lastTimestampMs: last?.timestampMs ?? -1, isMarked }
    }
  }

  restore(producerId: number, value: Uint8Array): void {
    if (producerId === TRANSACTIONS) this.transactions.restore(value)
    else if (producerId < TRANSACTIONS) this.indexSums.restore(TRANSACTIONS - 1 - producerId, value)
    else this.#producers.set(producerId, decodeProducer(value))
  }

  #of(id: number): Producer {
    let producer = this.#producers.get(id)
    if (producer === undefined) {
      producer = { epoch: -1, epochOffset: NOT_SEEN, lastAppendMs: 0, batches: [], dueSequence: -1, isMarked: false }
      this.#producers.set(id, producer)
    }
    return producer
  }
}

/** Of what the log has of it; -1 for nothing. */
function lastOffsetOf({ batches, epochOffset }: Producer): number {
  return batches.at(-1)?.baseOffset ?? (epochOffset === NOT_SEEN ? -1 : epochOffset)
}

/** Takes the batches from `offset` on away; the first of them, undefined where there is none. */
function dropFrom({ batches }: Producer, offset: number): RememberedBatch | undefined {
  let first: RememberedBatch | undefined
  while ((batches.at(-1)?.baseOffset ?? -1) >= offset) first = batches.pop()
  return first
}

const HEAD_BYTES = 18
const BATCH_BYTES = 24

function encodeProducer(producer: Producer, batches: readonly RememberedBatch[]): Uint8Array {
  // One more byte where a transaction of it ended.
  const out = Buffer.alloc(HEAD_BYTES + batches.length * BATCH_BYTES + (producer.isMarked ? 1 : 0))
  writeInt16(out, 0, producer.epoch)
  writeInt64(out, 2, producer.lastAppendMs)
  writeInt64(out, 10, producer.epochOffset)
  batches.forEach((batch, i) => {
    const at = HEAD_BYTES + i * BATCH_BYTES
    writeInt32(out, at, batch.baseSequence)
    writeInt32(out, at + 4, batch.lastSequence)
    writeInt64(out, at + 8, batch.baseOffset)
    writeInt64(out, at + 16, batch.timestampMs)
  })
  return out
}

function decodeProducer(value: Uint8Array): Producer {
  const batches: RememberedBatch[] = []
  for (let at = HEAD_BYTES; at + BATCH_BYTES <= value.length; at += BATCH_BYTES) {
    batches.push({
      baseSequence: readInt32(value, at),
      lastSequence: readInt32(value, at + 4),
      baseOffset: readInt64(value, at + 8),
      timestampMs: readInt64(value, at + 16),
    })
  }
  // Without a batch it is a marker that raised the epoch, and the next sequence is the first.
  const isMarked = (value.length - HEAD_BYTES) % BATCH_BYTES === 1
  return { epoch: readInt16(value, 0), lastAppendMs: readInt64(value, 2), epochOffset: readInt64(value, 10), batches, dueSequence: 0, isMarked }
}
