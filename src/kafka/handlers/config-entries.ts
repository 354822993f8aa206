import type { ConfigType } from '../../broker/configs/config-row.ts'
import type { ConfigSource, ResolvedConfig } from '../../broker/configs/resolved-config.ts'
import type { DescribeConfigsResponse } from '../messages/describe-configs.ts'
import type { Input } from '../wire/message.ts'

type ConfigEntry = Input<typeof DescribeConfigsResponse>['results'][number]['configs'][number]

/** Where a value came from (KIP-226): Kafka's numbers. */
export const CONFIG_SOURCES: Readonly<Record<ConfigSource, number>> = { topic: 1, broker: 2, cluster: 3, static: 4, default: 5, logger: 6, group: 8 }

/** Kafka's numbers of types. */
const TYPES: Readonly<Record<ConfigType, number>> = { boolean: 1, string: 2, int: 3, short: 4, long: 5, double: 6, list: 7, password: 9 }
const UNKNOWN_TYPE = 0

interface EntryOptions {
  readonly includeSynonyms: boolean
  readonly includeDocumentation: boolean
}

/** A config as DescribeConfigs tells it. */
export function configEntry(config: ResolvedConfig, options: EntryOptions): ConfigEntry {
  return {
    name: config.name,
    value: config.value,
    readOnly: config.isReadOnly,
    configSource: CONFIG_SOURCES[config.source],
    isSensitive: config.isSensitive,
    synonyms: options.includeSynonyms ? config.synonyms.map(({ name, value, source }) => ({ name, value, source: CONFIG_SOURCES[source] })) : [],
    configType: config.type === null ? UNKNOWN_TYPE : TYPES[config.type],
    documentation: options.includeDocumentation ? config.doc : null,
  }
}
