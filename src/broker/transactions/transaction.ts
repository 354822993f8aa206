import type { StateRecord } from '../../log/ports.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import { encodeTransaction, type TransactionRecord } from './transaction-record.ts'

/** A transactional id while the broker runs: its record as it was appended last, and what is still on its way. */
export class Transaction {
  readonly transactionalId: string
  record: TransactionRecord
  /** True while InitProducerId or the end of the transaction waits for the disk: everybody else is told to come again. */
  isChanging = false
  /** Partitions or groups that were added and are not durable yet: "it is in already" is then no answer. */
  additions = 0
  /** The disk refused the last addition: the record must be appended again before anybody counts on it. */
  isStale = false
  /** When the open transaction is aborted, by the monotonic clock. */
  deadlineMs = Number.POSITIVE_INFINITY

  constructor(transactionalId: string, record: TransactionRecord) {
    this.transactionalId = transactionalId
    this.record = record
  }

  /** Takes `record` over, and says what makes it durable. */
  change(record: TransactionRecord): StateRecord {
    this.record = record
    return stateRecord(this.transactionalId, record)
  }

  hasPartition(topicId: string, partition: number): boolean {
    return this.record.partitions.get(topicId)?.has(partition) ?? false
  }
}

export function stateRecord(transactionalId: string, record: TransactionRecord | null): StateRecord {
  return { kind: STATE_KINDS.transaction, key: transactionalId, value: record === null ? null : encodeTransaction(record) }
}

/** A record with more partitions. */
export function withPartitions(record: TransactionRecord, added: Iterable<readonly [topicId: string, partition: number]>): TransactionRecord {
  const partitions = new Map(record.partitions)
  for (const [topicId, partition] of added) partitions.set(topicId, new Set([...(partitions.get(topicId) ?? []), partition]))
  return { ...record, partitions }
}
