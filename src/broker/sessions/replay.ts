import type { DeliveryHub } from './delivery-hub.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { ReplayFrom } from './topic-filter.ts'

/**
 * Where a replay begins in each partition its filter touches, as far as there is history; a partition made meanwhile is
 * not named and begins at its start. A point beyond the end means the tail.
 */
export async function replayStarts(hub: DeliveryHub, filter: string, from: ReplayFrom, nowMs: number): Promise<Map<PartitionTail, number>> {
  const starts = new Map<PartitionTail, number>()
  for (const tail of hub.tailsOf(filter)) {
    // Asked before waiting: what comes meanwhile is behind the point.
    const end = tail.dispatched
    starts.set(tail, Math.min(end, await startOf(tail, from, nowMs, end)))
  }
  return starts
}

async function startOf(tail: PartitionTail, from: ReplayFrom, nowMs: number, end: number): Promise<number> {
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
      return 'code' in found ? log.logStartOffset : found.offset
    }
  }
}
