import type { LogStore } from '../../log/ports.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import type { BrokerConfigs } from './broker-configs.ts'
import { type ConfigLimits, ConfigProblem, type ConfigRow, type ConfigType, configRow, parseConfig } from './config-row.ts'
import { ConfigStore } from './config-store.ts'
import type { ConfigSynonym, ResolvedConfig } from './resolved-config.ts'

/** A config that a group may have of its own (KIP-848, KIP-932). */
interface GroupConfigRow<K extends string = string> extends ConfigRow {
  readonly key: K
  readonly default: string
  /** The broker config that gives the default; null where there is none. */
  readonly synonym: string | null
  /** Broker configs that say how little and how much it may be. */
  readonly bounds: readonly [least: string, most: string] | null
}

const row = <K extends string>(
  key: K,
  type: ConfigType,
  fallback: string,
  doc: string,
  { synonym = null, bounds = null, ...limits }: ConfigLimits & Partial<Pick<GroupConfigRow, 'synonym' | 'bounds'>>,
): GroupConfigRow<K> => ({ ...configRow(key, type, fallback, doc, limits), key, default: fallback, synonym, bounds })

/** A number of a share group that the broker has a default and bounds for: `share.X` of `group.share.X`. */
const share = <N extends string>(name: N, fallback: number, doc: string, min: number): GroupConfigRow<`share.${N}`> =>
  row(`share.${name}`, 'int', `${fallback}`, doc, {
    min,
    synonym: `group.share.${name}`,
    bounds: [`group.share.min.${name}`, `group.share.max.${name}`],
  })

/** A key is listed only once it works. */
const GROUP_CONFIGS = [
  row('consumer.session.timeout.ms', 'int', '45000', 'How long in milliseconds a member may be silent.', {
    synonym: 'group.consumer.session.timeout.ms',
    min: 45_000,
    max: 60_000,
  }),
  row('consumer.heartbeat.interval.ms', 'int', '5000', 'How often in milliseconds members send heartbeats.', {
    synonym: 'group.consumer.heartbeat.interval.ms',
    min: 5_000,
    max: 15_000,
  }),
  row('consumer.assignment.interval.ms', 'int', '0', 'The least time in milliseconds between two assignments.', {
    synonym: 'group.consumer.assignment.interval.ms',
    min: 0,
    max: 15_000,
  }),
  share('session.timeout.ms', 45_000, 'How long in milliseconds a member of the share group may be silent.', 1),
  share('heartbeat.interval.ms', 5_000, 'How often in milliseconds members of the share group send heartbeats.', 1),
  share('assignment.interval.ms', 0, 'The least time in milliseconds between two assignments of the share group.', 0),
  share('record.lock.duration.ms', 30_000, 'How long in milliseconds a record that was given to a member is its own.', 1_000),
  share('delivery.count.limit', 5, 'How often a record is given to members before it is taken for one that nobody can use.', 2),
  share('partition.max.record.locks', 2_000, 'Records of one partition that are in flight.', 100),
  row('share.auto.offset.reset', 'string', 'latest', 'Where the share group begins in a partition: earliest, latest, or by_duration:PnDTnHnMn.nS.', {
    pattern: [
      /^(earliest|latest|by_duration:P(?!$)(\d+D)?(T(?=\d)(\d+H)?(\d+M)?(\d+(\.\d{1,9})?S)?)?)$/,
      'earliest, latest or by_duration: with a duration as in ISO 8601 (PnDTnHnMn.nS)',
    ],
  }),
  row('share.isolation.level', 'string', 'read_uncommitted', 'Whether the share group is given what was written in transactions that are open or aborted.', {
    values: ['read_committed', 'read_uncommitted'],
  }),
  row('share.renew.acknowledge.enable', 'boolean', 'true', 'Whether members may prolong their locks (KIP-1222).', {}),
] as const satisfies readonly GroupConfigRow[]

type GroupConfigKey = (typeof GROUP_CONFIGS)[number]['key']

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

  /** What holds for a group. */
  text(groupId: string, key: GroupConfigKey): string {
    const { synonym, default: fallback } = ROWS.get(key) as GroupConfigRow
    return this.own(groupId).get(key) ?? (synonym === null ? null : this.#broker.synonyms(synonym)[0]?.value) ?? fallback
  }

  /** The number that holds for a group; what it chose is kept within the bounds that the broker was started with since. */
  number(groupId: string, key: GroupConfigKey): number {
    const value = Number(this.text(groupId, key))
    const { bounds } = ROWS.get(key) as GroupConfigRow
    if (bounds === null || !this.own(groupId).has(key)) return value
    return Math.min(Math.max(value, this.#broker.number(bounds[0])), this.#broker.number(bounds[1]))
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
      const wrong = this.#checkBounds(config, value)
      if (wrong !== null) return failure(ERRORS.invalidConfig, wrong)
      parsed.set(key, value)
    }
    const session = parsed.get('share.session.timeout.ms') ?? this.#broker.number('group.share.session.timeout.ms')
    const interval = parsed.get('share.heartbeat.interval.ms') ?? this.#broker.number('group.share.heartbeat.interval.ms')
    if (Number(session) <= Number(interval)) return failure(ERRORS.invalidConfig, 'share.session.timeout.ms must be greater than share.heartbeat.interval.ms')
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
      const inherited = config.synonym === null ? [] : this.#broker.synonyms(config.synonym)
      const synonyms = [
        ...set,
        ...(inherited.length > 0 ? inherited : [{ name: config.synonym ?? config.key, value: config.default, source: 'default' as const }]),
      ]
      const held = synonyms[0] as ConfigSynonym
      return { name: config.key, value: held.value, source: held.source, isReadOnly: false, isSensitive: false, type: config.type, doc: config.doc, synonyms }
    })
  }

  #checkBounds({ key, bounds }: GroupConfigRow, value: string): string | null {
    if (bounds === null) return null
    const [least, most] = bounds
    if (Number(value) < this.#broker.number(least)) return `${key} must be at least ${least}, which is ${this.#broker.number(least)}`
    return Number(value) > this.#broker.number(most) ? `${key} must be at most ${most}, which is ${this.#broker.number(most)}` : null
  }
}
