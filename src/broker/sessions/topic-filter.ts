/**
 * MQTT topic names and topic filters: what is legal, what matches, and the two prefixes that change what a filter means,
 * `$share/GROUP/FILTER` [MQTT-4.8.2] and `$replay/FROM/FILTER` (ours: history first, then live).
 * Whatever comes in is well-formed UTF-8 of at most 65,535 bytes without U+0000: the wire checked that.
 */

/** Levels of one topic or filter; deeper ones are refused, since each level costs a step of every match. */
export const MAX_TOPIC_LEVELS = 200

export interface TopicFilter {
  /** As the client wrote it. */
  readonly text: string
  /** What topics are matched against: `text` without `$share/GROUP/` or `$replay/FROM/`. */
  readonly filter: string
  /** The share name of `$share/GROUP/…`, else null. */
  readonly share: string | null
  /** Where `$replay/FROM/…` begins, else null. */
  readonly replayFrom: ReplayFrom | null
}

/** Where a replay begins. */
export type ReplayFrom =
  | { readonly kind: 'earliest' }
  /** The same offset in every partition that the filter touches. */
  | { readonly kind: 'offset'; readonly offset: number }
  /** Milliseconds since the Unix epoch. */
  | { readonly kind: 'time'; readonly timestampMs: number }
  /** Milliseconds before now. */
  | { readonly kind: 'ago'; readonly agoMs: number }

const SHARE = '$share'
const REPLAY = '$replay'

/** The filter, or in words what is wrong with it (SUBACK 0x8F, in 3.1.1 0x80). */
export function parseTopicFilter(text: string): TopicFilter | string {
  if (text === SHARE || text.startsWith(`${SHARE}/`)) return parseShared(text)
  if (text === REPLAY || text.startsWith(`${REPLAY}/`)) return parseReplay(text)
  const wrong = checkPlainFilter(text)
  if (wrong !== null) return wrong
  if (text.startsWith('$') && firstLevel(text) !== '$SYS') return `no topics begin with ${JSON.stringify(firstLevel(text))} on this broker`
  return { text, filter: text, share: null, replayFrom: null }
}

/** [MQTT-4.8.2-1], [MQTT-4.8.2-2]: a share name of at least one character without wildcards, then a filter. */
function parseShared(text: string): TopicFilter | string {
  const end = text.indexOf('/', SHARE.length + 1)
  if (end < 0) return `a shared subscription is $share/GROUP/FILTER, not ${JSON.stringify(text)}`
  const share = text.slice(SHARE.length + 1, end)
  if (share === '' || /[+#]/.test(share)) return `a share name is not empty and has no "+" or "#", unlike ${JSON.stringify(share)}`
  const filter = text.slice(end + 1)
  const wrong = checkPlainFilter(filter)
  if (wrong !== null) return wrong
  return { text, filter, share, replayFrom: null }
}

function parseReplay(text: string): TopicFilter | string {
  const end = text.indexOf('/', REPLAY.length + 1)
  if (end < 0) return `a replay is $replay/FROM/FILTER, not ${JSON.stringify(text)}`
  const replayFrom = parseReplayFrom(text.slice(REPLAY.length + 1, end))
  if (typeof replayFrom === 'string') return replayFrom
  const filter = text.slice(end + 1)
  if (filter.startsWith('$')) return `topics that begin with "$" have no history`
  const wrong = checkPlainFilter(filter)
  if (wrong !== null) return wrong
  return { text, filter, share: null, replayFrom }
}

const UNIT_MS: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 }

/** `earliest`, an offset, an ISO 8601 time ending in `Z`, or `-1h` (ms, s, m, h, d, w); else in words what is wrong. */
export function parseReplayFrom(text: string): ReplayFrom | string {
  if (text === 'earliest') return { kind: 'earliest' }
  if (/^\d{1,15}$/.test(text)) return { kind: 'offset', offset: Number(text) }
  const ago = /^-(\d{1,12})(ms|s|m|h|d|w)$/.exec(text)
  if (ago !== null) return { kind: 'ago', agoMs: Number(ago[1]) * (UNIT_MS[ago[2] as string] as number) }
  if (/^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?)?Z$/.test(text)) {
    const timestampMs = Date.parse(text.includes('T') ? text : text.replace('Z', 'T00:00:00Z'))
    if (!Number.isNaN(timestampMs)) return { kind: 'time', timestampMs }
  }
  return `a replay begins at "earliest", an offset, an ISO time ending in Z or an age such as -1h, not at ${JSON.stringify(text)}`
}

