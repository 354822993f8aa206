import { type Acl, type AclOperation, type AclResourceType, ANY_PRINCIPAL, type PatternType } from '../broker/security/acl.ts'
import { checkMqttPattern } from '../broker/security/mqtt-rights.ts'
import { OPERATION_CODES } from '../kafka/acl-codes.ts'
import { didYouMean } from '../util/did-you-mean.ts'
import { usageError } from './command.ts'

/** How rights are written on the command line, and printed. */

const USER = 'User:'
const TYPES: readonly AclResourceType[] = ['topic', 'group', 'cluster', 'transactional-id', 'delegation-token', 'user']
const CLUSTER_NAME = 'kafka-cluster'
const OPERATIONS = Object.keys(OPERATION_CODES) as readonly AclOperation[]

/** `alice` is `User:alice`, `*` everybody. */
export function parsePrincipal(words: string): string {
  return words === '*' ? ANY_PRINCIPAL : words.startsWith(USER) ? words : `${USER}${words}`
}

export function printPrincipal(principal: string): string {
  return principal.startsWith(USER) ? principal.slice(USER.length) : principal
}

/** `read,write`. */
export function parseOperations(words: string): AclOperation[] {
  return words.split(',').map((word) => {
    const operation = OPERATIONS.find((known) => known === word.trim().toLowerCase())
    if (operation !== undefined) return operation
    const near = didYouMean(word, OPERATIONS)
    throw usageError(`there is no operation "${word}"${near === null ? '' : `; did you mean "${near}"?`} (${OPERATIONS.join(', ')})`)
  })
}

/** `topic:orders`, `topic:ord*` for all names that begin so, `topic:*` for all, `cluster`; `isLiteral`: a `*` at the end is meant as it stands. */
export function parseResource(words: string, isLiteral: boolean): Pick<Acl, 'resourceType' | 'resourceName' | 'patternType'> {
  const colon = words.indexOf(':')
  const type = colon < 0 ? words : words.slice(0, colon)
  const resourceType = TYPES.find((known) => known === type)
  if (resourceType === undefined) throw usageError(`a resource is TYPE:NAME, the types are ${TYPES.join(', ')}; not "${words}"`)
  if (resourceType === 'cluster') return { resourceType, resourceName: CLUSTER_NAME, patternType: 'literal' }
  const name = colon < 0 ? '' : words.slice(colon + 1)
  if (name === '') throw usageError(`"${words}" has no name: ${type}:NAME, ${type}:BEGIN* or ${type}:*`)
  const isPrefix = !isLiteral && name.length > 1 && name.endsWith('*')
  return { resourceType, resourceName: isPrefix ? name.slice(0, -1) : name, patternType: isPrefix ? 'prefixed' : 'literal' }
}

/** A right that could speak of no topic at all is a mistake: a usage error. */
export function checkTopicOfAcl({ resourceType, resourceName, patternType }: Pick<Acl, 'resourceType' | 'resourceName' | 'patternType'>): void {
  const wrong = resourceType === 'topic' ? checkMqttPattern(patternType, resourceName) : null
  if (wrong !== null) throw usageError(`no topic can have the name of this right: ${wrong}`)
}

export function printResource({ resourceType, resourceName, patternType }: Pick<Acl, 'resourceType' | 'resourceName' | 'patternType'>): string {
  if (resourceType === 'cluster') return resourceType
  const suffix: Record<PatternType, string> = { literal: '', prefixed: '*' }
  return `${resourceType}:${resourceName}${suffix[patternType]}`
}

/** As JSON output has it. */
export function jsonOfAcl(acl: Acl) {
  const { principal, permission, operation, resourceType, resourceName, patternType, host } = acl
  return { principal, permission, operation, resourceType, resourceName, patternType, host }
}
