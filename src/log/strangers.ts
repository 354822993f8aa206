import type { FileSystem } from '../runtime/files.ts'
import type { Random } from '../runtime/random.ts'
import type { Logger } from '../telemetry/logger.ts'
import { randomUuid } from '../util/uuid.ts'
import { TOPICS_FOLDER } from './partition-folder.ts'

/** Folders of topics that are unknown because damaged state was given up. */
const LOST_FOLDER = 'lost+found'

export interface Strangers {
  /** Folders of partitions that are open. */
  readonly known: ReadonlySet<string>
  /** State was given up: what it would have known of a folder is lost, and must not take the records with it. */
  readonly keep: boolean
  readonly logger: Logger
}

/** Renames folders of topics that the state does not know: a topic made a moment later may have their name. Answers which are to be removed. */
export function setStrangersAside(fileSystem: FileSystem, random: Random, { known, keep, logger }: Strangers): string[] {
  const toRemove: string[] = []
  for (const name of fileSystem.list(TOPICS_FOLDER)) {
    const folder = `${TOPICS_FOLDER}/${name}`
    if (known.has(folder)) continue
    if (name.endsWith('.deleted')) toRemove.push(folder)
    else if (keep) {
      fileSystem.makeFolder(LOST_FOLDER)
      const kept = `${LOST_FOLDER}/${name}.${randomUuid(random)}`
      fileSystem.rename(folder, kept)
      logger.warn({ folder: kept }, 'a folder that no known topic owns is kept aside, since state was given up')
    } else {
      const aside = `${TOPICS_FOLDER}/${randomUuid(random)}.deleted`
      fileSystem.rename(folder, aside)
      toRemove.push(aside)
    }
  }
  return toRemove
}
