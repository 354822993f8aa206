import { createHash, createHmac } from 'node:crypto'
import type { LogStore, StateMachine, StateRecord } from '../../log/ports.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import type { Random } from '../../runtime/random.ts'
import { OneAtATime } from '../../util/one-at-a-time.ts'
import { randomUuid } from '../../util/uuid.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import type { DelegationToken, DelegationTokens, IssuedToken, ScramMechanism, TokenProof, TokenRequest } from './ports.ts'
import { credentialOf, MIN_ITERATIONS, saltPassword } from './scram.ts'

export interface TokenSettings {
  /** `delegation.token.max.lifetime.ms`: from when it was made. */
  readonly maxLifetimeMs: number
  /** `delegation.token.expiry.time.ms`: without renewal. */
  readonly renewLifetimeMs: number
  /** `delegation.token.expiry.check.interval.ms`. */
  readonly checkIntervalMs: number
  readonly maxTokens: number
}

export const DEFAULT_TOKEN_SETTINGS: TokenSettings = {
  maxLifetimeMs: 604_800_000,
  renewLifetimeMs: 86_400_000,
  checkIntervalMs: 3_600_000,
  maxTokens: 10_000,
}

/** The key of the record that holds the secret; those of tokens are their ids. */
const SECRET = ''
const SECRET_BYTES = 32
/** Proofs that wait for their turn; further ones are refused. */
const MAX_WAITING_PROOFS = 1_000

/**
 * Delegation tokens (KIP-48, KIP-373): short-lived credentials that a user hands to others, who log in with them by SCRAM. The
 * password of a token is the HMAC of its id with a secret of the broker, made with the first token: neither passwords nor what
 * is derived from them are kept.
 */
export class TokenStore implements DelegationTokens, StateMachine {
  readonly kind = STATE_KINDS.delegationToken
  readonly #log: LogStore
  readonly #clock: Clock
  readonly #random: Random
  readonly #settings: TokenSettings
  readonly #tokens = new Map<string, DelegationToken>()
  /** Ids by the digest of what is the token's password: a look-up tells nothing of the password itself. */
  readonly #byDigest = new Map<string, string>()
  #secret: Uint8Array | null = null
  /** Whether a start would find the secret. */
  #secretIsDurable = false
  #sweeper: Timer | null = null
  /** One key derivation at a time: they share libuv's threads with the journal's fdatasync. */
  readonly #proofs = new OneAtATime(MAX_WAITING_PROOFS)

  /** Before `LogStore.open`. */
  constructor(log: LogStore, clock: Clock, random: Random, settings: TokenSettings) {
    this.#log = log
    this.#clock = clock
    this.#random = random
    this.#settings = settings
    log.register(this)
  }

