import type { LogStore } from '../../log/ports.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import { BROKER_CONFIGS, INITIAL_CLUSTER_CONFIGS } from './broker-config.ts'
import type { BrokerConfigRow } from './broker-config-row.ts'
import { ConfigProblem, type ConfigRow, type ConfigType, configRow, parseConfig } from './config-row.ts'
import { ConfigStore } from './config-store.ts'
import { FIXED_KAFKA_CONFIGS, FIXED_KAFKA_LISTS } from './fixed-kafka-configs.ts'
import type { ConfigSynonym, ResolvedConfig } from './resolved-config.ts'

/** A setting that the broker was started with. */
export interface StaticConfig {
  readonly key: string
  readonly value: string
  /** What it is where it is not set. */
  readonly default: string
  readonly type: ConfigType
  readonly doc: string
}

/** Whose configs: those of this broker, or the defaults of all brokers. */
export type BrokerConfigScope = 'broker' | 'cluster'

const ROWS: ReadonlyMap<string, BrokerConfigRow> = new Map(BROKER_CONFIGS.map((row) => [row.key, row]))
const TOPIC_DEFAULTS = BROKER_CONFIGS.filter(({ topicKey, changes }) => topicKey !== null && changes !== 'never')

/** Local retention that is that of the whole log; no limit. */
const AS_RETENTION = -2
const UNLIMITED = -1
const WEEK_MS = 604_800_000
const TIERS = [
  { retention: 'log.retention.ms', local: 'log.local.retention.ms', lag: 'log.remote.copy.lag.ms', otherwise: WEEK_MS },
  { retention: 'log.retention.bytes', local: 'log.local.retention.bytes', lag: 'log.remote.copy.lag.bytes', otherwise: UNLIMITED },
] as const

/** The names of the two scopes in the store. */
const NAMES: Readonly<Record<BrokerConfigScope, string>> = { broker: 'broker', cluster: 'cluster' }

/** The configs of the broker: what it was started with, and what was changed since, at once and durably (KIP-226). */
export class BrokerConfigs {
  readonly #store: ConfigStore
  readonly #statics: ReadonlyMap<string, StaticConfig>
  readonly #listeners: (() => void)[] = []

  constructor(log: LogStore, statics: readonly StaticConfig[]) {
    this.#store = new ConfigStore(log, STATE_KINDS.brokerConfig)
    this.#store.onChange = () => {
      for (const run of this.#listeners) run()
    }
    this.#statics = new Map(statics.map((config) => [config.key, config]))
  }

  /** Runs after every change. */
  onChange(run: () => void): void {
    this.#listeners.push(run)
  }

  /** What was changed in a scope, and only that. */
  changed(scope: BrokerConfigScope): ReadonlyMap<string, string> {
    const stored = this.#store.get(NAMES[scope])
    return scope === 'broker' ? stored : new Map([...INITIAL_CLUSTER_CONFIGS, ...stored])
  }

  /** The number that holds for a key of the table or of the settings. */
  number(key: string): number {
    return Number(this.synonyms(key)[0]?.value ?? Number.NaN)
  }

  /** The broker's values of topic configs, by the topic's key; what is absent has the topic's own default. */
  topicDefaults(): ReadonlyMap<string, string> {
    const defaults = new Map<string, string>()
    for (const { key, topicKey } of TOPIC_DEFAULTS) {
      const held = this.synonyms(key)[0]
      if (topicKey !== null && held !== undefined && held.value !== null) defaults.set(topicKey, held.value)
    }
    return defaults
  }

  /** The row of a key that lists can be added to; undefined for a key that is not known. */
  row(key: string): ConfigRow | undefined {
    const setting = this.#statics.get(key)
    if (setting !== undefined) return ROWS.get(key) ?? configRow(key, setting.type, setting.default, setting.doc)
    return ROWS.get(key) ?? (FIXED_KAFKA_LISTS.has(key) ? configRow(key, 'list', null, 'Fixed at start.') : undefined)
  }

  /** The configs as they would be kept, or why they are not: INVALID_REQUEST, or INVALID_CONFIG where only all brokers can have them. */
  parse(scope: BrokerConfigScope, configs: ReadonlyMap<string, string>): Map<string, string> | Failure {
    const parsed = new Map<string, string>()
    for (const [key, text] of configs) {
      const row = ROWS.get(key)
      const isFixed = row === undefined ? FIXED_KAFKA_CONFIGS.has(key) || this.#statics.has(key) : row.changes === 'never'
      if (isFixed) return failure(ERRORS.invalidRequest, `${key} cannot change while the broker runs`)
      const value = row === undefined ? text : parseConfig(row, text)
      if (value instanceof ConfigProblem) return failure(ERRORS.invalidRequest, value.message)
      if (scope === 'cluster' && row?.changes === 'own') return failure(ERRORS.invalidRequest, `${key} is one of each broker`)
      if (scope === 'broker' && row?.changes === 'all') return failure(ERRORS.invalidConfig, `${key} is one for all brokers`)
      const size = row?.isPool === true ? this.#checkSize(key, Number(value)) : null
      if (size !== null) return failure(ERRORS.invalidRequest, size)
      parsed.set(key, value)
    }
    const missing = scope === 'cluster' ? [...INITIAL_CLUSTER_CONFIGS.keys()].find((key) => !parsed.has(key)) : undefined
    if (missing !== undefined) return failure(ERRORS.invalidConfig, `${missing} can be changed for all brokers, not taken away`)
    const tooFar = this.#checkTiers(scope, parsed)
    if (tooFar !== null) return failure(ERRORS.invalidRequest, tooFar)
    return this.#store.check(NAMES[scope], parsed) ?? parsed
  }

