import { type BatchPlace, type DamageLimits, findGoodBatch, WALK_BYTES, walkBatches, walkGoodBatches } from './batch-walk.ts'
import type { IndexCache } from './index-cache.ts'
import { floorByOffset, OFFSET_ENTRY_BYTES, type OffsetEntry, readOffsetEntry } from './offset-index.ts'
import type { LogFailure, ReadLimits, ReadResult } from './ports.ts'
import {
  BATCH_HEADER_BYTES,
  BATCH_MAGIC,
  batchBaseOffset,
  batchCrcHolds,
  batchMagic,
  batchOffsetCount,
  batchRecordCount,
  batchSizeBytes,
} from './record-batch.ts'
import type { Segment } from './segment.ts'

/** One read of the past is at most this long, unless one batch is longer. */
const READ_BYTES = 1_048_576

/**
 * Where to begin walking to find `offset`: an indexed batch at or before it. The index is believed only where the batch it
 * speaks of is there; one that is wrong is made anew, at once where nothing is appended to its segment any more.
 */
export async function placeBefore(segment: Segment, cache: IndexCache, offset: number, endOffset: number): Promise<BatchPlace> {
  const begin = { position: 0, offset: segment.baseOffset }
  const entry = await floorEntry(segment, cache, offset)
  if (entry === null) return begin
  const place = await placeOf(segment, entry)
  if (place !== null) return place
  if (!segment.isClosed) return begin
  // Where the batch is damaged, not its entry, the others still vouch for what lies behind.
  const indexed = await indexedPlaces(segment, cache)
  cache.forget(segment.offsetIndex)
  cache.forget(segment.timeIndex)
  await rebuildIndexes(segment, segment.writtenBytes, endOffset, indexed)
  const again = await floorEntry(segment, cache, offset)
  return (again === null ? null : await placeOf(segment, again)) ?? begin
}

async function floorEntry(segment: Segment, cache: IndexCache, offset: number): Promise<OffsetEntry | null> {
  const entries = await cache.entries(segment.offsetIndex, OFFSET_ENTRY_BYTES)
  const slot = floorByOffset(entries, offset - segment.baseOffset)
  return slot === -1 ? null : readOffsetEntry(entries, slot)
}

/** Where the batch begins that an index entry speaks of; null where it is not there. */
export async function placeOf(segment: Segment, entry: OffsetEntry): Promise<BatchPlace | null> {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  const filled = entry.position < 0 ? 0 : await segment.log.read(header, entry.position)
  if (filled < BATCH_HEADER_BYTES || batchMagic(header) !== BATCH_MAGIC) return null
  const offset = batchBaseOffset(header)
  return offset + batchOffsetCount(header) - 1 - segment.baseOffset === entry.relativeOffset ? { position: entry.position, offset } : null
}

/**
 * Makes both indexes anew from the segment's batches up to `upTo`, which end below `endOffset`. Until then nobody believes its times. Once, where
 * several ask for it. `indexed`: what the old index had, where any of it may be true.
 */
export function rebuildIndexes(segment: Segment, upTo: number, endOffset: number, indexed: DamageLimits['indexed'] = new Map()): Promise<void> {
  segment.rebuilding ??= rebuild(segment, { to: upTo, endOffset, indexed }).finally(() => {
    segment.rebuilding = null
  })
  return segment.rebuilding
}

async function rebuild(segment: Segment, limits: DamageLimits): Promise<void> {
  segment.times = 'false'
  segment.resetIndexes({ offsetEntries: 0, timeEntries: 0 })
  await noteBatches(segment, { position: 0, offset: segment.baseOffset }, limits)
  segment.times = 'true'
}

/** Takes the good batches from `from` up to the limits into the indexes, which have nothing behind `from` yet. */
export async function noteBatches(segment: Segment, from: BatchPlace, limits: DamageLimits): Promise<void> {
  let place: BatchPlace | null = from
  while (place !== null && place.position < limits.to) {
    const walked = await walkGoodBatches(segment.log, place, limits.to, READ_BYTES, (bytes, at, position) => {
      segment.note(bytes, at, position)
      return true
    })
    place = walked.bad ? await findGoodBatch(segment.log, walked, limits) : null
  }
  segment.flushIndexes()
}

