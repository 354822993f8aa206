import assert from 'node:assert/strict'
import { checkBatchForTopic } from '../../../src/broker/topics/check-batch.ts'
import { resolveTopicSettings } from '../../../src/broker/topics/topic-config.ts'
import {
  BATCH_HEADER_BYTES,
  type BatchRecord,
  batchBaseOffset,
  batchCompression,
  batchOffsetCount,
  batchRecordCount,
  batchRecordsSection,
  buildBatch,
  checkBatch,
  type RecordInput,
  readBatchHeader,
  readRecords,
} from '../../../src/log/record-batch.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { type CompressionCodec, CompressionError, decompressSync } from '../../../src/util/compression.ts'
import { repairBatch } from '../lib/batch-repair.ts'
import { randomBatchOptions, randomRecords } from '../lib/random-records.ts'
import type { Target } from '../lib/target.ts'

/** What a batch may become. */
const MOST_PLAIN_BYTES = 262_144
const HEADER_SPOTS = [
  { at: 8, bytes: 4 },
  { at: 16, bytes: 1 },
  { at: 21, bytes: 2 },
  { at: 23, bytes: 4 },
  { at: 27, bytes: 8 },
  { at: 35, bytes: 8 },
  { at: 57, bytes: 4 },
  { at: 61, bytes: 0 },
  { at: 63, bytes: 0 },
  { at: 64, bytes: 0 },
]
const TOPIC_SETTINGS = resolveTopicSettings(new Map())
const NOW_MS = 1_767_225_600_000

export const recordBatches: Target = {
  name: 'record-batches',
  about: 'batches of all five codecs, headers, nulls, control and transactional bits, producers: faults are values, offsets stay within the batch',
  variants: 8,
  maxMutations: 4,
  slowMs: 500,
  minimiseChecks: 2000,

  generate(random) {
    const codec = random.pick([0, 0, 0, 1, 2, 3, 4] as const)
    const seed = random.below(2 ** 31)
    const { records, options } = inputOf(seed, codec)
    return { meta: { seed, codec }, parts: [Buffer.from(buildBatch(records, options))], spots: [HEADER_SPOTS] }
  },

  repair: (_meta, [batch]) => [repairBatch(batch as Buffer)],

  check(meta, [bytes], valid) {
    const batch = bytes as Buffer
    const fault = checkBatch(batch)
    checkBatchForTopic(batch, TOPIC_SETTINGS, NOW_MS)
    if (valid) assert.equal(fault, null)
    readBatchHeader(batch.length < BATCH_HEADER_BYTES ? Buffer.alloc(BATCH_HEADER_BYTES) : batch)
    // The log itself sets base offsets: what a client writes there is never kept.
    if (fault !== null || !Number.isSafeInteger(batchBaseOffset(batch) + batchOffsetCount(batch))) return
    const section = plain(batch, valid)
    if (section === null) return
    const records = readRecords(batch, section)
    if (!Array.isArray(records)) {
      assert.ok(!valid, records.message)
      return
    }
    checkRecords(batch, section, records)
    if (valid) checkInput(meta.seed as number, meta.codec as CompressionCodec, batch, records)
    else checkRewritten(records)
  },
}

function inputOf(seed: number, codec: CompressionCodec): { records: RecordInput[]; options: ReturnType<typeof randomBatchOptions> } {
  const random = new SeededRandom(seed)
  return { records: randomRecords(random, 8), options: randomBatchOptions(random, codec) }
}

/** Null where it cannot be decompressed, as it should be told. */
function plain(batch: Buffer, valid: boolean): Uint8Array | null {
  try {
    const section = decompressSync(batchCompression(batch), batchRecordsSection(batch), MOST_PLAIN_BYTES)
    assert.ok(section.length <= MOST_PLAIN_BYTES, `${section.length} bytes where ${MOST_PLAIN_BYTES} are allowed`)
    return section
  } catch (error) {
    if (valid || !(error instanceof CompressionError)) throw error
    return null
  }
}

function checkRecords(batch: Buffer, section: Uint8Array, records: readonly BatchRecord[]): void {
  assert.equal(records.length, batchRecordCount(batch), 'another number of records than the header says')
  let before = batchBaseOffset(batch) - 1
  let headers = 0
  for (const { offset, timestampMs, headers: own } of records) {
    assert.ok(offset > before, `offset ${offset} does not follow ${before}`)
    assert.ok(Number.isSafeInteger(offset) && Number.isFinite(timestampMs), `offset ${offset}, time ${timestampMs}`)
    before = offset
    headers += own.length
  }
  assert.ok(before < batchBaseOffset(batch) + batchOffsetCount(batch), `offset ${before} lies outside of its batch`)
  assert.ok(records.length * 7 + headers * 2 <= section.length, 'more records than the bytes can hold')
}

function checkInput(seed: number, codec: CompressionCodec, batch: Buffer, records: readonly BatchRecord[]): void {
  const { records: inputs, options } = inputOf(seed, codec)
  const first = options.baseOffset as number
  assert.deepEqual(
    records.map(({ key, value, headers, timestampMs, offset }) => ({ key, value, headers, timestampMs, offset })),
    inputs.map(({ key, value, headers, timestampMs }, i) => ({ key, value, headers, timestampMs, offset: first + i })),
  )
  assert.equal(Buffer.from(buildBatch(records.map(inputFrom), options)).toString('hex'), batch.toString('hex'), 'written again as other bytes')
}

/** What was read can be written, and is then read the same. */
function checkRewritten(records: readonly BatchRecord[]): void {
  if (records.length === 0 || !records.every(({ timestampMs }) => Number.isSafeInteger(timestampMs))) return
  const again = readRecords(buildBatch(records.map(inputFrom)))
  assert.ok(Array.isArray(again))
  assert.deepEqual(again.map(inputFrom), records.map(inputFrom))
}

function inputFrom({ key, value, headers, timestampMs }: BatchRecord): RecordInput {
  return { key, value, headers, timestampMs }
}
