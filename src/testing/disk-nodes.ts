import { MemoryContent } from '../storage/memory-files.ts'

/** Files and folders of the simulated disk: what processes see, what is on disk, and what lies between. */

export interface Change {
  readonly kind: 'write' | 'truncate'
  /** Of a write; of a truncate the new size. */
  readonly position: number
  readonly bytes: Uint8Array
}

export class FileNode {
  readonly kind = 'file'
  /** What processes see: the page cache. */
  readonly cached: MemoryContent
  readonly durable: MemoryContent
  /** Changes to `cached` since they were last on disk, in order. */
  dirty: Change[] = []

  constructor(cached = new MemoryContent(), durable = new MemoryContent()) {
    this.cached = cached
    this.durable = durable
  }
}

export type Entry = FileNode | FolderNode

export interface NameChange {
  readonly name: string
  readonly entry: Entry | null
  /** The name it had before: of a rename both come true together. */
  readonly was: string | null
}

export class FolderNode {
  readonly kind = 'folder'
  readonly entries = new Map<string, Entry>()
  readonly durable = new Map<string, Entry>()
  dirty: NameChange[] = []

  set(name: string, entry: Entry | null, was: string | null = null): void {
    const change = { name, entry, was }
    applyName(this.entries, change)
    this.dirty.push(change)
  }
}

/** With what they overwrote: it is not in the page cache any more, and cannot come true later. */
export function withOverwritten(dirty: readonly Change[], changes: readonly Change[]): Set<Change> {
  const all = new Set(changes)
  for (let i = dirty.length - 1; i >= 0; i--) {
    const older = dirty[i] as Change
    if (all.has(older)) continue
    for (let later = i + 1; later < dirty.length; later++) {
      if (!all.has(dirty[later] as Change) || !overlaps(older, dirty[later] as Change)) continue
      all.add(older)
      break
    }
  }
  return all
}

function overlaps(a: Change, b: Change): boolean {
  const endOf = ({ kind, position, bytes }: Change): number => (kind === 'truncate' ? Number.POSITIVE_INFINITY : position + bytes.length)
  return a.position < endOf(b) && b.position < endOf(a)
}

export function applyChange(content: MemoryContent, change: Change): void {
  if (change.kind === 'truncate') content.truncate(change.position)
  else content.write(change.bytes, change.position)
}

export function applyName(entries: Map<string, Entry>, { name, entry, was }: NameChange): void {
  if (was !== null) entries.delete(was)
  if (entry === null) entries.delete(name)
  else entries.set(name, entry)
}
