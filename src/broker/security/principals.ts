import { Decisions } from './decisions.ts'
import type { Principal } from './ports.ts'

/** The principal as it connects from `host`, with a memory of its own for what it may do: one per connection. */
export function principalAt(principal: Principal, host: string): Principal {
  return {
    name: principal.name,
    host,
    byToken: principal.byToken === true,
    decisions: new Decisions(),
    get isAdministrator() {
      return principal.isAdministrator
    },
  }
}
