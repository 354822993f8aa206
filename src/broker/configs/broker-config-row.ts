import { type ConfigLimits, type ConfigRow, configRow } from './config-row.ts'

/** A config of the broker as Kafka names it. */
export interface BrokerConfigRow extends ConfigRow {
  /** How it may change while the broker runs (KIP-226): not at all, for one broker or all, for one broker only, for all brokers only. */
  readonly changes: 'never' | 'each' | 'own' | 'all'
  /** A number of threads: one change at most halves or doubles it. */
  readonly isPool: boolean
  /** The topic config that it is the default of. */
  readonly topicKey: string | null
  /** Where it has no value, the configs that stand in for it, the nearest first. */
  readonly fallbacks: readonly string[]
}

/** One that never changes and is the default of nothing. */
export function brokerConfigRow(key: string, type: ConfigRow['type'], fallback: string | null, doc: string, limits: ConfigLimits = {}): BrokerConfigRow {
  return { ...configRow(key, type, fallback, doc, limits), changes: 'never', isPool: false, topicKey: null, fallbacks: [] }
}
