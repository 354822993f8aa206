import type { Principal } from '../../broker/security/ports.ts'
import { principalAt } from '../../broker/security/principals.ts'
import type { SaslExchange, SaslMechanism, SaslParts, SaslStep } from './mechanism.ts'
import { OAuthBearerExchange } from './oauth-bearer.ts'
import { PlainExchange } from './plain.ts'
import { ScramExchange } from './scram.ts'

/** Null where what the mechanism stands on is not there. */
const MECHANISMS: Readonly<Record<SaslMechanism, (parts: SaslParts) => SaslExchange | null>> = {
  PLAIN: (parts) => new PlainExchange(parts),
  'SCRAM-SHA-256': (parts) => new ScramExchange(parts, 'SCRAM-SHA-256'),
  'SCRAM-SHA-512': (parts) => new ScramExchange(parts, 'SCRAM-SHA-512'),
  OAUTHBEARER: ({ offer }) => (offer.bearerTokens === null ? null : new OAuthBearerExchange(offer.bearerTokens)),
}

const SASL_HANDSHAKE = 17
const API_VERSIONS = 18
const SASL_AUTHENTICATE = 36

/** What is answered to a client that has named a mechanism; ApiVersions with 34, as in Kafka. */
const BEFORE_AUTHENTICATION: ReadonlySet<number> = new Set([API_VERSIONS, SASL_HANDSHAKE, SASL_AUTHENTICATE])

/** A client that authenticates anew more often is told that it may not (Kafka's `KafkaChannel`). */
const MIN_REAUTHENTICATION_INTERVAL_MS = 1_000

/**
 * What a listener asks of its clients. `optional` serves who does not authenticate as the anonymous principal, and takes
 * credentials from who offers them: a client configured with a password works on a loopback listener too.
 */
export type SaslPolicy = 'required' | 'optional' | 'off'

type State =
  /** Nothing was said yet. */
  | { readonly name: 'initial' }
  /** A mechanism was agreed on; tokens follow, bare (handshake v0) or in SaslAuthenticate requests. */
  | { readonly name: 'exchange'; readonly exchange: SaslExchange; readonly mechanism: SaslMechanism; readonly bareTokens: boolean }
  /** A client that is known wants to be known by another mechanism: that is told in answer to its next token. */
  | { readonly name: 'other-mechanism'; readonly message: string }
  | { readonly name: 'authenticated' }
  /** The connection is about to close. */
  | { readonly name: 'failed' }

/** Who a client proved to be, and how. */
interface Proof {
  readonly mechanism: SaslMechanism
  /** Monotonic; null: for as long as the connection lasts. */
  readonly expiresAtMs: number | null
}

/** What a step answers; with success, how long the session lasts in milliseconds (0: no end). */
export type AuthenticationStep = SaslStep & { readonly lifetimeMs?: number }

/** Where one connection stands with SASL (KIP-43, KIP-152, KIP-368). */
export class Authentication {
  readonly #parts: SaslParts
  readonly #policy: SaslPolicy
  readonly #host: string
  #state: State = { name: 'initial' }
  #principal: Principal
  /** Null until the client has authenticated. */
  #proof: Proof | null = null
  #reauthenticatedAtMs = Number.NEGATIVE_INFINITY
  /** Before it has proved itself, a client is told once what there is. */
  #toldVersions = false

  /** `host`: the client's address. `proven`: who it is by its certificate: then it needs no SASL, but may use it to be somebody else. */
  constructor(parts: SaslParts, policy: SaslPolicy, host = '', proven: Principal | null = null) {
    this.#parts = parts
    this.#policy = proven === null ? policy : 'optional'
    this.#host = host
    this.#principal = principalAt(proven ?? parts.security.anonymous, host)
  }

  /** Who the connection speaks for: the anonymous principal until it proved more. */
  get principal(): Principal {
    return this.#principal
  }

  /** In the order clients are told them. */
  get mechanisms(): readonly string[] {
    const { mechanisms, bearerTokens } = this.#parts.offer
    return bearerTokens === null ? mechanisms.filter((mechanism) => mechanism !== 'OAUTHBEARER') : mechanisms
  }

  /** Whether requests of this API may be processed now; if not, the connection must close (rule 6; KIP-368 for a session that has ended). */
  permits(apiKey: number): boolean {
    switch (this.#state.name) {
      case 'initial':
        return this.#policy !== 'required' || apiKey === SASL_HANDSHAKE || (apiKey === API_VERSIONS && !this.#toldVersions)
      case 'exchange':
      case 'other-mechanism':
        return BEFORE_AUTHENTICATION.has(apiKey)
      case 'authenticated':
        return apiKey === SASL_HANDSHAKE || !this.#hasExpired()
      case 'failed':
        return false
    }
  }

