import type { LogStore } from '../../log/ports.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import type { BrokerConfigs } from './broker-configs.ts'
import { type ConfigLimits, ConfigProblem, type ConfigRow, type ConfigType, configRow, parseConfig } from './config-row.ts'
import { ConfigStore } from './config-store.ts'
import type { ConfigSynonym, ResolvedConfig } from './resolved-config.ts'

/** A config that a group may have of its own (KIP-848). */
interface GroupConfigRow<K extends string = string> extends ConfigRow {
  readonly key: K
  readonly default: string
  /** The broker config that gives the default. */
  readonly synonym: string
}

const row = <K extends string>(key: K, type: ConfigType, fallback: string, synonym: string, doc: string, limits: ConfigLimits): GroupConfigRow<K> => ({
  ...configRow(key, type, fallback, doc, limits),
  key,
  default: fallback,
  synonym,
})

/** A key is listed only once it works. */
const GROUP_CONFIGS = [
  row('consumer.session.timeout.ms', 'int', '45000', 'group.consumer.session.timeout.ms', 'How long in milliseconds a member may be silent.', {
    min: 45_000,
    max: 60_000,
  }),
  row('consumer.heartbeat.interval.ms', 'int', '5000', 'group.consumer.heartbeat.interval.ms', 'How often in milliseconds members send heartbeats.', {
    min: 5_000,
    max: 15_000,
  }),
  row('consumer.assignment.interval.ms', 'int', '0', 'group.consumer.assignment.interval.ms', 'The least time in milliseconds between two assignments.', {
    min: 0,
    max: 15_000,
  }),
] as const satisfies readonly GroupConfigRow[]

const ROWS: ReadonlyMap<string, GroupConfigRow> = new Map(GROUP_CONFIGS.map((config) => [config.key, config]))

/** What groups have set for themselves, whether or not there is a group of that name now. */
export class GroupConfigs {
  readonly #store: ConfigStore
  readonly #broker: BrokerConfigs

  constructor(log: LogStore, broker: BrokerConfigs) {
    this.#store = new ConfigStore(log, STATE_KINDS.groupConfig)
    this.#broker = broker
  }

  /** Runs after the configs of a group changed. */
  onChange(run: (groupId: string) => void): void {
    this.#store.onChange = run
  }

  /** The groups that have set any. */
  names(): Iterable<string> {
    return this.#store.names()
  }

  /** Only what was set on the group itself. */
  own(groupId: string): ReadonlyMap<string, string> {
    return this.#store.get(groupId)
  }

  /** The number that holds for a group. */
  number(groupId: string, key: (typeof GROUP_CONFIGS)[number]['key']): number {
    const { synonym, default: fallback } = ROWS.get(key) as GroupConfigRow
    return Number(this.own(groupId).get(key) ?? this.#broker.synonyms(synonym)[0]?.value ?? fallback)
  }

  row(key: string): ConfigRow | undefined {
    return ROWS.get(key)
  }

  /** The configs as they would be kept, or why they are not. */
  parse(groupId: string, configs: ReadonlyMap<string, string>): Map<string, string> | Failure {
    const parsed = new Map<string, string>()
    for (const [key, text] of configs) {
      const config = ROWS.get(key)
      if (config === undefined) return failure(ERRORS.invalidConfig, `unknown group config "${key}"`)
      const value = parseConfig(config, text)
      if (value instanceof ConfigProblem) return failure(ERRORS.invalidConfig, value.message)
      parsed.set(key, value)
    }
    return this.#store.check(groupId, parsed) ?? parsed
  }

  /** Replaces a group's own configs (`parse` gave them): they hold when this returns, until the disk refuses them. */
  set(groupId: string, configs: ReadonlyMap<string, string>, onDurable: (failed: Failure | null) => void): void {
    this.#store.set(groupId, configs, onDurable)
  }

  describe(groupId: string): ResolvedConfig[] {
    const own = this.own(groupId)
    return GROUP_CONFIGS.map((config) => {
      const value = own.get(config.key)
      const set: ConfigSynonym[] = value === undefined ? [] : [{ name: config.key, value, source: 'group' }]
      const inherited = this.#broker.synonyms(config.synonym)
      const synonyms = [...set, ...(inherited.length > 0 ? inherited : [{ name: config.synonym, value: config.default, source: 'default' as const }])]
      const held = synonyms[0] as ConfigSynonym
      return { name: config.key, value: held.value, source: held.source, isReadOnly: false, isSensitive: false, type: config.type, doc: config.doc, synonyms }
    })
  }
}
