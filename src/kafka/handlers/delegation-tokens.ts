import type { Principal } from '../../broker/security/ports.ts'
import type { RequestContext } from '../handler.ts'

/** What the four APIs of delegation tokens have in common. */

/** Principals in two fields, as these APIs have them. */
export interface PrincipalFields {
  readonly principalType: string
  readonly principalName: string
}

export const USER_TYPE = 'User'

/** `User:alice` in two fields. */
export function principalFields(name: string): PrincipalFields {
  const colon = name.indexOf(':')
  return { principalType: name.slice(0, colon), principalName: name.slice(colon + 1) }
}

export function principalName({ principalType, principalName }: PrincipalFields): string {
  return `${principalType}:${principalName}`
}

/** Tokens are for users who logged in, and not by a token: else one could outlive its owner's rights for ever (KIP-48). */
export function mayUseTokens({ broker, connection }: RequestContext): boolean {
  const principal: Principal = connection.principal
  return principal.byToken !== true && principal.name !== broker.security.anonymous.name
}
