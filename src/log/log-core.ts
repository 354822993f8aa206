import type { Clock } from '../runtime/clock.ts'
import type { FileSystem } from '../runtime/files.ts'
import type { FilePool } from '../storage/file-pool.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { Decompress } from '../util/compression.ts'
import type { GroupCommit } from './group-commit.ts'
import type { IndexCache } from './index-cache.ts'
import type { KeptState } from './kept-state.ts'
import type { LocalPartition } from './local-partition.ts'
import type { BatchAppend, LogFailure, StateRecord } from './ports.ts'
import type { Pressure } from './pressure.ts'
import type { ReadGate } from './read-gate.ts'
import type { LogSettings } from './settings.ts'
import type { TailCache } from './tail-cache.ts'

/** What all partitions of one log share. */
export interface LogCore {
  readonly fileSystem: FileSystem
  readonly pool: FilePool
  readonly clock: Clock
  readonly logger: Logger
  readonly settings: LogSettings
  readonly tailCache: TailCache
  readonly indexCache: IndexCache
  readonly readGate: ReadGate
  readonly pressure: Pressure
  readonly commit: GroupCommit
  readonly positions: KeptState
  readonly producers: KeptState
  readonly decompress: Decompress
  /** Damaged places that were reported: file and position. */
  readonly reportedDamage: Set<string>
  /** Deleting files: the log's close waits for it, a failure is logged. */
  inBackground(what: string, work: Promise<void>): void
  /** Appends records of the log's own state. */
  appendState(records: readonly StateRecord[], onDone: (failure: LogFailure | null) => void): void
}

/** A failure of the disk, in words. */
export function storageFailure(what: string, cause: unknown): LogFailure {
  return { code: 'storage-error', message: `${what}: ${cause instanceof Error ? cause.message : String(cause)}`, cause }
}

export function goneFailure(what: string): LogFailure {
  return { code: 'gone', message: `${what} was deleted, or the log is closed` }
}

/** A topic that was deleted while its batch waited for the commit. */
export function goneAmong(batches: readonly BatchAppend[]): LogFailure | null {
  const gone = batches.find(({ partition }) => (partition as LocalPartition).gone)
  return gone === undefined ? null : goneFailure(`${gone.partition.topicName}-${gone.partition.index}`)
}
