/**
 * Rights on MQTT topics, in the one table of ACLs.
 *
 * - What an ACL says of a log topic `T` it says of the MQTT topics whose messages are there: of `T/#`, or what mapping rules put there.
 * - An ACL on a topic whose name has a `/`, a `+` or a `#`, which no log topic's has, speaks of MQTT topics alone: a literal one is
 *   a topic filter (`orders/eu/#`), a prefixed one the begin of topics (`orders/eu/`). As an ALLOW it says nothing of Kafka clients.
 *   One that is neither (`orders/#/x`) is kept, as Kafka keeps any name, and speaks of nothing; `elytra acl add` refuses it.
 * - A DENY of reading or writing that speaks of MQTT topics within `T` denies Kafka clients the same on all of `T`: its records
 *   cannot be told apart there.
 */
import { checkTopicForm, filterMatches, firstLevel, parseTopicFilter } from '../sessions/topic-filter.ts'
import { filtersOverlap } from '../topics/mapping/mapping-rule.ts'
import { checkTopicName } from '../topics/topic-name.ts'
import { type Acl, ANY_RESOURCE, coversOperation, coversPrincipal, type PatternType } from './acl.ts'
import type { AclIndex } from './acl-index.ts'

/** Which log topics MQTT topics are kept in: `TopicMapping`. */
export interface MqttTopicMap {
  /** The log topics whose rights are those of the MQTT topic: by its first level, and by the mapping rules. */
  rightsTopicsOf(mqttTopic: string): readonly string[]
  /** The same for all topics that a filter matches; `all` where any could be one. */
  rightsTopicsOfFilter(filter: string): readonly string[] | 'all'
}

