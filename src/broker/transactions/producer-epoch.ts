/** How producer ids and epochs of a transactional id go on (KIP-360, KIP-588, KIP-890). */
import { ERRORS, type ErrorRow } from '../errors.ts'
import type { TransactionRecord } from './transaction-record.ts'

/** The largest an epoch that is given to a client can be: fencing it must still find a higher one. */
const LAST_EPOCH = 32_766

/** What a client believes to be. */
export interface ProducerIdAndEpoch {
  readonly producerId: number
  readonly producerEpoch: number
}

type EpochFields = Pick<TransactionRecord, 'producerId' | 'producerEpoch' | 'lastProducerId' | 'lastProducerEpoch'>

export function isExhausted(producerEpoch: number): boolean {
  return producerEpoch >= LAST_EPOCH
}

/** Whether InitProducerId with `expected` may go on: it names this producer, or the one before whose epochs were used up. */
export function mayBe(record: TransactionRecord, expected: ProducerIdAndEpoch | null): boolean {
  if (expected === null || record.producerEpoch === -1 || expected.producerId === record.producerId) return true
  return expected.producerId === record.lastProducerId && isExhausted(expected.producerEpoch)
}

/** Whether InitProducerId needs a new producer id: there is no epoch left, and the client does not repeat an answered question. */
export function needsNewId(record: TransactionRecord, expected: ProducerIdAndEpoch | null): boolean {
  return isExhausted(record.producerEpoch) && (expected === null || expected.producerEpoch === record.producerEpoch)
}

/** The next epoch for InitProducerId; the same where the client repeats its question; PRODUCER_FENCED for an older one. */
export function nextEpoch(record: TransactionRecord, expected: ProducerIdAndEpoch | null): EpochFields | ErrorRow {
  const { producerId, producerEpoch, lastProducerId, lastProducerEpoch } = record
  const bumped = producerEpoch + 1
  if (expected === null) return { producerId, producerEpoch: bumped, lastProducerId, lastProducerEpoch: -1 }
  if (producerEpoch === -1 || expected.producerEpoch === producerEpoch) {
    return { producerId, producerEpoch: bumped, lastProducerId, lastProducerEpoch: producerEpoch }
  }
  if (expected.producerEpoch === lastProducerEpoch) return { producerId, producerEpoch, lastProducerId, lastProducerEpoch }
  return ERRORS.producerFenced
}

/** A new producer id takes over; whoever asked with the old one may ask again. */
export function rotated(record: TransactionRecord, producerId: number, isRetryable: boolean): EpochFields {
  return {
    producerId,
    producerEpoch: 0,
    lastProducerId: record.producerId,
    lastProducerEpoch: isRetryable ? record.producerEpoch : -1,
  }
}
