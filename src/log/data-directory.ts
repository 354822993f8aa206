import type { FileLock, FileSystem } from '../runtime/files.ts'
import type { Random } from '../runtime/random.ts'
import { randomUuid, uuidToBytes } from '../util/uuid.ts'
import { readSmallFile, replaceFile } from './small-file.ts'

/** The version of everything below a data directory; docs/internals/log-and-journal.md describes it. */
const FORMAT = 1
const META = 'elytra-meta.json'
const LOCK = 'lock'
const BOOT = 'boot.json'
const CLEAN = 'clean-shutdown.json'

interface Meta {
  readonly format: number
  readonly id: string
}

interface CleanMark {
  readonly nextSequence: number
}

/** The root of a broker's data: whose it is, of which version, and how it was left. */
export class DataDirectory {
  readonly #fileSystem: FileSystem
  readonly #lock: FileLock
  /** 16 random bytes that mark the journal groups of this directory. */
  readonly journalId: Uint8Array
  /** Where an orderly shutdown left the journal; null after a crash, and for a new directory. */
  readonly cleanSequence: number | null
  readonly isNew: boolean
  /** Whether the machine may have gone down since the directory was used: what was not synced may be lost. */
  readonly machineFailed: boolean

  private constructor(fileSystem: FileSystem, lock: FileLock, found: { meta: Meta; isNew: boolean; clean: CleanMark | null; lastBootId: string | null }) {
    this.#fileSystem = fileSystem
    this.#lock = lock
    this.journalId = uuidToBytes(found.meta.id)
    this.isNew = found.isNew
    this.cleanSequence = found.clean?.nextSequence ?? null
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
      await fileSystem.remove(CLEAN)
      return new DataDirectory(fileSystem, lock, { meta, isNew: known === null, clean, lastBootId: boot?.bootId ?? null })
    } catch (error) {
      lock.release()
      throw error
    }
  }

  /** All partitions are open: whatever the last failure of the machine took is dealt with. */
  markBoot(): Promise<void> {
    return writeJson(this.#fileSystem, BOOT, { bootId: this.#fileSystem.bootId })
  }

  /** All is synced; the next start need not look at the journal. */
  async markClean(nextSequence: number): Promise<void> {
    await writeJson(this.#fileSystem, CLEAN, { nextSequence } satisfies CleanMark)
  }

  release(): void {
    this.#lock.release()
  }
}

function readMeta(fileSystem: FileSystem): Meta | null {
  const text = readSmallFile(fileSystem, META)
  if (text === null) return null
  const meta = parse<Meta>(text)
  if (meta === null || typeof meta.format !== 'number' || typeof meta.id !== 'string') {
    throw new Error(`${META} in the data directory is damaged: restore it from a backup, or choose another directory`)
  }
  if (meta.format > FORMAT) {
    throw new Error(`the data directory has format ${meta.format}, this version reads up to ${FORMAT}: start the newer version that wrote it`)
  }
  return meta
}

/** Data without its version file is not a new directory. */
function refuseForeign(fileSystem: FileSystem): void {
  const names = fileSystem.list('').filter((name) => name === 'topics' || name === 'state')
  if (names.length > 0) throw new Error(`the data directory holds ${names.join(' and ')} but no ${META}: restore that file, or choose another directory`)
}

function readJson<T>(fileSystem: FileSystem, path: string): T | null {
  const text = readSmallFile(fileSystem, path)
  return text === null ? null : parse<T>(text)
}

function parse<T>(text: string): T | null {
  try {
    return JSON.parse(text) as T
  } catch {
    return null
  }
}

function writeJson(fileSystem: FileSystem, path: string, value: object): Promise<void> {
  return replaceFile(fileSystem, path, [Buffer.from(`${JSON.stringify(value)}\n`)])
}
