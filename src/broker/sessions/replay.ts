import { ERRORS, type Failure, failure } from '../errors.ts'
import type { DeliveryHub } from './delivery-hub.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { ReplayFrom } from './topic-filter.ts'

/**
 * Where a replay begins in each partition its filter touches, as far as there is history; a partition made meanwhile is
 * not named and begins at its start. A point beyond the end means the tail. Fails where the disk did not read: the client asks again.
 */
export async function replayStarts(hub: DeliveryHub, filter: string, from: ReplayFrom, nowMs: number): Promise<Map<PartitionTail, number> | Failure> {
  const starts = new Map<PartitionTail, number>()
  for (const tail of hub.tailsOf(filter)) {
    // Asked before waiting: what comes meanwhile is behind the point.
    const end = tail.dispatched
    const start = await startOf(tail, from, nowMs, end)
    if (typeof start !== 'number') return start
    starts.set(tail, Math.min(end, start))
  }
  return starts
}

async function startOf(tail: PartitionTail, from: ReplayFrom, nowMs: number, end: number): Promise<number | Failure> {
  const { log } = tail.partition
  switch (from.kind) {
    case 'earliest':
      return log.logStartOffset
    case 'offset':
      return Math.max(log.logStartOffset, from.offset)
    case 'time':
    case 'ago': {
      const found = await log.offsetForTime(from.kind === 'time' ? from.timestampMs : nowMs - from.agoMs)
      if (found === null) return end
      if (!('code' in found)) return found.offset
      // A disk that did not read says nothing about times. Where records are damaged for good, too much is given rather than too little.
      return found.code === 'storage-error' ? failure(ERRORS.kafkaStorageError, found.message) : log.logStartOffset
    }
  }
}
