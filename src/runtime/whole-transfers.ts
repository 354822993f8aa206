/**
 * The operating system may write, or read, fewer bytes than it is asked for, and answers how many. These ask again until all is done: a
 * `FileSystem` promises whole writes, and reads that end only at the end of the file.
 */

/** Writes all buffers from `position`, each call going on where the one before ended. */
export function writeAll(buffers: readonly Uint8Array[], position: number, writeSome: (rest: readonly Uint8Array[], at: number) => number): void {
  let rest = buffers
  for (let at = position; rest.length > 0; ) {
    const written = writeSome(rest, at)
    rest = after(rest, written)
    at += written
  }
}

/** The same where each call is awaited. */
export async function writeAllAsync(
  buffers: readonly Uint8Array[],
  position: number,
  writeSome: (rest: readonly Uint8Array[], at: number) => Promise<number>,
): Promise<void> {
  let rest = buffers
  for (let at = position; rest.length > 0; ) {
    const written = await writeSome(rest, at)
    rest = after(rest, written)
    at += written
  }
}

/** Fills `into`; fewer bytes than it is long only where the file ends. */
export function readAll(into: Uint8Array, position: number, readSome: (rest: Uint8Array, at: number) => number): number {
  let filled = 0
  while (filled < into.length) {
    const got = readSome(filled === 0 ? into : into.subarray(filled), position + filled)
    if (got === 0) break
    filled += got
  }
  return filled
}

/** The same where each call is awaited. */
export async function readAllAsync(into: Uint8Array, position: number, readSome: (rest: Uint8Array, at: number) => Promise<number>): Promise<number> {
  let filled = 0
  while (filled < into.length) {
    const got = await readSome(filled === 0 ? into : into.subarray(filled), position + filled)
    if (got === 0) break
    filled += got
  }
  return filled
}

/** What is left of `buffers` after `written` bytes. */
function after(buffers: readonly Uint8Array[], written: number): readonly Uint8Array[] {
  let left = written
  for (let i = 0; i < buffers.length; i++) {
    const buffer = buffers[i] as Uint8Array
    if (left < buffer.length) return left === 0 && i === 0 ? buffers : [buffer.subarray(left), ...buffers.slice(i + 1)]
    left -= buffer.length
  }
  return []
}
