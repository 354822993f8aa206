import { readInt16, readInt32, readInt64, writeInt16, writeInt32, writeInt64 } from '../util/big-endian.ts'
import type { EpochStart } from './leader-epochs.ts'
import type { StateMachine, StateRecord } from './ports.ts'

/** Kinds of state that the log itself keeps; the broker's are positive. */
export const LOG_STATE_KINDS = {
  /** Where a partition begins, what of it is synced, its leader epochs. */
  position: -1,
  /** An idempotent producer of a partition. */
  producer: -2,
  /** Ends a snapshot file; never in the log. */
  snapshotEnd: -3,
} as const

/** State that is nothing but its last values. */
export class KeptState implements StateMachine {
  readonly kind: number
  readonly #values = new Map<string, Uint8Array>()

  constructor(kind: number) {
    this.kind = kind
  }

  get(key: string): Uint8Array | undefined {
    return this.#values.get(key)
  }

  /** The record that makes `value` durable, taken over at once. */
  record(key: string, value: Uint8Array | null): StateRecord {
    this.apply(key, value)
    return { kind: this.kind, key, value }
  }

  apply(key: string, value: Uint8Array | null): void {
    if (value === null) this.#values.delete(key)
    else this.#values.set(key, value)
  }

  entries(): Iterable<readonly [string, Uint8Array]> {
    return this.#values
  }

  /** Forgets keys without a record: those of topics that are gone, whose ids never come back. */
  forget(isGone: (key: string) => boolean): void {
    for (const key of this.#values.keys()) if (isGone(key)) this.#values.delete(key)
  }
}

/** The producers of each partition, by its key. */
export function producersByPartition(producers: KeptState): Map<string, [producerId: number, value: Uint8Array][]> {
  const byPartition = new Map<string, [number, Uint8Array][]>()
  for (const [key, value] of producers.entries()) {
    const cut = key.lastIndexOf('/')
    const partition = key.slice(0, cut)
    const list = byPartition.get(partition)
    if (list === undefined) byPartition.set(partition, [[Number(key.slice(cut + 1)), value]])
    else list.push([Number(key.slice(cut + 1)), value])
  }
  return byPartition
}

/** What is remembered of a partition. */
export interface PartitionPosition {
  readonly logStartOffset: number
  /** The recovery point: all before this place in this segment is on disk; the offset there. */
  readonly segmentBase: number
  readonly position: number
  readonly offset: number
  readonly epochs: readonly EpochStart[]
}

/** The key of a partition in the log's own state: `TOPIC-ID/INDEX`. */
export function partitionKey(topicId: string, index: number): string {
  return `${topicId}/${index}`
}

export function topicIdOfKey(key: string): string {
  return key.slice(0, key.indexOf('/'))
}

const HEAD_BYTES = 34
const EPOCH_BYTES = 12

export function encodePosition(position: PartitionPosition): Uint8Array {
  const out = Buffer.alloc(HEAD_BYTES + position.epochs.length * EPOCH_BYTES)
  writeInt64(out, 0, position.logStartOffset)
  writeInt64(out, 8, position.segmentBase)
  writeInt64(out, 16, position.position)
  writeInt64(out, 24, position.offset)
  writeInt16(out, 32, position.epochs.length)
  position.epochs.forEach(({ epoch, startOffset }, i) => {
    writeInt32(out, HEAD_BYTES + i * EPOCH_BYTES, epoch)
    writeInt64(out, HEAD_BYTES + i * EPOCH_BYTES + 4, startOffset)
  })
  return out
}

export function decodePosition(value: Uint8Array): PartitionPosition {
  const epochs = Array.from({ length: readInt16(value, 32) }, (_, i) => ({
    epoch: readInt32(value, HEAD_BYTES + i * EPOCH_BYTES),
    startOffset: readInt64(value, HEAD_BYTES + i * EPOCH_BYTES + 4),
  }))
  return { logStartOffset: readInt64(value, 0), segmentBase: readInt64(value, 8), position: readInt64(value, 16), offset: readInt64(value, 24), epochs }
}
