import type { LogStore, StateMachine } from '../../log/ports.ts'
import type { Random } from '../../runtime/random.ts'
import { randomUuid } from '../../util/uuid.ts'
import { ConfigProblem } from '../configs/config-row.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import { Partition } from './partition.ts'
import { Topic } from './topic.ts'
import { parseTopicConfigs } from './topic-config.ts'
import { checkTopicName } from './topic-name.ts'

/** What is remembered of a topic: the value of its state record, as JSON. */
interface TopicRecord {
  readonly name: string
  readonly partitions: number
  readonly configs: Record<string, string>
}

export interface NewTopic {
  readonly name: string
  /** 1 or more; undefined for `num.partitions`. */
  readonly partitions?: number
  readonly configs?: ReadonlyMap<string, string>
}

export interface TopicRegistrySettings {
  /** Partitions of a topic that is made on first use, or without a number. */
  readonly numPartitions: number
  /** Partitions this broker holds at most, over all topics. */
  readonly maxPartitions: number
}

const NO_CONFIGS: ReadonlyMap<string, string> = new Map()

/** Told of every topic that comes and goes, after it did. */
export interface TopicListener {
  onTopicCreated?(topic: Topic): void
  /** It has more partitions than the `before` it had. */
  onTopicGrown?(topic: Topic, before: number): void
  onTopicDeleted?(topic: Topic): void
}

/** All topics of the broker, by name and id, and their state machine in the coordinator's log. */
export class TopicRegistry implements StateMachine {
  readonly kind = STATE_KINDS.topic
  readonly #log: LogStore
  readonly #random: Random
  readonly #settings: TopicRegistrySettings
  readonly #byName = new Map<string, Topic>()
  readonly #byId = new Map<string, Topic>()
  /** Ids, by name, of topics that were deleted here and not on disk. */
  readonly #undeleted = new Map<string, string>()
  readonly #listeners = new Set<TopicListener>()
  /** Replayed, not opened yet. */
  readonly #replayed = new Map<string, TopicRecord>()
  #partitionCount = 0
  #topicDefaults: ReadonlyMap<string, string> = NO_CONFIGS

  constructor(log: LogStore, random: Random, settings: TopicRegistrySettings) {
    this.#log = log
    this.#random = random
    this.#settings = settings
    log.register(this)
  }

