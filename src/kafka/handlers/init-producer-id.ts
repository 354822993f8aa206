import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { InitProducerIdRequest, InitProducerIdResponse } from '../messages/init-producer-id.ts'
import type { Input } from '../wire/message.ts'
import { fencedFor, refuseTransactionalId } from './transactional-id.ts'

type Response = Input<typeof InitProducerIdResponse>

const FIRST_WITH_FENCED = 4

/**
 * InitProducerId (22): a new producer id for an idempotent producer, with epoch 0; for a transactional id its next epoch, after
 * which whoever held it before is fenced (rule 27).
 *
 * v3: the producer's current id and epoch, both or neither; without a transactional id they change nothing. v4: PRODUCER_FENCED.
 */
export const initProducerId: Handler<InitProducerIdRequest, Response> = (request, context) => {
  const refused = refuse(request, context)
  if (refused !== null) return toError(refused)
  if (request.transactionalId !== null) return initTransactional(request.transactionalId, request, context)
  let answer: Response | null = null
  const allocated = new Promise<Response>((resolve) => {
    context.broker.producerIds.allocate((result) => {
      answer = 'error' in result ? toError(result.error) : { errorCode: 0, producerId: result.producerId, producerEpoch: 0 }
      resolve(answer)
    })
  })
  return answer ?? allocated
}

function initTransactional(transactionalId: string, request: InitProducerIdRequest, context: RequestContext): Promise<Response> {
  const { transactionTimeoutMs: timeoutMs, producerId, producerEpoch } = request
  const expected = producerId === -1 ? null : { producerId, producerEpoch }
  return new Promise((resolve) => {
    context.broker.transactions.init({ transactionalId, timeoutMs, expected }, (result) => {
      resolve('kafka' in result ? toError(fencedFor(result, context.version >= FIRST_WITH_FENCED)) : { errorCode: 0, ...result })
    })
  })
}

function refuse(request: InitProducerIdRequest, context: RequestContext): ErrorRow | null {
  if (request.transactionalId !== null) return refuseTransactional(request.transactionalId, request, context)
  if (!mayProduce(context)) return ERRORS.clusterAuthorizationFailed
  return (request.producerId === -1) === (request.producerEpoch === -1) ? null : ERRORS.invalidRequest
}

function refuseTransactional(transactionalId: string, request: InitProducerIdRequest, context: RequestContext): ErrorRow | null {
  const refused = refuseTransactionalId(context, 'write', transactionalId)
  if (refused !== null) return refused
  const { transactionTimeoutMs, producerId, producerEpoch } = request
  if (transactionTimeoutMs <= 0 || transactionTimeoutMs > context.broker.transactions.settings.maxTimeoutMs) return ERRORS.invalidTransactionTimeout
  return (producerId === -1) === (producerEpoch === -1) ? null : ERRORS.invalidRequest
}

/** KIP-679: whoever may write to some topic may do so idempotently. */
function mayProduce({ broker, connection }: RequestContext): boolean {
  const { principal } = connection
  return broker.security.authorize(principal, 'idempotent-write', 'cluster', CLUSTER_RESOURCE) || broker.security.authorizeAny(principal, 'write', 'topic')
}

function toError(error: ErrorRow): Response {
  return { errorCode: error.kafka, producerId: -1, producerEpoch: -1 }
}
