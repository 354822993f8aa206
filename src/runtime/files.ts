/**
 * A disk, as the log sees it: files below one root, named by relative paths with `/`. The real one is `NodeFiles`; memory and
 * the crashing disk of the tests are others. What the hot path does is synchronous and ends in the page cache; what waits for
 * the disk is a promise. Failures are thrown as `Error` with the operating system's `code` (`ENOSPC`, `EIO`, …).
 */
export interface FileSystem {
  /** For people: `file:./elytra-data`, `memory:`. */
  readonly description: string
  /** True where nothing outlives the process, so that waiting for a sync has no meaning. */
  readonly volatile: boolean
  /** Differs after every start of the machine; null where that cannot be told. */
  readonly bootId: string | null
  open(path: string, mode: OpenMode): OpenFile
  /** Names in a folder, in no order; none where it does not exist. */
  list(folder: string): string[]
  /** Bytes of a file; -1 where it does not exist. */
  size(path: string): number
  /** Of the disk as a whole, off the event loop; null where nobody can say. */
  space(): Promise<DiskSpace | null>
  /** With all folders above it; an existing one is fine. */
  makeFolder(path: string): void
  /** A file or folder, within the root; a file replaces another. */
  rename(from: string, to: string): void
  /** Deletes a file, or a folder with all in it, off the event loop; an absent one is fine. */
  remove(path: string): Promise<void>
  /** Makes the names in a folder durable: what was made, renamed or removed there. */
  syncFolder(path: string): Promise<void>
  /** Takes the root for this process until `release`; throws an Error that names the holder where another has it. */
  lock(path: string): FileLock
  /** Removes whatever was opened beside files: called last. */
  close(): void
}

export interface DiskSpace {
  readonly totalBytes: number
  /** What this process may still write. */
  readonly usableBytes: number
}

export type OpenMode =
  /** The file must exist. */
  | 'read'
  /** For reading and writing; must exist. */
  | 'update'
  /** For reading and writing; made where it does not exist. */
  | 'write'
  /** As `write`, and `writeDurably` returns only when the bytes are on disk (O_DSYNC): one trip instead of two. */
  | 'write-through'

export interface OpenFile {
  /** Writes all buffers one after the other from `position`; they are in the page cache on return. */
  write(buffers: readonly Uint8Array[], position: number): void
  /** The same off the event loop; on disk when it resolves where the file was opened `write-through`, else in the page cache. */
  writeAsync(buffers: readonly Uint8Array[], position: number): Promise<void>
  /** Fills `into` from `position`; answers how many bytes there were. */
  readNow(into: Uint8Array, position: number): number
  /** The same off the event loop. */
  read(into: Uint8Array, position: number): Promise<number>
  /** fdatasync: everything written so far, and the size, is on disk when it resolves. */
  sync(): Promise<void>
  truncate(sizeBytes: number): void
  size(): number
  close(): void
}

export interface FileLock {
  release(): void
}

/** The operating system's code of a thrown failure; empty where it has none. */
export function errorCode(error: unknown): string {
  return typeof error === 'object' && error !== null && 'code' in error ? String(error.code) : ''
}

/** An Error as the operating system would throw it; for file systems that are none. */
export function fileError(code: string, operation: string, path: string): Error {
  return Object.assign(new Error(`${code}: ${operation} '${path}'`), { code })
}
