/**
 * The bijection between MQTT topics and log topics with keys: the first level is the log topic, the rest the record key.
 * `orders/eu/42` is topic `orders`, key `eu/42`; `orders` has the null key, `orders/` the empty one. What has no legal log
 * topic as its first level, or one too many of them, is in the topic `mqtt` with the whole MQTT topic as key. Rules
 * override it (mapping-rule.ts).
 */
import type { LogStore } from '../../../log/ports.ts'
import { partitionOfKey } from '../../../util/murmur2.ts'
import { ERRORS, type Failure, failure, isFailure } from '../../errors.ts'
import { checkMqttTopic, checkTopicForm, firstLevel } from '../../sessions/topic-filter.ts'
import type { Partition } from '../partition.ts'
import type { Topic } from '../topic.ts'
import { checkTopicName, isInternalTopic } from '../topic-name.ts'
import type { TopicListener, TopicRegistry } from '../topic-registry.ts'
import { AutoTopics } from './auto-topics.ts'
import { type CompiledRule, compileRule, filtersOverlap, type MappingRule, ruleMatches } from './mapping-rule.ts'

/** The log topic of MQTT topics without one of their own; its key is always the whole MQTT topic. */
const OVERFLOW_TOPIC = 'mqtt'

export interface MappingSettings {
  readonly rules: readonly MappingRule[]
  /** Log topics that publishing may make; further first levels go to `mqtt`. */
  readonly maxAutoTopics: number
}

export const MAPPING_DEFAULTS: MappingSettings = { rules: [], maxAutoTopics: 256 }

/** Routes remembered, by MQTT topic. Beyond it the older half is forgotten. */
const MAX_CACHED_ROUTES = 65_536

/** Where messages of one MQTT topic are kept. */
export interface LogRoute {
  readonly kind: 'log'
  readonly topic: Topic
  readonly partition: Partition
  readonly key: Uint8Array | null
  /** Whether records carry the MQTT topic in a header, since topic and key do not tell it. */
  readonly topicHeader: boolean
}

/** A rule with `store: false`: live delivery only. */
interface TransientRoute {
  readonly kind: 'transient'
}

export type Route = LogRoute | TransientRoute

/** Where MQTT topics live in the log, and under which MQTT topics records are delivered. */
export class TopicMapping implements TopicListener {
  readonly #topics: TopicRegistry
  readonly #rules: readonly CompiledRule[]
  readonly #maxAutoTopics: number
  readonly #auto: AutoTopics
  readonly #warn: (message: string) => void
  #young = new Map<string, Route>()
  #old = new Map<string, Route>()
  #warned = false
  #pruned = false

