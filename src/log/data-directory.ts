import type { FileLock, FileSystem } from '../runtime/files.ts'
import type { Random } from '../runtime/random.ts'
import { crc32c } from '../util/crc32c.ts'
import { isUuid, randomUuid, uuidToBytes } from '../util/uuid.ts'
import { readSmallFile, replaceFile } from './small-file.ts'

/** The version of everything below a data directory; docs/internals/log-and-journal.md describes it. */
const FORMAT = 1
const META = 'elytra-meta.json'
const LOCK = 'lock'
const BOOT = 'boot.json'
const CLEAN = 'clean-shutdown.json'
/** The mark of the last orderly shutdown, once a process has started after it. */
const LAST_CLEAN = 'last-clean-shutdown.json'
/** Made by an operator: what is damaged and was acknowledged is given up by the next start, which then takes this file away. */
const ACCEPT_LOSS = 'accept-data-loss'
/** What a start has to say that finds damage it must not pass over. */
export const WAY_OUT = `restore the data directory from a backup; or, to go on without what is damaged, make an empty file named ${ACCEPT_LOSS} in it and start again`

interface Meta {
  readonly format: number
  readonly id: string
}

interface CleanMark {
  readonly nextSequence: number
  /** Where the state log ended; former versions do not say. */
  readonly stateEndOffset?: number
}

interface Found {
  readonly meta: Meta
  readonly isNew: boolean
  readonly clean: CleanMark | null
  readonly lastClean: CleanMark | null
  readonly lastBootId: string | null
}

/** The root of a broker's data: whose it is, of which version, and how it was left. */
export class DataDirectory {
  readonly #fileSystem: FileSystem
  readonly #lock: FileLock
  /** 16 random bytes that mark the journal groups of this directory. */
  readonly journalId: Uint8Array
  /** Where an orderly shutdown left the journal; null after a crash, and for a new directory. */
  readonly cleanSequence: number | null
  /** The state log did not end before this offset. */
  readonly stateEndOffset: number
  /** Journal groups up to it are in synced segments: some orderly shutdown said so. */
  readonly freedSequence: number
  readonly isNew: boolean
  /** Damage to what was acknowledged does not stop this start. */
  readonly acceptsLoss: boolean
  /** Whether the machine may have gone down since the directory was used: what was not synced may be lost. */
  readonly machineFailed: boolean

  private constructor(fileSystem: FileSystem, lock: FileLock, found: Found) {
    this.#fileSystem = fileSystem
    this.#lock = lock
    this.journalId = uuidToBytes(found.meta.id)
    this.isNew = found.isNew
    this.acceptsLoss = fileSystem.size(ACCEPT_LOSS) >= 0
    this.cleanSequence = found.clean?.nextSequence ?? null
    this.stateEndOffset = found.lastClean?.stateEndOffset ?? 0
    this.freedSequence = (found.lastClean?.nextSequence ?? 1) - 1
    const sameBoot = fileSystem.bootId !== null && fileSystem.bootId === found.lastBootId
    this.machineFailed = !found.isNew && found.clean === null && !sameBoot && !fileSystem.volatile
  }

  /** Takes the lock; throws an Error that says what to do where that, or the version, is wrong. */
  static async open(fileSystem: FileSystem, random: Random): Promise<DataDirectory> {
    const lock = fileSystem.lock(LOCK)
    try {
      const known = readMeta(fileSystem)
      const meta = known ?? { format: FORMAT, id: randomUuid(random) }
      if (known === null) {
        refuseForeign(fileSystem)
        await writeJson(fileSystem, META, meta)
      }
      const clean = readJson<CleanMark>(fileSystem, CLEAN)
      const boot = readJson<{ bootId: string | null }>(fileSystem, BOOT)
      if (fileSystem.size(CLEAN) >= 0) fileSystem.rename(CLEAN, LAST_CLEAN)
      const lastClean = clean ?? readJson<CleanMark>(fileSystem, LAST_CLEAN)
      return new DataDirectory(fileSystem, lock, { meta, isNew: known === null, clean, lastClean, lastBootId: boot?.bootId ?? null })
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** All partitions are open: whatever the last failure of the machine took is dealt with. */
  async markBoot(): Promise<void> {
    if (this.acceptsLoss) await this.#fileSystem.remove(ACCEPT_LOSS)
    await writeJson(this.#fileSystem, BOOT, { bootId: this.#fileSystem.bootId })
  }

  /** All is synced; the next start need not look at the journal. */
  async markClean(nextSequence: number, stateEndOffset: number): Promise<void> {
    await writeJson(this.#fileSystem, CLEAN, { nextSequence, stateEndOffset } satisfies CleanMark)
  }

  release(): void {
    this.#lock.release()
  }
}

/** The id marks journal groups: after an orderly shutdown none is needed. */
const WITHOUT_META = `and after an orderly shutdown, write {"format":${FORMAT},"id":"a new UUID"} into it: the journal that the old id marks is then ignored`

function readMeta(fileSystem: FileSystem): Meta | null {
  const text = readSmallFile(fileSystem, META)
  if (text === null) return null
  const format = formatOf(text)
  // A newer version may check its own file in another way.
  if (format > FORMAT) throw new Error(`the data directory has format ${format}, this version reads up to ${FORMAT}: start the newer version that wrote it`)
  const meta = parse<Meta>(text)
  if (meta === null || typeof meta.format !== 'number' || !isUuid(meta.id)) {
    throw new Error(`${META} in the data directory is damaged: restore it from a backup. Without one, ${WITHOUT_META}`)
  }
  return meta
}

function formatOf(text: string): number {
  try {
    return Number((JSON.parse(text) as Partial<Meta>).format)
  } catch {
    return Number.NaN
  }
}

/** Data without its version file is not a new directory. */
function refuseForeign(fileSystem: FileSystem): void {
  const names = fileSystem.list('').filter((name) => name === 'topics' || name === 'state')
  if (names.length > 0) throw new Error(`the data directory holds ${names.join(' and ')} but no ${META}: restore that file, or choose another directory`)
}

/** Null where the file is not there, or is not what was written. */
function readJson<T>(fileSystem: FileSystem, path: string): T | null {
  const text = readSmallFile(fileSystem, path)
  return text === null ? null : parse<T>(text)
}

/** A file without a checksum was written by a former version, or by hand. */
function parse<T>(text: string): T | null {
  try {
    const { crc, ...value } = JSON.parse(text) as { crc?: string }
    return crc === undefined || crc === checksum(value) ? (value as T) : null
  } catch {
    return null
  }
}

function writeJson(fileSystem: FileSystem, path: string, value: object): Promise<void> {
  return replaceFile(fileSystem, path, [Buffer.from(`${JSON.stringify({ ...value, crc: checksum(value) })}\n`)])
}

function checksum(value: object): string {
  return crc32c(Buffer.from(JSON.stringify(value))).toString(16)
}
