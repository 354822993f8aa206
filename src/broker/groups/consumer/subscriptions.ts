import { createHash } from 'node:crypto'
import type { Topic } from '../../topics/topic.ts'
import type { TopicRegistry } from '../../topics/topic-registry.ts'
import { compileTopicRegex, type TopicRegex } from './topic-regex.ts'

/** What a member wants to consume. */
export interface Subscription {
  /** Without repeats. */
  readonly topicNames: readonly string[]
  /** RE2, over whole names; null where it has none. */
  readonly topicRegex: string | null
}

/** What may be seen by whoever asked last: topics that a member must not describe do not match. */
export type MayDescribe = (topicName: string) => boolean

interface Expression {
  readonly compiled: TopicRegex
  memberCount: number
  /** Names of the topics that match. */
  topicNames: ReadonlySet<string>
  /** Topics that came or went since it was last matched; null: it never was. */
  changed: Set<string> | null
  /** It was matched before the broker started: that it matches again is no news. */
  isRestored: boolean
  matchedAtMs: number
}

/** What the members of a group are subscribed to, all together. */
export class Subscriptions {
  readonly #topics: TopicRegistry
  /** How many members name a topic. */
  readonly #names = new Map<string, number>()
  readonly #expressions = new Map<string, Expression>()

  constructor(topics: TopicRegistry) {
    this.#topics = topics
  }

  /** Null where a new member may have the expression, else what is wrong with it. */
  checkRegex(source: string | null): string | null {
    if (source === null || this.#expressions.has(source)) return null
    const compiled = compileTopicRegex(source)
    return typeof compiled === 'string' ? compiled : null
  }

  /** The expression, if any, was checked. It matches nothing before `match`. */
  add({ topicNames, topicRegex }: Subscription): void {
    for (const name of topicNames) this.#names.set(name, (this.#names.get(name) ?? 0) + 1)
    if (topicRegex === null) return
    const known = this.#expressions.get(topicRegex)
    if (known !== undefined) {
      known.memberCount++
      return
    }
    const compiled = compileTopicRegex(topicRegex)
    if (typeof compiled === 'string') throw new Error(`the expression ${topicRegex} was not checked: ${compiled}`)
    this.#expressions.set(topicRegex, { compiled, memberCount: 1, topicNames: new Set(), changed: null, isRestored: false, matchedAtMs: 0 })
  }

  remove({ topicNames, topicRegex }: Subscription): void {
    for (const name of topicNames) {
      const count = (this.#names.get(name) ?? 0) - 1
      if (count > 0) this.#names.set(name, count)
      else this.#names.delete(name)
    }
    const expression = topicRegex === null ? undefined : this.#expressions.get(topicRegex)
    if (expression !== undefined && --expression.memberCount === 0) this.#expressions.delete(topicRegex as string)
  }

  /** Whether any member consumes the topic. */
  includes(topicName: string): boolean {
    if (this.#names.has(topicName)) return true
    for (const expression of this.#expressions.values()) {
      // Not matched yet, right after a restart: better to take it for consumed.
      if (expression.topicNames.has(topicName) || (expression.changed === null && expression.compiled.matches(topicName))) return true
    }
    return false
  }

  /** A topic came, grew or went; whether that may concern the group. */
  topicChanged(topicName: string): boolean {
    let concerns = this.#names.has(topicName)
    for (const expression of this.#expressions.values()) {
      if (!expression.topicNames.has(topicName) && !expression.compiled.matches(topicName)) continue
      expression.changed?.add(topicName)
      concerns = true
    }
    return concerns
  }

  /** All that there is was there before the broker started. */
  markRestored(): void {
    for (const expression of this.#expressions.values()) expression.isRestored = true
  }

  /** Whether an expression waits for its first `match`. */
  awaitsMatch(source: string | null): boolean {
    return source !== null && this.#expressions.get(source)?.changed === null
  }

  /**
   * Looks which topics the expressions match, of those that may be described; again after `maxAgeMs`, since rights change.
   * Whether members want other topics now.
   */
  match(nowMs: number, maxAgeMs: number, mayDescribe: MayDescribe): boolean {
    let isNews = false
    for (const expression of this.#expressions.values()) {
      const { isRestored } = expression
      const isAnew = expression.changed === null || nowMs - expression.matchedAtMs > maxAgeMs
      const changed = isAnew ? this.#matchAll(expression, nowMs, mayDescribe) : this.#matchChanged(expression, mayDescribe)
      isNews ||= changed && !isRestored
      expression.changed = new Set()
      expression.isRestored = false
    }
    return isNews
  }

  /** Ids of the topics that exist of those wanted. */
  topicIdsOf({ topicNames, topicRegex }: Subscription): Set<string> {
    const ids = new Set<string>()
    for (const name of topicNames) this.#addId(ids, name)
    const expression = topicRegex === null ? undefined : this.#expressions.get(topicRegex)
    for (const name of expression?.topicNames ?? []) this.#addId(ids, name)
    return ids
  }

  /** Whether all of `memberCount` members want the same: they all name the same topics, or all have one expression and nothing else. */
  areAlike(memberCount: number): boolean {
    const [expression] = this.#expressions.values()
    if (expression !== undefined) return this.#names.size === 0 && expression.memberCount === memberCount
    for (const count of this.#names.values()) if (count !== memberCount) return false
    return true
  }

  /**
   * Changes whenever one of the topics comes, goes, is made anew or grows, or an expression matches other ones: names, ids and
   * partition counts, hashed.
   */
  fingerprint(): string {
    const expressions = [...this.#expressions].sort(([left], [right]) => (left < right ? -1 : 1))
    const names = new Set(this.#names.keys())
    for (const [, { topicNames }] of expressions) for (const name of topicNames) names.add(name)
    const topics = [...names].map((name) => this.#topics.get(name)).filter((topic): topic is Topic => topic !== undefined)
    if (topics.length === 0 && expressions.length === 0) return ''
    const hash = createHash('sha256')
    for (const { name, id, partitions } of topics.sort((left, right) => (left.name < right.name ? -1 : 1))) hash.update(`${name} ${id} ${partitions.length}\n`)
    // A crash between a new expression and its first match must not pass for a match.
    for (const [source, { changed, topicNames }] of expressions) hash.update(`${source}\n${changed === null ? '' : [...topicNames].sort()}\n`)
    return hash.digest('base64url').slice(0, 16)
  }

  #matchAll(expression: Expression, nowMs: number, mayDescribe: MayDescribe): boolean {
    const before = expression.topicNames
    const matching = new Set<string>()
    for (const { name } of this.#topics.all()) if (expression.compiled.matches(name) && mayDescribe(name)) matching.add(name)
    expression.topicNames = matching
    expression.matchedAtMs = nowMs
    return matching.size !== before.size || [...matching].some((name) => !before.has(name))
  }

  #matchChanged(expression: Expression, mayDescribe: MayDescribe): boolean {
    if (expression.changed === null || expression.changed.size === 0) return false
    const matching = new Set(expression.topicNames)
    for (const name of expression.changed) {
      if (this.#topics.get(name) !== undefined && expression.compiled.matches(name) && mayDescribe(name)) matching.add(name)
      else matching.delete(name)
    }
    expression.topicNames = matching
    return true
  }

  #addId(ids: Set<string>, topicName: string): void {
    const topic = this.#topics.get(topicName)
    if (topic !== undefined) ids.add(topic.id)
  }
}