/** [MQTT-4.7.1-1], [MQTT-4.7.1-2], [MQTT-4.7.3-1]; reserved names never match, so asking for them is refused. */
function checkPlainFilter(filter: string): string | null {
  if (filter === '') return 'a topic filter has at least one character'
  if (filter.startsWith('__')) return `topics that begin with "__" belong to the broker`
  let levels = 1
  for (let at = 0; at < filter.length; at++) {
    const char = filter.charCodeAt(at)
    if (char === SLASH) levels++
    else if (char === PLUS || char === HASH) {
      const alone = (at === 0 || filter.charCodeAt(at - 1) === SLASH) && (at + 1 === filter.length || filter.charCodeAt(at + 1) === SLASH)
      if (!alone) return `"${filter[at]}" takes up a whole level, unlike in ${JSON.stringify(filter)}`
      if (char === HASH && at + 1 < filter.length) return `"#" is the last level, unlike in ${JSON.stringify(filter)}`
    }
  }
  return levels > MAX_TOPIC_LEVELS ? `a topic filter has at most ${MAX_TOPIC_LEVELS} levels, this one ${levels}` : null
}

/**
 * Null where `topic` may be published to, else what is wrong with it (0x90, in 3.x a close): no wildcards
 * [MQTT-3.3.2-2], not empty [MQTT-4.7.3-1], not reserved. Also for response topics and wills.
 */
export function checkMqttTopic(topic: string): string | null {
  const wrong = checkTopicForm(topic)
  if (wrong !== null) return wrong
  if (topic.charCodeAt(0) === DOLLAR) return `clients do not publish to topics that begin with "$", such as ${JSON.stringify(firstLevel(topic))}`
  if (topic.startsWith('__')) return `topics that begin with "__" belong to the broker`
  return null
}

/** The form alone, without reserved names. */
export function checkTopicForm(topic: string): string | null {
  if (topic === '') return 'a topic has at least one character'
  let levels = 1
  for (let at = 0; at < topic.length; at++) {
    const char = topic.charCodeAt(at)
    if (char === SLASH) levels++
    else if (char === PLUS || char === HASH) return `a topic has no wildcards, unlike ${JSON.stringify(topic)}`
    else if (char === 0) return 'a topic has no U+0000'
  }
  return levels > MAX_TOPIC_LEVELS ? `a topic has at most ${MAX_TOPIC_LEVELS} levels, this one ${levels}` : null
}

/** The text before the first `/`. */
export function firstLevel(text: string): string {
  const end = text.indexOf('/')
  return end < 0 ? text : text.slice(0, end)
}

export function hasWildcard(filter: string): boolean {
  return filter.includes('+') || filter.endsWith('#')
}

/** Whether a legal filter matches a legal topic; wildcards at its begin do not match `$…` [MQTT-4.7.2-1], nor what belongs to the broker. */
export function filterMatches(filter: string, topic: string): boolean {
  const first = filter.charCodeAt(0)
  if ((first === PLUS || first === HASH) && isHiddenFromWildcards(topic)) return false
  let at = 0
  let to = 0
  for (;;) {
    const char = filter.charCodeAt(at)
    if (char === HASH) return true
    if (char === PLUS) {
      at++
      while (to < topic.length && topic.charCodeAt(to) !== SLASH) to++
    } else {
      while (at < filter.length && to < topic.length && filter.charCodeAt(at) !== SLASH && filter.charCodeAt(at) === topic.charCodeAt(to)) {
        at++
        to++
      }
    }
    const filterEnds = at === filter.length
    const topicEnds = to === topic.length
    if (topicEnds && filterEnds) return true
    // "a/#" also matches its parent "a" [MQTT-4.7.1-2].
    if (topicEnds) return at + 2 === filter.length && filter.endsWith('/#')
    if (filterEnds || filter.charCodeAt(at) !== SLASH || topic.charCodeAt(to) !== SLASH) return false
    at++
    to++
  }
}

/** Topics that `#` and `+/…` do not match: `$SYS/…` [MQTT-4.7.2-1] and the broker's own `__…`. */
export function isHiddenFromWildcards(topic: string): boolean {
  return topic.charCodeAt(0) === DOLLAR || topic.startsWith('__')
}

const SLASH = 0x2f
const PLUS = 0x2b
const HASH = 0x23
const DOLLAR = 0x24
