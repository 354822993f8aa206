import type { Checkpointer } from './checkpointer.ts'
import type { Cleaner } from './compaction/cleaner.ts'
import type { DataDirectory } from './data-directory.ts'
import type { Journal } from './journal.ts'
import type { JournalEntry } from './journal-format.ts'
import type { LocalPartition } from './local-partition.ts'
import type { LogCore } from './log-core.ts'

/** What there is once the log is open. */
export interface Opened {
  readonly directory: DataDirectory
  readonly core: LogCore
  readonly journal: Journal | null
  /** What the journal holds for partitions that were not opened yet. */
  readonly entries: Map<string, JournalEntry[]>
  state: LocalPartition | null
  checkpointer: Checkpointer | null
  cleaner: Cleaner | null
  producers: Map<string, [producerId: number, value: Uint8Array][]>
}
