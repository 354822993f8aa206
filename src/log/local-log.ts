import type { Clock, Timer } from '../runtime/clock.ts'
import type { DiskSpace, FileSystem } from '../runtime/files.ts'
import type { Random } from '../runtime/random.ts'
import { FilePool } from '../storage/file-pool.ts'
import type { LogGauges } from '../telemetry/gauges.ts'
import { type Logger, silentLogger } from '../telemetry/logger.ts'
import { type Compress, compress, type Decompress, decompress } from '../util/compression.ts'
import { ZERO_UUID } from '../util/uuid.ts'
import { Checkpointer } from './checkpointer.ts'
import { Cleaner } from './compaction/cleaner.ts'
import { DataDirectory, WAY_OUT } from './data-directory.ts'
import { GroupCommit } from './group-commit.ts'
import { IndexCache } from './index-cache.ts'
import { Journal } from './journal.ts'
import { entriesByPartition } from './journal-entries.ts'
import { KeptState, LOG_STATE_KINDS, partitionKey, producersByPartition, topicIdOfKey } from './kept-state.ts'
import { LocalPartition } from './local-partition.ts'
import { goneAmong, goneFailure, type LogCore } from './log-core.ts'
import type { Opened } from './opened.ts'
import { OwnState } from './own-state.ts'
import { asideOf, folderOf, TOPICS_FOLDER } from './partition-folder.ts'
import { NEW_PARTITION, type PartitionIdentity } from './partition-start.ts'
import type { PendingGroup } from './pending.ts'
import type { AppendGroup, LogFailure, LogStore, PartitionLog, PartitionSettings, StateMachine } from './ports.ts'
import { Pressure } from './pressure.ts'
import { ProducerStates } from './producer-state.ts'
import { ReadGate } from './read-gate.ts'
import { knownPosition, recoverPartition } from './recovery.ts'
import { applyRetention } from './retention.ts'
import type { LogSettings } from './settings.ts'
import { applyBatch, encodeSnapshot, encodeState, loadSnapshot, replayState, STATE_FOLDER, STATE_SETTINGS, StateMachines, writeSnapshot } from './state-log.ts'
import { setStrangersAside } from './strangers.ts'
import { TailCache } from './tail-cache.ts'

/**
 * The log on one machine: partitions as segments in Kafka's layout, one commit journal, the coordinator's state beside them.
 * On a volatile file system the same without the journal.
 */
export class LocalLog implements LogStore {
  readonly description: string
  readonly #fileSystem: FileSystem
  readonly #clock: Clock
  readonly #random: Random
  readonly #settings: LogSettings
  readonly #decompress: Decompress
  readonly #compress: Compress
  readonly #logger: Logger
  readonly #machines = new StateMachines()
  readonly #positions = new KeptState(LOG_STATE_KINDS.position)
  readonly #producers = new KeptState(LOG_STATE_KINDS.producer)
  readonly #topics = new Map<string, Map<number, LocalPartition>>()
  /** Who has a folder's name now. */
  readonly #folders = new Map<string, LocalPartition>()
  #opened: Opened | null = null
  #closing: Promise<void> | null = null
  #snapshotRunning: Promise<void> | null = null
  #snapshotBytes = 0
  /** Of the newest snapshot that is whole; 0: none. */
  #snapshotOffset = 0
  #stateBytes = 0
  #started = false
  #retentionTimer: Timer | null = null
  readonly #removals = new Set<Promise<void>>()

  /** `inflate` and `deflate` work outside the event loop; where time is simulated, so do they. */
  constructor(
    fileSystem: FileSystem,
    clock: Clock,
    random: Random,
    logger: Logger | null,
    settings: LogSettings,
    inflate: Decompress = decompress,
    deflate: Compress = compress,
  ) {
    this.#fileSystem = fileSystem
    this.#clock = clock
    this.#random = random
    this.#logger = logger ?? silentLogger
    this.#settings = settings
    this.#decompress = inflate
    this.#compress = deflate
    this.description = fileSystem.description
    this.#machines.add(this.#positions)
    this.#machines.add(this.#producers)
  }

