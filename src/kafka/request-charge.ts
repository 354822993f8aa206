import type { ChargedClient, Throttle } from '../broker/quotas/throttle.ts'
import type { Clock } from '../runtime/clock.ts'
import type { RequestContext } from './handler.ts'
import { FetchResponse } from './messages/fetch.ts'
import { ProduceRequest } from './messages/produce.ts'
import { ShareFetchResponse } from './messages/share-fetch.ts'

/** What answers have in common: the time a client is to wait (KIP-219). */
interface Throttled {
  readonly throttleTimeMs?: number
}

interface Fetched {
  readonly responses: readonly { readonly partitions: readonly { readonly records: readonly Uint8Array[] | null }[] }[]
}

/** One request of a client while there are quotas: what it used, and how long the client is to wait for it. */
export class RequestCharge {
  readonly #throttle: Throttle
  readonly #clock: Clock
  readonly #client: ChargedClient
  readonly #apiKey: number
  readonly #beganMs: number
  #waitMs = 0

  constructor(context: RequestContext, apiKey: number) {
    this.#throttle = context.broker.throttle
    this.#clock = context.broker.clock
    this.#client = chargedClient(context)
    this.#apiKey = apiKey
    this.#beganMs = this.#clock.monotonicMs()
  }

  /** The request was processed, or waits for something; the answer is how long to wait before the next one is read. */
  processed(requestBytes: number): number {
    this.#waitMs = this.#throttle.chargeTime(this.#client, this.#clock.monotonicMs() - this.#beganMs)
    if (this.#apiKey === ProduceRequest.key) this.#waitMs = Math.max(this.#waitMs, this.#throttle.charge('producer_byte_rate', this.#client, requestBytes))
    return this.#waitMs
  }

  /** The answer as it leaves, with the time to wait in it: it goes out at once, whatever that is. */
  answered<A extends Throttled>(answer: A): A & { readonly throttleTimeMs: number } {
    const fetchedMs =
      this.#apiKey === FetchResponse.key || this.#apiKey === ShareFetchResponse.key
        ? this.#throttle.charge('consumer_byte_rate', this.#client, fetchedBytes(answer as unknown as Fetched))
        : 0
    return { ...answer, throttleTimeMs: Math.max(this.#waitMs, fetchedMs, answer.throttleTimeMs ?? 0) }
  }
}

/** Whose quotas a request uses. */
function chargedClient({ connection, clientId }: RequestContext): ChargedClient {
  return { user: connection.principal.name.replace(/^User:/, ''), clientId }
}

function fetchedBytes({ responses }: Fetched): number {
  let bytes = 0
  for (const { partitions } of responses) for (const { records } of partitions) for (const batch of records ?? []) bytes += batch.length
  return bytes
}

/**
 * The topics and partitions that a request makes and deletes. Versions from `firstStrict` on know of being refused; older ones
 * are only made to wait (KIP-599).
 */
export class MutationCharge {
  readonly #context: RequestContext
  readonly #strict: boolean
  /** How long the client is to wait. */
  throttleTimeMs = 0

  constructor(context: RequestContext, firstStrict: number) {
    this.#context = context
    this.#strict = context.version >= firstStrict
  }

  /** False: refused, THROTTLING_QUOTA_EXCEEDED. */
  allows(count: number): boolean {
    const { waitMs, refused } = this.#context.broker.throttle.chargeMutations(chargedClient(this.#context), count, this.#strict)
    this.throttleTimeMs = Math.max(this.throttleTimeMs, waitMs)
    return !refused
  }
}
