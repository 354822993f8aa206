/** What EndTxn does in each state, for both protocols of transactions (rules 29 and 30; KIP-890 for the second). */
import { ERRORS, type ErrorRow } from '../errors.ts'
import type { TransactionRecord, TransactionState } from './transaction-record.ts'

export type EndDecision =
  /** Write markers and offsets, and go on. */
  | 'end'
  /** Nothing is open, but the epoch moves on, so that whatever the client sent before cannot come late. */
  | 'bump'
  /** It happened already. */
  | 'done'
  | ErrorRow

interface Row {
  readonly commit: EndDecision
  readonly abort: EndDecision
}

const INVALID = ERRORS.invalidTxnState
const FENCED = ERRORS.producerFenced

/** The first protocol: the client's epoch is the current one. */
const V1: Readonly<Record<TransactionState, Row>> = {
  Empty: { commit: INVALID, abort: INVALID },
  Ongoing: { commit: 'end', abort: 'end' },
  CompleteCommit: { commit: 'done', abort: INVALID },
  CompleteAbort: { commit: INVALID, abort: 'done' },
}

/** The second, with the current epoch. */
const V2: Readonly<Record<TransactionState, Row>> = {
  Empty: { commit: INVALID, abort: 'bump' },
  Ongoing: { commit: 'end', abort: 'end' },
  CompleteCommit: { commit: INVALID, abort: 'bump' },
  CompleteAbort: { commit: INVALID, abort: 'bump' },
}

/** The second, with the epoch before: the answer to the first try was lost. */
const V2_RETRY: Readonly<Record<TransactionState, Row>> = {
  Empty: { commit: FENCED, abort: FENCED },
  Ongoing: { commit: FENCED, abort: FENCED },
  CompleteCommit: { commit: 'done', abort: INVALID },
  CompleteAbort: { commit: INVALID, abort: 'done' },
}

export interface EndRequest {
  readonly producerId: number
  readonly producerEpoch: number
  readonly commit: boolean
  /** The protocol of the client: EndTxn from v5 on is the second. */
  readonly version: 0 | 2
}

export function decideEnd(record: TransactionRecord, request: EndRequest): EndDecision {
  const isRetry = request.version === 2 && isFormerEpoch(record, request)
  if (request.producerId !== record.producerId && !isRetry) return ERRORS.invalidProducerIdMapping
  if (request.producerEpoch !== record.producerEpoch && !isRetry) return FENCED
  const row = (request.version === 2 ? (isRetry ? V2_RETRY : V2) : V1)[record.state]
  return request.commit ? row.commit : row.abort
}

/** The epoch before the current one, or the last of the producer id before. */
function isFormerEpoch(record: TransactionRecord, { producerId, producerEpoch }: EndRequest): boolean {
  if (producerId === record.producerId) return producerEpoch === record.producerEpoch - 1
  return producerId === record.lastProducerId && producerEpoch === record.lastProducerEpoch && record.producerEpoch === 0
}
