import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { InitProducerIdRequest, InitProducerIdResponse } from '../messages/init-producer-id.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof InitProducerIdResponse>

/**
 * InitProducerId (22): a new producer id for an idempotent producer, with epoch 0 (rule 27).
 *
 * v3: the producer's current id and epoch, both or neither; without a transactional id they change nothing.
 * Transactions are not served: a transactional id is refused with 53, which makes every client fail at once and for good.
 */
export const initProducerId: Handler<InitProducerIdRequest, Response> = (request, context) => {
  const refused = refuse(request, context)
  if (refused !== null) return toError(refused)
  let answer: Response | null = null
  const allocated = new Promise<Response>((resolve) => {
    context.broker.producerIds.allocate((result) => {
      answer = 'error' in result ? toError(result.error) : { errorCode: 0, producerId: result.producerId, producerEpoch: 0 }
      resolve(answer)
    })
  })
  return answer ?? allocated
}

function refuse(request: InitProducerIdRequest, context: RequestContext): ErrorRow | null {
  if (request.transactionalId === '') return ERRORS.invalidRequest
  if (request.transactionalId !== null) return ERRORS.transactionalIdAuthorizationFailed
  if (!mayProduce(context)) return ERRORS.clusterAuthorizationFailed
  return (request.producerId === -1) === (request.producerEpoch === -1) ? null : ERRORS.invalidRequest
}

/** KIP-679: whoever may write to some topic may do so idempotently. */
function mayProduce({ broker, connection }: RequestContext): boolean {
  const { principal } = connection
  return broker.security.authorize(principal, 'idempotent-write', 'cluster', CLUSTER_RESOURCE) || broker.security.authorizeAny(principal, 'write', 'topic')
}

function toError(error: ErrorRow): Response {
  return { errorCode: error.kafka, producerId: -1, producerEpoch: -1 }
}
