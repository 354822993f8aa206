import { type CleanerMark, NO_MARK } from './compaction/cleaner-mark.ts'
import type { PartitionPosition } from './kept-state.ts'
import type { EpochStart } from './leader-epochs.ts'
import type { ProducerStates } from './producer-state.ts'
import type { Segment } from './segment.ts'

/** Who a partition is, and where it lies. */
export interface PartitionIdentity {
  readonly topicId: string
  readonly topicName: string
  readonly index: number
  readonly folder: string
}

/** All before this place is on disk; the offset there. */
export type RecoveryPoint = Pick<PartitionPosition, 'segmentBase' | 'position' | 'offset'>

/** A batch that is in the journal only. */
export interface UnwrittenBatch {
  readonly segmentBase: number
  readonly position: number
  readonly bytes: Uint8Array
}

/** What a partition begins with: all empty for a new one. */
export interface PartitionStart {
  readonly segments: Segment[]
  readonly logStartOffset: number
  readonly logEndOffset: number
  readonly epochs: readonly EpochStart[]
  /** Begin a new leader epoch with the next append: records may have been lost. */
  readonly raiseEpoch: boolean
  readonly producers: ProducerStates
  readonly recoveryPoint: RecoveryPoint
  /** Batches of the journal that a full disk did not take: behind the log end, in order. */
  readonly unwritten: readonly UnwrittenBatch[]
  readonly cleanerMark: CleanerMark
  /** Whether folder and metadata are there. */
  readonly hasFolder: boolean
}

export const NEW_PARTITION: Omit<PartitionStart, 'producers' | 'segments'> = {
  logStartOffset: 0,
  logEndOffset: 0,
  epochs: [],
  raiseEpoch: false,
  // No segment was ever synced.
  recoveryPoint: { segmentBase: -1, position: 0, offset: 0 },
  hasFolder: false,
  unwritten: [],
  cleanerMark: NO_MARK,
}
