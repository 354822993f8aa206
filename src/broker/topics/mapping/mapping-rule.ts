/**
 * Rules that override where MQTT topics go: `{ filter: '+/telemetry/#', topic: 'telemetry', key: '{1}/{#}' }`. The first
 * rule whose filter matches a topic decides. Templates: `{1}` is what the first `+` matched, `{2}` the second, `{#}` what
 * `#` matched (empty where nothing), `{topic}` the whole MQTT topic.
 */
import { filterMatches, parseTopicFilter } from '../../sessions/topic-filter.ts'
import { checkTopicName, isInternalTopic } from '../topic-name.ts'

export interface MappingRule {
  /** An MQTT topic filter. */
  readonly filter: string
  /** The log topic, a template; needed unless `store` is false. */
  readonly topic?: string
  /** The record key, a template; default `{topic}`. */
  readonly key?: string
  /** False: messages go to who is subscribed now and are not kept. Default true. */
  readonly store?: boolean
}

export interface CompiledRule {
  readonly filter: string
  readonly store: boolean
  /** The log topic where it is the same for all MQTT topics, else null. */
  readonly fixedTopic: string | null
  /** What the templates make of a topic that the filter matches. The log topic may turn out illegal. */
  expand(mqttTopic: string): { readonly topic: string; readonly key: string }
}

type Part = string | { readonly plus: number } | { readonly whole: true } | { readonly rest: true }

/** The rule made ready, or in words what is wrong with it. */
export function compileRule(rule: MappingRule): CompiledRule | string {
  const filter = parseTopicFilter(rule.filter)
  if (typeof filter === 'string') return `mapping rule: ${filter}`
  if (filter.filter !== rule.filter || rule.filter.startsWith('$')) return `mapping rule: ${JSON.stringify(rule.filter)} is not a plain filter`
  const store = rule.store ?? true
  if (!store && (rule.topic !== undefined || rule.key !== undefined)) return `mapping rule ${rule.filter}: with store: false there is neither topic nor key`
  if (store && rule.topic === undefined) return `mapping rule ${rule.filter}: "topic" is missing`
  const topicParts = parseTemplate(rule.topic ?? '', rule.filter)
  const keyParts = parseTemplate(rule.key ?? '{topic}', rule.filter)
  if (typeof topicParts === 'string') return topicParts
  if (typeof keyParts === 'string') return keyParts
  const fixedTopic = topicParts.every((part) => typeof part === 'string') ? topicParts.join('') : null
  if (store && fixedTopic !== null) {
    const wrong = checkTopicName(fixedTopic)
    if (wrong !== null) return `mapping rule ${rule.filter}: ${wrong}`
    if (isInternalTopic(fixedTopic)) return `mapping rule ${rule.filter}: topics that begin with "__" belong to the broker`
  }
  const levels = rule.filter.split('/')
  return {
    filter: rule.filter,
    store,
    fixedTopic: store ? fixedTopic : null,
    expand: (mqttTopic) => {
      const captures = captureLevels(levels, mqttTopic)
      return { topic: fixedTopic ?? fill(topicParts, mqttTopic, captures), key: fill(keyParts, mqttTopic, captures) }
    },
  }
}

export function ruleMatches(rule: CompiledRule, mqttTopic: string): boolean {
  return filterMatches(rule.filter, mqttTopic)
}

function parseTemplate(template: string, filter: string): readonly Part[] | string {
  const pluses = filter.split('/').filter((level) => level === '+').length
  const parts: Part[] = []
  for (const piece of template.split(/(\{[^}]*\})/)) {
    if (piece === '') continue
    if (!piece.startsWith('{')) {
      if (/[{}]/.test(piece)) return `mapping rule ${filter}: template ${JSON.stringify(template)} has a brace without its partner`
      parts.push(piece)
      continue
    }
    const name = piece.slice(1, -1)
    if (name === 'topic') parts.push({ whole: true })
    else if (name === '#' && filter.endsWith('#')) parts.push({ rest: true })
    else if (/^[1-9]\d?$/.test(name) && Number(name) <= pluses) parts.push({ plus: Number(name) - 1 })
    else return `mapping rule ${filter}: the template has ${piece}, which the filter does not capture`
  }
  return parts
}

interface Captures {
  readonly plus: readonly string[]
  readonly rest: string
}

function captureLevels(filterLevels: readonly string[], mqttTopic: string): Captures {
  const levels = mqttTopic.split('/')
  const plus: string[] = []
  let rest = ''
  filterLevels.forEach((level, index) => {
    if (level === '+') plus.push(levels[index] ?? '')
    if (level === '#') rest = levels.slice(index).join('/')
  })
  return { plus, rest }
}

function fill(parts: readonly Part[], mqttTopic: string, captures: Captures): string {
  return parts
    .map((part) => {
      if (typeof part === 'string') return part
      if ('whole' in part) return mqttTopic
      if ('rest' in part) return captures.rest
      return captures.plus[part.plus] ?? ''
    })
    .join('')
}

/** Whether some topic matches both filters. */
export function filtersOverlap(one: string, other: string): boolean {
  const a = one.split('/')
  const b = other.split('/')
  for (let index = 0; ; index++) {
    const left = a[index]
    const right = b[index]
    if (left === '#' || right === '#') return true
    if (left === undefined || right === undefined) return left === right
    if (left !== right && left !== '+' && right !== '+') return false
  }
}
