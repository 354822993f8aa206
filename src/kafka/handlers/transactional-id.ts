import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Operation } from '../../broker/security/ports.ts'
import type { RequestContext } from '../handler.ts'

/** Null where the principal may do this to the transactional id. */
export function refuseTransactionalId({ broker, connection }: RequestContext, operation: Operation, transactionalId: string): ErrorRow | null {
  if (transactionalId === '') return ERRORS.invalidRequest
  const allowed = broker.security.authorize(connection.principal, operation, 'transactional-id', transactionalId)
  return allowed ? null : ERRORS.transactionalIdAuthorizationFailed
}

/** KIP-890: newer clients know that what was not added to the transaction can still be aborted; older ones are told INVALID_TXN_STATE. */
export function abortableFor(error: ErrorRow, knowsAbortable: boolean): ErrorRow {
  return error === ERRORS.invalidTxnState && knowsAbortable ? ERRORS.transactionAbortable : error
}

/** PRODUCER_FENCED is a word that only newer versions of an API know; older clients are told INVALID_PRODUCER_EPOCH (KIP-588). */
export function fencedFor(error: ErrorRow, knowsFenced: boolean): ErrorRow {
  return error === ERRORS.producerFenced && !knowsFenced ? ERRORS.invalidProducerEpoch : error
}
