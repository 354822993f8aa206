import { type BatchPlace, walkGoodBatches } from '../batch-walk.ts'
import { batchSizeBytes } from '../record-batch.ts'
import type { Segment } from '../segment.ts'
import { UncleanableError } from './batch-cleaner.ts'
import type { Pacer } from './pacer.ts'

/** One read is about so long, unless one batch is longer. */
const READ_BYTES = 262_144
/** A wait for the rate is not worth a timer below this. */
const LEAST_AHEAD_MS = 5

/**
 * All batches of a closed segment from a place on, each with its CRC checked; as fast as is allowed, unless the work `isOver`. Throws an
 * UncleanableError where one is damaged.
 */
export async function* batchesOf(segment: Segment, from: BatchPlace, pacer: Pacer, isOver: () => boolean): AsyncGenerator<Uint8Array> {
  let place = from
  while (place.position < segment.writtenBytes) {
    const batches: Uint8Array[] = []
    let sizeBytes = 0
    const walked = await walkGoodBatches(segment.log, place, segment.writtenBytes, READ_BYTES, (bytes, at) => {
      const size = batchSizeBytes(bytes, at)
      if (sizeBytes > 0 && sizeBytes + size > READ_BYTES) return false
      batches.push(bytes.subarray(at, at + size))
      sizeBytes += size
      return true
    })
    if (walked.bad) throw new UncleanableError(`${segment.log.path}: the bytes at position ${walked.position} are damaged`)
    place = walked
    pacer.begin()
    pacer.moved(sizeBytes)
    while (pacer.aheadMs >= LEAST_AHEAD_MS && !isOver()) await pacer.rest()
    yield* batches
  }
}
