/**
 * Walking over the batches of a segment without trusting a byte of it. A batch is good where its CRC holds and it begins at the
 * offset behind the one before: base offset, length and magic lie outside the CRC, and only that tells when they are damaged.
 */
import type { PooledFile } from '../storage/file-pool.ts'
import { BATCH_HEADER_BYTES, BATCH_MAGIC, batchBaseOffset, batchCrcHolds, batchMagic, batchOffsetCount, batchSizeBytes } from './record-batch.ts'

/** Read ahead when headers are walked: enough for a few thousand small batches. */
export const WALK_BYTES = 65_536
/** A batch longer than this is believed only where another one, or the end, follows it: a damaged length must not fill the memory. */
const BELIEVED_BYTES = 16_777_216
const MAGIC_AT = 16

/** A position in a file, and the offset that is due there. */
export interface BatchPlace {
  readonly position: number
  readonly offset: number
}

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

/** Gets the bytes, where in them the batch begins, and its position in the file; answers whether to go on. */
export type VisitBatch = (bytes: Buffer, at: number, position: number) => boolean

/** Visits what has a sane header from `from`, where a batch must begin, up to `to`. Ends before the first thing that has none. */
export async function walkBatches(file: PooledFile, from: number, to: number, options: WalkOptions, visit: VisitBatch): Promise<WalkEnd> {
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
      if (size > BELIEVED_BYTES && !(await isBoundary(file, position + size, to))) return { position, bad: true }
      chunkBytes = size
    } else {
      chunkBytes = options.chunkBytes
    }
  }
  return { position, bad: false }
}

/** Where a walk over good batches ended: at the end, where `visit` wanted no more, or before something that is not the batch that is due. */
export interface GoodWalkEnd extends BatchPlace {
  readonly bad: boolean
}

/** Visits whole batches, each with its CRC checked and its offset the one that is due. */
export async function walkGoodBatches(file: PooledFile, from: BatchPlace, to: number, chunkBytes: number, visit: VisitBatch): Promise<GoodWalkEnd> {
  let { offset } = from
  let bad = false
  const walked = await walkBatches(file, from.position, to, { whole: true, chunkBytes }, (bytes, at, position) => {
    bad = batchBaseOffset(bytes, at) !== offset || !batchCrcHolds(bytes.subarray(at, at + batchSizeBytes(bytes, at)))
    if (bad || !visit(bytes, at, position)) return false
    offset += batchOffsetCount(bytes, at)
    return true
  })
  return { position: walked.position, offset, bad: bad || walked.bad }
}

export interface DamageLimits {
  /** Batches begin before this position, and end below this offset. */
  readonly to: number
  readonly endOffset: number
  /** What the index says: the last offset of the batch at a position. */
  readonly indexed?: ReadonlyMap<number, number>
}

/**
 * The first good batch behind the damage at `from`; null where there is none. A write that landed in the wrong place may have brought whole
 * batches of another partition, which nothing in them tells: a batch is believed where the damaged one's length and count of offsets lead to it,
 * or where those that follow it lead to the end, or to a place that the index knows.
 */
export async function findGoodBatch(file: PooledFile, from: BatchPlace, limits: DamageLimits): Promise<BatchPlace | null> {
  const next = await behindDamaged(file, from, limits)
  if (next !== null) return next
  for (let start = from.position + 1; start + BATCH_HEADER_BYTES <= limits.to; start += WALK_BYTES) {
    const chunk = Buffer.allocUnsafe(Math.min(WALK_BYTES + BATCH_HEADER_BYTES - 1, limits.to - start))
    const filled = await file.read(chunk, start)
    for (let at = 0; at < WALK_BYTES && at + BATCH_HEADER_BYTES <= filled; at++) {
      const base = chunk[at + MAGIC_AT] === BATCH_MAGIC ? batchBaseOffset(chunk, at) : -1
      if (base <= from.offset || base >= limits.endOffset || saneSize(chunk, at, limits.to - start - at) === null) continue
      const found = { position: start + at, offset: base }
      if ((await isGoodBatch(file, found, limits)) && (await isConnected(file, found, limits))) return found
    }
  }
  return null
}

/** The batch that follows where the one before is damaged, in its payload alone or in its base offset alone. */
async function behindDamaged(file: PooledFile, from: BatchPlace, limits: DamageLimits): Promise<BatchPlace | null> {
  const next = await endOfDamaged(file, from, limits)
  return next !== null && (await isGoodBatch(file, next, limits)) ? next : null
}

/** Where a damaged batch ends by its header, which counts where its base offset is the one that is due, or its CRC holds. */
async function endOfDamaged(file: PooledFile, from: BatchPlace, limits: DamageLimits): Promise<BatchPlace | null> {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  if (from.position + BATCH_HEADER_BYTES > limits.to || (await file.read(header, from.position)) < BATCH_HEADER_BYTES) return null
  const size = saneSize(header, 0, limits.to - from.position)
  if (size === null || (batchBaseOffset(header) !== from.offset && !(await crcHolds(file, from.position, size)))) return null
  return { position: from.position + size, offset: from.offset + batchOffsetCount(header) }
}

async function crcHolds(file: PooledFile, position: number, size: number): Promise<boolean> {
  const batch = Buffer.allocUnsafe(size)
  return (await file.read(batch, position)) === size && batchCrcHolds(batch)
}

async function isGoodBatch(file: PooledFile, { position, offset }: BatchPlace, { to, endOffset }: DamageLimits): Promise<boolean> {
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  if (position + BATCH_HEADER_BYTES > to || (await file.read(header, position)) < BATCH_HEADER_BYTES) return false
  const size = saneSize(header, 0, to - position)
  if (size === null || batchBaseOffset(header) !== offset || offset + batchOffsetCount(header) > endOffset) return false
  return crcHolds(file, position, size)
}

async function isConnected(file: PooledFile, from: BatchPlace, limits: DamageLimits): Promise<boolean> {
  for (let place: BatchPlace | null = from; place !== null; ) {
    let isKnown = false
    const walked: GoodWalkEnd = await walkGoodBatches(file, place, limits.to, WALK_BYTES, (bytes, at, position) => {
      isKnown = limits.indexed?.get(position) === batchBaseOffset(bytes, at) + batchOffsetCount(bytes, at) - 1
      return !isKnown
    })
    if (isKnown || walked.position >= limits.to) return true
    const end = await endOfDamaged(file, walked, limits)
    // The last batch is damaged as well, and ends where bytes and offsets both end.
    if (end?.position === limits.to && end.offset === limits.endOffset) return true
    place = end !== null && (await isGoodBatch(file, end, limits)) ? end : null
  }
  return false
}

async function isBoundary(file: PooledFile, position: number, to: number): Promise<boolean> {
  if (position === to) return true
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  return (await file.read(header, position)) === BATCH_HEADER_BYTES && saneSize(header, 0, to - position) !== null
}

function saneSize(bytes: Buffer, at: number, limit: number): number | null {
  const size = batchSizeBytes(bytes, at)
  return batchMagic(bytes, at) === BATCH_MAGIC && size >= BATCH_HEADER_BYTES && size <= limit && batchOffsetCount(bytes, at) > 0 ? size : null
}
