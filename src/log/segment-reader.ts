import type { PooledFile } from '../storage/file-pool.ts'
import type { IndexCache } from './index-cache.ts'
import { floorByOffset, OFFSET_ENTRY_BYTES, type OffsetEntry, readOffsetEntry } from './offset-index.ts'
import type { LogFailure, ReadLimits, ReadResult } from './ports.ts'
import { BATCH_HEADER_BYTES, BATCH_MAGIC, batchBaseOffset, batchCrcHolds, batchMagic, batchOffsetCount, batchSizeBytes } from './record-batch.ts'
import type { Segment } from './segment.ts'

/** Read ahead when headers are walked: enough for a few thousand small batches. */
export const WALK_BYTES = 65_536
/** One read of the past is at most this long, unless one batch is longer. */
const READ_BYTES = 1_048_576

/** Where a walk over batches ended. */
export interface WalkEnd {
  readonly position: number
  /** Whether there is something at `position` that is no batch. */
  readonly bad: boolean
}

export interface WalkOptions {
  /** Give `visit` whole batches, not only their headers. */
  readonly whole: boolean
  /** Bytes per read. */
  readonly chunkBytes: number
}

/**
 * Visits the batches from `from`, where one must begin, up to `to`: `visit` gets the bytes, where in them the batch begins, and
 * its position in the file, and answers whether to go on. Ends before the first thing that has no sane header.
 */
export async function walkBatches(
  file: PooledFile,
  from: number,
  to: number,
  options: WalkOptions,
  visit: (bytes: Buffer, at: number, position: number) => boolean,
): Promise<WalkEnd> {
  let position = from
  let chunkBytes = options.chunkBytes
  while (position < to) {
    const chunk = Buffer.allocUnsafe(Math.min(chunkBytes, to - position))
    const filled = await file.read(chunk, position)
    let at = 0
    for (;;) {
      const left = filled - at
      if (left < BATCH_HEADER_BYTES) break
      const size = saneSize(chunk, at, to - position)
      if (size === null) return { position, bad: true }
      if (options.whole && size > left) break
      if (!visit(chunk, at, position)) return { position, bad: false }
      position += size
      at += size
    }
    // Nothing fitted: the file is shorter than it should be, or one batch is longer than the chunk.
    if (at === 0) {
      const size = filled < BATCH_HEADER_BYTES ? null : saneSize(chunk, 0, to - position)
      if (size === null || size <= filled) return { position, bad: true }
      chunkBytes = size
    } else {
      chunkBytes = options.chunkBytes
    }
  }
  return { position, bad: false }
}

function saneSize(bytes: Buffer, at: number, limit: number): number | null {
  const size = batchSizeBytes(bytes, at)
  return batchMagic(bytes, at) === BATCH_MAGIC && size >= BATCH_HEADER_BYTES && size <= limit && batchOffsetCount(bytes, at) > 0 ? size : null
}

/**
 * Where to begin walking to find `offset`: the position of an indexed batch at or before it. The index is believed only where the
 * batch it speaks of is there; one that is wrong is made anew, at once where nothing is appended to its segment any more.
 */
export async function positionBefore(segment: Segment, cache: IndexCache, offset: number): Promise<number> {
  const entry = await floorEntry(segment, cache, offset)
  if (entry === null || (await isTrue(segment, entry))) return entry?.position ?? 0
  if (!segment.isClosed) return 0
  cache.forget(segment.offsetIndex)
  cache.forget(segment.timeIndex)
  await rebuildIndexes(segment, segment.writtenBytes)
  return (await floorEntry(segment, cache, offset))?.position ?? 0
}

async function floorEntry(segment: Segment, cache: IndexCache, offset: number): Promise<OffsetEntry | null> {
  const entries = await cache.entries(segment.offsetIndex, OFFSET_ENTRY_BYTES)
  const slot = floorByOffset(entries, offset - segment.baseOffset)
  return slot === -1 ? null : readOffsetEntry(entries, slot)
}

async function isTrue(segment: Segment, entry: OffsetEntry): Promise<boolean> {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  const filled = entry.position < 0 ? 0 : await segment.log.read(header, entry.position)
  if (filled < BATCH_HEADER_BYTES || batchMagic(header) !== BATCH_MAGIC) return false
  return batchBaseOffset(header) + batchOffsetCount(header) - 1 - segment.baseOffset === entry.relativeOffset
}

/** Makes both indexes anew from the segment's batches up to `upTo`. */
export async function rebuildIndexes(segment: Segment, upTo: number): Promise<void> {
  segment.resetIndexes({ offsetEntries: 0, timeEntries: 0 })
  await noteBatches(segment, 0, upTo)
}

/** Takes the batches between two positions into the indexes, which have nothing behind `from` yet. */
export async function noteBatches(segment: Segment, from: number, upTo: number): Promise<void> {
  if (from < upTo) {
    await walkBatches(segment.log, from, upTo, { whole: false, chunkBytes: READ_BYTES }, (bytes, at, position) => {
      segment.note(bytes, at, position)
      return true
    })
  }
  segment.flushIndexes()
}

/**
 * Whole batches from the one that holds `offset` on, out of one segment, every CRC checked. A bad batch ends the read, or is a
 * failure where nothing precedes it, and told to `onDamage`; what lies behind is found through the next index entry.
 */
export async function readSegment(
  segment: Segment,
  cache: IndexCache,
  offset: number,
  limits: ReadLimits,
  onDamage: (position: number) => void,
): Promise<ReadResult | LogFailure> {
  const end = segment.writtenBytes
  const batches: Uint8Array[] = []
  let sizeBytes = 0
  let corruptAt = -1
  const visit = (bytes: Buffer, at: number, position: number): boolean => {
    const base = batchBaseOffset(bytes, at)
    if (base + batchOffsetCount(bytes, at) <= offset) return true
    if (base >= limits.endOffset) return false
    if (batches.length === 0 && base > offset && corruptAt !== -1) return false
    const size = batchSizeBytes(bytes, at)
    if (sizeBytes + size > limits.maxBytes && !(batches.length === 0 && limits.atLeastOne)) return false
    const batch = bytes.subarray(at, at + size)
    if (!batchCrcHolds(batch)) {
      if (batches.length === 0) corruptAt = position
      return false
    }
    corruptAt = -1
    batches.push(batch)
    sizeBytes += size
    return sizeBytes < limits.maxBytes
  }
  const chunkBytes = Math.min(Math.max(limits.maxBytes, 0) + WALK_BYTES, READ_BYTES)
  let position = await positionBefore(segment, cache, offset)
  for (;;) {
    const walked = await walkBatches(segment.log, position, end, { whole: true, chunkBytes }, visit)
    if (!walked.bad) break
    if (batches.length > 0) break
    corruptAt = walked.position
    const next = await nextIndexed(segment, cache, walked.position)
    if (next === null) break
    position = next
  }
  if (batches.length === 0 && corruptAt !== -1) {
    onDamage(corruptAt)
    return { code: 'corrupt', message: `${segment.log.path}: the bytes at position ${corruptAt}, where offset ${offset} should be, are damaged` }
  }
  return { batches, sizeBytes }
}

/** The first indexed position behind `position`; null where there is none. */
async function nextIndexed(segment: Segment, cache: IndexCache, position: number): Promise<number | null> {
  const entries = await cache.entries(segment.offsetIndex, OFFSET_ENTRY_BYTES)
  for (let slot = 0; slot < entries.length / OFFSET_ENTRY_BYTES; slot++) {
    const entry = readOffsetEntry(entries, slot)
    if (entry.position > position) return entry.position
  }
  return null
}
