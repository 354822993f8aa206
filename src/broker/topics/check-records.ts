import { batchBaseTimestampMs, batchCompression, batchMaxTimestampMs, batchRecordCount, readRecords, setBatchMaxTimestamp } from '../../log/record-batch.ts'
import { type RecordsSeen, walkRecords } from '../../log/record-walk.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import type { TopicSettings } from './topic-config.ts'

/** A record that is to blame, as Produce v8 and above can say. */
interface RecordFailure {
  /** The place of the record in its batch. */
  readonly batchIndex: number
  readonly message: string
}

/** Why a batch was refused. */
export interface BatchFailure extends Failure {
  readonly records: readonly RecordFailure[]
}

/** A faulty batch names at most this many of its records. */
const MAX_NAMED_RECORDS = 100
/** The timestamp of what has none; it is never too old. */
const NO_TIMESTAMP = -1

/** The times that records may have, both ends included. */
interface Range {
  readonly earliest: number
  readonly latest: number
}

/**
 * Whether a topic takes the records of a batch, as Kafka's LogValidator: well-formed and as many as announced (87), with keys
 * where it is compacted (87), their times not too far from the broker's clock (32). Null where it does; then a largest
 * timestamp that the producer set wrongly is mended (rule 12).
 *
 * `section`: the bytes whose records begin at `start`: the batch itself where it is not compressed.
 */
export function checkRecords(batch: Uint8Array, section: Uint8Array, start: number, settings: TopicSettings, nowMs: number): BatchFailure | null {
  const count = batchRecordCount(batch)
  const seen = walkRecords(section, start, count)
  // As Kafka answers: it meets an exception.
  if (seen === 'length') return refused(ERRORS.unknownServerError, 'the length of a record is no varint')
  if (seen === 'malformed') return refused(ERRORS.invalidRecord, `the batch does not hold ${count} whole records and nothing else`)
  const isKeyless = settings.isCompacted && seen.hasKeyless
  if (isKeyless || (!settings.logAppendTime && !areTimely(batch, seen, settings, nowMs))) {
    const failed = refuseRecords(batch, section.subarray(start), settings, nowMs)
    if (failed !== null) return failed
  }
  if (!settings.logAppendTime && batchCompression(batch) === 0) mendMaxTimestamp(batch, seen)
  return null
}

/** What is known without unpacking the batch: its first and its largest timestamp. */
export function checkHeaderTimestamps(batch: Uint8Array, settings: TopicSettings, nowMs: number): BatchFailure | null {
  const range = rangeOf(settings, nowMs)
  if (isTimely(batchBaseTimestampMs(batch), range) && batchMaxTimestampMs(batch) <= range.latest) return null
  return refused(ERRORS.invalidTimestamp, 'One or more records have been rejected due to invalid timestamp')
}

function areTimely(batch: Uint8Array, { leastTimestampDelta, mostTimestampDelta }: RecordsSeen, settings: TopicSettings, nowMs: number): boolean {
  const { earliest, latest } = rangeOf(settings, nowMs)
  const base = batchBaseTimestampMs(batch)
  return base + mostTimestampDelta <= latest && base + leastTimestampDelta >= earliest
}

function rangeOf(settings: TopicSettings, nowMs: number): Range {
  // Beyond that a time is no number that can be told again.
  return { earliest: nowMs - settings.timestampBeforeMaxMs, latest: Math.min(nowMs + settings.timestampAfterMaxMs, Number.MAX_SAFE_INTEGER) }
}

function isTimely(timestampMs: number, { earliest, latest }: Range): boolean {
  return timestampMs === NO_TIMESTAMP || (timestampMs >= earliest && timestampMs <= latest)
}

/** Names the records that are to blame; null where none is. A record without a key is not asked for its time. */
function refuseRecords(batch: Uint8Array, section: Uint8Array, settings: TopicSettings, nowMs: number): BatchFailure | null {
  const records = readRecords(batch, section)
  // A record whose offset or time no reader could use.
  if (!Array.isArray(records)) return refused(ERRORS.invalidRecord, records.message)
  const range = rangeOf(settings, nowMs)
  const wrong: RecordFailure[] = []
  let isUntimely = false
  for (const [batchIndex, { key, timestampMs }] of records.entries()) {
    if (wrong.length === MAX_NAMED_RECORDS) break
    if (settings.isCompacted && key === null) {
      wrong.push({ batchIndex, message: 'a compacted topic takes no record without a key' })
    } else if (!settings.logAppendTime && !isTimely(timestampMs, range)) {
      isUntimely = true
      wrong.push({ batchIndex, message: `timestamp ${timestampMs} of the record is out of range: it should be within [${range.earliest}, ${range.latest}]` })
    }
  }
  if (wrong.length === 0) return null
  if (isUntimely) return { ...failure(ERRORS.invalidTimestamp, 'One or more records have been rejected due to invalid timestamp'), records: wrong }
  return { ...failure(ERRORS.invalidRecord, `${wrong.length} records of the batch have no key, which a compacted topic needs`), records: wrong }
}

function mendMaxTimestamp(batch: Uint8Array, { mostTimestampDelta }: RecordsSeen): void {
  const most = Math.max(NO_TIMESTAMP, batchBaseTimestampMs(batch) + mostTimestampDelta)
  if (most !== batchMaxTimestampMs(batch)) setBatchMaxTimestamp(batch, most)
}

export function refused(error: Failure['error'], message: string): BatchFailure {
  return { ...failure(error, message), records: [] }
}
