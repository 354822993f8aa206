import type { VisibleBatch } from '../../log/ports.ts'
import type { ErrorRow } from '../errors.ts'
import type { Partition, PartitionReader } from '../topics/partition.ts'
import type { SharePartition } from './share-partition.ts'

/** Somebody who waits for records of a share partition. */
export interface ShareWatcher {
  /** Records became visible; how many bytes. */
  onRecords(bytes: number): void
  /** Anything else that matters: records are free again, it is loaded, it is gone. */
  onChange(): void
}

/** A share partition in memory, from when it is first asked for; what it says comes when it is loaded. */
export class ShareSlot implements PartitionReader {
  readonly groupId: string
  readonly partition: Partition
  /** Null while it is being loaded. */
  share: SharePartition | null = null
  /** Why it could not be loaded; the next one who asks tries anew. */
  fault: ErrorRow | null = null
  readonly #watchers = new Set<ShareWatcher>()
  /** Who waits for the end of somebody else's reading; null where nobody reads. */
  #behindReader: ShareWatcher[] | null = null
  readonly #onGone: (slot: ShareSlot) => void

  constructor(groupId: string, partition: Partition, onGone: (slot: ShareSlot) => void) {
    this.groupId = groupId
    this.partition = partition
    this.#onGone = onGone
    partition.addReader(this)
  }

  /** Whether somebody waits for it. */
  get isWatched(): boolean {
    return this.#watchers.size > 0
  }

  watch(watcher: ShareWatcher): void {
    this.#watchers.add(watcher)
  }

  unwatch(watcher: ShareWatcher): void {
    this.#watchers.delete(watcher)
  }

  /** Whether the disk may be read for a watcher now: what one reads is not read by another, who hears when it is over. */
  beginRead(watcher: ShareWatcher): boolean {
    if (this.#behindReader === null) {
      this.#behindReader = []
      return true
    }
    this.#behindReader.push(watcher)
    return false
  }

  endRead(): void {
    const waiting = this.#behindReader ?? []
    this.#behindReader = null
    for (const watcher of waiting) watcher.onChange()
  }

  /** Tells everybody that something changed. */
  wake(): void {
    for (const watcher of [...this.#watchers]) watcher.onChange()
  }

  /** Nothing comes from it any more; whoever wants more asks for another. */
  close(): void {
    this.partition.removeReader(this)
    this.share?.close()
    this.wake()
  }

  onVisible(_partition: Partition, batches: readonly VisibleBatch[]): void {
    let bytes = 0
    for (const batch of batches) bytes += batch.bytes.length
    for (const watcher of this.#watchers) watcher.onRecords(bytes)
  }

  onStartRaised(_partition: Partition, logStartOffset: number): void {
    this.share?.raiseStart(logStartOffset)
  }

  onDeleted(): void {
    this.#onGone(this)
  }
}
