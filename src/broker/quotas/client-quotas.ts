import type { LogStore } from '../../log/ports.ts'
import { ConfigStore } from '../configs/config-store.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { STATE_KINDS } from '../state-kinds.ts'

/** What can be limited (KIP-124, KIP-546, KIP-599, KIP-612), of whom, and whether in whole numbers. */
const QUOTA_KEYS = {
  producer_byte_rate: { of: 'client', whole: true },
  consumer_byte_rate: { of: 'client', whole: true },
  /** Of the event loop's time, in percent. */
  request_percentage: { of: 'client', whole: false },
  controller_mutation_rate: { of: 'client', whole: false },
  connection_creation_rate: { of: 'address', whole: true },
} as const

export type QuotaKey = keyof typeof QUOTA_KEYS

/** Whom a quota is for: a user, a client id, or both; or an address alone. Null stands for all that have none of their own. */
export interface QuotaEntity {
  readonly user?: string | null
  readonly clientId?: string | null
  readonly ip?: string | null
}

/** A quota that holds for a client, and with whom it shares it. */
export interface HeldQuota {
  readonly perSecond: number
  /** Clients of the same bucket share the quota. */
  readonly bucket: string
}

interface QuotaChange {
  readonly key: string
  /** Null: no quota any more. */
  readonly value: number | null
}

/** Entities with quotas, and bytes of one. */
const LIMITS = { maxNames: 10_000, maxBytes: 1_000 }

/** The quotas of users, client ids and addresses: durable, and looked up by Kafka's order of precedence. */
export class ClientQuotas {
  readonly #store: ConfigStore

  constructor(log: LogStore) {
    this.#store = new ConfigStore(log, STATE_KINDS.clientQuota, LIMITS)
  }

  /** Whether anybody is limited at all: the hot path asks nothing else where nobody is. */
  get any(): boolean {
    return !this.#store.names().next().done
  }

  /** All entities with their quotas. */
  *all(): Iterable<readonly [entity: QuotaEntity, values: ReadonlyMap<string, number>]> {
    for (const name of this.#store.names()) yield [JSON.parse(name) as QuotaEntity, numbers(this.#store.get(name))]
  }

  /** What `alter` would refuse. */
  check(entity: QuotaEntity, changes: readonly QuotaChange[]): Failure | null {
    for (const { key, value } of changes) {
      if (value === null) continue
      const of = entity.ip === undefined ? 'client' : 'address'
      if (!isQuotaKey(key) || QUOTA_KEYS[key].of !== of) return failure(ERRORS.invalidRequest, `"${key}" is none of the quotas ${keysOf(of).join(', ')}`)
      if (!(value > 0)) return failure(ERRORS.invalidRequest, `${key} must be above 0, not ${value}`)
      if (QUOTA_KEYS[key].whole && !Number.isSafeInteger(value)) return failure(ERRORS.invalidRequest, `${key} must be a whole number, not ${value}`)
    }
    return this.#store.check(nameOf(entity), this.#changed(entity, changes))
  }

  /** Changes quotas of an entity (`check` allowed it): they hold when this returns, until the disk refuses them. */
  alter(entity: QuotaEntity, changes: readonly QuotaChange[], onDurable: (failed: Failure | null) => void): void {
    this.#store.set(nameOf(entity), this.#changed(entity, changes), onDurable)
  }

  /** The quota that holds for a client, the most special one that there is; null where it has none. */
  find(key: QuotaKey, user: string, clientId: string): HeldQuota | null {
    for (const entity of candidates(user, clientId)) {
      const value = this.#store.get(nameOf(entity)).get(key)
      if (value === undefined) continue
      const shared: QuotaEntity = { ...(entity.user === undefined ? {} : { user }), ...(entity.clientId === undefined ? {} : { clientId }) }
      return { perSecond: Number(value), bucket: `${key} ${nameOf(shared)}` }
    }
    return null
  }

  /** The quota of connections from an address, its own or that of all others; null where it has none. Each address has a bucket of its own. */
  findAddress(ip: string): HeldQuota | null {
    const value = this.#store.get(nameOf({ ip })).get('connection_creation_rate') ?? this.#store.get(nameOf({ ip: null })).get('connection_creation_rate')
    return value === undefined ? null : { perSecond: Number(value), bucket: `connection_creation_rate ${nameOf({ ip })}` }
  }

  #changed(entity: QuotaEntity, changes: readonly QuotaChange[]): Map<string, string> {
    const values = new Map(this.#store.get(nameOf(entity)))
    for (const { key, value } of changes) {
      if (value === null) values.delete(key)
      else values.set(key, `${value}`)
    }
    return values
  }
}

/** From the most to the least special one. */
function candidates(user: string, clientId: string): readonly QuotaEntity[] {
  return [
    { user, clientId },
    { user, clientId: null },
    { user },
    { user: null, clientId },
    { user: null, clientId: null },
    { user: null },
    { clientId },
    { clientId: null },
  ]
}

function nameOf({ user, clientId, ip }: QuotaEntity): string {
  return JSON.stringify({ user, clientId, ip })
}

function keysOf(of: 'client' | 'address'): string[] {
  return Object.entries(QUOTA_KEYS).flatMap(([key, quota]) => (quota.of === of ? [key] : []))
}

function isQuotaKey(key: string): key is QuotaKey {
  return Object.hasOwn(QUOTA_KEYS, key)
}

function numbers(values: ReadonlyMap<string, string>): ReadonlyMap<string, number> {
  return new Map([...values].map(([key, value]) => [key, Number(value)]))
}
