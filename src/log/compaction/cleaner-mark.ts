import type { FileSystem } from '../../runtime/files.ts'
import { crc32c } from '../../util/crc32c.ts'
import { readSmallFile, replaceFile } from '../small-file.ts'

/** Beside a partition's segments, once the cleaner was there. */
const CLEANER_MARK = 'cleaner-mark.json'

/** How far the cleaner has come in a partition. */
export interface CleanerMark {
  /** All below was compacted with all keys up to here. */
  readonly cleanBelow: number
  /** Segments below may lie elsewhere in their files than the journal says. */
  readonly rewrittenBelow: number
}

export const NO_MARK: CleanerMark = { cleanBelow: 0, rewrittenBelow: 0 }

/** What is missing or damaged only makes the next cleaning look at more. */
export function readMark(fileSystem: FileSystem, folder: string): CleanerMark {
  const text = readSmallFile(fileSystem, `${folder}/${CLEANER_MARK}`)
  if (text === null) return NO_MARK
  try {
    const { crc, ...mark } = JSON.parse(text) as CleanerMark & { readonly crc?: string }
    return crc === checksum(mark) && Number.isSafeInteger(mark.cleanBelow) && Number.isSafeInteger(mark.rewrittenBelow) ? mark : NO_MARK
  } catch {
    return NO_MARK
  }
}

/** On disk when it resolves. */
export async function writeMark(fileSystem: FileSystem, folder: string, mark: CleanerMark): Promise<void> {
  await replaceFile(fileSystem, `${folder}/${CLEANER_MARK}`, [Buffer.from(`${JSON.stringify({ ...mark, crc: checksum(mark) })}\n`)])
}

function checksum({ cleanBelow, rewrittenBelow }: CleanerMark): string {
  return crc32c(Buffer.from(`${cleanBelow} ${rewrittenBelow}`)).toString(16)
}
