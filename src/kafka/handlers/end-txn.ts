import type { Handler } from '../handler.ts'
import type { EndTxnRequest, EndTxnResponse } from '../messages/end-txn.ts'
import type { Input } from '../wire/message.ts'
import { fencedFor, refuseTransactionalId } from './transactional-id.ts'

type Response = Input<typeof EndTxnResponse>

const FIRST_WITH_FENCED = 2
/** From this version on the client speaks the second protocol of transactions (KIP-890). */
const FIRST_OF_SECOND_PROTOCOL = 5

/**
 * EndTxn (26): commits or aborts, answered when markers and offsets are durable (rules 29 and 30). v2: PRODUCER_FENCED. v5: the next epoch.
 */
export const endTxn: Handler<EndTxnRequest, Response> = (request, context) => {
  const { transactionalId, producerId, producerEpoch, committed } = request
  const refused = refuseTransactionalId(context, 'write', transactionalId)
  if (refused !== null) return { errorCode: refused.kafka }
  const version = context.version >= FIRST_OF_SECOND_PROTOCOL ? 2 : 0
  return new Promise((resolve) => {
    context.broker.transactions.end(transactionalId, { producerId, producerEpoch, commit: committed, version }, (result) => {
      if ('kafka' in result) resolve({ errorCode: fencedFor(result, context.version >= FIRST_WITH_FENCED).kafka })
      else resolve({ errorCode: 0, ...result })
    })
  })
}
