import type { ErrorRow } from '../../broker/errors.ts'
import type { AcquireRequest } from '../../broker/shares/acquire.ts'
import type { AcquiredRange } from '../../broker/shares/share-limits.ts'
import type { SharePartition } from '../../broker/shares/share-partition.ts'
import type { ShareSlot, ShareWatcher } from '../../broker/shares/share-slot.ts'
import { withheldBatches } from '../../broker/shares/withheld-batches.ts'
import { rowOfLogFailure } from '../../broker/topics/produce.ts'
import { batchBaseOffset, batchOffsetCount } from '../../log/record-batch.ts'
import type { FetchMemory } from '../fetch-memory.ts'

/** Whole record batches from where a member may take some, before it does. */
export interface ShareRead {
  readonly share: SharePartition
  readonly fromOffset: number
  readonly batches: readonly Uint8Array[]
  /** There are as many records as were wanted, and more behind them. */
  readonly isFull: boolean
  /** Of the batches, bytes that came from the disk and count as memory of ours. */
  readonly heldBytes: number
}

export interface ShareReadLimits {
  readonly maxBytes: number
  readonly maxRecords: number
  readonly atLeastOne: boolean
  readonly readCommitted: boolean
}

/**
 * Reads what could be taken of a share partition; null where there is nothing to take now, or somebody else is reading it. A promise only
 * where the disk must be asked; `reader` hears of the end of another's reading.
 */
export function readShare(
  slot: ShareSlot,
  reader: ShareWatcher,
  limits: ShareReadLimits,
  memory: FetchMemory,
): ShareRead | ErrorRow | null | Promise<ShareRead | ErrorRow | null> {
  const { share, partition } = slot
  const fromOffset = share?.nextOffset() ?? null
  if (share === null || fromOffset === null) return null
  const { log } = partition
  const visibleEnd = limits.readCommitted ? log.lastStableOffset : log.highWatermark
  const nothing = { share, fromOffset, batches: [], isFull: false, heldBytes: 0 }
  if (fromOffset >= visibleEnd) return nothing
  const wantedEnd = share.readEnd(fromOffset, limits.maxRecords)
  // Where compaction took all that is wanted, what comes next is found behind it.
  for (const endOffset of wantedEnd < visibleEnd ? [wantedEnd, visibleEnd] : [visibleEnd]) {
    const tail = log.readTail(fromOffset, { ...limits, endOffset })
    if (tail === undefined) return slot.beginRead(reader) ? readDisk(slot, nothing, limits, [wantedEnd, visibleEnd], memory) : null
    if (tail.batches.length > 0) return { ...nothing, batches: tail.batches, isFull: endOffset < visibleEnd }
  }
  return nothing
}

async function readDisk(
  slot: ShareSlot,
  nothing: ShareRead,
  limits: ShareReadLimits,
  [wantedEnd, visibleEnd]: readonly [number, number],
  memory: FetchMemory,
): Promise<ShareRead | ErrorRow | null> {
  const { log } = slot.partition
  const maxBytes = Math.min(limits.maxBytes, memory.allowanceBytes)
  memory.reserve(maxBytes)
  const { atLeastOne } = limits
  let read = await log.read(nothing.fromOffset, { maxBytes, atLeastOne, endOffset: Math.min(wantedEnd, visibleEnd) })
  if (!('code' in read) && read.batches.length === 0 && wantedEnd < visibleEnd) {
    read = await log.read(nothing.fromOffset, { maxBytes, atLeastOne, endOffset: visibleEnd })
  }
  memory.release(maxBytes)
  slot.endRead()
  if ('code' in read) {
    // What retention takes while it is read is found at the new start.
    return read.code === 'offset-out-of-range' ? null : rowOfLogFailure(read)
  }
  memory.reserve(read.sizeBytes)
  return { ...nothing, batches: read.batches, isFull: read.batches.length > 0 && wantedEnd < visibleEnd, heldBytes: read.sizeBytes }
}

/** What a member took, and the record batches that hold it. */
export interface Taken {
  readonly ranges: readonly AcquiredRange[]
  readonly batches: readonly Uint8Array[]
  readonly count: number
}

const NOTHING: Taken = { ranges: [], batches: [], count: 0 }

/** Takes records out of what was read. */
export function takeShare({ share, fromOffset, batches }: ShareRead, slot: ShareSlot, request: AcquireRequest, readCommitted: boolean): Taken {
  const tail = batches.at(-1)
  if (tail === undefined) return NOTHING
  const { log } = slot.partition
  const withheld = withheldBatches(batches, readCommitted ? log.abortedTransactions(fromOffset, endOf(tail)) : [])
  const ranges = share.acquire(fromOffset, batches, request, withheld)
  const first = ranges[0]?.first
  const last = ranges.at(-1)?.last
  if (first === undefined || last === undefined) return NOTHING
  let count = 0
  for (const range of ranges) count += range.last - range.first + 1
  return { ranges, batches: batches.filter((batch) => batchBaseOffset(batch) <= last && endOf(batch) > first), count }
}

function endOf(batch: Uint8Array): number {
  return batchBaseOffset(batch) + batchOffsetCount(batch)
}