/** No log topic's name has one of these: what an ACL on such a topic says, it says of MQTT topics alone. */
function isNoLogTopic(resourceName: string): boolean {
  return /[/+#]/.test(resourceName)
}

/** Whether an ACL on a topic speaks of MQTT topics alone. One whose name is neither a log topic's nor a filter speaks of nothing. */
export function isMqttPattern(patternType: PatternType, resourceName: string): boolean {
  return isNoLogTopic(resourceName) && checkMqttPattern(patternType, resourceName) === null
}

/** Null, or why an ACL on topics of that name can speak of none: neither is it a log topic's, nor does it name MQTT topics. */
export function checkMqttPattern(patternType: PatternType, resourceName: string): string | null {
  if (!isNoLogTopic(resourceName)) return null
  if (patternType === 'prefixed') return checkTopicForm(resourceName)
  const filter = parseTopicFilter(resourceName)
  if (typeof filter === 'string') return filter
  return filter.filter === filter.text ? null : 'an ACL names a plain topic filter'
}

/** Whether ACLs let the principal publish to (`write`), or read, one MQTT topic; `byDefault` where none speaks of it. */
export function mayUseMqttTopic(
  index: AclIndex,
  { principal, host, operation, byDefault }: MqttQuestion,
  mqttTopic: string,
  logTopics: readonly string[],
): boolean {
  let allowed = false
  let mentioned = false
  for (const acl of index.onMqtt(principal)) {
    if (!patternMatches(acl, mqttTopic)) continue
    if (!coversPrincipal(acl, principal, host) || !coversOperation(acl, operation)) continue
    if (acl.permission === 'deny') return false
    allowed = true
  }
  for (const name of logTopics) {
    for (const acl of index.of('topic', name)) {
      mentioned = true
      if (!coversPrincipal(acl, principal, host) || !coversOperation(acl, operation)) continue
      if (acl.permission === 'deny') return false
      allowed = true
    }
  }
  return allowed || (byDefault && !mentioned && !isMentioned(index, mqttTopic))
}

/** Whether any ACL, whoever it is about, speaks of the MQTT topic. */
function isMentioned(index: AclIndex, mqttTopic: string): boolean {
  for (const acl of index.ofMqtt()) if (patternMatches(acl, mqttTopic)) return true
  return false
}

interface MqttQuestion {
  readonly principal: string
  readonly host: string
  readonly operation: 'read' | 'write'
  /** The answer where no ACL speaks of the topic. */
  readonly byDefault: boolean
}

/**
 * Whether there may be a topic that matches the filter and that the principal may read. A client that subscribes is told
 * no only where there cannot be one; what it receives is decided topic by topic.
 */
export function mayReadSomeOf(index: AclIndex, question: MqttQuestion, filter: string, logTopics: readonly string[] | 'all'): boolean {
  const { principal, host } = question
  const covers = (acl: Acl): boolean => coversPrincipal(acl, principal, host) && coversOperation(acl, 'read')
  const onMqtt = [...index.onMqtt(principal)].filter(covers)
  if (onMqtt.some((acl) => acl.permission === 'deny' && coversFilter(acl, filter))) return false
  if (onMqtt.some((acl) => acl.permission === 'allow' && overlaps(acl, filter))) return true
  if (logTopics !== 'all') return logTopics.some((name) => mayReadLogTopic(index, question, name))
  const acls = [...index.ofType('topic')].filter(covers)
  if (acls.some((acl) => acl.permission === 'deny' && acl.resourceName === ANY_RESOURCE && acl.patternType === 'literal')) return false
  return question.byDefault || acls.some((acl) => acl.permission === 'allow' && !isNoLogTopic(acl.resourceName))
}

function mayReadLogTopic(index: AclIndex, { principal, host, byDefault }: MqttQuestion, name: string): boolean {
  let allowed = false
  let mentioned = false
  for (const acl of index.of('topic', name)) {
    mentioned = true
    if (!coversPrincipal(acl, principal, host) || !coversOperation(acl, 'read')) continue
    if (acl.permission === 'deny') return false
    allowed = true
  }
  return allowed || (!mentioned && byDefault)
}

/** Whether a DENY on MQTT topics keeps the principal from reading, or writing, the log topic by Kafka. */
export function isDeniedByMqtt(index: AclIndex, { principal, host, operation }: Omit<MqttQuestion, 'byDefault'>, logTopic: string): boolean {
  for (const acl of index.onMqtt(principal)) {
    if (acl.permission !== 'deny' || !coversPrincipal(acl, principal, host) || !coversOperation(acl, operation)) continue
    if (reachesLogTopic(acl, logTopic)) return true
  }
  return false
}

/** What has no log topic as its first level is in `mqtt`: a pattern that speaks of it reaches that one. */
const OVERFLOW_TOPIC = 'mqtt'

function reachesLogTopic({ patternType, resourceName }: Acl, logTopic: string): boolean {
  const first = firstLevel(resourceName)
  if (patternType === 'prefixed' && !resourceName.includes('/')) return false
  if (patternType === 'literal' && (first === '+' || first === '#')) return true
  return first === logTopic || (logTopic === OVERFLOW_TOPIC && checkTopicName(first) !== null)
}

function patternMatches({ patternType, resourceName }: Acl, mqttTopic: string): boolean {
  return patternType === 'prefixed' ? mqttTopic.startsWith(resourceName) : filterMatches(resourceName, mqttTopic)
}

/** Whether the pattern and the filter can match one topic. */
function overlaps({ patternType, resourceName }: Acl, filter: string): boolean {
  return filtersOverlap(patternType === 'prefixed' ? filterOfPrefix(resourceName) : resourceName, filter)
}

/** A filter that matches at least what begins with the prefix. */
function filterOfPrefix(prefix: string): string {
  const end = prefix.lastIndexOf('/')
  return end < 0 ? '#' : `${prefix.slice(0, end)}/#`
}

/** Whether every topic that the filter matches is one of the pattern's. */
function coversFilter({ patternType, resourceName }: Acl, filter: string): boolean {
  if (patternType === 'literal') return includesFilter(resourceName, filter)
  // "a/#" also matches "a" [MQTT-4.7.1-2].
  const wildcard = filter.search(/\+|\/?#/)
  return (wildcard < 0 ? filter : filter.slice(0, wildcard)).startsWith(resourceName)
}

/** Whether the first filter matches whatever the second one does. */
function includesFilter(one: string, other: string): boolean {
  const a = one.split('/')
  const b = other.split('/')
  for (let index = 0; ; index++) {
    const left = a[index]
    const right = b[index]
    if (left === '#') return true
    if (left === undefined || right === undefined) return left === right
    if (right === '#' || (left !== '+' && left !== right)) return false
  }
}
