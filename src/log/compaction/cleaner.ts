import type { Timer } from '../../runtime/clock.ts'
import type { Compress } from '../../util/compression.ts'
import type { LocalPartition } from '../local-partition.ts'
import type { LogCore } from '../log-core.ts'
import type { CompactionSettings } from '../ports.ts'
import { UncleanableError } from './batch-cleaner.ts'
import { cleanPartition } from './clean-partition.ts'
import { type Cleanable, cleanableOf, isDue } from './cleanable.ts'
import { Pacer } from './pacer.ts'

interface Candidate extends Cleanable {
  readonly partition: LocalPartition
  readonly settings: CompactionSettings
}

/**
 * Compacts logs in the background (LogCleaner.java), so many at a time as there are threads in Kafka: always the dirtiest, then it looks again,
 * and where there is none it waits. It has the event loop in short slices; reading, writing and codecs are the thread pool's.
 */
export class Cleaner {
  readonly #core: LogCore
  readonly #compress: Compress
  readonly #partitions: () => Iterable<LocalPartition>
  /** Being cleaned. */
  readonly #busy = new Set<LocalPartition>()
  /** With bytes that could not be cleaned: they are left alone until the next start. */
  readonly #uncleanable = new Set<LocalPartition>()
  readonly #running = new Set<Promise<void>>()
  #timer: Timer | null = null
  #looking = false
  #stopped = false

  constructor(core: LogCore, compress: Compress, partitions: () => Iterable<LocalPartition>) {
    this.#core = core
    this.#compress = compress
    this.#partitions = partitions
  }

  start(): void {
    if (this.#core.settings.cleanerEnabled) this.#wait()
  }

  /** Ends what runs, as soon as it can; what it has begun to put in place is in place when it resolves. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#timer?.cancel()
    await Promise.all(this.#running)
  }

  #wait(): void {
    if (this.#stopped) return
    this.#timer?.cancel()
    this.#timer = this.#core.clock.after(this.#core.settings.cleanerBackoffMs, () => this.#look())
  }

  #look(): void {
    if (this.#looking || this.#stopped) return
    this.#looking = true
    const round = this.#begin().finally(() => {
      this.#looking = false
      this.#running.delete(round)
      if (this.#busy.size === 0) this.#wait()
    })
    this.#running.add(round)
  }

  /** Begins to clean as many partitions as it may. */
  async #begin(): Promise<void> {
    const candidates = await this.#candidates()
    for (const candidate of candidates) {
      if (this.#stopped || this.#busy.size >= this.#core.settings.cleanerThreads) return
      this.#busy.add(candidate.partition)
      const work = this.#clean(candidate).then((isDone) => {
        this.#running.delete(work)
        this.#busy.delete(candidate.partition)
        // After a failure not at once again.
        if (isDone) this.#look()
        else this.#wait()
      })
      this.#running.add(work)
    }
  }

  /** Those that are due, the dirtiest first; what lies too long comes before. */
  async #candidates(): Promise<Candidate[]> {
    const { clock, commit, fileSystem } = this.#core
    const found: Candidate[] = []
    if (commit.broken !== null) return found
    for (const partition of [...this.#partitions()]) {
      const settings = partition.settings.compaction
      if (settings === undefined || this.#stopped || partition.gone || partition.readOnly !== null) continue
      if (this.#busy.has(partition) || this.#uncleanable.has(partition)) continue
      try {
        const cleanable = await cleanableOf(partition, settings, clock.now(), fileSystem.volatile)
        if (cleanable !== null && isDue(cleanable, settings)) found.push({ ...cleanable, partition, settings })
      } catch (error) {
        if (!partition.gone) this.#tell(partition, error)
      }
    }
    return found.sort((a, b) => Number(b.isOverdue) - Number(a.isOverdue) || b.dirtyRatio - a.dirtyRatio)
  }

  /** Whether it was done. */
  async #clean(candidate: Candidate): Promise<boolean> {
    const { partition } = candidate
    const { clock, settings, decompress, logger } = this.#core
    const threads = Math.max(1, settings.cleanerThreads)
    const pacer = new Pacer(clock, () => rateOf(this.#core) / threads)
    const tools = { compress: this.#compress, decompress, pacer, decompressedBytesMax: settings.decompressedBytesMax }
    const order = { ...candidate, dedupeBytes: settings.cleanerDedupeBytes / threads, isStopped: () => this.#stopped || this.#core.commit.broken !== null }
    try {
      const report = await cleanPartition(partition, this.#core, tools, order)
      if (report !== null) logger.info({ partition: partition.folder, ...report, ms: Math.round(pacer.elapsedMs) }, 'a partition was compacted')
      return report !== null
    } catch (error) {
      if (!partition.gone) this.#tell(partition, error)
      return false
    }
  }

  #tell(partition: LocalPartition, error: unknown): void {
    const fields = { partition: partition.folder, error: error instanceof Error ? error.message : String(error) }
    if (error instanceof UncleanableError) {
      this.#uncleanable.add(partition)
      this.#core.logger.error(fields, 'a partition cannot be compacted: it is left as it is until the next start')
    } else {
      this.#core.logger.warn(fields, 'a partition could not be compacted; it is tried again')
    }
  }
}

/** It may change while a partition is cleaned. */
function rateOf({ settings }: LogCore): number {
  return settings.cleanerBytesPerSecond > 0 ? settings.cleanerBytesPerSecond : Number.MAX_VALUE
}
