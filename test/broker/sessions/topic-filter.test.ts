import assert from 'node:assert/strict'
import { test } from 'node:test'
import { checkMqttTopic, filterMatches, MAX_TOPIC_LEVELS, parseReplayFrom, parseTopicFilter } from '../../../src/broker/sessions/topic-filter.ts'

const legal = (text: string) => {
  const parsed = parseTopicFilter(text)
  assert.notEqual(typeof parsed, 'string', `${text}: ${parsed}`)
  return parsed as Exclude<typeof parsed, string>
}
const illegal = (text: string) => assert.equal(typeof parseTopicFilter(text), 'string', text)

test('[MQTT-4.7.1-1] # is the last level and alone in it', () => {
  for (const text of ['#', 'sport/#', 'sport/tennis/#', '/#', '+/#']) legal(text)
  for (const text of ['sport/tennis#', 'sport/tennis/#/ranking', '#/', '##', '#a', 'a/#b']) illegal(text)
})

test('[MQTT-4.7.1-2] + takes up a whole level', () => {
  for (const text of ['+', '+/tennis/#', 'sport/+/player1', '/+', '+/+', 'a/+/']) legal(text)
  for (const text of ['sport+', '+sport', 'a/b+/c', '++', 'a/+#']) illegal(text)
})

test('[MQTT-4.7.3-1] a filter and a topic have at least one character', () => {
  illegal('')
  assert.notEqual(checkMqttTopic(''), null)
  assert.equal(checkMqttTopic('/'), null)
  assert.equal(checkMqttTopic(' '), null)
})

test('[MQTT-3.3.2-2] a topic has no wildcards', () => {
  for (const topic of ['a/+', '#', 'a#b', 'a+']) assert.notEqual(checkMqttTopic(topic), null)
})

test('reserved names are neither published to nor subscribed to', () => {
  for (const topic of ['$SYS/broker', '$share/g/a', '$replay/earliest/a', '$', '__state', '__x/y']) assert.notEqual(checkMqttTopic(topic), null)
  for (const text of ['__state/#', '$data/#', '$CONTROL/x', '$replay/earliest/$SYS/#', '$replay/earliest/__x']) illegal(text)
  legal('$SYS/#')
  assert.equal(checkMqttTopic('_one/a'), null)
})

test('[MQTT-4.8.2-1] [MQTT-4.8.2-2] a share name is at least one character without wildcards', () => {
  assert.deepEqual(legal('$share/consumers/a/+/#'), { text: '$share/consumers/a/+/#', filter: 'a/+/#', share: 'consumers', replayFrom: null })
  assert.equal(legal('$share/g//finance').filter, '/finance')
  for (const text of ['$share', '$share/', '$share/g', '$share//x', '$share/g/', '$share/a+/x', '$share/#/x']) illegal(text)
})

test('a replay names where it begins', () => {
  assert.deepEqual(legal('$replay/earliest/orders/#'), {
    text: '$replay/earliest/orders/#',
    filter: 'orders/#',
    share: null,
    replayFrom: { kind: 'earliest' },
  })
  assert.deepEqual(parseReplayFrom('1234'), { kind: 'offset', offset: 1234 })
  assert.deepEqual(parseReplayFrom('-1h'), { kind: 'ago', agoMs: 3_600_000 })
  assert.deepEqual(parseReplayFrom('2026-11-01T12:00:00Z'), { kind: 'time', timestampMs: Date.UTC(2026, 10, 1, 12) })
  assert.deepEqual(parseReplayFrom('2026-11-01Z'), { kind: 'time', timestampMs: Date.UTC(2026, 10, 1) })
  for (const text of ['', 'latest', '-1y', '2026-11-01T12:00:00', '2026-13-01T12:00:00Z', '1.5', '-1'])
    assert.equal(typeof parseReplayFrom(text), 'string', text)
  for (const text of ['$replay', '$replay/earliest', '$replay/earliest/', '$replay/never/a', '$replay//a']) illegal(text)
})

test(`more than ${MAX_TOPIC_LEVELS} levels are refused`, () => {
  legal(`${'a/'.repeat(MAX_TOPIC_LEVELS - 1)}a`)
  illegal(`${'a/'.repeat(MAX_TOPIC_LEVELS)}a`)
  assert.notEqual(checkMqttTopic('/'.repeat(MAX_TOPIC_LEVELS)), null)
})

// Rows from the non-normative examples of MQTT 5.0, sections 4.7.1 and 4.7.2.
const MATCHES: readonly (readonly [filter: string, topic: string, matches: boolean])[] = [
  ['sport/tennis/player1/#', 'sport/tennis/player1', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/ranking', true],
  ['sport/tennis/player1/#', 'sport/tennis/player1/score/wimbledon', true],
  ['sport/#', 'sport', true],
  ['sport/#', 'sports', false],
  ['sport/tennis/+', 'sport/tennis/player1', true],
  ['sport/tennis/+', 'sport/tennis/player1/ranking', false],
  ['sport/+', 'sport', false],
  ['sport/+', 'sport/', true],
  ['+/+', '/finance', true],
  ['/+', '/finance', true],
  ['+', '/finance', false],
  ['#', '$SYS/x', false],
  ['+/monitor/Clients', '$SYS/monitor/Clients', false],
  ['$SYS/#', '$SYS/', true],
  ['$SYS/monitor/+', '$SYS/monitor/Clients', true],
  ['+/x', '__internal/x', false],
  ['ACCOUNTS', 'Accounts', false],
  ['/finance', 'finance', false],
  ['a/+/c', 'a//c', true],
  ['a/+/#', 'a/b', true],
  ['a/+/#', 'a', false],
  ['a/b', 'a/bc', false],
  ['a/bc', 'a/b', false],
  ['a', 'a/', false],
  ['a/', 'a', false],
]

test('filters match as the examples of the specification say', () => {
  for (const [filter, topic, matches] of MATCHES) assert.equal(filterMatches(filter, topic), matches, `${filter} ~ ${topic}`)
})
