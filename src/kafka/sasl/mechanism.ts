import type { Principal, Security } from '../../broker/security/ports.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { Random } from '../../runtime/random.ts'

/** What an exchange answers to one token of the client. */
export type SaslStep =
  /** Send `challenge` and wait for the next token. */
  | { readonly outcome: 'continue'; readonly challenge: Uint8Array }
  /** The client proved itself; `challenge` is the last thing it hears of the exchange. */
  | { readonly outcome: 'success'; readonly challenge: Uint8Array; readonly principal: Principal; readonly expiresAtMs?: number }
  /** The message goes to the client: it must not say which half was wrong. */
  | { readonly outcome: 'failure'; readonly message: string }

/** One authentication of one connection, by one mechanism. */
export interface SaslExchange {
  /** Takes the client's next token. */
  step(token: Uint8Array): SaslStep | Promise<SaslStep>
}

/** Tokens that somebody else issues: JWTs. */
export interface BearerTokens {
  /** Whom the token speaks for, and until when in wall-clock milliseconds; null where it is not valid, whatever the reason. */
  verify(token: string): Promise<{ readonly principal: Principal; readonly expiresAtMs: number } | null>
}

export type SaslMechanism = 'PLAIN' | 'SCRAM-SHA-256' | 'SCRAM-SHA-512' | 'OAUTHBEARER'

/** What a broker offers; its default is every mechanism but OAUTHBEARER, and sessions without an end. */
export interface SaslOffer {
  /** `sasl.enabled.mechanisms`, in the order clients are told them. */
  readonly mechanisms: readonly SaslMechanism[]
  /** Null: OAUTHBEARER is not offered. */
  readonly bearerTokens: BearerTokens | null
  /** `connections.max.reauth.ms` (KIP-368): a client that has not authenticated anew for this long is closed; 0: never. */
  readonly maxReauthMs: number
}

export const DEFAULT_SASL_OFFER: SaslOffer = { mechanisms: ['PLAIN', 'SCRAM-SHA-256', 'SCRAM-SHA-512'], bearerTokens: null, maxReauthMs: 0 }

/** What the mechanisms stand on. */
export interface SaslParts {
  readonly security: Security
  readonly random: Random
  readonly clock: Clock
  readonly offer: SaslOffer
  /** A secret of this process, from which the salts of users that do not exist are made. */
  readonly decoySeed: Uint8Array
}
