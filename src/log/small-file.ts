import type { FileSystem } from '../runtime/files.ts'

/** Writes a whole small file into the page cache. */
export function writeSmallFile(fileSystem: FileSystem, path: string, text: string): void {
  const file = fileSystem.open(path, 'write')
  try {
    file.truncate(0)
    file.write([Buffer.from(text)], 0)
  } finally {
    file.close()
  }
}

/** Null where there is no such file. */
export function readSmallFile(fileSystem: FileSystem, path: string): string | null {
  const size = fileSystem.size(path)
  if (size < 0) return null
  const file = fileSystem.open(path, 'read')
  try {
    const content = Buffer.alloc(size)
    return content.toString('utf8', 0, file.readNow(content, 0))
  } finally {
    file.close()
  }
}

/** Replaces a file so that after a crash it is the old or the new one, whole; on disk when it resolves. */
export async function replaceFile(fileSystem: FileSystem, path: string, parts: readonly Uint8Array[]): Promise<void> {
  const draft = `${path}.new`
  const file = fileSystem.open(draft, 'write')
  try {
    file.truncate(0)
    await file.writeAsync(parts, 0)
    await file.sync()
  } finally {
    file.close()
  }
  fileSystem.rename(draft, path)
  await fileSystem.syncFolder(path.includes('/') ? path.slice(0, path.lastIndexOf('/')) : '')
}

/** What is in a file is on disk when it resolves. */
export async function syncFile(fileSystem: FileSystem, path: string): Promise<void> {
  const file = fileSystem.open(path, 'update')
  try {
    await file.sync()
  } finally {
    file.close()
  }
}

/** The names of all folders on the way to `path` are on disk when it resolves. */
export async function syncFoldersAbove(fileSystem: FileSystem, path: string): Promise<void> {
  for (let cut = path.lastIndexOf('/'); cut > 0; cut = path.lastIndexOf('/', cut - 1)) await fileSystem.syncFolder(path.slice(0, cut))
  await fileSystem.syncFolder('')
}
