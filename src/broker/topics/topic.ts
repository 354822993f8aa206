import type { Partition } from './partition.ts'
import { resolveTopicSettings, type TopicSettings } from './topic-config.ts'

/** A topic: a name, an id that a new topic of the same name does not share, partitions, configs. */
export class Topic {
  readonly id: string
  readonly name: string
  /** In order of their index; grows, never shrinks. */
  readonly partitions: Partition[] = []
  #defaults: ReadonlyMap<string, string>
  #configs: ReadonlyMap<string, string>
  #settings: TopicSettings

  /** `defaults` are the broker's for configs that the topic does not set, checked as `configs` are. */
  constructor(id: string, name: string, configs: ReadonlyMap<string, string>, defaults: ReadonlyMap<string, string> = new Map()) {
    this.id = id
    this.name = name
    this.#configs = configs
    this.#defaults = defaults
    this.#settings = resolveTopicSettings(configs, defaults)
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
    this.#resolve()
  }

  /** Takes the broker's defaults over. */
  setDefaults(defaults: ReadonlyMap<string, string>): void {
    this.#defaults = defaults
    this.#resolve()
  }

  #resolve(): void {
    this.#settings = resolveTopicSettings(this.#configs, this.#defaults)
    for (const partition of this.partitions) partition.log.setSettings(this.#settings.log)
  }
}
