import { uuidToString } from '../util/uuid.ts'
import type { JournalRecovery } from './journal.ts'
import type { JournalEntry } from './journal-format.ts'
import { partitionKey } from './kept-state.ts'

/** What the journal holds of each partition, by its key, in the order of the groups. */
export function entriesByPartition(recovery: JournalRecovery): Map<string, JournalEntry[]> {
  const entries = new Map<string, JournalEntry[]>()
  for (const group of recovery.groups) {
    for (const entry of group.entries) {
      const key = partitionKey(uuidToString(entry.topicId), entry.partition)
      const list = entries.get(key)
      if (list === undefined) entries.set(key, [entry])
      else list.push(entry)
    }
  }
  return entries
}
