import type { Principal, Security } from './ports.ts'

const USER = 'User:'

/** The principal whose name was kept in a record (`User:alice`, `User:ANONYMOUS`), as it would connect now. */
export function principalNamed(security: Pick<Security, 'anonymous' | 'principalOf'>, name: string): Principal {
  if (name === security.anonymous.name) return security.anonymous
  return security.principalOf(name.startsWith(USER) ? name.slice(USER.length) : name)
}
