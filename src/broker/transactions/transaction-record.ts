/** The durable half of a transaction: the value of a `transaction` state record, whose key is the transactional id. */
import { type CommittedOffset, decodeOffset, encodeOffset } from '../groups/offset-record.ts'
import { StateReader, StateWriter } from '../groups/state-codec.ts'

/**
 * Where a transactional id stands, in Kafka's words. Kafka's PrepareCommit and PrepareAbort never reach the disk here: markers, offsets and
 * the new state are one atomic group of the journal.
 */
export type TransactionState = 'Empty' | 'Ongoing' | 'CompleteCommit' | 'CompleteAbort'

/** An offset that becomes the group's when the transaction commits. */
export interface PendingOffset {
  readonly topicName: string
  readonly partition: number
  readonly value: CommittedOffset
}

export interface TransactionRecord {
  readonly producerId: number
  /** -1 before the first InitProducerId has settled. */
  readonly producerEpoch: number
  /** Before the last change; -1 for none. A retry that still says these is answered like the first. */
  readonly lastProducerId: number
  readonly lastProducerEpoch: number
  readonly timeoutMs: number
  readonly state: TransactionState
  /** The protocol of the client that changed it last: from 2 on every end bumps the epoch (KIP-890). */
  readonly version: 0 | 2
  /** Wall clock of the beginning of the last transaction, -1 for none since InitProducerId; and of the last change. */
  readonly startedAtMs: number
  readonly updatedAtMs: number
  /** Topic id, partitions. */
  readonly partitions: ReadonlyMap<string, ReadonlySet<number>>
  /** Group id, its offsets; an entry without any says that the client announced the group. */
  readonly offsets: ReadonlyMap<string, readonly PendingOffset[]>
}

export const NO_PARTITIONS: TransactionRecord['partitions'] = new Map()
export const NO_OFFSETS: TransactionRecord['offsets'] = new Map()

const VERSION = 1
const STATES: readonly TransactionState[] = ['Empty', 'Ongoing', 'CompleteCommit', 'CompleteAbort']

export function encodeTransaction(record: TransactionRecord): Uint8Array {
  const writer = new StateWriter()
  writer.unsigned(VERSION)
  writer.unsigned(STATES.indexOf(record.state))
  writer.unsigned(record.version)
  for (const field of [record.producerId, record.producerEpoch, record.lastProducerId, record.lastProducerEpoch]) writer.int64(field)
  for (const field of [record.timeoutMs, record.startedAtMs, record.updatedAtMs]) writer.int64(field)
  writer.unsigned(record.partitions.size)
  for (const [topicId, partitions] of record.partitions) {
    writer.string(topicId)
    writer.unsigned(partitions.size)
    for (const partition of partitions) writer.unsigned(partition)
  }
  writer.unsigned(record.offsets.size)
  for (const [groupId, offsets] of record.offsets) {
    writer.string(groupId)
    writer.unsigned(offsets.length)
    for (const { topicName, partition, value } of offsets) {
      writer.string(topicName)
      writer.unsigned(partition)
      writer.bytes(encodeOffset(value))
    }
  }
  return writer.take()
}

/** Throws a RangeError for bytes that `encodeTransaction` did not write. */
export function decodeTransaction(bytes: Uint8Array): TransactionRecord {
  const reader = new StateReader(bytes)
  const format = reader.unsigned()
  if (format !== VERSION) throw new RangeError(`a transaction has version ${format}; this broker reads version ${VERSION}`)
  const state = STATES[reader.unsigned()]
  if (state === undefined) throw new RangeError('a transaction is in no known state')
  const version = reader.unsigned() === 2 ? 2 : 0
  return {
    state,
    version,
    producerId: reader.int64(),
    producerEpoch: reader.int64(),
    lastProducerId: reader.int64(),
    lastProducerEpoch: reader.int64(),
    timeoutMs: reader.int64(),
    startedAtMs: reader.int64(),
    updatedAtMs: reader.int64(),
    partitions: new Map(reader.array(() => [reader.string(), new Set(reader.array(() => reader.unsigned()))])),
    offsets: new Map(reader.array(() => [reader.string(), reader.array(() => readPending(reader))])),
  }
}

function readPending(reader: StateReader): PendingOffset {
  return { topicName: reader.string(), partition: reader.unsigned(), value: decodeOffset(reader.bytes()) }
}
