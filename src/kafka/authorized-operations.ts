import type { Operation, ResourceType } from '../broker/security/ports.ts'
import { OPERATION_CODES } from './acl-codes.ts'
import type { RequestContext } from './handler.ts'

/** Which operations make sense on a resource (Kafka's AclEntry.supportedOperations). */
const OPERATIONS = {
  topic: ['read', 'write', 'create', 'describe', 'delete', 'alter', 'describe-configs', 'alter-configs'],
  group: ['read', 'describe', 'delete', 'describe-configs', 'alter-configs'],
  cluster: ['create', 'cluster-action', 'describe-configs', 'alter-configs', 'idempotent-write', 'alter', 'describe'],
} as const satisfies Partial<Record<ResourceType, readonly Operation[]>>

/**
 * The `authorizedOperations` bit field of KIP-430: what the connection's principal may do with a resource. Of the cluster
 * nothing is told to whom may not describe it.
 */
export function authorizedOperations(context: RequestContext, type: keyof typeof OPERATIONS, name: string): number {
  const { principal } = context.connection
  const { security } = context.broker
  if (type === 'cluster' && !security.authorize(principal, 'describe', type, name)) return 0
  let bits = 0
  for (const operation of OPERATIONS[type]) {
    if (security.authorize(principal, operation, type, name)) bits |= 1 << OPERATION_CODES[operation]
  }
  return bits
}
