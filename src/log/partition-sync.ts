import { encodePosition, partitionKey } from './kept-state.ts'
import type { EpochStart } from './leader-epochs.ts'
import type { LogCore } from './log-core.ts'
import type { PartitionFolder } from './partition-folder.ts'
import type { PartitionSegments } from './partition-segments.ts'
import type { PartitionIdentity, RecoveryPoint } from './partition-start.ts'
import type { StateRecord } from './ports.ts'
import type { ProducerStates } from './producer-state.ts'
import type { Segment } from './segment.ts'
import { syncFoldersAbove } from './small-file.ts'

/** What the partition says and is told. */
export interface SyncedPartition {
  /** Its topic was deleted. */
  isGone(): boolean
  /** All below `offset` is on disk, with the names of its files. */
  onSynced(offset: number): void
}

/** What of a partition the state has to know beside the recovery point. */
export interface CheckpointedPartition {
  readonly logStartOffset: number
  readonly epochs: readonly EpochStart[]
  readonly producers: ProducerStates
}

/** Brings what is written of a partition to the disk, and knows how far that has come. */
export class PartitionSync {
  readonly #core: LogCore
  readonly #key: string
  readonly #segments: PartitionSegments
  readonly #folder: PartitionFolder
  readonly #partition: SyncedPartition
  #recoveryPoint: RecoveryPoint
  /** The highest start that was ever asked for. */
  #askedStart = 0

  constructor(
    core: LogCore,
    { topicId, index }: PartitionIdentity,
    recoveryPoint: RecoveryPoint,
    { segments, folder }: { readonly segments: PartitionSegments; readonly folder: PartitionFolder },
    partition: SyncedPartition,
  ) {
    this.#core = core
    this.#key = partitionKey(topicId, index)
    this.#recoveryPoint = recoveryPoint
    this.#segments = segments
    this.#folder = folder
    this.#partition = partition
  }

  /** All before this place is on disk. */
  get recoveryPoint(): RecoveryPoint {
    return this.#recoveryPoint
  }

  /**
   * Brings all that is written now, up to `writtenOffset`, to the disk. What it answers makes that count, and is called once the folder above
   * is synced too, where a link was needed: a file without a name is lost. Null where the topic went away meanwhile.
   */
  async run(writtenOffset: number): Promise<(() => void) | null> {
    const isGone = () => this.#partition.isGone()
    const target = this.#segments.writtenUpTo(writtenOffset)
    for (const segment of [...this.#segments.all]) {
      if (isGone()) return null
      if (segment.syncedBytes < segment.writtenBytes || segment.indexesAreDirty) await this.#syncSegment(segment)
    }
    if (this.#segments.needsLink && !isGone()) await this.#folder.link(this.#segments.all, isGone)
    return isGone() ? null : () => this.#synced(target)
  }

  /** All that is written now, and the names of its files, are on disk when it resolves. */
  async makeDurable(writtenOffset: number): Promise<void> {
    const linksToo = this.#segments.needsLink
    const confirm = await this.run(writtenOffset)
    if (linksToo) await syncFoldersAbove(this.#core.fileSystem, this.#folder.path)
    confirm?.()
  }

  /** A start that is on its way to the disk must not be taken back by a later record: the last one counts. */
  askStart(offset: number): void {
    this.#askedStart = Math.max(this.#askedStart, offset)
  }

  /** The state records of the recovery point, and of producers that changed: always both, or batches before the one would be missing in the other. */
  checkpointRecords({ logStartOffset, epochs, producers }: CheckpointedPartition): StateRecord[] {
    const { core, key } = { core: this.#core, key: this.#key }
    const position = { ...this.#recoveryPoint, logStartOffset: Math.max(this.#askedStart, logStartOffset), epochs }
    const records = [core.positions.record(key, encodePosition(position))]
    for (const [id, value] of producers.takeChanges(this.#recoveryPoint.offset, this.#segments.all)) records.push(core.producers.record(`${key}/${id}`, value))
    return records
  }

  #synced(target: RecoveryPoint): void {
    for (const segment of this.#segments.all) if (segment.baseOffset < target.offset) segment.linked = true
    this.#recoveryPoint = target
    this.#partition.onSynced(target.offset)
  }

  /** Syncs one segment; what it held unsynced is off the account. */
  async #syncSegment(segment: Segment): Promise<void> {
    const isHere = () => !this.#partition.isGone() && this.#segments.has(segment)
    try {
      const gained = await segment.sync(segment !== this.#segments.active)
      if (isHere()) this.#core.pressure.add(-gained)
    } catch (error) {
      // Its files went away meanwhile: the topic was deleted, or retention took them.
      if (isHere()) throw error
    }
  }
}