  #checkSize(key: string, size: number): string | null {
    const now = this.number(key)
    if (size >= Math.floor(now / 2) && size <= now * 2) return null
    return `${key} is ${now} now: one change at most halves or doubles it, ${size} is further`
  }

  /** What would stay here beside tiered storage is a part of all that stays. */
  #checkTiers(scope: BrokerConfigScope, next: ReadonlyMap<string, string>): string | null {
    const own = scope === 'broker' ? next : this.changed('broker')
    const all = scope === 'cluster' ? next : this.changed('cluster')
    const number = (key: string, otherwise: number): number => Number(own.get(key) ?? all.get(key) ?? this.#given(key) ?? this.#default(key) ?? otherwise)
    for (const { retention, local, lag, otherwise } of TIERS) {
      if (![retention, local, lag].some((key) => next.has(key))) continue
      const whole = number(retention, otherwise)
      const here = number(local, AS_RETENTION) === AS_RETENTION ? whole : number(local, AS_RETENTION)
      // Any negative number is no limit.
      if (whole >= 0 && (here < 0 || here > whole)) return `${local} must not be above ${retention}`
      if (here >= 0 && number(lag, 0) > here) return `${lag} must not be above ${local}`
    }
    return null
  }

  /** Replaces what was changed in a scope (`parse` gave it): it holds when this returns, until the disk refuses it. */
  set(scope: BrokerConfigScope, configs: ReadonlyMap<string, string>, onDurable: (failed: Failure | null) => void): void {
    this.#store.set(NAMES[scope], configs, onDurable)
  }

  /** All configs as they hold for this broker; or, of the defaults of all brokers, those that there are. */
  describe(scope: BrokerConfigScope): ResolvedConfig[] {
    const changed = this.changed(scope)
    if (scope === 'cluster') return [...changed.keys()].map((key) => this.#resolve(key, [{ name: key, value: changed.get(key) as string, source: 'cluster' }]))
    const keys = new Set([...this.#statics.keys(), ...ROWS.keys(), ...changed.keys(), ...this.changed('cluster').keys()])
    return [...keys].map((key) => this.#resolve(key, this.synonyms(key)))
  }

  #resolve(key: string, places: readonly ConfigSynonym[]): ResolvedConfig {
    const row = ROWS.get(key)
    const setting = this.#statics.get(key)
    const type = row?.type ?? setting?.type ?? null
    // As Kafka does: nobody can say of an unknown key that it is no secret.
    const isSensitive = type === null || type === 'password'
    const synonyms = isSensitive ? places.map((place) => ({ ...place, value: null })) : places
    const held = synonyms[0]
    return {
      name: key,
      value: held?.value ?? null,
      source: held?.source ?? 'default',
      isReadOnly: row === undefined || row.changes === 'never',
      isSensitive,
      type,
      doc: row?.doc ?? setting?.doc ?? '',
      synonyms,
    }
  }

  /** The places that have a value for a key or for what stands in for it, the one that holds first. */
  synonyms(key: string): readonly ConfigSynonym[] {
    const names = [key, ...(ROWS.get(key)?.fallbacks ?? [])]
    const found: ConfigSynonym[] = []
    const add = (source: ConfigSynonym['source'], at: (name: string) => string | null | undefined): void => {
      for (const name of names) {
        const value = at(name)
        if (value !== null && value !== undefined) found.push({ name, value, source })
      }
    }
    const own = this.changed('broker')
    const all = this.changed('cluster')
    add('broker', (name) => own.get(name))
    add('cluster', (name) => all.get(name))
    add('static', (name) => this.#given(name))
    add('default', (name) => this.#default(name))
    // What only stands in is not told of the config itself.
    const first = found.findIndex(({ name }) => name === key)
    return first < 0 ? [] : found.slice(first)
  }

  #given(key: string): string | null {
    const setting = this.#statics.get(key)
    return setting === undefined || setting.value === setting.default ? null : setting.value
  }

  #default(key: string): string | null {
    const row = ROWS.get(key)
    return row === undefined ? (this.#statics.get(key)?.default ?? null) : row.default
  }
}