  /** What it holds in memory now; all 0 before `open`. */
  gauges(): LogGauges {
    const core = this.#opened?.core
    return {
      openFiles: core?.pool.openCount ?? 0,
      tailCacheBytes: core?.tailCache.bytes ?? 0,
      indexCacheBytes: core?.indexCache.bytes ?? 0,
      unsyncedBytes: core?.pressure.unsyncedBytes ?? 0,
      waitingReads: core?.readGate.waiting ?? 0,
    }
  }

  register(machine: StateMachine): void {
    if (this.#opened !== null) throw new Error('state machines are registered before the log is opened')
    this.#machines.add(machine)
  }

  async open(): Promise<void> {
    if (this.#opened !== null) throw new Error('the log is open')
    const directory = await DataDirectory.open(this.#fileSystem, this.#random)
    const core = this.#makeCore()
    try {
      const journal = this.#fileSystem.volatile ? null : new Journal(this.#fileSystem, directory.journalId, this.#settings.journalFileBytes)
      const recovery = (await journal?.open(directory)) ?? { groups: [], damage: null }
      if (recovery.damage !== null) this.#giveUp(directory, recovery.damage)
      this.#fileSystem.makeFolder(TOPICS_FOLDER)
      const commit = new GroupCommit(this.#clock, journal, this.#settings)
      const entries = entriesByPartition(recovery)
      const opened: Opened = { directory, core: { ...core, commit }, journal, entries, state: null, checkpointer: null, producers: new Map(), cleaner: null }
      await this.#openState(opened)
      this.#wire(opened)
      this.#opened = opened
      if (directory.cleanSequence === null && !directory.isNew) {
        this.#logger.info({ journalGroups: recovery.groups.length, machineFailed: directory.machineFailed }, 'the log was not closed in order; it is recovered')
      }
    } catch (error) {
      core.pool.closeAll()
      directory.release()
      throw error
    }
  }

  async openPartition(topicId: string, topicName: string, index: number, settings: PartitionSettings): Promise<PartitionLog> {
    const opened = this.#mustBeOpen()
    const existing = this.#topics.get(topicId)?.get(index)
    if (existing !== undefined) return existing
    const identity = { topicId, topicName, index, folder: folderOf(topicName, index) }
    const key = partitionKey(topicId, index)
    const start = await recoverPartition(opened.core, {
      identity,
      settings,
      journal: opened.entries.get(key) ?? [],
      machineFailed: opened.directory.machineFailed,
      clean: opened.directory.cleanSequence !== null,
      position: knownPosition(opened.core, topicId, index),
      producers: opened.producers.get(key) ?? [],
    })
    opened.entries.delete(key)
    opened.producers.delete(key)
    const partition = this.#add(new LocalPartition(opened.core, identity, settings, start))
    if (partition.isStuck) opened.core.commit.adopt(partition)
    return partition
  }

  createPartition(topicId: string, topicName: string, index: number, settings: PartitionSettings): PartitionLog {
    const { core } = this.#mustBeOpen()
    const identity = { topicId, topicName, index, folder: folderOf(topicName, index) }
    this.#setAside(identity)
    return this.#add(new LocalPartition(core, identity, settings, { ...NEW_PARTITION, segments: [], producers: new ProducerStates() }))
  }

  deleteTopic(topicId: string): void {
    const partitions = this.#topics.get(topicId)
    if (partitions === undefined) return
    this.#topics.delete(topicId)
    for (const partition of partitions.values()) this.#delete(partition)
    this.#positions.forget((key) => topicIdOfKey(key) === topicId)
    this.#producers.forget((key) => topicIdOfKey(key) === topicId)
  }

  start(): void {
    const opened = this.#mustBeOpen()
    if (this.#started) return
    this.#started = true
    opened.entries.clear()
    opened.producers.clear()
    this.#positions.forget((key) => !this.#topics.has(topicIdOfKey(key)))
    this.#producers.forget((key) => !this.#topics.has(topicIdOfKey(key)))
    opened.directory.markBoot().catch((error: unknown) => this.#logger.warn({ error: String(error) }, 'the start could not be noted'))
    this.#removeStrangers()
    this.#scheduleRetention()
    opened.cleaner = new Cleaner(opened.core, this.#compress, () => [...this.#topics.values()].flatMap((partitions) => [...partitions.values()]))
    opened.cleaner.start()
    if (opened.journal === null || opened.checkpointer === null) return
    opened.journal.canWait = true
    opened.checkpointer.request()
    opened.journal.grow().catch((error: unknown) => this.#logger.warn({ error: String(error) }, 'the journal could not be preallocated'))
  }

  space(): Promise<DiskSpace | null> {
    return this.#fileSystem.space()
  }

  get stateEndOffset(): number {
    return this.#opened?.state?.highWatermark ?? 0
  }

  get congested(): boolean {
    return this.#opened?.core.pressure.congested ?? false
  }

  whenDrained(run: () => void): void {
    const pressure = this.#opened?.core.pressure
    if (pressure === undefined) run()
    else pressure.whenDrained(run)
  }

  append(group: AppendGroup): void {
    const opened = this.#mustBeOpen()
    if (group.state.length > 0 && group.durability !== 'durable') throw new Error('state is appended durably or not at all')
    if (this.#closing !== null) {
      queueMicrotask(() => group.onDone(goneFailure('the log')))
      return
    }
    this.#append(opened, group)
  }

  #append(opened: Opened, group: AppendGroup): void {
    const refused = this.#refusal(opened, group)
    if (refused !== null) {
      for (const { partition, bytes } of group.batches) (partition as LocalPartition).refused(bytes)
      queueMicrotask(() => group.onDone(refused))
      return
    }
    const state = group.state.length === 0 ? null : encodeState(group.state, this.#clock.now())
    let sizeBytes = state?.length ?? 0
    for (const { bytes } of group.batches) sizeBytes += bytes.length
    const pending: PendingGroup = {
      durable: group.durability === 'durable',
      batches: [],
      cover: null,
      coverEnd: 0,
      sizeBytes,
      left: group.batches.length + (state === null ? 0 : 1),
      stage: 'waiting',
      onDone: (failure) => group.onDone(failure ?? goneAmong(group.batches)),
    }
    const offsets: number[] = []
    for (const { partition, bytes, attachment } of group.batches) {
      const batch = (partition as LocalPartition).assign(bytes, attachment, pending)
      pending.batches.push(batch)
      offsets.push(batch.baseOffset)
    }
    if (state !== null) {
      pending.batches.push((opened.state as LocalPartition).assign(state, undefined, pending))
      this.#stateBytes += state.length
    }
    group.onAssigned?.(offsets)
    if (pending.left === 0) {
      queueMicrotask(() => group.onDone(null))
      return
    }
    opened.core.commit.add(pending)
    opened.checkpointer?.appended()
    if (state !== null) this.#snapshotWhenDue(opened)
  }

  close(): Promise<void> {
    this.#closing ??= this.#close()
    return this.#closing
  }

  #makeCore(): Omit<LogCore, 'commit'> {
    const settings = this.#settings
    const ownState = new OwnState({
      machines: [this.#positions, this.#producers],
      append: (state, onDone) => this.#append(this.#mustBeOpen(), { batches: [], state, durability: 'durable', onDone }),
      hasUntold: () => this.#mustBeOpen().core.commit.hasUntold,
    })
    return {
      fileSystem: this.#fileSystem,
      pool: new FilePool(this.#fileSystem, settings.openFilesMax),
      clock: this.#clock,
      logger: this.#logger,
      settings,
      tailCache: new TailCache(settings.tailCacheBytes),
      indexCache: new IndexCache(settings.indexCacheBytes),
      readGate: new ReadGate(settings.diskReadsMax),
      pressure: new Pressure(this.#fileSystem.volatile ? Number.POSITIVE_INFINITY : settings.unsyncedBytesMax),
      positions: this.#positions,
      producers: this.#producers,
      decompress: this.#decompress,
      reportedDamage: new Set(),
      inBackground: (what, work) => this.#inBackground(what, work),
      appendState: (state, onDone) => ownState.append(state, onDone),
    }
  }

  async #openState(opened: Opened): Promise<void> {
    const damaged: string[] = []
    const snapshot = await loadSnapshot(this.#fileSystem, this.#machines, (file) => damaged.push(file))
    for (const file of damaged) this.#logger.error({ file }, 'a snapshot of the state is damaged; an older one and the state log are read instead')
    // Without a whole snapshot the log is needed from its very beginning.
    const { oldestOffset } = snapshot
    const identity: PartitionIdentity = { topicId: ZERO_UUID, topicName: '__state', index: 0, folder: STATE_FOLDER }
    const key = partitionKey(ZERO_UUID, 0)
    const start = await recoverPartition(opened.core, {
      identity,
      settings: STATE_SETTINGS,
      journal: opened.entries.get(key) ?? [],
      // Whatever of it is torn is in the journal, and was written again: anything else that does not hold is damage.
      machineFailed: false,
      clean: opened.directory.cleanSequence !== null,
      writtenAhead: true,
      // No segment is known to be synced: what follows the snapshot is short and read anyway.
      position: oldestOffset === 0 ? null : { logStartOffset: oldestOffset, segmentBase: -1, position: 0, offset: oldestOffset, epochs: [] },
      leastEndOffset: snapshot.offset,
      promisedEndOffset: opened.directory.stateEndOffset,
      producers: [],
    })
    opened.entries.delete(key)
    const state = new LocalPartition(opened.core, identity, STATE_SETTINGS, start)
    opened.state = state
    if (state.isStuck) opened.core.commit.adopt(state)
    this.#snapshotBytes = snapshot.sizeBytes
    this.#snapshotOffset = snapshot.offset
    const range = { fromOffset: snapshot.offset, endOffset: start.logEndOffset }
    this.#stateBytes = await replayState(state, this.#machines, range, (what) =>
      this.#giveUp(opened.directory, [...damaged.map((file) => `${file} is damaged`), what].join('; ')),
    )
    for (const batch of start.unwritten) applyBatch(batch.bytes, this.#machines, snapshot.offset)
    opened.producers = producersByPartition(this.#producers)
  }

  /** Acknowledged state is damaged: that ends the start, unless an operator said that it may be lost. */
  #giveUp(directory: DataDirectory, what: string): void {
    if (!directory.acceptsLoss) throw new Error(`${what}. ${WAY_OUT[0]?.toUpperCase()}${WAY_OUT.slice(1)}`)
    this.#logger.error({ damage: what }, 'what is damaged is given up, as asked for')
  }

  #wire(opened: Opened): void {
    const { core, journal } = opened
    core.commit.onBroken = (failure) => {
      this.#logger.error({ error: failure.message }, 'the disk failed: nothing is appended until a restart')
      core.pressure.release()
    }
    if (journal === null) return
    const checkpointer = new Checkpointer(core, journal, () => this.#allPartitions(opened))
    opened.checkpointer = checkpointer
    journal.onFull = () => checkpointer.request()
    core.pressure.onHigh = () => checkpointer.request()
  }

  *#allPartitions(opened: Opened): Iterable<LocalPartition> {
    yield opened.state as LocalPartition
    for (const partitions of this.#topics.values()) yield* partitions.values()
  }

  #refusal(opened: Opened, group: AppendGroup): LogFailure | null {
    const broken = opened.core.commit.broken
    if (broken !== null) return broken
    for (const { partition } of group.batches) {
      if ((partition as LocalPartition).gone) return goneFailure(`${partition.topicName}-${partition.index}`)
      if (partition.readOnly !== null) return partition.readOnly
    }
    return null
  }

  #add(partition: LocalPartition): LocalPartition {
    let partitions = this.#topics.get(partition.topicId)
    if (partitions === undefined) {
      partitions = new Map()
      this.#topics.set(partition.topicId, partitions)
    }
    partitions.set(partition.index, partition)
    this.#folders.set(partition.folder, partition)
    return partition
  }

  /** A topic that is being deleted gives up its name before its deletion is durable; until then its files are kept. */
  #setAside({ topicId, folder }: PartitionIdentity): void {
    const holder = this.#folders.get(folder)
    if (holder === undefined || holder.topicId === topicId) return
    holder.moveTo(asideOf(holder))
    this.#folders.delete(folder)
  }

  /** Out of the way at once, so that a new topic may have the name; deleted in the background. */
  #delete(partition: LocalPartition): void {
    const aside = asideOf(partition)
    partition.end()
    if (this.#folders.get(partition.folder) === partition) this.#folders.delete(partition.folder)
    if (this.#fileSystem.list(partition.folder).length === 0) return
    try {
      if (partition.folder !== aside) this.#fileSystem.rename(partition.folder, aside)
      this.#remove(aside)
    } catch (error) {
      this.#logger.warn({ folder: partition.folder, error: String(error) }, 'the folder of a deleted topic could not be renamed')
    }
  }

  #remove(path: string): void {
    this.#inBackground(`deleting ${path}`, this.#fileSystem.remove(path))
  }

  #inBackground(what: string, work: Promise<void>): void {
    const removal = work
      .catch((error: unknown) => this.#logger.warn({ what, error: String(error) }, 'old files could not be removed'))
      .finally(() => this.#removals.delete(removal))
    this.#removals.add(removal)
  }

  #removeStrangers(): void {
    const known = new Set<string>()
    for (const partitions of this.#topics.values()) for (const partition of partitions.values()) known.add(partition.folder)
    const keep = this.#opened?.directory.acceptsLoss ?? false
    for (const folder of setStrangersAside(this.#fileSystem, this.#random, { known, keep, logger: this.#logger })) this.#remove(folder)
  }

  #scheduleRetention(): void {
    this.#retentionTimer = this.#clock.after(this.#settings.retentionCheckMs, () => {
      const opened = this.#opened
      if (opened === null || this.#closing !== null) return
      for (const partitions of this.#topics.values()) for (const partition of partitions.values()) this.#retain(partition, opened.core)
      this.#scheduleRetention()
    })
  }

  #retain(partition: LocalPartition, core: LogCore): void {
    try {
      applyRetention(partition, core)
    } catch (error) {
      // The next round tries again.
      this.#logger.warn({ partition: partition.folder, error: String(error) }, 'retention could not be applied')
    }
  }

  #snapshotWhenDue(opened: Opened): void {
    if (!this.#started || this.#snapshotRunning !== null) return
    if (this.#stateBytes < Math.max(this.#settings.stateSnapshotBytes, 2 * this.#snapshotBytes)) return
    this.#snapshotRunning = new Promise((resolve) => {
      // Between turns, when every machine has taken over what was appended.
      this.#clock.endOfTurn(() => resolve(this.#snapshot(opened)))
    })
    void this.#snapshotRunning.finally(() => {
      this.#snapshotRunning = null
    })
  }

  async #snapshot(opened: Opened): Promise<void> {
    // Machines still hold what was refused: the next append asks again.
    if (opened.core.commit.hasUntold) return
    const state = opened.state as LocalPartition
    const offset = state.logEndOffset
    const batches = encodeSnapshot(this.#machines, this.#clock.now())
    this.#stateBytes = 0
    const durable = await new Promise<LogFailure | null>((resolve) => {
      state.whenDurable(offset, resolve)
    })
    if (durable !== null) return
    try {
      const previous = this.#snapshotOffset
      await writeSnapshot(this.#fileSystem, offset, previous, batches)
      this.#snapshotBytes = batches.reduce((sum, batch) => sum + batch.length, 0)
      this.#snapshotOffset = offset
      state.raiseStartNow(previous)
    } catch (error) {
      this.#logger.error({ error: String(error) }, 'a snapshot of the state could not be written')
    }
  }

  async #close(): Promise<void> {
    const opened = this.#opened
    if (opened === null) return
    this.#retentionTimer?.cancel()
    const { core, journal, checkpointer, directory, cleaner } = opened
    await cleaner?.stop()
    await core.commit.settled()
    await this.#snapshotRunning
    if (journal !== null && checkpointer !== null) {
      await checkpointer.stop()
      if (core.commit.broken === null && !core.commit.isStuck) await this.#closeClean(opened, journal, checkpointer)
      journal.close()
    }
    await Promise.all(this.#removals)
    core.pressure.release()
    core.pool.closeAll()
    directory.release()
    this.#fileSystem.close()
  }

  async #closeClean(opened: Opened, journal: Journal, checkpointer: Checkpointer): Promise<void> {
    await checkpointer.finish()
    if (opened.core.commit.broken === null && this.#started) {
      await syncIndexes(this.#allPartitions(opened))
        .then(() => opened.directory.markClean(journal.nextSequence, (opened.state as LocalPartition).logEndOffset))
        .catch((error: unknown) => this.#logger.warn({ error: String(error) }, 'the orderly shutdown could not be noted: the next start recovers'))
    }
  }

  #mustBeOpen(): Opened {
    if (this.#opened === null) throw new Error('the log is not open')
    return this.#opened
  }
}

async function syncIndexes(partitions: Iterable<LocalPartition>): Promise<void> {
  for (const { segments, gone } of partitions) for (const segment of segments) if (!gone) await segment.syncIndexes()
}
