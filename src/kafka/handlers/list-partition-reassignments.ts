import { ERRORS } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler } from '../handler.ts'
import type { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse } from '../messages/list-partition-reassignments.ts'
import type { Input } from '../wire/message.ts'

/** ListPartitionReassignments (46, KIP-455): partitions that move to other brokers; there is one broker, none moves. */
export const listPartitionReassignments: Handler<ListPartitionReassignmentsRequest, Input<typeof ListPartitionReassignmentsResponse>> = (_request, context) => {
  const allowed = context.broker.security.authorize(context.connection.principal, 'describe', 'cluster', CLUSTER_RESOURCE)
  const error = allowed ? null : ERRORS.clusterAuthorizationFailed
  return { errorCode: error?.kafka ?? 0, errorMessage: error?.message ?? null, topics: [] }
}
