import type { ConfigType, TopicConfigRow } from '../../broker/topics/topic-config.ts'
import type { BrokerConfig } from '../handler.ts'
import type { DescribeConfigsResponse } from '../messages/describe-configs.ts'
import type { Input } from '../wire/message.ts'

export type ConfigEntry = Input<typeof DescribeConfigsResponse>['results'][number]['configs'][number]

/** Where a value came from (KIP-226): Kafka's numbers. */
export const CONFIG_SOURCES = { topic: 1, staticBroker: 4, default: 5 } as const

/** Kafka's numbers of types, and whether `password` would hide the value: there is none yet. */
const TYPES: Record<ConfigType, number> = { boolean: 1, string: 2, int: 3, long: 5, double: 6, list: 7 }

export interface EntryOptions {
  readonly includeSynonyms: boolean
  readonly includeDocumentation: boolean
}

/** A topic config: its own value, else the default of all topics. */
export function topicConfigEntry(row: TopicConfigRow, own: string | undefined, options: EntryOptions): ConfigEntry {
  const synonyms = [
    ...(own === undefined ? [] : [{ name: row.key, value: own, source: CONFIG_SOURCES.topic }]),
    ...(row.synonym === null ? [] : [{ name: row.synonym, value: row.default, source: CONFIG_SOURCES.default }]),
  ]
  return {
    name: row.key,
    value: own ?? row.default,
    readOnly: false,
    configSource: own === undefined ? CONFIG_SOURCES.default : CONFIG_SOURCES.topic,
    isSensitive: false,
    synonyms: options.includeSynonyms ? synonyms : [],
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
