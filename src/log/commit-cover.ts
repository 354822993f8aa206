import type { JournalEntry } from './journal-format.ts'
import type { PendingBatch } from './pending.ts'
import type { Segment } from './segment.ts'

/** Written bytes that no journal group and no sync has made durable yet. */
interface UnsyncedBatch {
  readonly segment: Segment
  readonly position: number
  readonly endOffset: number
  readonly bytes: Uint8Array
}

/** What a partition adds to a journal group. */
export interface CoverPlan {
  /** What is written must be synced before the group: it is too much to be in it. */
  readonly mustSync: boolean
  /** Batches that go to their segment, which is synced, before the group. */
  readonly large: readonly PendingBatch[]
}

/** Sees to it that a durable batch never stands on bytes that are not: what lies below it goes into its journal group, or is synced first. */
export class CommitCover {
  readonly #topicId: Uint8Array
  readonly #partition: number
  readonly #bypassBytes: number
  readonly #mayBypass: boolean
  /** Null: too many to remember, the segments must be synced. */
  #unsynced: UnsyncedBatch[] | null = []
  #unsyncedBytes = 0

  /** `mayBypass`: false for the state log, of which all that may be torn has to be in the journal. */
  constructor(topicId: Uint8Array, partition: number, bypassBytes: number, mayBypass: boolean) {
    this.#mayBypass = mayBypass
    this.#topicId = topicId
    this.#partition = partition
    this.#bypassBytes = bypassBytes
  }

  /** A batch was written that no journal group holds. */
  remember(batch: PendingBatch): void {
    if (this.#unsynced === null) return
    this.#unsyncedBytes += batch.bytes.length
    if (this.#unsyncedBytes > this.#bypassBytes) this.#unsynced = null
    else this.#unsynced.push({ segment: batch.segment, position: batch.position, endOffset: batch.baseOffset + batch.offsetCount, bytes: batch.bytes })
  }

  /** Whatever is written has to be synced by the next commit. */
  forget(): void {
    this.#unsynced = null
  }

  /** Segments were synced; `isDirty`: not all of them. */
  settle(isDirty: boolean): void {
    this.#unsynced = this.#unsynced?.filter((batch) => !isSafe(batch)) ?? (isDirty ? null : [])
    this.#unsyncedBytes = (this.#unsynced ?? []).reduce((sum, batch) => sum + batch.bytes.length, 0)
  }

  /** Adds entries for all that is written and not safe, and for `pending` up to `last`; null: only what is written. */
  plan(pending: Iterable<PendingBatch>, last: PendingBatch | null, entries: JournalEntry[]): CoverPlan {
    const mustSync = this.#unsynced === null
    const waiting = last === null ? [] : upTo(pending, last)
    const large = waiting.filter((batch) => this.#bypasses(batch))
    // A large batch syncs its segment, and with it what lies before.
    const synced = new Set(large.map((batch) => batch.segment))
    for (const batch of this.#unsynced ?? []) if (!synced.has(batch.segment)) this.#add(entries, batch)
    this.#unsynced = []
    this.#unsyncedBytes = 0
    for (const batch of waiting) {
      batch.journaled = true
      const place = { segment: batch.segment, position: batch.position, endOffset: batch.baseOffset + batch.offsetCount, bytes: batch.bytes }
      if (this.#bypasses(batch)) entries.push({ ...this.#place(place), bytes: null })
      else this.#add(entries, place)
    }
    return { mustSync, large }
  }

  /** A large batch alone in its group; not before its segment's name is durable, or the reference would lead nowhere. */
  #bypasses(batch: PendingBatch): boolean {
    return this.#mayBypass && batch.bytes.length >= this.#bypassBytes && batch.group.batches.length === 1 && batch.segment.linked
  }

  /** Bytes that follow those of the entry before become part of it. */
  #add(entries: JournalEntry[], batch: UnsyncedBatch): void {
    const last = entries.at(-1) as MutableEntry | undefined
    if (
      last?.bytes != null &&
      last.topicId === this.#topicId &&
      last.partition === this.#partition &&
      last.segmentBase === batch.segment.baseOffset &&
      last.position + last.length === batch.position
    ) {
      last.length += batch.bytes.length
      last.endOffset = batch.endOffset
      last.bytes.push(batch.bytes)
    } else {
      entries.push({ ...this.#place(batch), bytes: [batch.bytes] })
    }
  }

  #place({ segment, position, endOffset, bytes }: UnsyncedBatch): Omit<JournalEntry, 'bytes'> {
    return { topicId: this.#topicId, partition: this.#partition, segmentBase: segment.baseOffset, position, length: bytes.length, endOffset }
  }
}

type MutableEntry = { -readonly [K in keyof JournalEntry]: JournalEntry[K] } & { bytes: Uint8Array[] | null }

function upTo(pending: Iterable<PendingBatch>, last: PendingBatch): PendingBatch[] {
  const waiting: PendingBatch[] = []
  for (const batch of pending) {
    if (!batch.journaled) waiting.push(batch)
    if (batch === last) break
  }
  return waiting
}

function isSafe(batch: UnsyncedBatch): boolean {
  return batch.segment.linked && batch.position + batch.bytes.length <= batch.segment.syncedBytes
}
