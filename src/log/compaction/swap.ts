/**
 * Putting a cleaned segment in the place of those it was made from, so that a crash at any moment leaves the one or the others, whole. The
 * rename of the log to `BASE.log.END.swap` decides: before it is on disk a start removes what was made, behind it a start finishes what
 * was begun (`finishSwaps`), for the name says which segments it stands for.
 */
import type { FileSystem } from '../../runtime/files.ts'
import type { LocalPartition } from '../local-partition.ts'
import { type LogCore, storageFailure } from '../log-core.ts'
import { baseOffsetOf, DELETED, type Segment, type SegmentFile, segmentName } from '../segment.ts'
import { CLEANED } from './cleaned-segment.ts'

const SWAP = '.swap'
const INDEX_KINDS = ['index', 'timeindex', 'txnindex'] as const

/**
 * True when `fresh`, which is on disk, took the place of `old`; false where these went away meanwhile, and then nothing of it is left.
 * Rejects where the disk refuses; nothing is appended any more where it is not known then what of it is on disk.
 */
export async function swapIn(partition: LocalPartition, core: LogCore, fresh: Segment, old: readonly Segment[], endOffset: number): Promise<boolean> {
  const { fileSystem } = core
  const { folder } = partition
  const isValid = () => !partition.gone && partition.folder === folder && old.every((segment) => partition.segments.includes(segment))
  if (!isValid()) return discard(partition, core, fresh)
  for (const file of fresh.files) if (file !== fresh.log) rename(fileSystem, file, file.path.slice(0, -CLEANED.length) + SWAP)
  await fileSystem.syncFolder(folder)
  if (!isValid()) return discard(partition, core, fresh)
  rename(fileSystem, fresh.log, `${fresh.log.path.slice(0, -CLEANED.length)}.${digits(endOffset)}${SWAP}`)
  try {
    await fileSystem.syncFolder(folder)
    if (!isValid()) return await discard(partition, core, fresh)
    putInPlace(partition, core, fresh, old)
    await fileSystem.syncFolder(partition.folder)
    if (partition.gone || !partition.segments.includes(fresh)) return true
    rename(fileSystem, fresh.log, `${partition.folder}/${segmentName(fresh.baseOffset)}.log`)
    await fileSystem.syncFolder(partition.folder)
  } catch (error) {
    // Deleted, or its name was given away, meanwhile.
    if (partition.gone || partition.folder !== folder) return false
    core.commit.breakDown(storageFailure(`${folder}: a cleaned segment could not be put in its place`, error))
    throw error
  }
  for (const segment of old) {
    // Where one had no index of aborted transactions, the file of that name is the new one's.
    const aside = segment.files.filter(({ path }) => path.endsWith(DELETED))
    core.inBackground(`deleting ${segment.log.path}`, removeAll(fileSystem, aside))
  }
  return true
}

/** Within one turn: names, then what readers are given. The old files keep their content for whoever reads them now. */
function putInPlace(partition: LocalPartition, { fileSystem, indexCache }: LogCore, fresh: Segment, old: readonly Segment[]): void {
  for (const segment of old) {
    indexCache.forget(segment.offsetIndex)
    indexCache.forget(segment.timeIndex)
    for (const file of segment.files) if (fileSystem.size(file.path) >= 0) rename(fileSystem, file, file.path + DELETED)
    segment.close()
  }
  for (const file of fresh.files) if (file !== fresh.log) rename(fileSystem, file, file.path.slice(0, -SWAP.length))
  fresh.linked = true
  fresh.txnIndex.linked()
  partition.replaceSegments(old, fresh)
}

/** What was made is not wanted any more. */
async function discard(partition: LocalPartition, { fileSystem }: LogCore, fresh: Segment): Promise<false> {
  fresh.close()
  // A folder of a deleted topic goes as a whole, and a name may be another's now.
  if (partition.gone || !fresh.log.path.startsWith(`${partition.folder}/`)) return false
  await removeAll(fileSystem, fresh.files)
  await fileSystem.syncFolder(partition.folder)
  return false
}

async function removeAll(fileSystem: FileSystem, files: readonly SegmentFile[]): Promise<void> {
  for (const { path } of [...files].reverse()) await fileSystem.remove(path)
}

function rename(fileSystem: FileSystem, file: SegmentFile, to: string): void {
  fileSystem.rename(file.path, to)
  file.moved(to)
}

function digits(offset: number): string {
  return String(offset).padStart(20, '0')
}

/** At a start: brings swaps that were decided to their end, and removes what was made for others. */
export async function finishSwaps(fileSystem: FileSystem, folder: string): Promise<void> {
  const names = fileSystem.list(folder)
  if (!names.some((name) => name.endsWith(SWAP) || name.endsWith(CLEANED))) return
  for (const name of names) {
    const [, base, end] = /^(\d{20})\.log\.(\d{20})\.swap$/.exec(name) ?? []
    if (base !== undefined && end !== undefined) await finishSwap(fileSystem, folder, name, { baseOffset: Number(base), endOffset: Number(end) })
  }
  for (const name of fileSystem.list(folder)) if (name.endsWith(SWAP) || name.endsWith(CLEANED)) await fileSystem.remove(`${folder}/${name}`)
  await fileSystem.syncFolder(folder)
}

async function finishSwap(
  fileSystem: FileSystem,
  folder: string,
  name: string,
  { baseOffset, endOffset }: { readonly baseOffset: number; readonly endOffset: number },
): Promise<void> {
  for (const other of fileSystem.list(folder)) {
    const otherBase = baseOffsetOf(other)
    if (otherBase === null || otherBase <= baseOffset || otherBase >= endOffset) continue
    for (const kind of [...INDEX_KINDS, 'log']) await fileSystem.remove(`${folder}/${segmentName(otherBase)}.${kind}`)
  }
  for (const kind of INDEX_KINDS) {
    const path = `${folder}/${segmentName(baseOffset)}.${kind}`
    if (fileSystem.size(path + SWAP) >= 0) fileSystem.rename(path + SWAP, path)
  }
  await fileSystem.syncFolder(folder)
  fileSystem.rename(`${folder}/${name}`, `${folder}/${segmentName(baseOffset)}.log`)
  await fileSystem.syncFolder(folder)
}
