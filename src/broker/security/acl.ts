import type { Operation, ResourceType } from './ports.ts'

/** Resources that ACLs can name; rights on MQTT topics are ACLs on topics (`mqtt-rights.ts`). */
export type AclResourceType = Exclude<ResourceType, 'mqtt-topic'>

/** `all` stands for every operation. */
export type AclOperation = Operation | 'all'

/** How the name of a resource is meant: itself (`*`: every one), or whatever begins with it. */
export type PatternType = 'literal' | 'prefixed'

export type Permission = 'allow' | 'deny'

/** One line of an access control list (KIP-11, KIP-290): who may, or may not, do what to which resources, and from where. */
export interface Acl {
  readonly resourceType: AclResourceType
  readonly patternType: PatternType
  readonly resourceName: string
  /** `User:alice`; `User:*` is everybody. */
  readonly principal: string
  /** A numeric address, compared as text; `*` is everywhere. */
  readonly host: string
  readonly operation: AclOperation
  readonly permission: Permission
}

/** Which ACLs are meant; null (and `any`) are all. */
export interface AclFilter {
  readonly resourceType: AclResourceType | null
  /** `match`: those that apply to a resource of this name; `any`: of this very name, whatever the pattern. */
  readonly patternType: PatternType | 'any' | 'match'
  readonly resourceName: string | null
  readonly principal: string | null
  readonly host: string | null
  readonly operation: AclOperation | null
  readonly permission: Permission | null
}

/** The name, principal and host that stand for every one. */
export const ANY_RESOURCE = '*'
export const ANY_PRINCIPAL = 'User:*'
export const ANY_HOST = '*'

/** Kafka's `AclBindingFilter.matches`. */
export function filterMatchesAcl(filter: AclFilter, acl: Acl): boolean {
  return (
    (filter.resourceType === null || filter.resourceType === acl.resourceType) &&
    (filter.principal === null || filter.principal === acl.principal) &&
    (filter.host === null || filter.host === acl.host) &&
    (filter.operation === null || filter.operation === acl.operation) &&
    (filter.permission === null || filter.permission === acl.permission) &&
    patternMatches(filter, acl)
  )
}

function patternMatches({ patternType, resourceName }: AclFilter, acl: Acl): boolean {
  if (patternType !== 'any' && patternType !== 'match' && patternType !== acl.patternType) return false
  if (resourceName === null) return true
  if (patternType !== 'match') return resourceName === acl.resourceName
  if (acl.patternType === 'prefixed') return resourceName.startsWith(acl.resourceName)
  return resourceName === acl.resourceName || acl.resourceName === ANY_RESOURCE
}

/** What an ALLOW of the first also allows; a DENY denies only itself. */
const IMPLIED_BY: Partial<Record<Operation, readonly AclOperation[]>> = {
  describe: ['read', 'write', 'delete', 'alter'],
  'describe-configs': ['alter-configs'],
}

/** Whether the ACL speaks of the operation. */
export function coversOperation(acl: Acl, operation: Operation): boolean {
  if (acl.operation === operation || acl.operation === 'all') return true
  return acl.permission === 'allow' && IMPLIED_BY[operation]?.includes(acl.operation) === true
}

/** Whether the ACL speaks of the principal where it connects from. */
export function coversPrincipal(acl: Acl, principal: string, host: string): boolean {
  return (acl.principal === principal || acl.principal === ANY_PRINCIPAL) && (acl.host === ANY_HOST || acl.host === host)
}

/** The same text for the same ACL, another one for any other. */
export function keyOfAcl(acl: Acl): string {
  const { resourceType, patternType, resourceName, principal, host, operation, permission } = acl
  return JSON.stringify([resourceType, patternType, resourceName, principal, host, operation, permission])
}

/** The ACL of a key. */
export function aclOfKey(key: string): Acl {
  const [resourceType, patternType, resourceName, principal, host, operation, permission] = JSON.parse(key) as [
    AclResourceType,
    PatternType,
    string,
    string,
    string,
    AclOperation,
    Permission,
  ]
  return { resourceType, patternType, resourceName, principal, host, operation, permission }
}
