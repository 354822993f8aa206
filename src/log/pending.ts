import type { LocalPartition } from './local-partition.ts'
import type { LogFailure } from './ports.ts'
import type { Segment } from './segment.ts'

/** An append whose promise is not kept yet. */
export interface PendingGroup {
  readonly durable: boolean
  readonly batches: PendingBatch[]
  /** No batch of its own: what this partition has shall be durable. */
  readonly cover: LocalPartition | null
  readonly sizeBytes: number
  /** Batches that are not in their segment yet. */
  left: number
  stage: 'waiting' | 'in-flight' | 'committed'
  onDone(failure: LogFailure | null): void
}

/** A batch that has its offset and its place, and is not in its segment yet. */
export interface PendingBatch {
  readonly partition: LocalPartition
  readonly group: PendingGroup
  readonly bytes: Uint8Array
  readonly baseOffset: number
  readonly offsetCount: number
  readonly segment: Segment
  readonly position: number
  readonly attachment: unknown
  /** In the journal: whatever happens to the segment, it is not lost. */
  journaled: boolean
  /** In the segment before its commit: a large one that syncs its own segment. */
  inSegment: boolean
}

/** Whether it may go to its segment as soon as what is before it did. */
export function isReady(batch: PendingBatch): boolean {
  return batch.group.stage === 'committed' || !batch.group.durable
}
