import {
  batchBaseOffset,
  batchCompression,
  batchLastOffsetDelta,
  batchLeaderEpoch,
  batchRecordsSection,
  batchSizeBytes,
  checkBatch,
  type RecordHeader,
  readRecords,
} from '../../../src/log/record-batch.ts'
import { decompressSync } from '../../../src/util/compression.ts'
import type { World } from '../world.ts'
import { identityOf } from './kafka-producers.ts'

const MAX_SECTION_BYTES = 64 * 1024 * 1024
const HEADER_BYTES = 61

export interface FetchedRecord {
  readonly offset: number
  readonly value: string
  readonly key: Uint8Array | null
  readonly headers: readonly RecordHeader[]
  readonly timestampMs: number
  readonly leaderEpoch: number
}

export interface FetchedPart {
  readonly topic: string
  readonly index: number
  /** The offset that was asked for. */
  readonly offset: number
  readonly highWatermark: number
}

/** The records of one partition of a Fetch answer, from the offset asked for on. Checks what any reader may check. */
export function fetchedRecords(world: World, { topic, index, offset, highWatermark }: FetchedPart, slices: readonly Uint8Array[]): FetchedRecord[] {
  const records: FetchedRecord[] = []
  const bytes = Buffer.concat(slices)
  let next = -1
  for (let position = 0; position + HEADER_BYTES <= bytes.length; ) {
    const size = batchSizeBytes(bytes, position)
    if (position + size > bytes.length) break
    const batch = bytes.subarray(position, position + size)
    const fault = checkBatch(batch)
    if (fault !== null) {
      world.violate(`${topic}-${index}: a batch at ${offset} is not whole: ${JSON.stringify(fault)}`)
      break
    }
    const base = batchBaseOffset(batch)
    if (next >= 0 && base !== next) world.violate(`${topic}-${index}: batch ${base} follows ${next}: a gap`)
    next = base + batchLastOffsetDelta(batch) + 1
    if (next > highWatermark) world.violate(`${topic}-${index}: a batch up to ${next} was shown, the high watermark is ${highWatermark}`)
    const read = readRecords(batch, decompressSync(batchCompression(batch), batchRecordsSection(batch), MAX_SECTION_BYTES))
    if (!Array.isArray(read)) {
      world.violate(`${topic}-${index}: records at ${base} are malformed`)
      break
    }
    const leaderEpoch = batchLeaderEpoch(batch)
    for (const record of read) {
      if (record.offset < offset) continue
      records.push({
        offset: record.offset,
        value: identityOf(record.value),
        key: record.key,
        headers: record.headers,
        timestampMs: record.timestampMs,
        leaderEpoch,
      })
    }
    position += size
  }
  if (records.length > 0 && (records[0]?.offset ?? 0) !== offset) world.violate(`${topic}-${index}: Fetch of ${offset} began at ${records[0]?.offset}`)
  return records
}
