import { ERRORS, type Failure, failure, isFailure } from '../../broker/errors.ts'
import type { QuotaEntity } from '../../broker/quotas/client-quotas.ts'
import { isAddress } from '../../util/ip-address.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../messages/alter-client-quotas.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof AlterClientQuotasResponse>
type Entry = AlterClientQuotasRequest['entries'][number]

const FIELDS: ReadonlyMap<string, 'user' | 'clientId' | 'ip'> = new Map([
  ['user', 'user'],
  ['client-id', 'clientId'],
  ['ip', 'ip'],
])

/** AlterClientQuotas (49, KIP-546): sets and takes away quotas of users, client ids and addresses; all of an entity or none. */
export const alterClientQuotas: Handler<AlterClientQuotasRequest, Response> = async (request, context) => {
  const entries = await Promise.all(
    request.entries.map(async (entry) => {
      const failed = await alter(entry, request.validateOnly, context)
      return { errorCode: failed?.error.kafka ?? 0, errorMessage: failed?.message ?? null, entity: entry.entity }
    }),
  )
  return { entries }
}

function alter({ entity: parts, ops }: Entry, validateOnly: boolean, { broker, connection }: RequestContext): Failure | null | Promise<Failure | null> {
  if (!broker.security.authorize(connection.principal, 'alter-configs', 'cluster', CLUSTER_RESOURCE)) return failure(ERRORS.clusterAuthorizationFailed)
  const entity = entityOf(parts)
  if (isFailure(entity)) return entity
  const changes = ops.map(({ key, value, remove }) => ({ key, value: remove ? null : value }))
  const refused = broker.quotas.check(entity, changes)
  if (refused !== null || validateOnly) return refused
  return new Promise((resolve) => broker.quotas.alter(entity, changes, resolve))
}

function entityOf(parts: Entry['entity']): QuotaEntity | Failure {
  if (parts.length === 0) return failure(ERRORS.invalidRequest, 'a quota is for somebody')
  const entity: { user?: string | null; clientId?: string | null; ip?: string | null } = {}
  for (const { entityType, entityName } of parts) {
    const field = FIELDS.get(entityType)
    if (field === undefined) return failure(ERRORS.invalidRequest, `quotas are for users, client ids and addresses, not for "${entityType}"`)
    if (entityName === '') return failure(ERRORS.invalidRequest, `the name of a ${entityType} is not empty`)
    if (field === 'ip' && entityName !== null && !isAddress(entityName)) return failure(ERRORS.invalidRequest, `"${entityName}" is no address`)
    entity[field] = entityName
  }
  return entity.ip !== undefined && parts.length > 1 ? failure(ERRORS.invalidRequest, 'an address has neither user nor client id') : entity
}
