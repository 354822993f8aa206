import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { FindCoordinatorRequest, FindCoordinatorResponse } from '../messages/find-coordinator.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof FindCoordinatorResponse>
type Coordinator = Response['coordinators'][number]

const GROUP = 0
const TRANSACTION = 1
const SHARE = 2
const FIRST_WITH_KEYS = 4
const FIRST_WITH_SHARE = 6

/** What keeps the state of a share partition is asked for by group, topic id and partition; a group id may have colons. */
const SHARE_PARTITION = /^.+:[\w-]{22}:-?\d+$/s

/**
 * FindCoordinator (10): this broker coordinates every group and every transaction, and keeps what share groups did with records.
 * v1: key types. v4: several keys at once. v6: share partitions (KIP-932), which brokers ask for in Kafka, not clients: a share
 * group is found as any other.
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
    case SHARE: {
      if (context.version < FIRST_WITH_SHARE || !SHARE_PARTITION.test(key)) return { error: ERRORS.invalidRequest, message: '' }
      const allowed = context.broker.security.authorize(context.connection.principal, 'cluster-action', 'cluster', CLUSTER_RESOURCE)
      return allowed ? null : { error: ERRORS.clusterAuthorizationFailed, message: ERRORS.clusterAuthorizationFailed.message }
    }
    default:
      return { error: ERRORS.invalidRequest, message: `this broker has no coordinator of type ${keyType}` }
  }
}
