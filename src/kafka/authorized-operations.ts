import type { Operation, ResourceType } from '../broker/security/ports.ts'
import type { RequestContext } from './handler.ts'

/** Kafka's AclOperation codes: bit numbers in `authorizedOperations`. */
const BITS: Readonly<Record<Operation, number>> = {
  read: 3,
  write: 4,
  create: 5,
  delete: 6,
  alter: 7,
  describe: 8,
  'cluster-action': 9,
  'describe-configs': 10,
  'alter-configs': 11,
  'idempotent-write': 12,
}

/** Which operations make sense on a resource (Kafka's AclEntry.supportedOperations). */
const OPERATIONS = {
  topic: ['read', 'write', 'create', 'describe', 'delete', 'alter', 'describe-configs', 'alter-configs'],
  group: ['read', 'describe', 'delete', 'describe-configs', 'alter-configs'],
  cluster: ['create', 'cluster-action', 'describe-configs', 'alter-configs', 'idempotent-write', 'alter', 'describe'],
} as const satisfies Partial<Record<ResourceType, readonly Operation[]>>

/** The `authorizedOperations` bit field of KIP-430: what the connection's principal may do with a resource. */
export function authorizedOperations(context: RequestContext, type: keyof typeof OPERATIONS, name: string): number {
  const { principal } = context.connection
  let bits = 0
  for (const operation of OPERATIONS[type]) {
    if (context.broker.security.authorize(principal, operation, type, name)) bits |= 1 << BITS[operation]
  }
  return bits
}
