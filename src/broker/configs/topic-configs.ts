import { TOPIC_CONFIGS } from '../topics/topic-config.ts'
import type { BrokerConfigs } from './broker-configs.ts'
import type { ConfigSynonym, ResolvedConfig } from './resolved-config.ts'

/** All configs of a topic that has set `own` itself: the broker's and the table's stand behind them. */
export function describeTopicConfigs(own: ReadonlyMap<string, string>, broker: BrokerConfigs): ResolvedConfig[] {
  return TOPIC_CONFIGS.map((row) => {
    const value = own.get(row.key)
    const set: ConfigSynonym[] = value === undefined ? [] : [{ name: row.key, value, source: 'topic' }]
    const synonyms = [...set, ...(row.synonym === null ? [] : broker.synonyms(row.synonym))]
    const held = synonyms[0] ?? { value: row.default, source: 'default' as const }
    return {
      name: row.key,
      value: held.value,
      source: held.source,
      isReadOnly: false,
      isSensitive: false,
      type: row.type,
      doc: row.doc,
      synonyms,
    }
  })
}
