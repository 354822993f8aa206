import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler } from '../handler.ts'
import type { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../messages/describe-client-quotas.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DescribeClientQuotasResponse>
type Entity = NonNullable<Response['entries']>[number]['entity'][number]
type Component = DescribeClientQuotasRequest['components'][number]

const EXACT = 0
const DEFAULT = 1
const ANY = 2
const ENTITY_TYPES: readonly string[] = ['user', 'client-id', 'ip']

/** DescribeClientQuotas (48, KIP-546): the quotas of entities that have all parts asked for; `strict`: and no others. */
export const describeClientQuotas: Handler<DescribeClientQuotasRequest, Response> = ({ components, strict }, { broker, connection }) => {
  if (!broker.security.authorize(connection.principal, 'describe-configs', 'cluster', CLUSTER_RESOURCE)) {
    return refused(failure(ERRORS.clusterAuthorizationFailed))
  }
  const wrong = check(components)
  if (wrong !== null) return refused(wrong)
  const entries = [...broker.quotas.all()].map(([{ user, clientId, ip }, values]) => ({
    entity: [...part('user', user), ...part('client-id', clientId), ...part('ip', ip)],
    values: [...values].map(([key, value]) => ({ key, value })),
  }))
  const found = entries.filter(({ entity }) => {
    if (strict && entity.length !== components.length) return false
    return components.every((component) => entity.some((one) => matches(component, one)))
  })
  return { errorCode: 0, errorMessage: null, entries: found }
}

function part(entityType: string, entityName: string | null | undefined): Entity[] {
  return entityName === undefined ? [] : [{ entityType, entityName }]
}

function matches({ entityType, matchType, match }: Component, entity: Entity): boolean {
  if (entity.entityType !== entityType) return false
  return matchType === ANY || entity.entityName === (matchType === DEFAULT ? null : match)
}

function check(components: readonly Component[]): Failure | null {
  for (const { entityType, matchType, match } of components) {
    if (entityType === '') return failure(ERRORS.invalidRequest, 'a filter has the type of an entity')
    if (!ENTITY_TYPES.includes(entityType)) return failure(ERRORS.unsupportedVersion, `there are no quotas of "${entityType}"`)
    if (matchType !== EXACT && matchType !== DEFAULT && matchType !== ANY) return failure(ERRORS.invalidRequest, `there is no match type ${matchType}`)
    if (matchType === EXACT && match === null) return failure(ERRORS.invalidRequest, 'an exact match has a name')
    if (matchType !== EXACT && match !== null) return failure(ERRORS.invalidRequest, 'only an exact match has a name')
  }
  const types = components.map(({ entityType }) => entityType)
  if (new Set(types).size < types.length) return failure(ERRORS.invalidRequest, 'a type of entity is named twice')
  return types.includes('ip') && types.length > 1 ? failure(ERRORS.invalidRequest, 'an address has neither user nor client id') : null
}

function refused({ error, message }: Failure): Response {
  return { errorCode: error.kafka, errorMessage: message, entries: null }
}