  /** Before `LogStore.open`. Throws an Error for a rule that is not legal: rules come from the configuration. */
  constructor(topics: TopicRegistry, log: LogStore, settings: MappingSettings, warn: (message: string) => void) {
    this.#topics = topics
    this.#rules = settings.rules.map((rule) => {
      const compiled = compileRule(rule)
      if (typeof compiled === 'string') throw new Error(compiled)
      return compiled
    })
    this.#maxAutoTopics = settings.maxAutoTopics
    this.#auto = new AutoTopics(log)
    this.#warn = warn
    topics.addListener(this)
  }

  /** Where a legal MQTT topic (`checkMqttTopic`) goes; makes the log topic where it is missing. */
  route(mqttTopic: string): Route | Failure {
    const known = this.#young.get(mqttTopic)
    if (known !== undefined) return known
    const aged = this.#old.get(mqttTopic)
    const route = aged ?? this.#resolve(mqttTopic)
    if (isFailure(route)) return route
    if (this.#young.size >= MAX_CACHED_ROUTES / 2) {
      this.#old = this.#young
      this.#young = new Map()
    }
    this.#young.set(mqttTopic, route)
    return route
  }

  /** The log topics in which messages matching `filter` (a plain one) can be, existing or not; `all` where any could hold some. */
  logTopicsOf(filter: string): readonly string[] | 'all' {
    const first = firstLevel(filter)
    if (first === '+' || first === '#') return 'all'
    if (first.startsWith('$')) return []
    const names = new Set([OVERFLOW_TOPIC])
    if (isOwnTopic(first)) names.add(first)
    for (const rule of this.#rules) {
      if (!rule.store || !filtersOverlap(rule.filter, filter)) continue
      if (rule.fixedTopic === null) return 'all'
      names.add(rule.fixedTopic)
    }
    return [...names]
  }

  /** The log topics whose rights are those of the MQTT topic, existing or not: that of its first level, and that of its rule; else `mqtt`. */
  rightsTopicsOf(mqttTopic: string): readonly string[] {
    const first = firstLevel(mqttTopic)
    const target = this.#ruleTarget(mqttTopic)
    const own = isOwnTopic(first) ? [first] : []
    if (target !== undefined && isOwnTopic(target) && target !== first) return [...own, target]
    return own.length > 0 || first.startsWith('$') ? own : [OVERFLOW_TOPIC]
  }

  /** The same for all topics that a plain filter matches; `all` where any log topic could be one. */
  rightsTopicsOfFilter(filter: string): readonly string[] | 'all' {
    const names = this.logTopicsOf(filter)
    if (names === 'all' || !isOwnTopic(firstLevel(filter))) return names
    return names.filter((name) => name !== OVERFLOW_TOPIC || this.#rules.some((rule) => rule.fixedTopic === name))
  }

  /**
   * The MQTT topic of a record, or null where its key makes none: it is then delivered under the topic's name alone, with the
   * key beside it. `header` is the text of its `mqtt.topic`, which counts only where the rules put that topic into this one:
   * else the right to write to one log topic would be the right to speak under every MQTT topic.
   */
  mqttTopicOf(topicName: string, key: string | null, header: string | undefined): string | null {
    if (header !== undefined && checkMqttTopic(header) === null && this.#ruleTarget(header) === topicName) return header
    if (topicName === OVERFLOW_TOPIC) return key !== null && this.#overflows(key) ? key : null
    if (key === null) return topicName
    const mqttTopic = `${topicName}/${key}`
    return checkTopicForm(mqttTopic) === null ? mqttTopic : null
  }

  onTopicCreated(): void {
    this.#forgetRoutes()
  }

  onTopicDeleted(topic: Topic): void {
    this.#auto.delete(topic.name)
    this.#forgetRoutes()
  }

  onTopicGrown(): void {
    this.#forgetRoutes()
  }

  #forgetRoutes(): void {
    this.#young.clear()
    this.#old.clear()
  }

  #resolve(mqttTopic: string): Route | Failure {
    const rule = this.#ruleOf(mqttTopic)
    if (rule !== undefined) return this.#resolveByRule(rule, mqttTopic)
    const first = firstLevel(mqttTopic)
    if (isOwnTopic(first)) {
      const topic = this.#topics.get(first) ?? this.#autoCreate(first)
      if (topic !== null) return logRoute(topic, first.length === mqttTopic.length ? null : Buffer.from(mqttTopic.slice(first.length + 1)), false)
    }
    return this.#overflow(mqttTopic)
  }

  #resolveByRule(rule: CompiledRule, mqttTopic: string): Route | Failure {
    if (!rule.store) return { kind: 'transient' }
    const { topic: name, key } = rule.expand(mqttTopic)
    if (rule.fixedTopic === null && !isOwnTopic(name)) return this.#overflow(mqttTopic)
    const topic = this.#topics.get(name) ?? (rule.fixedTopic === null ? this.#autoCreate(name) : this.#create(name))
    if (topic === null) return this.#overflow(mqttTopic)
    return isFailure(topic) ? topic : logRoute(topic, Buffer.from(key), true)
  }

  #overflow(mqttTopic: string): Route | Failure {
    const topic = this.#topics.get(OVERFLOW_TOPIC) ?? this.#create(OVERFLOW_TOPIC)
    return isFailure(topic) ? topic : logRoute(topic, Buffer.from(mqttTopic), false)
  }

  #create(name: string): Topic | Failure {
    return this.#topics.create({ name }, () => {})
  }

  /** Null where the ceiling, or the broker's limit of partitions, is reached. */
  #autoCreate(name: string): Topic | null {
    if (!this.#pruned) {
      this.#pruned = true
      this.#auto.prune((known) => this.#topics.get(known) !== undefined)
    }
    if (this.#auto.size >= this.#maxAutoTopics) {
      this.#warnOnce(name, `publishing has made ${this.#auto.size} topics, the most that is allowed`)
      return null
    }
    this.#auto.add(name)
    const topic = this.#create(name)
    if (!isFailure(topic)) return topic
    this.#auto.delete(name)
    this.#warnOnce(name, topic.message)
    return null
  }

  #warnOnce(name: string, reason: string): void {
    if (this.#warned) return
    this.#warned = true
    this.#warn(
      `MQTT topics under ${JSON.stringify(name)} and other new first levels go to the topic "${OVERFLOW_TOPIC}", since ${reason}; ` +
        `if first levels are ids of devices, add a mapping rule such as { filter: '+/telemetry/#', topic: 'telemetry', key: '{1}/{#}' }`,
    )
  }

  #ruleOf(mqttTopic: string): CompiledRule | undefined {
    for (const rule of this.#rules) if (ruleMatches(rule, mqttTopic)) return rule
    return undefined
  }

  /** The log topic that a rule gives a topic, or undefined. */
  #ruleTarget(mqttTopic: string): string | undefined {
    const rule = this.#ruleOf(mqttTopic)
    return rule?.store === true ? rule.expand(mqttTopic).topic : undefined
  }

  /** Whether this MQTT topic belongs to `mqtt` rather than to a log topic or a rule; what does not is not spoken for by a key there. */
  #overflows(mqttTopic: string): boolean {
    if (checkMqttTopic(mqttTopic) !== null) return false
    const target = this.#ruleTarget(mqttTopic)
    if (target !== undefined) return !isOwnTopic(target)
    const first = firstLevel(mqttTopic)
    return !isOwnTopic(first) || this.#topics.get(first) === undefined
  }
}

/** Whether a first level is a log topic of its own. */
function isOwnTopic(name: string): boolean {
  return name !== OVERFLOW_TOPIC && checkTopicName(name) === null && !isInternalTopic(name)
}

/** One MQTT topic is always in one partition: that of its key, the first for the null key. */
function logRoute(topic: Topic, key: Uint8Array | null, topicHeader: boolean): LogRoute | Failure {
  const partition = topic.partitions[key === null ? 0 : partitionOfKey(key, topic.partitions.length)]
  if (partition === undefined) return failure(ERRORS.unknownTopicOrPartition, `topic "${topic.name}" has no partitions`)
  return { kind: 'log', topic, partition, key, topicHeader }
}
