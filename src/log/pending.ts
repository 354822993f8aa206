import type { LocalPartition } from './local-partition.ts'
import type { LogFailure, ReadResult } from './ports.ts'
import { batchBaseOffset, batchOffsetCount } from './record-batch.ts'
import type { Segment } from './segment.ts'

/** An append whose promise is not kept yet. */
export interface PendingGroup {
  readonly durable: boolean
  readonly batches: PendingBatch[]
  /** No batch of its own: what this partition has shall be durable. */
  readonly cover: LocalPartition | null
  /** Up to which offset; 0 where there is no such partition. */
  readonly coverEnd: number
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

/** The batches at the head of the line that can go to `segment` now. */
export function readyRun(pending: Iterable<PendingBatch>, segment: Segment): PendingBatch[] {
  const run: PendingBatch[] = []
  for (const batch of pending) {
    if (batch.segment !== segment || !isReady(batch)) break
    run.push(batch)
  }
  return run
}

/** Writes batches that follow each other in one segment: one call for each stretch that is not there already. */
export function writeRun(run: readonly PendingBatch[]): void {
  let from = 0
  for (let i = 0; i <= run.length; i++) {
    const batch = run[i]
    if (batch !== undefined && !batch.inSegment) continue
    const first = run[from]
    if (first !== undefined && i > from) {
      first.segment.write(
        run.slice(from, i).map(({ bytes }) => bytes),
        first.position,
      )
    }
    if (batch !== undefined) batch.segment.alreadyWritten(batch.bytes, batch.position)
    from = i + 1
  }
}

/** Large batches go to their segments off the event loop, and are on disk when it resolves; of a deleted topic nothing is worth a write. */
export async function writeLarge(batches: readonly PendingBatch[], isGone: () => boolean): Promise<void> {
  if (isGone()) return
  try {
    for (const { segment, bytes, position } of batches) if (!isGone()) await segment.log.writeAsync([bytes], position)
    for (const segment of new Set(batches.map((batch) => batch.segment))) if (!isGone()) await segment.log.sync()
  } catch (error) {
    if (!isGone()) throw error
  }
  for (const batch of batches) batch.inSegment = true
}

/** A batch that an earlier process committed: only its segment lacks it. */
export function committedBatch(partition: LocalPartition, segment: Segment, position: number, bytes: Uint8Array): PendingBatch {
  const group: PendingGroup = { durable: true, batches: [], cover: null, coverEnd: 0, sizeBytes: 0, left: 1, stage: 'committed', onDone: () => {} }
  const baseOffset = batchBaseOffset(bytes)
  return {
    partition,
    group,
    bytes,
    baseOffset,
    offsetCount: batchOffsetCount(bytes),
    segment,
    position,
    attachment: undefined,
    journaled: true,
    inSegment: false,
  }
}

/**
 * What is safe, and what is taken back; `inFlightToo`: also what is on its way to the journal. All below `durableOffset` is there, also what did
 * not ask for it. Whatever follows a lost batch is lost with it: offsets leave no gap.
 */
export function splitPending(
  pending: Iterable<PendingBatch>,
  inFlightToo: boolean,
  durableOffset: number,
): { readonly keep: PendingBatch[]; readonly dropped: PendingBatch[] } {
  const keep: PendingBatch[] = []
  const dropped: PendingBatch[] = []
  for (const batch of pending) {
    const safe = batch.group.stage === 'committed' || batch.baseOffset < durableOffset || (!inFlightToo && batch.journaled)
    if (safe && dropped.length === 0) keep.push(batch)
    else dropped.push(batch)
  }
  return { keep, dropped }
}

/** Batches in memory that end behind `fromOffset` and begin below `endOffset`. */
export function batchesFrom(pending: Iterable<PendingBatch>, fromOffset: number, endOffset: number): ReadResult {
  const batches: Uint8Array[] = []
  let sizeBytes = 0
  for (const { baseOffset, offsetCount, bytes } of pending) {
    if (baseOffset + offsetCount <= fromOffset || baseOffset >= endOffset) continue
    batches.push(bytes)
    sizeBytes += bytes.length
  }
  return { batches, sizeBytes }
}
