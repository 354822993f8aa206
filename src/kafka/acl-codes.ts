import type { Acl, AclFilter, AclOperation, AclResourceType, PatternType, Permission } from '../broker/security/acl.ts'

/**
 * Kafka's numbers in the ACL APIs: `ResourceType`, `PatternType`, `AclOperation`, `AclPermissionType` of
 * `org.apache.kafka.common`. The operations are also the bit numbers of `authorizedOperations` (KIP-430).
 */
const RESOURCE_TYPES: Readonly<Record<AclResourceType, number>> = { topic: 2, group: 3, cluster: 4, 'transactional-id': 5, 'delegation-token': 6, user: 7 }
const PATTERN_TYPES: Readonly<Record<AclFilter['patternType'], number>> = { any: 1, match: 2, literal: 3, prefixed: 4 }
export const OPERATION_CODES: Readonly<Record<AclOperation, number>> = {
  all: 2,
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
  'create-tokens': 13,
  'describe-tokens': 14,
  'two-phase-commit': 15,
}
const PERMISSIONS: Readonly<Record<Permission, number>> = { deny: 2, allow: 3 }

/** Matches every type, operation or permission in a filter. */
const ANY = 1
/** What no client can mean. */
const UNKNOWN = 0

/** An ACL in numbers. */
export interface AclCodes {
  readonly resourceType: number
  readonly resourceName: string
  readonly patternType: number
  readonly principal: string
  readonly host: string
  readonly operation: number
  readonly permissionType: number
}

/** A filter in numbers. */
export interface AclFilterCodes {
  readonly resourceTypeFilter: number
  readonly resourceNameFilter: string | null
  readonly patternTypeFilter: number
  readonly principalFilter: string | null
  readonly hostFilter: string | null
  readonly operation: number
  readonly permissionType: number
}

export function codesOfAcl(acl: Acl): AclCodes {
  return {
    resourceType: RESOURCE_TYPES[acl.resourceType],
    resourceName: acl.resourceName,
    patternType: PATTERN_TYPES[acl.patternType],
    principal: acl.principal,
    host: acl.host,
    operation: OPERATION_CODES[acl.operation],
    permissionType: PERMISSIONS[acl.permission],
  }
}

/** Whether any number of an ACL or a filter is 0: Kafka takes that for a malformed request. */
export function hasUnknownCode(...codes: readonly number[]): boolean {
  return codes.includes(UNKNOWN)
}

/** Whether the numbers of an ACL are those of a filter, which Kafka meets an exception at. */
export function isFilterOnly({ resourceType, patternType, operation, permissionType }: AclCodes): boolean {
  return [resourceType, patternType, operation, permissionType].includes(ANY) || patternType === PATTERN_TYPES.match
}

/** The ACL, or in words which of its numbers no ACL can have. */
export function aclOfCodes(codes: AclCodes): Acl | string {
  const resourceType = wordOf(RESOURCE_TYPES, codes.resourceType)
  if (resourceType === undefined) return `Invalid resourceType ${codes.resourceType}`
  const patternType = wordOf(PATTERN_TYPES, codes.patternType)
  if (patternType !== 'literal' && patternType !== 'prefixed') return `Invalid patternType ${codes.patternType}`
  const operation = wordOf(OPERATION_CODES, codes.operation)
  if (operation === undefined) return `Invalid operation ${codes.operation}`
  const permission = wordOf(PERMISSIONS, codes.permissionType)
  if (permission === undefined) return `Invalid permissionType ${codes.permissionType}`
  const { resourceName, principal, host } = codes
  return { resourceType, patternType: patternType satisfies PatternType, resourceName, principal, host, operation, permission }
}

/** The filter, or in words which of its numbers none can have. */
export function filterOfCodes(codes: AclFilterCodes): AclFilter | string {
  const resourceType = codes.resourceTypeFilter === ANY ? null : wordOf(RESOURCE_TYPES, codes.resourceTypeFilter)
  const patternType = wordOf(PATTERN_TYPES, codes.patternTypeFilter)
  if (resourceType === undefined || patternType === undefined) return 'Unknown patternFilter.'
  const operation = codes.operation === ANY ? null : wordOf(OPERATION_CODES, codes.operation)
  const permission = codes.permissionType === ANY ? null : wordOf(PERMISSIONS, codes.permissionType)
  if (operation === undefined || permission === undefined) return 'Unknown entryFilter.'
  const { resourceNameFilter, principalFilter, hostFilter } = codes
  return { resourceType, patternType, resourceName: resourceNameFilter, principal: principalFilter, host: hostFilter, operation, permission }
}

/** The numbers of a filter, for clients. */
export function codesOfFilter(filter: AclFilter): AclFilterCodes {
  return {
    resourceTypeFilter: filter.resourceType === null ? ANY : RESOURCE_TYPES[filter.resourceType],
    resourceNameFilter: filter.resourceName,
    patternTypeFilter: PATTERN_TYPES[filter.patternType],
    principalFilter: filter.principal,
    hostFilter: filter.host,
    operation: filter.operation === null ? ANY : OPERATION_CODES[filter.operation],
    permissionType: filter.permission === null ? ANY : PERMISSIONS[filter.permission],
  }
}

function wordOf<T extends string>(codes: Readonly<Record<T, number>>, code: number): T | undefined {
  for (const word in codes) if (codes[word] === code) return word
  return undefined
}
