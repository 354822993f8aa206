import type { Clock } from '../../runtime/clock.ts'
import type { ClientQuotas, QuotaKey } from './client-quotas.ts'
import { TokenBucket } from './token-bucket.ts'

/** Buckets that are kept; one nobody used lately gives way. */
const MAX_BUCKETS = 10_000
/** `request_percentage` never holds a client longer than this at once, as in Kafka. */
const MAX_REQUEST_WAIT_MS = 1_000
/** Nor is a connection that is refused kept open for longer. */
const MAX_CONNECTION_WAIT_MS = 1_000

/** Who is charged. */
export interface ChargedClient {
  readonly user: string
  readonly clientId: string
}

/** How long clients that used more than their quotas are to wait: nobody is refused, answers leave, their sockets are not read meanwhile (KIP-219). */
export class Throttle {
  readonly #quotas: ClientQuotas
  readonly #clock: Clock
  /** By what they are of and who shares them, the one used last at the end. */
  readonly #buckets = new Map<string, TokenBucket>()

  constructor(quotas: ClientQuotas, clock: Clock) {
    this.#quotas = quotas
    this.#clock = clock
  }

  /** Whether there is any quota. */
  get active(): boolean {
    return this.#quotas.any
  }

  /** Whose use of a quota is remembered. */
  get bucketCount(): number {
    return this.#buckets.size
  }

  /** Bytes that a client produced or fetched; the answer is how long it is to wait, in milliseconds. */
  charge(key: 'producer_byte_rate' | 'consumer_byte_rate', client: ChargedClient, bytes: number): number {
    return this.#charge(key, client, bytes)
  }

  /** Milliseconds of the event loop that a request took. */
  chargeTime(client: ChargedClient, ms: number): number {
    return Math.min(MAX_REQUEST_WAIT_MS, this.#charge('request_percentage', client, ms / 10))
  }

  /**
   * Topics and partitions that a client wants to make or delete. `refused`: it used up its quota before, and asked in a version
   * that knows of being refused (`strict`); nothing is counted then.
   */
  chargeMutations(client: ChargedClient, count: number, strict: boolean): { readonly waitMs: number; readonly refused: boolean } {
    const quota = this.#quotas.find('controller_mutation_rate', client.user, client.clientId)
    if (quota === null) return { waitMs: 0, refused: false }
    const nowMs = this.#clock.monotonicMs()
    const bucket = this.#bucket(quota.bucket)
    const before = bucket.waitMs(quota.perSecond, nowMs)
    if (strict && before > 0) return { waitMs: before, refused: true }
    return { waitMs: bucket.take(count, quota.perSecond, nowMs), refused: false }
  }

  /**
   * A connection that an address makes: 0 where it may, else for how long it is to be kept waiting before it is refused (KIP-612). One that
   * is refused does not count.
   */
  chargeConnection(ip: string): number {
    const quota = this.#quotas.findAddress(ip)
    if (quota === null) return 0
    const nowMs = this.#clock.monotonicMs()
    const bucket = this.#bucket(quota.bucket)
    const before = bucket.waitMs(quota.perSecond, nowMs)
    if (before === 0) bucket.take(1, quota.perSecond, nowMs)
    return Math.min(MAX_CONNECTION_WAIT_MS, before)
  }

  #charge(key: QuotaKey, client: ChargedClient, amount: number): number {
    const quota = this.#quotas.find(key, client.user, client.clientId)
    if (quota === null) return 0
    return this.#bucket(quota.bucket).take(amount, quota.perSecond, this.#clock.monotonicMs())
  }

  /** The one that nobody used for the longest time goes where there are too many. */
  #bucket(name: string): TokenBucket {
    const found = this.#buckets.get(name) ?? new TokenBucket()
    this.#buckets.delete(name)
    this.#buckets.set(name, found)
    const oldest = this.#buckets.size > MAX_BUCKETS ? this.#buckets.keys().next().value : undefined
    if (oldest !== undefined) this.#buckets.delete(oldest)
    return found
  }
}
