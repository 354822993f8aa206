import type { Principal } from '../../broker/security/ports.ts'
import { principalAt } from '../../broker/security/principals.ts'
import type { SaslExchange, SaslParts, SaslStep } from './mechanism.ts'
import { PlainExchange } from './plain.ts'
import { ScramExchange } from './scram.ts'

/** The mechanisms offered, in the order clients are told them. */
const MECHANISMS: Readonly<Record<string, (parts: SaslParts) => SaslExchange>> = {
  PLAIN: (parts) => new PlainExchange(parts),
  'SCRAM-SHA-256': (parts) => new ScramExchange(parts, 'SCRAM-SHA-256'),
  'SCRAM-SHA-512': (parts) => new ScramExchange(parts, 'SCRAM-SHA-512'),
}

export const SASL_MECHANISMS: readonly string[] = Object.keys(MECHANISMS)

/** What a client may do before it has authenticated: ApiVersions, SaslHandshake, SaslAuthenticate. */
const BEFORE_AUTHENTICATION: ReadonlySet<number> = new Set([18, 17, 36])

/**
 * What a listener asks of its clients. `optional` serves who does not authenticate as the anonymous principal, and takes
 * credentials from who offers them: a client configured with a password works on a loopback listener too.
 */
export type SaslPolicy = 'required' | 'optional' | 'off'

type State =
  /** Nothing was said yet. */
  | { readonly name: 'initial' }
  /** A mechanism was agreed on; tokens follow, bare (handshake v0) or in SaslAuthenticate requests. */
  | { readonly name: 'exchange'; readonly exchange: SaslExchange; readonly bareTokens: boolean }
  | { readonly name: 'authenticated' }
  /** The connection is about to close. */
  | { readonly name: 'failed' }

/** Where one connection stands with SASL (KIP-43, KIP-152). */
export class Authentication {
  readonly #parts: SaslParts
  readonly #policy: SaslPolicy
  readonly #host: string
  #state: State = { name: 'initial' }
  #principal: Principal

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

  /** Whether requests of this API may be processed now; if not, the connection must close (rule 6). */
  permits(apiKey: number): boolean {
    switch (this.#state.name) {
      case 'initial':
        return this.#policy !== 'required' || BEFORE_AUTHENTICATION.has(apiKey)
      case 'exchange':
        return BEFORE_AUTHENTICATION.has(apiKey)
      case 'authenticated':
        return true
      case 'failed':
        return false
    }
  }

  /** Whether large requests may be read: not from who has yet to prove itself. */
  get trusted(): boolean {
    return this.#policy !== 'required' || this.#state.name === 'authenticated'
  }

  /** The next frame is a token without request header: what a handshake of version 0 leads to. */
  get expectsBareToken(): boolean {
    return this.#state.name === 'exchange' && this.#state.bareTokens
  }

  /** SaslHandshake. */
  begin(mechanism: string, bareTokens: boolean): 'accepted' | 'unsupported' | 'illegal' {
    if (this.#policy === 'off' || this.#state.name !== 'initial') return 'illegal'
    const make = Object.hasOwn(MECHANISMS, mechanism) ? MECHANISMS[mechanism] : undefined
    if (make === undefined) {
      this.#state = { name: 'failed' }
      return 'unsupported'
    }
    this.#state = { name: 'exchange', exchange: make(this.#parts), bareTokens }
    return 'accepted'
  }

  /** SaslAuthenticate, or a bare token. `illegal`: no handshake came first. */
  async step(token: Uint8Array): Promise<SaslStep | 'illegal'> {
    if (this.#state.name !== 'exchange') return 'illegal'
    const step = await this.#state.exchange.step(token)
    if (step.outcome === 'success') {
      this.#principal = principalAt(step.principal, this.#host)
      this.#state = { name: 'authenticated' }
    } else if (step.outcome === 'failure') {
      this.#state = { name: 'failed' }
    }
    return step
  }
}
