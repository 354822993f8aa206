import { StateReader, StateWriter } from '../groups/state-codec.ts'

/** Neighbouring records of which something is kept. What nobody said anything of, though a member may have it, is not. */
export interface KeptBatch {
  readonly first: number
  /** Inclusive. */
  readonly last: number
  readonly state: 'available' | 'acknowledged' | 'archived'
  /** How often it was acquired. */
  readonly deliveryCount: number
}

/** A share partition as it is kept. */
export interface KeptShare {
  /** Everything below is dealt with; -1 where it is decided when it is first fetched. */
  readonly startOffset: number
  /** In the order of offsets, none overlapping; the first is not done, unless it lies behind the start. */
  readonly batches: readonly KeptBatch[]
}

/** What is new of a share partition. */
export interface ShareChange {
  /** Where it begins, unless it is known to begin later. */
  readonly startOffset: number
  /** In any order, none overlapping: what they say holds from now on. */
  readonly batches: readonly KeptBatch[]
}

/** What is kept after a change. */
export function changed(kept: KeptShare, change: ShareChange): KeptShare {
  const batches: KeptBatch[] = []
  const news = [...change.batches].sort((left, right) => left.first - right.first)
  let next = 0
  /** Below it, what is new hides what is old. */
  let covered = 0
  for (const old of kept.batches) {
    let from = Math.max(old.first, covered)
    while (next < news.length && (news[next] as KeptBatch).first <= old.last) {
      const batch = news[next++] as KeptBatch
      if (batch.first > from) append(batches, { ...old, first: from, last: batch.first - 1 })
      append(batches, batch)
      covered = batch.last + 1
      from = Math.max(from, covered)
    }
    if (from <= old.last) append(batches, { ...old, first: from })
  }
  for (; next < news.length; next++) append(batches, news[next] as KeptBatch)
  return trimmed(Math.max(kept.startOffset, change.startOffset), batches)
}

/** How many records are done, though some below them are not. */
export function doneCount({ batches }: KeptShare): number {
  let count = 0
  for (const { first, last, state } of batches) if (state !== 'available') count += last - first + 1
  return count
}

/** Begins behind what is done without a gap. */
function trimmed(startOffset: number, batches: readonly KeptBatch[]): KeptShare {
  let start = startOffset
  let index = 0
  for (; index < batches.length; index++) {
    const { first, last, state } = batches[index] as KeptBatch
    if (last >= start && (first > start || state === 'available')) break
    start = Math.max(start, last + 1)
  }
  const left = batches.slice(index)
  const head = left[0]
  if (head !== undefined && head.first < start) left[0] = { ...head, first: start }
  return { startOffset: start, batches: left }
}

/** Neighbours that are alike are one; how often something was delivered that is done does not matter any more. */
function append(batches: KeptBatch[], batch: KeptBatch): void {
  const before = batches.at(-1)
  const isAlike =
    before?.last === batch.first - 1 && before.state === batch.state && (before.deliveryCount === batch.deliveryCount || batch.state !== 'available')
  if (isAlike) batches[batches.length - 1] = { ...before, last: batch.last }
  else batches.push(batch)
}

const VERSION = 1
/** What a record says: all there is, or what is new. */
const WHOLE = 0
const CHANGE = 1

const STATES = ['available', 'acknowledged', 'archived'] as const

export function encodeWhole(kept: KeptShare): Uint8Array {
  return encode(WHOLE, kept)
}

export function encodeChange(change: ShareChange): Uint8Array {
  return encode(CHANGE, change)
}

/** The value of a state record on top of what was kept before it. */
export function applyRecord(kept: KeptShare | null, value: Uint8Array): KeptShare {
  const reader = new StateReader(value)
  const version = reader.unsigned()
  if (version !== VERSION) throw new Error(`share state of version ${version} is not known`)
  const kind = reader.unsigned()
  const startOffset = reader.int64()
  const batches = Array.from({ length: reader.unsigned() }, (): KeptBatch => {
    const first = reader.unsigned()
    return { first, last: first + reader.unsigned(), state: STATES[reader.unsigned()] ?? 'available', deliveryCount: reader.unsigned() }
  })
  return kind === WHOLE ? { startOffset, batches } : changed(kept ?? { startOffset: -1, batches: [] }, { startOffset, batches })
}

function encode(kind: number, { startOffset, batches }: ShareChange): Uint8Array {
  const writer = new StateWriter()
  writer.unsigned(VERSION)
  writer.unsigned(kind)
  writer.int64(startOffset)
  writer.unsigned(batches.length)
  for (const { first, last, state, deliveryCount } of batches) {
    writer.unsigned(first)
    writer.unsigned(last - first)
    writer.unsigned(STATES.indexOf(state))
    writer.unsigned(deliveryCount)
  }
  return writer.take()
}
