import { ERRORS, type Failure, failure, isFailure } from '../../broker/errors.ts'
import type { QuotaEntity } from '../../broker/quotas/client-quotas.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../messages/alter-client-quotas.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof AlterClientQuotasResponse>
type Entry = AlterClientQuotasRequest['entries'][number]

/** AlterClientQuotas (49, KIP-546): sets and takes away quotas of users and client ids; all of an entity or none. Addresses have none. */
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
  const entity: { user?: string | null; clientId?: string | null } = {}
  for (const { entityType, entityName } of parts) {
    const field = entityType === 'user' ? 'user' : entityType === 'client-id' ? 'clientId' : null
    if (field === null) return failure(ERRORS.invalidRequest, `quotas are for users and client ids, not for "${entityType}"`)
    if (entityName === '') return failure(ERRORS.invalidRequest, `the name of a ${entityType} is not empty`)
    entity[field] = entityName
  }
  return entity
}