  /** Opens the logs of all topics the state knows; after `LogStore.open`. */
  async open(): Promise<void> {
    for (const [id, record] of this.#replayed) {
      const topic = new Topic(id, record.name, new Map(Object.entries(record.configs)), this.#topicDefaults)
      for (let index = 0; index < record.partitions; index++) {
        const log = await this.#log.openPartition(id, record.name, index, topic.settings.log)
        topic.partitions.push(new Partition(topic, log))
      }
      this.#add(topic)
    }
    this.#replayed.clear()
  }

  /** The broker's values of topic configs that a topic does not set itself, by the topic's key, checked: they hold when this returns. */
  setTopicDefaults(defaults: ReadonlyMap<string, string>): void {
    this.#topicDefaults = defaults
    for (const topic of this.#byName.values()) topic.setDefaults(defaults)
  }

  get(name: string): Topic | undefined {
    return this.#byName.get(name)
  }

  getById(id: string): Topic | undefined {
    return this.#byId.get(id)
  }

  all(): IterableIterator<Topic> {
    return this.#byName.values()
  }

  get size(): number {
    return this.#byName.size
  }

  /** Partitions of a topic that is made without a number. */
  get defaultPartitions(): number {
    return this.#settings.numPartitions
  }

  get partitionCount(): number {
    return this.#partitionCount
  }

  addListener(listener: TopicListener): void {
    this.#listeners.add(listener)
  }

  removeListener(listener: TopicListener): void {
    this.#listeners.delete(listener)
  }

  /** What `create` would refuse, without making anything. */
  check(request: NewTopic): Failure | null {
    const wrongName = checkTopicName(request.name)
    if (wrongName !== null) return failure(ERRORS.invalidTopic, wrongName)
    if (this.#byName.has(request.name)) return failure(ERRORS.topicAlreadyExists, `topic "${request.name}" exists`)
    const partitions = request.partitions ?? this.#settings.numPartitions
    if (partitions < 1) return failure(ERRORS.invalidPartitions, `a topic has at least 1 partition, not ${partitions}`)
    const tooMany = this.#checkRoom(partitions)
    if (tooMany !== null) return tooMany
    const configs = parseTopicConfigs(request.configs ?? NO_CONFIGS)
    return configs instanceof ConfigProblem ? failure(ERRORS.invalidConfig, configs.message) : null
  }

  /**
   * Makes a topic: it exists when this returns, and is durable when `onDurable` is called (with a failure where the disk
   * refused; the topic is gone again then). What is appended to it meanwhile is ordered behind it.
   */
  create(request: NewTopic, onDurable: (failed: Failure | null) => void): Topic | Failure {
    const refused = this.check(request)
    if (refused !== null) return refused
    const configs = parseTopicConfigs(request.configs ?? NO_CONFIGS) as Map<string, string>
    const topic = new Topic(randomUuid(this.#random), request.name, configs, this.#topicDefaults)
    const count = request.partitions ?? this.#settings.numPartitions
    for (let index = 0; index < count; index++) {
      topic.partitions.push(new Partition(topic, this.#log.createPartition(topic.id, topic.name, index, topic.settings.log)))
    }
    this.#add(topic)
    // A topic of that name whose deletion the disk refused goes with it: there are never two of one name.
    const before = this.#undeleted.get(topic.name)
    const records: [string, Uint8Array | null][] = before === undefined ? [] : [[before, null]]
    this.#append([...records, [topic.id, encode(topic)]], (failed) => {
      if (failed !== null) {
        this.#drop(topic)
        this.#log.deleteTopic(topic.id)
      } else if (before !== undefined) {
        this.#undeleted.delete(topic.name)
        this.#log.deleteTopic(before)
      }
      onDurable(failed)
    })
    for (const listener of this.#listeners) listener.onTopicCreated?.(topic)
    return topic
  }

  /** What `grow` would refuse. */
  checkGrowth(topic: Topic, partitions: number): Failure | null {
    const before = topic.partitions.length
    if (partitions > before) return this.#checkRoom(partitions - before)
    return failure(ERRORS.invalidPartitions, `topic "${topic.name}" has ${before} partitions; it can grow, not ${partitions === before ? 'stay' : 'shrink'}`)
  }

  /**
   * Adds partitions up to the number given (`checkGrowth` allowed it): they are there when this returns, and durable at
   * `onDurable`; gone again where the disk refused.
   */
  grow(topic: Topic, partitions: number, onDurable: (failed: Failure | null) => void): void {
    const before = topic.partitions.length
    for (let index = before; index < partitions; index++) {
      topic.partitions.push(new Partition(topic, this.#log.createPartition(topic.id, topic.name, index, topic.settings.log)))
    }
    this.#partitionCount += partitions - before
    this.#save(topic, (failed) => {
      if (failed !== null && topic.partitions.length === partitions) {
        for (const partition of topic.partitions.splice(before)) partition.markDeleted()
        this.#partitionCount -= partitions - before
      }
      onDurable(failed)
    })
    for (const listener of this.#listeners) listener.onTopicGrown?.(topic, before)
  }

  /** Replaces a topic's own configs, checked by the caller: they hold when this returns; the old ones hold again where the disk refused. */
  alterConfigs(topic: Topic, configs: ReadonlyMap<string, string>, onDurable: (failed: Failure | null) => void): void {
    const before = topic.configs
    topic.setConfigs(configs)
    this.#save(topic, (failed) => {
      if (failed !== null && topic.configs === configs) topic.setConfigs(before)
      onDurable(failed)
    })
  }

  /** Deletes a topic: it is gone when this returns, and for good at `onDurable`; only then its records go, in the background. */
  delete(topic: Topic, onDurable: (failed: Failure | null) => void): void {
    this.#drop(topic)
    this.#append([[topic.id, null]], (failed) => {
      if (failed === null) this.#log.deleteTopic(topic.id)
      else this.#undeleted.set(topic.name, topic.id)
      onDurable(failed)
    })
  }

  apply(id: string, value: Uint8Array | null): void {
    if (value === null) this.#replayed.delete(id)
    else this.#replayed.set(id, JSON.parse(Buffer.from(value).toString()) as TopicRecord)
  }

  *entries(): Iterable<readonly [string, Uint8Array]> {
    for (const topic of this.#byName.values()) yield [topic.id, encode(topic)]
  }

  #checkRoom(partitions: number): Failure | null {
    if (this.#partitionCount + partitions <= this.#settings.maxPartitions) return null
    return failure(
      ERRORS.invalidPartitions,
      `${partitions} more partitions would exceed the broker's limit of ${this.#settings.maxPartitions}; it holds ${this.#partitionCount}`,
    )
  }

  #add(topic: Topic): void {
    this.#byName.set(topic.name, topic)
    this.#byId.set(topic.id, topic)
    this.#partitionCount += topic.partitions.length
  }

  #drop(topic: Topic): void {
    if (this.#byId.get(topic.id) !== topic) return
    this.#byName.delete(topic.name)
    this.#byId.delete(topic.id)
    this.#partitionCount -= topic.partitions.length
    for (const partition of topic.partitions) partition.markDeleted()
    for (const listener of this.#listeners) listener.onTopicDeleted?.(topic)
  }

  #save(topic: Topic, onDurable: (failed: Failure | null) => void): void {
    this.#append([[topic.id, encode(topic)]], onDurable)
  }

  #append(records: readonly (readonly [id: string, value: Uint8Array | null])[], onDurable: (failed: Failure | null) => void): void {
    this.#log.append({
      batches: [],
      state: records.map(([key, value]) => ({ kind: this.kind, key, value })),
      durability: 'durable',
      onDone: (failed) => onDurable(failed === null ? null : failure(ERRORS.kafkaStorageError, failed.message)),
    })
  }
}

function encode(topic: Topic): Uint8Array {
  const record: TopicRecord = { name: topic.name, partitions: topic.partitions.length, configs: Object.fromEntries(topic.configs) }
  return Buffer.from(JSON.stringify(record))
}
