import assert from 'node:assert/strict'
import { batchBaseOffset, batchOffsetCount, batchSizeBytes } from '../../../src/log/record-batch.ts'
import type { Spot } from './target.ts'

/** Files without which the log may refuse to start. */
const MAY_REFUSE = /^(elytra-meta\.json|state\/|journal-)/
/** What a refusal must name, so that a person can do something. */
const NAMES_A_FILE = /elytra-meta\.json|snapshot-\d+|state|journal-\d|topics\/|data directory/
export const INDEX = /\.(index|timeindex)$/
export const SEGMENT = /^topics\/topic(\d)-0\/(\d{20})\.log$/
export const JOURNAL = /^journal-/
export const CLEAN = /clean-shutdown\.json$/
export const STATE = /^state\//
export const BOOT = /^boot\.json$/
export const METADATA = /partition\.metadata$/

/** Which files differ from what was written, and how. */
export class Damage {
  readonly touched: readonly string[]
  readonly touchedBytes: number
  readonly #paths: readonly string[]
  readonly #original: readonly Buffer[]
  readonly #now: readonly Buffer[]

  /** `touched`: the parts that were mutated, where that is known already. */
  constructor(paths: readonly string[], original: readonly Buffer[], now: readonly Buffer[], touched?: readonly number[]) {
    this.#paths = paths
    this.#original = original
    this.#now = now
    this.touched = paths.filter((_, i) => touched?.includes(i) ?? !(original[i] as Buffer).equals(now[i] as Buffer))
    this.touchedBytes = now.reduce((sum, bytes) => sum + bytes.length, 0)
  }

  touches(pattern: RegExp): boolean {
    return this.touched.some((path) => pattern.test(path))
  }

  only(pattern: RegExp): boolean {
    return this.touched.every((path) => pattern.test(path))
  }

  /** Whether a file of these has another length; a segment that is only cut does not count. */
  moved(pattern: RegExp): boolean {
    return this.#paths.some((path, i) => {
      const [original, now] = [this.#original[i] as Buffer, this.#now[i] as Buffer]
      const isCut = pattern !== INDEX && now.length < original.length && original.subarray(0, now.length).equals(now)
      return pattern.test(path) && now.length > 0 && now.length !== original.length && !isCut
    })
  }

  /** Offsets of a partition whose batches stand in its segments as they were written. */
  intact(partition: number): Set<number> {
    const offsets = new Set<number>()
    for (const [i, path] of this.#paths.entries()) {
      const match = SEGMENT.exec(path)
      if (match === null || Number(match[1]) !== partition) continue
      const bytes = this.#original[i] as Buffer
      for (const { at, size } of batchesOf(bytes)) {
        if (!bytes.subarray(at, at + size).equals((this.#now[i] as Buffer).subarray(at, at + size))) continue
        for (let offset = 0; offset < batchOffsetCount(bytes, at); offset++) offsets.add(batchBaseOffset(bytes, at) + offset)
      }
    }
    return offsets
  }
}

export function batchesOf(bytes: Buffer): { at: number; size: number }[] {
  const batches = []
  for (let at = 0; at + 61 <= bytes.length; ) {
    const size = batchSizeBytes(bytes, at)
    if (size < 61) break
    batches.push({ at, size })
    at += size
  }
  return batches
}

/** A start may be refused for the files above only, and says for which. */
export function checkRefusal(error: unknown, damage: Damage): void {
  assert.ok(error instanceof Error, `refused with ${String(error)}`)
  const isOurs = error.constructor === Error
  assert.ok(isOurs && NAMES_A_FILE.test(error.message), `refused without the name of a file: ${error.stack}`)
  assert.ok(
    damage.touched.some((path) => MAY_REFUSE.test(path)),
    `refused for ${damage.touched}: ${error.stack}`,
  )
}

/** Headers of batches and of journal groups, entries of indexes. */
export function spotsOf(path: string, bytes: Buffer): Spot[] {
  if (path.endsWith('.log') || path.includes('snapshot')) {
    const fields = [
      { at: 0, bytes: 8 },
      { at: 8, bytes: 4 },
      { at: 12, bytes: 4 },
      { at: 16, bytes: 1 },
      { at: 17, bytes: 4 },
      { at: 23, bytes: 4 },
      { at: 57, bytes: 4 },
    ]
    return batchesOf(bytes).flatMap(({ at }) => fields.map((field) => ({ ...field, at: at + field.at })))
  }
  if (path.startsWith('journal-')) {
    const spots: Spot[] = []
    for (let at = 0; at + 64 <= bytes.length; at += 4096) {
      if (bytes.readInt32BE(at) !== 0) spots.push(...[0, 8, 16, 32, 36, 40, 48, 64, 88, 96, 104, 112, 200, 400].map((field) => ({ at: at + field, bytes: 8 })))
    }
    return spots
  }
  return Array.from({ length: Math.floor(bytes.length / 4) }, (_, i) => ({ at: i * 4, bytes: 4 }))
}
