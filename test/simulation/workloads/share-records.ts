import { batchBaseOffset, batchSizeBytes } from '../../../src/log/record-batch.ts'
import type { World } from '../world.ts'
import { type FetchedRecord, fetchedRecords } from './fetched-records.ts'

const HEADER_BYTES = 61

/** The records of one partition of a ShareFetch answer: whole batches, between which others may be that somebody else has. */
export function shareRecords(
  world: World,
  { topic, index }: { readonly topic: string; readonly index: number },
  slices: readonly Uint8Array[],
): FetchedRecord[] {
  const bytes = Buffer.concat(slices)
  const records: FetchedRecord[] = []
  let before = -1
  for (let position = 0; position < bytes.length; ) {
    const size = position + HEADER_BYTES > bytes.length ? bytes.length + 1 : batchSizeBytes(bytes, position)
    if (position + size > bytes.length) {
      world.violate(`${topic}-${index}: a ShareFetch answer ends within a batch`)
      break
    }
    const batch = bytes.subarray(position, position + size)
    const offset = batchBaseOffset(batch)
    if (offset <= before) world.violate(`${topic}-${index}: batch ${offset} follows ${before} in a ShareFetch answer`)
    before = offset
    records.push(...fetchedRecords(world, { topic, index, offset, highWatermark: Number.MAX_SAFE_INTEGER }, [batch]))
    position += size
  }
  return records
}
