import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchCompression,
  batchIsControl,
  batchIsTransactional,
  batchOffsetCount,
  batchProducerId,
  batchRecordsSection,
  batchSizeBytes,
  checkBatch,
  readRecords,
} from '../../../src/log/record-batch.ts'
import { decompressSync } from '../../../src/util/compression.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import type { KafkaClient } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { identityOf } from './kafka-producers.ts'

const CORRUPT_MESSAGE = 2
const FETCH_VERSIONS = [4, 7, 11, 12]
const MAX_SECTION_BYTES = 64 * 1024 * 1024

interface FetchedRows {
  readonly errorCode: number
  /** The high watermark, or the last stable offset. */
  readonly endOffset: number
  readonly records: readonly { readonly offset: number; readonly key: string; readonly value: string | null }[]
  /** Behind the last batch. */
  readonly nextOffset: number
  /** What stands at the offset was damaged, and is not served; nothing else is told. */
  readonly isDamaged: boolean
}

/** One Fetch of a compacted partition: offsets rise, with gaps. Rejects with Disconnected. Checks what any reader may check. */
export async function fetchTable(
  world: World,
  client: KafkaClient,
  {
    topic,
    index,
    offset,
    isTransactional = false,
  }: { readonly topic: string; readonly index: number; readonly offset: number; readonly isTransactional?: boolean },
  maxBytes: number,
): Promise<FetchedRows> {
  const answer = await client.request(FetchRequest, FetchResponse, world.random.pick(FETCH_VERSIONS), {
    maxWaitMs: 0,
    minBytes: 1,
    maxBytes,
    isolationLevel: isTransactional ? 1 : 0,
    topics: [{ topic, topicId: ZERO_UUID, partitions: [{ partition: index, fetchOffset: offset, partitionMaxBytes: maxBytes }] }],
    forgottenTopicsData: [],
  })
  const part = answer.responses[0]?.partitions[0]
  const errorCode = part?.errorCode ?? (answer.errorCode || -1)
  if (part === undefined || errorCode !== 0) {
    const isDamaged = errorCode === CORRUPT_MESSAGE && world.damage.has(topic, index, offset)
    const nothing = { endOffset: -1, records: [], isDamaged }
    return isDamaged ? { ...nothing, errorCode: 0, nextOffset: offset + 1 } : { ...nothing, errorCode, nextOffset: offset }
  }
  const where = `${topic}-${index}`
  const endOffset = isTransactional ? part.lastStableOffset : part.highWatermark
  const aborted = [...(part.abortedTransactions ?? [])]
  const running = new Set<number>()
  const records: { offset: number; key: string; value: string | null }[] = []
  let next = offset
  const bytes = Buffer.concat(part.records ?? [])
  for (let at = 0; at + BATCH_HEADER_BYTES <= bytes.length; ) {
    const size = batchSizeBytes(bytes, at)
    if (at + size > bytes.length) break
    const batch = bytes.subarray(at, at + size)
    at += size
    const base = batchBaseOffset(batch)
    const end = base + batchOffsetCount(batch)
    if (checkBatch(batch) !== null || end <= next || (next > offset && base < next))
      world.violate(`${where}: the batch at ${base} stands behind ${next}, or is not whole`)
    next = end
    if (next > endOffset) world.violate(`${where}: a batch up to ${next} was shown, the end is ${endOffset}`)
    while (aborted[0] !== undefined && aborted[0].firstOffset < next) running.add(aborted.shift()?.producerId as number)
    if (batchIsControl(batch)) {
      running.delete(batchProducerId(batch))
      continue
    }
    if (batchIsTransactional(batch) && running.has(batchProducerId(batch))) continue
    const read = readRecords(batch, decompressSync(batchCompression(batch), batchRecordsSection(batch), MAX_SECTION_BYTES))
    if (!Array.isArray(read)) world.violate(`${where}: records at ${base} are malformed`)
    else {
      for (const record of read) {
        if (record.offset < offset) continue
        const value = record.value === null ? null : identityOf(record.value)
        records.push({ offset: record.offset, key: Buffer.from(record.key ?? []).toString(), value })
      }
    }
  }
  return { errorCode: 0, endOffset, records, nextOffset: next, isDamaged: false }
}
