import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { FindCoordinatorRequest, FindCoordinatorResponse } from '../messages/find-coordinator.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof FindCoordinatorResponse>
type Coordinator = Response['coordinators'][number]

const GROUP = 0
const TRANSACTION = 1
const FIRST_WITH_KEYS = 4

/**
 * FindCoordinator (10): this broker coordinates every group and every transaction. v1: key types. v4: several keys at once.
 * Share groups (type 2, v6) are not served: 42.
 */
export const findCoordinator: Handler<FindCoordinatorRequest, Response> = (request, context) => {
  if (context.version >= FIRST_WITH_KEYS) {
    const coordinators = request.coordinatorKeys.map((key) => find(key, request.keyType, context))
    return { errorCode: 0, errorMessage: null, nodeId: -1, host: '', port: -1, coordinators }
  }
  const { key: _, ...found } = find(request.key, request.keyType, context)
  // Kafka's old answers say that nothing is wrong; its newer ones say nothing.
  return { ...found, errorMessage: found.errorCode === 0 ? 'NONE' : found.errorMessage, coordinators: [] }
}

function find(key: string, keyType: number, context: RequestContext): Coordinator {
  const refused = refuse(key, keyType, context)
  if (refused !== null) return { key, nodeId: -1, host: '', port: -1, errorCode: refused.error.kafka, errorMessage: refused.message }
  const { host, port } = context.connection.advertised
  return { key, nodeId: context.broker.identity.nodeId, host, port, errorCode: 0, errorMessage: '' }
}

function refuse(key: string, keyType: number, context: RequestContext): { readonly error: ErrorRow; readonly message: string } | null {
  switch (keyType) {
    case GROUP: {
      const allowed = context.broker.security.authorize(context.connection.principal, 'describe', 'group', key)
      return allowed ? null : { error: ERRORS.groupAuthorizationFailed, message: ERRORS.groupAuthorizationFailed.message }
    }
    case TRANSACTION: {
      const allowed = context.broker.security.authorize(context.connection.principal, 'describe', 'transactional-id', key)
      return allowed ? null : { error: ERRORS.transactionalIdAuthorizationFailed, message: ERRORS.transactionalIdAuthorizationFailed.message }
    }
    default:
      return { error: ERRORS.invalidRequest, message: `this broker has no coordinator of type ${keyType}` }
  }
}
