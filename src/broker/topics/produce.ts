import type { Durability, LogFailure, LogStore, ProducerVerdict, StateRecord } from '../../log/ports.ts'
import { batchBaseSequence, batchIsTransactional, batchOffsetCount, batchProducerEpoch, batchProducerId, stampLogAppendTime } from '../../log/record-batch.ts'
import { ERRORS, type ErrorRow, failure } from '../errors.ts'
import { checkBatchForTopic } from './check-batch.ts'
import type { BatchFailure } from './check-records.ts'
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
  /** Of a producer with a transactional id: takes its transactional batches in. */
  readonly transaction: ProducingTransaction | null
}

/** The transaction of whoever produces. */
export interface ProducingTransaction {
  /** Whether a producer that the partition does not know must begin with sequence 0 (KIP-890). */
  readonly beginsAtZero: boolean
  /** Null where a batch may be appended, else why it may not; changes nothing. */
  check(producer: BatchProducer, partition: Partition): ErrorRow | null
  /** The batch is appended now: what becomes durable together with it. */
  admit(producer: BatchProducer, partition: Partition): Admission
}

interface BatchProducer {
  readonly producerId: number
  readonly producerEpoch: number
}

/** State that is appended together with a batch. */
export interface Admission {
  readonly state: readonly StateRecord[]
  /** Called once, when both are durable, or lost. */
  settle(ok: boolean): void
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
  const admitted = batchProducerId(bytes) < 0 ? ALONE : admitProducer(partition, bytes, options, onDone)
  if (admitted === null) return
  const logAppendTimeMs = settings.logAppendTime ? options.nowMs : -1
  if (settings.logAppendTime) stampLogAppendTime(bytes, options.nowMs)
  let baseOffset = -1
  log.append({
    batches: [{ partition: partition.log, bytes }],
    state: admitted.state,
    durability: admitted.state.length > 0 ? 'durable' : options.durability,
    onAssigned: (offsets) => {
      baseOffset = offsets[0] as number
    },
    onDone: (failed) => {
      admitted.settle(failed === null)
      onDone(failed === null ? { baseOffset, logAppendTimeMs } : storageFailure(failed))
    },
  })
}

function checkWritable(partition: Partition, bytes: Uint8Array): BatchFailure | null {
  if (partition.deleted) return refused(ERRORS.unknownTopicOrPartition)
  if (partition.log.readOnly !== null) return storageFailure(partition.log.readOnly)
  // A transaction has a producer.
  if (batchIsTransactional(bytes) && batchProducerId(bytes) < 0) return refused(ERRORS.invalidTxnState)
  return null
}

const ALONE: Admission = { state: [], settle: () => undefined }

/**
 * Rule 13, in its order: a duplicate, the transaction, the epoch, the sequence. What becomes durable together with the batch; null:
 * `onDone` is taken care of, nothing is to be appended.
 */
function admitProducer(partition: Partition, bytes: Uint8Array, options: ProduceOptions, onDone: (outcome: ProduceOutcome) => void): Admission | null {
  const count = batchOffsetCount(bytes)
  const baseSequence = batchBaseSequence(bytes)
  const verdict = partition.log.checkProducer({
    producerId: batchProducerId(bytes),
    producerEpoch: batchProducerEpoch(bytes),
    baseSequence,
    lastSequence: (baseSequence + count - 1) % SEQUENCES,
  })
  if (verdict.outcome !== 'duplicate') {
    const refusal = checkTransaction(partition, bytes, options.transaction) ?? refuseSequence(verdict, baseSequence, options)
    if (refusal === null) return batchIsTransactional(bytes) ? (options.transaction?.admit(producerOf(bytes), partition) ?? ALONE) : ALONE
    onDone(refused(refusal))
    return null
  }
  const { baseOffset, logAppendTimeMs } = verdict
  const known = { baseOffset, logAppendTimeMs }
  // The first copy may still wait for its commit: the retry is acknowledged no earlier.
  if (options.durability === 'written') onDone(known)
  else partition.log.whenDurable(baseOffset + count, (failed) => onDone(failed === null ? known : storageFailure(failed)))
  return null
}

function refuseSequence(verdict: ProducerVerdict, baseSequence: number, { transaction }: ProduceOptions): ErrorRow | null {
  if (verdict.outcome === 'fenced') return ERRORS.invalidProducerEpoch
  if (verdict.outcome === 'out-of-order') return ERRORS.outOfOrderSequenceNumber
  return !verdict.isKnown && transaction?.beginsAtZero === true && baseSequence !== 0 ? ERRORS.outOfOrderSequenceNumber : null
}

function checkTransaction(partition: Partition, bytes: Uint8Array, transaction: ProducingTransaction | null): ErrorRow | null {
  if (batchIsTransactional(bytes)) return transaction === null ? ERRORS.invalidTxnState : transaction.check(producerOf(bytes), partition)
  // What is not of the transaction would end up in the middle of it.
  return partition.log.transactionStart(batchProducerId(bytes)) === null ? null : ERRORS.invalidTxnState
}

function producerOf(bytes: Uint8Array): BatchProducer {
  return { producerId: batchProducerId(bytes), producerEpoch: batchProducerEpoch(bytes) }
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
