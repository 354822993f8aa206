import type { Durability, LogFailure, LogStore } from '../../log/ports.ts'
import { batchBaseSequence, batchIsTransactional, batchOffsetCount, batchProducerEpoch, batchProducerId, stampLogAppendTime } from '../../log/record-batch.ts'
import { ERRORS, type ErrorRow, failure } from '../errors.ts'
import { type BatchFailure, checkBatchForTopic } from './check-batch.ts'
import type { Partition } from './partition.ts'

/** Where an accepted batch stands. */
interface Produced {
  readonly baseOffset: number
  /** The broker's stamp where the topic has LogAppendTime, else -1. */
  readonly logAppendTimeMs: number
}

export type ProduceOutcome = Produced | BatchFailure

export interface ProduceOptions {
  /** What must have happened before `onDone` is called with success. */
  readonly durability: Durability
  readonly nowMs: number
}

const SEQUENCES = 2_147_483_648

/**
 * Checks one record batch of a producer and appends it. The batch is in the log, in the order of the calls, when this
 * returns; `onDone` is called once: within the call where it was refused, else when it is as durable as asked.
 * The log takes the bytes over.
 */
export function produceBatch(log: LogStore, partition: Partition, bytes: Uint8Array, options: ProduceOptions, onDone: (outcome: ProduceOutcome) => void): void {
  const { settings } = partition.topic
  const refusal = checkBatchForTopic(bytes, settings, options.nowMs) ?? checkWritable(partition, bytes)
  if (refusal !== null) {
    onDone(refusal)
    return
  }
  if (batchProducerId(bytes) >= 0 && !isNextOfItsProducer(partition, bytes, options, onDone)) return
  const logAppendTimeMs = settings.logAppendTime ? options.nowMs : -1
  if (settings.logAppendTime) stampLogAppendTime(bytes, options.nowMs)
  let baseOffset = -1
  log.append({
    batches: [{ partition: partition.log, bytes }],
    state: [],
    durability: options.durability,
    onAssigned: (offsets) => {
      baseOffset = offsets[0] as number
    },
    onDone: (failed) => onDone(failed === null ? { baseOffset, logAppendTimeMs } : storageFailure(failed)),
  })
}

function checkWritable(partition: Partition, bytes: Uint8Array): BatchFailure | null {
  if (partition.deleted) return refused(ERRORS.unknownTopicOrPartition)
  if (partition.log.readOnly !== null) return storageFailure(partition.log.readOnly)
  // Transactions are not served: nobody can have begun the one this batch claims to belong to.
  if (batchIsTransactional(bytes)) return refused(ERRORS.invalidTxnState)
  return null
}

/** Rule 13. False: `onDone` is taken care of, nothing is to be appended. */
function isNextOfItsProducer(partition: Partition, bytes: Uint8Array, options: ProduceOptions, onDone: (outcome: ProduceOutcome) => void): boolean {
  const count = batchOffsetCount(bytes)
  const baseSequence = batchBaseSequence(bytes)
  const verdict = partition.log.checkProducer({
    producerId: batchProducerId(bytes),
    producerEpoch: batchProducerEpoch(bytes),
    baseSequence,
    lastSequence: (baseSequence + count - 1) % SEQUENCES,
  })
  switch (verdict.outcome) {
    case 'append':
      return true
    case 'out-of-order':
      onDone(refused(ERRORS.outOfOrderSequenceNumber))
      return false
    case 'fenced':
      onDone(refused(ERRORS.invalidProducerEpoch))
      return false
    case 'duplicate': {
      const { baseOffset, logAppendTimeMs } = verdict
      const known = { baseOffset, logAppendTimeMs }
      // The first copy may still wait for its commit: the retry is acknowledged no earlier.
      if (options.durability === 'written') onDone(known)
      else partition.log.whenDurable(baseOffset + count, (failed) => onDone(failed === null ? known : storageFailure(failed)))
      return false
    }
  }
}

const ROW_OF_LOG_FAILURE: Record<LogFailure['code'], ErrorRow> = {
  'storage-error': ERRORS.kafkaStorageError,
  corrupt: ERRORS.corruptMessage,
  'offset-out-of-range': ERRORS.offsetOutOfRange,
  gone: ERRORS.unknownTopicOrPartition,
}

/** The row of what the log says went wrong. */
export function rowOfLogFailure(failed: LogFailure): ErrorRow {
  return ROW_OF_LOG_FAILURE[failed.code]
}

function storageFailure(failed: LogFailure): BatchFailure {
  return { ...failure(rowOfLogFailure(failed), failed.message), records: [] }
}

function refused(error: ErrorRow): BatchFailure {
  return { ...failure(error), records: [] }
}
