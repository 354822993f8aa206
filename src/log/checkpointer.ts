import type { Timer } from '../runtime/clock.ts'
import { errorCode } from '../runtime/files.ts'
import type { Journal } from './journal.ts'
import type { LocalPartition } from './local-partition.ts'
import { type LogCore, storageFailure } from './log-core.ts'
import { TOPICS_FOLDER } from './partition-folder.ts'
import type { StateRecord } from './ports.ts'
import { syncFoldersAbove } from './small-file.ts'

/** Segments that are synced at the same time: more would keep commits waiting in the thread pool. */
const PARALLEL_SYNCS = 2

/**
 * Syncs in the background what the page cache holds, so that the journal can be overwritten: a second after the first append
 * that makes it worthwhile, or when the journal or the unsynced bytes come near their bounds. Then it appends the recovery
 * points, which say where the next start has to look.
 */
export class Checkpointer {
  readonly #core: LogCore
  readonly #journal: Journal
  readonly #partitions: () => Iterable<LocalPartition>
  #timer: Timer | null = null
  #running: Promise<void> | null = null
  #again = false
  #stopped = false
  #bytesAtLast = 0

  constructor(core: LogCore, journal: Journal, partitions: () => Iterable<LocalPartition>) {
    this.#core = core
    this.#journal = journal
    this.#partitions = partitions
  }

  /** Something was appended. */
  appended(): void {
    if (this.#stopped) return
    if (this.#core.pressure.unsyncedBytes - this.#bytesAtLast >= this.#core.settings.checkpointBytes) this.request()
    else this.#arm()
  }

  /** As soon as can be. */
  request(): void {
    if (this.#stopped) return
    if (this.#running !== null) {
      this.#again = true
      return
    }
    this.#timer?.cancel()
    this.#timer = null
    void this.run()
  }

  /** One checkpoint; joins one that runs. */
  run(): Promise<void> {
    this.#running ??= this.#checkpoint().finally(() => {
      this.#running = null
      if (!this.#again) return
      this.#again = false
      this.request()
    })
    return this.#running
  }

  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await this.#running
  }

  /** After `stop`: all is on disk when it resolves, the last recovery points too. */
  async finish(): Promise<void> {
    await this.run()
    await this.#core.commit.settled()
    await this.run()
  }

  #arm(): void {
    this.#timer ??= this.#core.clock.after(this.#core.settings.checkpointMs, () => {
      this.#timer = null
      void this.run()
    })
  }

  async #checkpoint(): Promise<void> {
    // Committed batches are in their segments when the commit ends, unless a disk did not take them.
    const { commit } = this.#core
    if (commit.broken !== null) return
    const all = [...this.#partitions()]
    for (const partition of all) if (partition.isStuck) commit.retry(partition)
    const sequence = commit.isStuck ? 0 : commit.flushedSequence
    this.#bytesAtLast = this.#core.pressure.unsyncedBytes
    const dirty = all.filter((partition) => partition.isDirty)
    try {
      const synced = await this.#syncAll(dirty)
      // What a full disk did not take is no reason to try again at once.
      this.#bytesAtLast = Math.min(this.#bytesAtLast, this.#core.pressure.unsyncedBytes)
      this.#remember(synced)
    } catch (error) {
      if (errorCode(error) === 'ENOSPC') {
        // Nothing is lost: the journal keeps its groups until there is room again.
        this.#core.logger.warn({ error: String(error) }, 'the disk is full: segments could not be synced')
        this.#arm()
        return
      }
      commit.breakDown(storageFailure('a checkpoint could not sync the disk', error))
      return
    }
    if (sequence > 0) this.#journal.free(sequence)
    if (commit.isStuck) this.#arm()
  }

  async #syncAll(dirty: readonly LocalPartition[]): Promise<LocalPartition[]> {
    const synced: LocalPartition[] = []
    const toLink: (() => void)[] = []
    const queue = dirty.values()
    const worker = async () => {
      for (const partition of queue) {
        const linksToo = partition.needsLink
        const confirm = await partition.sync()
        if (confirm === null) continue
        synced.push(partition)
        if (linksToo) toLink.push(confirm)
        else confirm()
      }
    }
    await Promise.all(Array.from({ length: PARALLEL_SYNCS }, worker))
    if (toLink.length > 0) {
      // Once for all new folders.
      await syncFoldersAbove(this.#core.fileSystem, `${TOPICS_FOLDER}/any`)
      for (const confirm of toLink) confirm()
    }
    return synced
  }

  /** Appends the recovery points. The journal is free without them: an older one only makes the next start look at more. */
  #remember(synced: readonly LocalPartition[]): void {
    const records: StateRecord[] = []
    for (const partition of synced) if (partition.folder.startsWith(TOPICS_FOLDER) && !partition.gone) records.push(...partition.checkpointRecords())
    if (records.length > 0) this.#core.appendState(records, () => {})
  }
}
