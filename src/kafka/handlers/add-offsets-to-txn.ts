import { ERRORS } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from '../messages/add-offsets-to-txn.ts'
import type { Input } from '../wire/message.ts'
import { fencedFor, refuseTransactionalId } from './transactional-id.ts'

type Response = Input<typeof AddOffsetsToTxnResponse>

const FIRST_WITH_FENCED = 2

/** AddOffsetsToTxn (25): announces a group whose offsets the transaction will commit. v2: PRODUCER_FENCED. */
export const addOffsetsToTxn: Handler<AddOffsetsToTxnRequest, Response> = (request, context) => {
  const { transactionalId, groupId, producerId, producerEpoch } = request
  const refused = refuseTransactionalId(context, 'write', transactionalId)
  if (refused !== null) return { errorCode: refused.kafka }
  if (!context.broker.security.authorize(context.connection.principal, 'read', 'group', groupId)) return { errorCode: ERRORS.groupAuthorizationFailed.kafka }
  return new Promise((resolve) => {
    context.broker.transactions.addOffsets({ transactionalId, producerId, producerEpoch }, groupId, (failed) => {
      resolve({ errorCode: failed === null ? 0 : fencedFor(failed, context.version >= FIRST_WITH_FENCED).kafka })
    })
  })
}
