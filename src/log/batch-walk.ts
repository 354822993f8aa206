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

/**
 * The first good batch behind the damage at `from` that begins before `to` and below `endOffset`; null where there is none. `anchor`, where
 * it is known, is the position of a batch behind the damage: nothing is looked for beyond it.
 */
export async function findGoodBatch(
  file: PooledFile,
  from: BatchPlace,
  limits: { readonly to: number; readonly endOffset: number; readonly anchor?: number },
): Promise<BatchPlace | null> {
  const fits = (bytes: Uint8Array, at: number): boolean => {
    const base = batchBaseOffset(bytes, at)
    return base > from.offset && base + batchOffsetCount(bytes, at) <= limits.endOffset
  }
  const header = Buffer.alloc(BATCH_HEADER_BYTES)
  const check = async (position: number): Promise<BatchPlace | null> => {
    if (position + BATCH_HEADER_BYTES > limits.to || (await file.read(header, position)) < BATCH_HEADER_BYTES) return null
    const size = saneSize(header, 0, limits.to - position)
    if (size === null || !fits(header, 0)) return null
    const batch = Buffer.allocUnsafe(size)
    if ((await file.read(batch, position)) < size || !batchCrcHolds(batch)) return null
    return { position, offset: batchBaseOffset(batch) }
  }
  // Most often only the payload is damaged: its length leads to the next one, and nothing within a payload is taken for a batch.
  if ((await file.read(header, from.position)) === BATCH_HEADER_BYTES) {
    const size = saneSize(header, 0, limits.to - from.position)
    const next = size === null ? null : await check(from.position + size)
    if (next !== null) return next
  }
  const last = Math.min(limits.to - BATCH_HEADER_BYTES, limits.anchor ?? Number.POSITIVE_INFINITY)
  for (let start = from.position + 1; start <= last; start += WALK_BYTES) {
    const chunk = Buffer.allocUnsafe(Math.min(WALK_BYTES + BATCH_HEADER_BYTES - 1, limits.to - start))
    const filled = await file.read(chunk, start)
    for (let at = 0; at < WALK_BYTES && start + at <= last && at + BATCH_HEADER_BYTES <= filled; at++) {
      if (chunk[at + MAGIC_AT] !== BATCH_MAGIC || saneSize(chunk, at, limits.to - start - at) === null || !fits(chunk, at)) continue
      const found = await check(start + at)
      if (found !== null) return found
    }
  }
  return null
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