/**
 * Whole batches from the one that holds `offset` on, out of one segment whose offsets end at `endOffset`; every CRC is checked, and that each
 * begins where the one before ends. Damage ends the read; where nothing precedes it, it is a failure that says where to read on, and
 * told to `onDamage`.
 */
export async function readSegment(
  segment: Segment,
  cache: IndexCache,
  offset: number,
  endOffset: number,
  limits: ReadLimits,
  onDamage: (position: number) => void,
): Promise<ReadResult | LogFailure> {
  const from = await placeBefore(segment, cache, offset, endOffset)
  const read = await collect(segment, from, offset, limits)
  if (read !== null) return read
  const found = await findOffset(segment, cache, from, offset, endOffset)
  if ('resumeOffset' in found) {
    onDamage(found.position)
    const message = `${segment.log.path}: the bytes at position ${found.position}, where offset ${offset} should be, are damaged`
    return { code: 'corrupt', message, resumeOffset: found.resumeOffset }
  }
  return (await collect(segment, found, offset, limits)) ?? { batches: [], sizeBytes: 0 }
}

/** Null where damage lies before anything that can be given. Batches before the one that holds `offset` are passed over by their headers. */
async function collect(segment: Segment, from: BatchPlace, offset: number, limits: ReadLimits): Promise<ReadResult | null> {
  const batches: Uint8Array[] = []
  let sizeBytes = 0
  let due = from.offset
  let bad = false
  let empty: Uint8Array | null = null
  const chunkBytes = Math.min(Math.max(limits.maxBytes, 0) + WALK_BYTES, READ_BYTES)
  const walked = await walkBatches(segment.log, from.position, segment.writtenBytes, { whole: true, chunkBytes }, (bytes, at) => {
    const base = batchBaseOffset(bytes, at)
    bad = base !== due
    if (bad) return false
    due = base + batchOffsetCount(bytes, at)
    if (due <= offset) return true
    if (base >= limits.endOffset) return false
    const size = batchSizeBytes(bytes, at)
    if (sizeBytes + size > limits.maxBytes && !(batches.length === 0 && limits.atLeastOne)) return false
    const batch = bytes.subarray(at, at + size)
    bad = !batchCrcHolds(batch)
    if (bad) return false
    if (batchRecordCount(batch) === 0) {
      empty = batch
      return true
    }
    batches.push(batch)
    sizeBytes += size
    return sizeBytes < limits.maxBytes
  })
  // What compaction left without records is told only to say where to go on.
  if (batches.length === 0 && empty !== null) return { batches: [empty], sizeBytes: BATCH_HEADER_BYTES }
  return batches.length === 0 && (bad || walked.bad || due <= offset) ? null : { batches, sizeBytes }
}

interface Damage {
  readonly position: number
  readonly resumeOffset: number
}

/** The good batch that holds `offset`, or the damage that has taken it: every batch on the way is checked. */
async function findOffset(segment: Segment, cache: IndexCache, from: BatchPlace, offset: number, endOffset: number): Promise<BatchPlace | Damage> {
  let place = from
  for (;;) {
    const walked = await walkGoodBatches(segment.log, place, segment.writtenBytes, WALK_BYTES, (bytes, at) => {
      return batchBaseOffset(bytes, at) + batchOffsetCount(bytes, at) <= offset
    })
    if (!walked.bad && walked.position < segment.writtenBytes) return walked
    const next = walked.bad
      ? await findGoodBatch(segment.log, walked, { to: segment.writtenBytes, endOffset, indexed: await indexedPlaces(segment, cache) })
      : null
    if (next === null || offset < next.offset) return { position: walked.position, resumeOffset: next?.offset ?? endOffset }
    place = next
  }
}

/** Positions of batches and their last offsets, as the index has them. */
async function indexedPlaces(segment: Segment, cache: IndexCache): Promise<ReadonlyMap<number, number>> {
  const entries = await cache.entries(segment.offsetIndex, OFFSET_ENTRY_BYTES)
  const places = new Map<number, number>()
  for (let slot = 0; slot < entries.length / OFFSET_ENTRY_BYTES; slot++) {
    const { position, relativeOffset } = readOffsetEntry(entries, slot)
    places.set(position, segment.baseOffset + relativeOffset)
  }
  return places
}
