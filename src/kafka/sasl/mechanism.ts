import type { Principal, Security } from '../../broker/security/ports.ts'
import type { Random } from '../../runtime/random.ts'

/** What an exchange answers to one token of the client. */
export type SaslStep =
  /** Send `challenge` and wait for the next token. */
  | { readonly outcome: 'continue'; readonly challenge: Uint8Array }
  /** The client proved itself; `challenge` is the last thing it hears of the exchange. */
  | { readonly outcome: 'success'; readonly challenge: Uint8Array; readonly principal: Principal }
  /** The message goes to the client: it must not say which half was wrong. */
  | { readonly outcome: 'failure'; readonly message: string }

/** One authentication of one connection, by one mechanism. */
export interface SaslExchange {
  /** Takes the client's next token. */
  step(token: Uint8Array): SaslStep | Promise<SaslStep>
}

/** What the mechanisms stand on. */
export interface SaslParts {
  readonly security: Security
  readonly random: Random
  /** A secret of this process, from which the salts of users that do not exist are made. */
  readonly decoySeed: Uint8Array
}
