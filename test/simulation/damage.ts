import { linkGroups, readGroups } from '../../src/log/journal-format.ts'
import {
  BATCH_HEADER_BYTES,
  batchBaseOffset,
  batchCompression,
  batchIsControl,
  batchMagic,
  batchOffsetCount,
  batchRecordsSection,
  batchSizeBytes,
  checkBatch,
  readRecords,
} from '../../src/log/record-batch.ts'
import type { FileNode } from '../../src/testing/disk-nodes.ts'
import type { SimulatedDisk } from '../../src/testing/simulated-disk.ts'
import { decompressSync } from '../../src/util/compression.ts'
import { uuidToBytes } from '../../src/util/uuid.ts'
import { identityOf } from './workloads/kafka-producers.ts'

const MAX_SECTION_BYTES = 64 * 1024 * 1024

/** Stands in a list of values for a record whose bytes are damaged. */
export const DAMAGED = 'damaged'

/** Bytes of a file. */
export interface Stretch {
  readonly path: string
  readonly file: FileNode
  readonly position: number
  readonly length: number
}

interface Change extends Stretch {
  readonly before: Uint8Array
  readonly after: Uint8Array
}

/**
 * What was done to bytes at rest, and which records they were. A reader may be refused those, nobody may be given them wrong, and nothing else
 * may suffer. What the broker cannot do without it has to name when it refuses to start; then an operator brings the bytes back.
 */
export class Damage {
  readonly #disk: SimulatedDisk
  readonly #changes: Change[] = []
  readonly #touched = new Set<string>()
  /** `TOPIC-N` → offsets. */
  readonly #offsets = new Map<string, Set<number>>()
  /** Of records that are damaged. */
  readonly values = new Set<string>()

  constructor(disk: SimulatedDisk) {
    this.#disk = disk
  }

  get any(): boolean {
    return this.#changes.length > 0
  }

  /** Whether something of this file was damaged. */
  touched(path: string): boolean {
    return this.#touched.has(path)
  }

  /** Whether a Fetch of this offset may answer CORRUPT_MESSAGE. */
  has(topic: string, index: number, offset: number): boolean {
    return this.#offsets.get(`${topic}-${index}`)?.has(offset) ?? false
  }

  /** Overwrites a stretch, which must be on disk. */
  overwrite(stretch: Stretch, after: Uint8Array): void {
    const before = contentOf(stretch.file).subarray(stretch.position, stretch.position + stretch.length)
    if (before.equals(after)) return
    this.#touched.add(stretch.path)
    this.#noteRecords(stretch)
    this.#changes.push({ ...stretch, before: Uint8Array.from(before), after })
    this.#disk.damage(stretch.file, stretch.position, after)
  }

  /** An operator who reads why the broker does not start brings back what it names; false where nothing of it was damaged. */
  restore(reason: string): boolean {
    const named = this.#changes.filter(({ path }) => reason.includes(path))
    // What was done last goes first: one may lie over another.
    for (const change of named.reverse()) {
      const { path, position, before, after, length } = change
      this.#changes.splice(this.#changes.indexOf(change), 1)
      const file = this.#disk.file(path)
      if (file === null) continue
      const now = contentOf(file).subarray(position, position + length)
      if (now.equals(after)) this.#disk.damage(file, position, before)
    }
    return named.length > 0
  }

  #noteRecords({ path, file, position, length }: Stretch): void {
    const partition = /^topics\/([^/]+)\/\d{20}\.log$/.exec(path)?.[1]
    if (partition === undefined) return
    const offsets = this.#offsets.get(partition) ?? new Set()
    this.#offsets.set(partition, offsets)
    const content = contentOf(file)
    for (const { at, size } of batchesIn(content)) {
      if (at >= position + length || at + size <= position) continue
      const base = batchBaseOffset(content, at)
      for (let i = 0; i < batchOffsetCount(content, at); i++) offsets.add(base + i)
      const records = recordsOf(content.subarray(at, at + size))
      if (Array.isArray(records)) for (const { value } of records) this.values.add(identityOf(value))
    }
  }
}

/** All stretches of a file that can be damaged at rest: written, synced, and not under way. Not what cannot be told from a torn write. */
export function atRest(disk: SimulatedDisk, path: string, file: FileNode): { readonly from: number; readonly to: number }[] {
  if (file.dirty.length > 0) return []
  if (path.startsWith('journal-')) return journalStretches(disk, file)
  if (path.endsWith('.log')) return batchesAtRest(contentOf(file))
  return file.cached.size === 0 ? [] : [{ from: 0, to: file.cached.size }]
}

/** The newest group of a journal cannot be told from one that was not written to its end: whoever damages it makes it unwritten. */
function journalStretches(disk: SimulatedDisk, file: FileNode): { readonly from: number; readonly to: number }[] {
  const meta = disk.file('elytra-meta.json')
  if (meta === null) return []
  const { id } = metaOf(contentOf(meta).toString())
  if (id === undefined) return []
  const all = ['journal-0', 'journal-1'].flatMap((path) => {
    const each = disk.file(path)
    return each === null ? [] : readGroups(contentOf(each), uuidToBytes(id))
  })
  const newest = linkGroups(all, 0).groups.at(-1)?.sequence ?? 0
  return readGroups(contentOf(file), uuidToBytes(id))
    .filter(({ sequence }) => sequence < newest)
    .map(({ position, paddedBytes }) => ({ from: position, to: position + paddedBytes }))
}

/** It may be damaged itself. */
function metaOf(text: string): { id?: string } {
  try {
    const { id } = JSON.parse(text) as { id?: unknown }
    return typeof id === 'string' && id.length === 22 ? { id } : {}
  } catch {
    return {}
  }
}

/** Not the ends of transactions: without them, where the index of aborted ones is damaged too, nobody can tell what was aborted. */
function batchesAtRest(content: Buffer): { readonly from: number; readonly to: number }[] {
  return batchesIn(content)
    .filter(({ at, size }) => !batchIsControl(content.subarray(at, at + size)))
    .map(({ at, size }) => ({ from: at, to: at + size }))
}

function batchesIn(content: Buffer): { readonly at: number; readonly size: number }[] {
  const found: { at: number; size: number }[] = []
  for (let at = 0; at + BATCH_HEADER_BYTES <= content.length; ) {
    const size = batchSizeBytes(content, at)
    if (batchMagic(content, at) !== 2 || size < BATCH_HEADER_BYTES || at + size > content.length) break
    found.push({ at, size })
    at += size
  }
  return found
}

function recordsOf(batch: Buffer) {
  // It may be damaged already.
  if (checkBatch(batch) !== null) return []
  return readRecords(batch, decompressSync(batchCompression(batch), batchRecordsSection(batch), MAX_SECTION_BYTES))
}

export function contentOf(file: FileNode): Buffer {
  const content = Buffer.alloc(file.cached.size)
  file.cached.read(content, 0)
  return content
}
