import type { ConfigType } from './config-row.ts'

/** Where a value came from (KIP-226), from the nearest to the farthest. */
export type ConfigSource = 'topic' | 'group' | 'logger' | 'broker' | 'cluster' | 'static' | 'default'

/** A place that has a value for a config, under the name it has there. */
export interface ConfigSynonym {
  readonly name: string
  /** Null: not to be told. */
  readonly value: string | null
  readonly source: ConfigSource
}

/** A config as it holds, with everything that could hold in its place. */
export interface ResolvedConfig {
  readonly name: string
  readonly value: string | null
  readonly source: ConfigSource
  readonly isReadOnly: boolean
  readonly isSensitive: boolean
  /** Null for a key that this broker does not know. */
  readonly type: ConfigType | null
  readonly doc: string
  /** The first one holds. */
  readonly synonyms: readonly ConfigSynonym[]
}
