import type { ConfigType, TopicConfigRow } from '../../broker/topics/topic-config.ts'
import type { BrokerConfig } from '../handler.ts'
import type { DescribeConfigsResponse } from '../messages/describe-configs.ts'
import type { Input } from '../wire/message.ts'

export type ConfigEntry = Input<typeof DescribeConfigsResponse>['results'][number]['configs'][number]

/** Where a value came from (KIP-226): Kafka's numbers. */
const CONFIG_SOURCES = { topic: 1, staticBroker: 4, default: 5 } as const

/** Kafka's numbers of types, and whether `password` would hide the value: there is none yet. */
const TYPES: Record<ConfigType, number> = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 }

export interface EntryOptions {
  readonly includeSynonyms: boolean
  readonly includeDocumentation: boolean
}

/** What a topic config is, and where that came from: the topic, the broker's setting, the default. */
export interface ResolvedConfig {
  readonly value: string
  readonly source: number
  /** The same for the broker's own setting; null where there is none. */
  readonly synonym: { readonly name: string; readonly value: string; readonly source: number } | null
}

export function resolveTopicConfig(row: TopicConfigRow, own: string | undefined, brokerConfigs: readonly BrokerConfig[]): ResolvedConfig {
  const setting = row.synonym === null ? undefined : brokerConfigs.find(({ key }) => key === row.synonym)
  const value = setting?.value ?? row.default
  const source = setting === undefined || setting.isDefault ? CONFIG_SOURCES.default : CONFIG_SOURCES.staticBroker
  const synonym = row.synonym === null ? null : { name: row.synonym, value, source }
  return own === undefined ? { value, source, synonym } : { value: own, source: CONFIG_SOURCES.topic, synonym }
}

/** A topic config as DescribeConfigs tells it. */
export function topicConfigEntry(row: TopicConfigRow, { value, source, synonym }: ResolvedConfig, options: EntryOptions): ConfigEntry {
  const own = source === CONFIG_SOURCES.topic ? [{ name: row.key, value, source }] : []
  return {
    name: row.key,
    value,
    readOnly: false,
    configSource: source,
    isSensitive: false,
    synonyms: options.includeSynonyms ? [...own, ...(synonym === null ? [] : [synonym])] : [],
    configType: TYPES[row.type],
    documentation: options.includeDocumentation ? row.doc : null,
  }
}

/** A setting of the broker: fixed while it runs. */
export function brokerConfigEntry(config: BrokerConfig, options: EntryOptions): ConfigEntry {
  const source = config.isDefault ? CONFIG_SOURCES.default : CONFIG_SOURCES.staticBroker
  return {
    name: config.key,
    value: config.value,
    readOnly: true,
    configSource: source,
    isSensitive: false,
    synonyms: options.includeSynonyms ? [{ name: config.key, value: config.value, source }] : [],
    configType: TYPES[config.type],
    documentation: options.includeDocumentation ? config.doc : null,
  }
}