  /** After `LogStore.open`: expired tokens are looked for from now on. */
  open(): void {
    this.#sweeper = this.#clock.after(this.#settings.checkIntervalMs, () => {
      this.#sweep()
      this.open()
    })
  }

  close(): void {
    this.#sweeper?.cancel()
  }

  create({ owner, requester, renewers, maxLifetimeMs }: TokenRequest, onDone: (result: IssuedToken | Failure) => void): void {
    if (this.#tokens.size >= this.#settings.maxTokens) {
      onDone(failure(ERRORS.policyViolation, `there are ${this.#tokens.size} delegation tokens, as many as the broker holds`))
      return
    }
    const nowMs = this.#clock.now()
    const lifetimeMs = maxLifetimeMs > 0 ? Math.min(maxLifetimeMs, this.#settings.maxLifetimeMs) : this.#settings.maxLifetimeMs
    const maxMs = nowMs + lifetimeMs
    const expiryMs = Math.min(maxMs, nowMs + this.#settings.renewLifetimeMs)
    const token: DelegationToken = { tokenId: randomUuid(this.#random), owner, requester, renewers, issuedMs: nowMs, maxMs, expiryMs }
    // Kept with the first token, in the same append.
    this.#secret ??= this.#random.bytes(SECRET_BYTES)
    const secret = this.#secretIsDurable ? [] : [{ kind: this.kind, key: SECRET, value: this.#secret }]
    const hmac = this.#hmacOf(token.tokenId)
    this.#change(token.tokenId, token, secret, (failed) => {
      if (failed === null) this.#secretIsDurable = true
      onDone(failed ?? { ...token, hmac })
    })
  }

  renew(hmac: Uint8Array, principal: string, periodMs: number, onDone: (result: number | Failure) => void): void {
    const token = this.#find(hmac)
    const refused = this.#refuse(token, principal, true)
    if (token === undefined || refused !== null) {
      onDone(refused ?? failure(ERRORS.delegationTokenNotFound))
      return
    }
    const { renewLifetimeMs } = this.#settings
    const expiryMs = Math.min(token.maxMs, this.#clock.now() + (periodMs > 0 ? Math.min(renewLifetimeMs, periodMs) : renewLifetimeMs))
    this.#change(token.tokenId, { ...token, expiryMs }, [], (failed) => onDone(failed ?? expiryMs))
  }

  expire(hmac: Uint8Array, principal: string, periodMs: number, onDone: (result: number | Failure) => void): void {
    const token = this.#find(hmac)
    const refused = this.#refuse(token, principal, periodMs >= 0)
    if (token === undefined || refused !== null) {
      onDone(refused ?? failure(ERRORS.delegationTokenNotFound))
      return
    }
    const nowMs = this.#clock.now()
    const expiryMs = periodMs < 0 ? nowMs : Math.min(token.maxMs, nowMs + periodMs)
    this.#change(token.tokenId, periodMs < 0 ? null : { ...token, expiryMs }, [], (failed) => onDone(failed ?? expiryMs))
  }

  *all(): Iterable<IssuedToken> {
    for (const token of this.#tokens.values()) yield { ...token, hmac: this.#hmacOf(token.tokenId) }
  }

  async prove(tokenId: string, mechanism: ScramMechanism): Promise<TokenProof | undefined> {
    const token = this.#tokens.get(tokenId)
    if (token === undefined || this.#hasExpired(token) || this.#proofs.isFull) return undefined
    const password = this.#hmacOf(tokenId).toString('base64')
    // The same salt every time, as if it were kept.
    const salt = createHmac('sha256', this.#mustHaveSecret()).update(`salt ${mechanism} ${tokenId}`).digest().subarray(0, 24)
    const salted = await this.#proofs.run(() => saltPassword(mechanism, password, salt, MIN_ITERATIONS))
    return { credential: credentialOf(mechanism, salted, salt, MIN_ITERATIONS), owner: token.owner, expiresAtMs: token.expiryMs }
  }

  apply(key: string, value: Uint8Array | null): void {
    if (key !== SECRET) this.#put(key, value === null ? undefined : (JSON.parse(Buffer.from(value).toString()) as DelegationToken))
    else if (value !== null) {
      this.#secret = Buffer.from(value)
      this.#secretIsDurable = true
    }
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    // First, since tokens are found by what it makes of their ids.
    if (this.#secret !== null) yield [SECRET, this.#secret]
    for (const token of this.#tokens.values()) yield [token.tokenId, encode(token)]
  }

  /** In Kafka's order; `mustBeAlive` unless it is to be ended at once. */
  #refuse(token: DelegationToken | undefined, principal: string, mustBeAlive: boolean): Failure | null {
    if (token === undefined) return failure(ERRORS.delegationTokenNotFound)
    if (mustBeAlive && this.#hasExpired(token)) return failure(ERRORS.delegationTokenExpired)
    return token.owner === principal || token.renewers.includes(principal) ? null : failure(ERRORS.delegationTokenOwnerMismatch)
  }

  #hasExpired({ maxMs, expiryMs }: DelegationToken): boolean {
    const nowMs = this.#clock.now()
    return maxMs < nowMs || expiryMs < nowMs
  }

  #find(hmac: Uint8Array): DelegationToken | undefined {
    const tokenId = this.#byDigest.get(digestOf(hmac))
    return tokenId === undefined ? undefined : this.#tokens.get(tokenId)
  }

  #hmacOf(tokenId: string): Buffer {
    return createHmac('sha512', this.#mustHaveSecret()).update(tokenId).digest()
  }

  #mustHaveSecret(): Uint8Array {
    if (this.#secret === null) throw new Error('there is a delegation token, but no secret')
    return this.#secret
  }

  #sweep(): void {
    const expired = [...this.#tokens.values()].filter((token) => this.#hasExpired(token))
    for (const { tokenId } of expired) this.#change(tokenId, null, [], () => {})
  }

  /** Changes memory at once, and back where the log refuses. */
  #change(tokenId: string, token: DelegationToken | null, more: readonly StateRecord[], onDone: (failed: Failure | null) => void): void {
    const before = this.#tokens.get(tokenId)
    this.#put(tokenId, token ?? undefined)
    this.#log.append({
      batches: [],
      state: [...more, { kind: this.kind, key: tokenId, value: token === null ? null : encode(token) }],
      durability: 'durable',
      onDone: (failed) => {
        if (failed !== null) this.#put(tokenId, before)
        onDone(failed === null ? null : failure(ERRORS.kafkaStorageError, failed.message))
      },
    })
  }

  #put(tokenId: string, token: DelegationToken | undefined): void {
    const digest = digestOf(this.#hmacOf(tokenId))
    if (token === undefined) {
      this.#tokens.delete(tokenId)
      this.#byDigest.delete(digest)
    } else {
      this.#tokens.set(tokenId, token)
      this.#byDigest.set(digest, tokenId)
    }
  }
}

function digestOf(hmac: Uint8Array): string {
  return createHash('sha256').update(hmac).digest('base64')
}

function encode(token: DelegationToken): Uint8Array {
  return Buffer.from(JSON.stringify(token))
}
