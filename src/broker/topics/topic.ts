import type { Partition } from './partition.ts'
import { resolveTopicSettings, type TopicSettings } from './topic-config.ts'

/** A topic: a name, an id that a new topic of the same name does not share, partitions, configs. */
export class Topic {
  readonly id: string
  readonly name: string
  /** In order of their index; grows, never shrinks. */
  readonly partitions: Partition[] = []
  #configs: ReadonlyMap<string, string>
  #settings: TopicSettings

  constructor(id: string, name: string, configs: ReadonlyMap<string, string>) {
    this.id = id
    this.name = name
    this.#configs = configs
    this.#settings = resolveTopicSettings(configs)
  }

  /** Only what was set on the topic itself. */
  get configs(): ReadonlyMap<string, string> {
    return this.#configs
  }

  get settings(): TopicSettings {
    return this.#settings
  }

  /** Takes checked configs over, for all partitions. */
  setConfigs(configs: ReadonlyMap<string, string>): void {
    this.#configs = configs
    this.#settings = resolveTopicSettings(configs)
    for (const partition of this.partitions) partition.log.setSettings(this.#settings.log)
  }
}
