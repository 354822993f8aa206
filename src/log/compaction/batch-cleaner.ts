import type { Compress, CompressionCodec, Decompress } from '../../util/compression.ts'
import { joinRecords, type RawRecord, readRawRecord } from '../raw-record.ts'
import {
  batchBaseOffset,
  batchBaseTimestampMs,
  batchCompression,
  batchDeleteHorizonMs,
  batchIsLogAppendTime,
  batchMaxTimestampMs,
  batchProducerId,
  batchRecordCount,
  batchRecordsSection,
  thinnedBatch,
} from '../record-batch.ts'
import type { TransactionVerdict } from './aborted-trace.ts'
import type { KeyOffsets } from './key-offsets.ts'
import type { Pacer } from './pacer.ts'

/** Batches that are whole by their CRC and are no records inside: nothing of their partition is cleaned. */
export class UncleanableError extends Error {}

export interface CleaningRules {
  /** The last offset of each key below `mappedEnd`. */
  readonly keys: KeyOffsets
  readonly mappedEnd: number
  readonly nowMs: number
  readonly deleteRetentionMs: number
  /** The base offset of the last batch of each active producer: it stays, even without records, for it has the producer's last sequence. */
  readonly lastOfProducer: ReadonlyMap<number, number>
}

export interface CleaningTools {
  readonly compress: Compress
  readonly decompress: Decompress
  readonly pacer: Pacer
  readonly decompressedBytesMax: number
}

/** No time: of a batch without records. */
const NO_TIMESTAMP = -1
/** Timestamps are relative to the horizon: the zigzag of a delta must be a number that is exact. */
const LAST_HORIZON_MS = 2 ** 51
/** What a record costs beside its bytes, in bytes of work: mostly the hash of its key. */
const RECORD_WORK_BYTES = 200

/** The records of a batch, decompressed. Rejects with an UncleanableError where they are none. */
export async function sectionOf(batch: Uint8Array, { decompress, decompressedBytesMax }: CleaningTools): Promise<Uint8Array> {
  const codec = batchCompression(batch)
  const section = batchRecordsSection(batch)
  if (codec === 0) return section
  try {
    return await decompress(codec, section, decompressedBytesMax)
  } catch (error) {
    throw new UncleanableError(`the batch at offset ${batchBaseOffset(batch)} cannot be decompressed`, { cause: error })
  }
}

/** Visits the records of a batch, with rests between them. */
export async function visitRecords(batch: Uint8Array, section: Uint8Array, pacer: Pacer, visit: (record: RawRecord) => boolean): Promise<boolean> {
  let at = 0
  const count = batchRecordCount(batch)
  for (let i = 0; i < count; i++) {
    const record = readRawRecord(section, at)
    if (record === null) throw new UncleanableError(`record ${i} of the batch at offset ${batchBaseOffset(batch)} is malformed`)
    if (!visit(record)) return false
    at = record.end
    if (pacer.worked(record.end - record.start + RECORD_WORK_BYTES)) await pacer.rest()
  }
  return true
}

/** What is left of a batch: itself, one with fewer records, or null where it goes (Cleaner.cleanInto and MemoryRecords.filterTo). */
export async function cleanBatch(batch: Uint8Array, verdict: TransactionVerdict, rules: CleaningRules, tools: CleaningTools): Promise<Uint8Array | null> {
  const isLast = rules.lastOfProducer.get(batchProducerId(batch)) === batchBaseOffset(batch)
  if (verdict === 'needed-marker') return batch
  if (verdict === 'spent-marker') return cleanMarker(batch, isLast, rules)
  if (batchRecordCount(batch) === 0) return isLast ? batch : null
  if (verdict === 'aborted') return isLast ? emptied(batch) : null
  const section = await sectionOf(batch, tools)
  const kept: RawRecord[] = []
  let hasTombstone = false
  await visitRecords(batch, section, tools.pacer, (record) => {
    if (!stays(batch, record, rules)) return true
    kept.push(record)
    hasTombstone ||= !record.hasValue
    return true
  })
  if (kept.length === 0) return isLast ? emptied(batch) : null
  const deleteHorizonMs = hasTombstone && batchDeleteHorizonMs(batch) === null ? horizonOf(rules) : null
  if (kept.length === batchRecordCount(batch) && deleteHorizonMs === null) return batch
  return thinned(batch, section, kept, deleteHorizonMs, tools)
}

function stays(batch: Uint8Array, record: RawRecord, { keys, mappedEnd, nowMs }: CleaningRules): boolean {
  const offset = batchBaseOffset(batch) + record.offsetDelta
  if (offset >= mappedEnd) return true
  // Written before the topic was compacted: there is nothing to keep it by.
  if (record.key === null) return false
  if (offset < keys.get(record.key)) return false
  return record.hasValue || nowMs < (batchDeleteHorizonMs(batch) ?? Number.POSITIVE_INFINITY)
}

/** The header alone: the producer's last sequence is in it. */
function emptied(batch: Uint8Array): Uint8Array {
  return thinnedBatch(batch, { section: new Uint8Array(), recordCount: 0, maxTimestampMs: NO_TIMESTAMP, deleteHorizonMs: null })
}

/** The delete retention counts from the first time that the cleaner meets what is to go (KIP-534). */
function horizonOf({ nowMs, deleteRetentionMs }: CleaningRules): number {
  return Math.min(nowMs + deleteRetentionMs, LAST_HORIZON_MS)
}

function cleanMarker(marker: Uint8Array, isLast: boolean, rules: CleaningRules): Uint8Array | null {
  const horizonMs = batchDeleteHorizonMs(marker)
  if (horizonMs !== null) return horizonMs <= rules.nowMs && !isLast ? null : marker
  const section = batchRecordsSection(marker)
  const record = readRawRecord(section, 0)
  if (record === null) return marker
  const deleteHorizonMs = horizonOf(rules)
  const shifted = joinRecords(section, [record], deleteHorizonMs - batchBaseTimestampMs(marker))
  return thinnedBatch(marker, { section: shifted, recordCount: 1, maxTimestampMs: batchMaxTimestampMs(marker), deleteHorizonMs })
}

async function thinned(
  batch: Uint8Array,
  section: Uint8Array,
  kept: readonly RawRecord[],
  deleteHorizonMs: number | null,
  { compress }: CleaningTools,
): Promise<Uint8Array> {
  const baseMs = batchBaseTimestampMs(batch)
  const records = joinRecords(section, kept, deleteHorizonMs === null ? 0 : deleteHorizonMs - baseMs)
  const codec = batchCompression(batch)
  let maxTimestampMs = batchMaxTimestampMs(batch)
  if (!batchIsLogAppendTime(batch)) maxTimestampMs = kept.reduce((max, { timestampDelta }) => Math.max(max, baseMs + timestampDelta), NO_TIMESTAMP)
  return thinnedBatch(batch, {
    section: codec === 0 ? records : await compress(codec as CompressionCodec, records),
    recordCount: kept.length,
    maxTimestampMs,
    deleteHorizonMs,
  })
}