  /** ApiVersions is about to be answered. `illegal`: amid a login, where only tokens belong. */
  tellVersions(): 'legal' | 'illegal' {
    this.#toldVersions = true
    return this.#state.name === 'exchange' || this.#state.name === 'other-mechanism' ? 'illegal' : 'legal'
  }

  /** Whether large requests may be read: not from who has yet to prove itself. */
  get trusted(): boolean {
    return this.#policy !== 'required' || this.#proof !== null
  }

  /** The next frame is a token without request header: what a handshake of version 0 leads to. */
  get expectsBareToken(): boolean {
    return this.#state.name === 'exchange' && this.#state.bareTokens
  }

  /** SaslHandshake; of a client that is known, the begin of its re-authentication. */
  begin(asked: string, bareTokens: boolean): 'accepted' | 'unsupported' | 'illegal' {
    if (this.#policy === 'off' || !this.#mayBegin(bareTokens)) return 'illegal'
    const mechanism = this.mechanisms.includes(asked) ? (asked as SaslMechanism) : null
    const exchange = mechanism === null ? null : MECHANISMS[mechanism](this.#parts)
    if (mechanism === null || exchange === null) {
      this.#state = { name: 'failed' }
      return 'unsupported'
    }
    if (this.#proof !== null) this.#reauthenticatedAtMs = this.#parts.clock.monotonicMs()
    if (this.#proof !== null && this.#proof.mechanism !== mechanism) {
      const message = `SASL mechanism '${mechanism}' requested by client is not supported for re-authentication of mechanism '${this.#proof.mechanism}'`
      this.#state = { name: 'other-mechanism', message }
    } else {
      this.#state = { name: 'exchange', exchange, mechanism, bareTokens }
    }
    return 'accepted'
  }

  /** SaslAuthenticate, or a bare token. `illegal`: no handshake came first. */
  async step(token: Uint8Array): Promise<AuthenticationStep | 'illegal'> {
    if (this.#state.name === 'other-mechanism') return this.#fail(this.#state.message)
    if (this.#state.name !== 'exchange') return 'illegal'
    const { exchange, mechanism } = this.#state
    const step = await exchange.step(token)
    if (step.outcome === 'failure') return this.#fail(step.message)
    if (step.outcome === 'continue') return step
    if (this.#proof !== null && step.principal.name !== this.#principal.name) {
      return this.#fail(`Cannot change principals during re-authentication from ${this.#principal.name} to ${step.principal.name}`)
    }
    const lifetimeMs = this.#lifetimeOf(step.expiresAtMs)
    const { clock } = this.#parts
    this.#proof = { mechanism, expiresAtMs: lifetimeMs === null ? null : clock.monotonicMs() + lifetimeMs }
    this.#principal = principalAt(step.principal, this.#host)
    this.#state = { name: 'authenticated' }
    return { ...step, lifetimeMs: lifetimeMs ?? 0 }
  }

  /** Once at the begin, and of who is known again and again, but not by bare tokens, and not too often. */
  #mayBegin(bareTokens: boolean): boolean {
    if (this.#state.name === 'initial') return true
    if (this.#state.name !== 'authenticated' || bareTokens) return false
    return this.#parts.clock.monotonicMs() - this.#reauthenticatedAtMs >= MIN_REAUTHENTICATION_INTERVAL_MS
  }

  #hasExpired(): boolean {
    const expiresAtMs = this.#proof?.expiresAtMs ?? null
    return expiresAtMs !== null && this.#parts.clock.monotonicMs() > expiresAtMs
  }

  /** The shorter of what the credential and the broker allow; null where neither sets an end. */
  #lifetimeOf(expiresAtMs: number | undefined): number | null {
    const { clock, offer } = this.#parts
    const ofCredential = expiresAtMs === undefined ? Number.POSITIVE_INFINITY : Math.max(0, expiresAtMs - clock.now())
    const lifetimeMs = Math.min(ofCredential, offer.maxReauthMs > 0 ? offer.maxReauthMs : Number.POSITIVE_INFINITY)
    return Number.isFinite(lifetimeMs) ? lifetimeMs : null
  }

  #fail(message: string): AuthenticationStep {
    this.#state = { name: 'failed' }
    return { outcome: 'failure', message }
  }
}
