import assert from 'node:assert/strict'
import { test } from 'node:test'
import { isFailure } from '../../../../src/broker/errors.ts'
import { MAPPING_DEFAULTS, type MappingSettings, TopicMapping } from '../../../../src/broker/topics/mapping/topic-mapping.ts'
import { TopicRegistry } from '../../../../src/broker/topics/topic-registry.ts'
import { partitionOfKey } from '../../../../src/util/murmur2.ts'
import { InstantLog } from './instant-log.ts'

function setUp(settings: Partial<MappingSettings> = {}, log = new InstantLog(), maxPartitions = 10_000) {
  const warnings: string[] = []
  let seed = 0
  const random = { bytes: (length: number) => Buffer.alloc(length, ++seed), below: () => 0 }
  const topics = new TopicRegistry(log, random, { numPartitions: 4, maxPartitions })
  const mapping = new TopicMapping(topics, log, { ...MAPPING_DEFAULTS, ...settings }, (warning) => warnings.push(warning))
  const where = (mqttTopic: string) => {
    const route = mapping.route(mqttTopic)
    if (isFailure(route)) return route.error.name
    if (route.kind === 'transient') return 'transient'
    return [route.topic.name, route.key === null ? null : Buffer.from(route.key).toString(), ...(route.topicHeader ? ['header'] : [])]
  }
  return { log, topics, mapping, warnings, where }
}

test('the first level is the log topic, the rest the key', () => {
  const { where } = setUp()
  assert.deepEqual(where('orders/eu/42'), ['orders', 'eu/42'])
  assert.deepEqual(where('orders'), ['orders', null])
  assert.deepEqual(where('orders/'), ['orders', ''])
  assert.deepEqual(where('orders//a'), ['orders', '/a'])
})

test('a first level that is no legal topic name goes to the topic mqtt with the whole MQTT topic as key', () => {
  const { where } = setUp()
  assert.deepEqual(where('/a/b'), ['mqtt', '/a/b'])
  assert.deepEqual(where('living room/lamp'), ['mqtt', 'living room/lamp'])
  assert.deepEqual(where(`${'x'.repeat(250)}/a`), ['mqtt', `${'x'.repeat(250)}/a`])
  assert.deepEqual(where('../a'), ['mqtt', '../a'])
  assert.deepEqual(where('ä'), ['mqtt', 'ä'])
})

test('the key in the topic mqtt is always the whole MQTT topic, also for mqtt/…', () => {
  const { where } = setUp()
  assert.deepEqual(where('mqtt/a'), ['mqtt', 'mqtt/a'])
  assert.deepEqual(where('mqtt'), ['mqtt', 'mqtt'])
})

test('a key is in the partition that the Java client gives it, the null key in partition 0', () => {
  const { mapping } = setUp()
  for (const key of ['eu/42', 'eu/43', 'us/1', '']) {
    const route = mapping.route(`orders/${key}`)
    assert.ok(!isFailure(route) && route.kind === 'log')
    assert.equal(route.partition.index, partitionOfKey(Buffer.from(key), 4))
  }
  const route = mapping.route('orders')
  assert.ok(!isFailure(route) && route.kind === 'log' && route.partition.index === 0)
})

test('beyond the ceiling new first levels go to mqtt, with one warning that shows the rule to add', () => {
  const { where, warnings, topics } = setUp({ maxAutoTopics: 2 })
  assert.deepEqual(where('device-1/state'), ['device-1', 'state'])
  assert.deepEqual(where('device-2/state'), ['device-2', 'state'])
  assert.deepEqual(where('device-3/state'), ['mqtt', 'device-3/state'])
  assert.deepEqual(where('device-4/state'), ['mqtt', 'device-4/state'])
  assert.deepEqual(where('device-1/other'), ['device-1', 'other'])
  assert.equal(warnings.length, 1)
  assert.match(warnings[0] as string, /\{ filter: '\+\/telemetry\/#', topic: 'telemetry', key: '\{1\}\/\{#\}' \}/)
  // A topic that was made on purpose does not count, and is used at once.
  topics.create({ name: 'device-3' }, () => {})
  assert.deepEqual(where('device-3/state'), ['device-3', 'state'])
})

test('the ceiling holds over a restart', () => {
  const before = setUp({ maxAutoTopics: 1 })
  before.where('one/a')
  const log = new InstantLog()
  const after = setUp({ maxAutoTopics: 1 }, log)
  after.topics.create({ name: 'one' }, () => {})
  for (const { state } of before.log.groups) {
    for (const { kind, key, value } of state) log.machines.find((machine) => machine.kind === kind && kind !== 1)?.apply(key, value)
  }
  assert.deepEqual(after.where('two/a'), ['mqtt', 'two/a'])
})

test('a deleted topic frees its place and is made anew', () => {
  const { where, topics, mapping } = setUp({ maxAutoTopics: 1 })
  where('one/a')
  const old = topics.get('one')
  assert.ok(old)
  topics.delete(old, () => {})
  const route = mapping.route('one/a')
  assert.ok(!isFailure(route) && route.kind === 'log')
  assert.notEqual(route.topic.id, old.id)
})

test('where the broker takes no more partitions, messages go to mqtt while it exists, else they are refused', () => {
  const some = setUp({}, new InstantLog(), 8)
  assert.deepEqual(some.where('mqtt/x'), ['mqtt', 'mqtt/x'])
  assert.deepEqual(some.where('a/x'), ['a', 'x'])
  assert.deepEqual(some.where('b/x'), ['mqtt', 'b/x'])
  const none = setUp({}, new InstantLog(), 3)
  assert.equal(none.where('a/x'), 'INVALID_PARTITIONS')
})

const RULES = [
  { filter: '+/telemetry/#', topic: 'telemetry', key: '{1}/{#}' },
  { filter: 'live/#', store: false },
  { filter: 'plant/+/temp', topic: 'line-{1}' },
  { filter: 'live/kept', topic: 'kept' },
]

test('rules decide first, the first match wins, and their records carry the MQTT topic', () => {
  const { where } = setUp({ rules: RULES })
  assert.deepEqual(where('device-7/telemetry/engine/rpm'), ['telemetry', 'device-7/engine/rpm', 'header'])
  assert.deepEqual(where('device-7/telemetry'), ['telemetry', 'device-7/', 'header'])
  assert.deepEqual(where('live/kept'), 'transient')
  assert.deepEqual(where('live'), 'transient')
  assert.deepEqual(where('plant/3/temp'), ['line-3', 'plant/3/temp', 'header'])
  assert.deepEqual(where('plant/no such/temp'), ['mqtt', 'plant/no such/temp'])
  assert.deepEqual(where('plant/3/speed'), ['plant', '3/speed'])
})

test('rules that make no sense are refused when the broker starts', () => {
  const refused = [
    { filter: 'a/#/b', topic: 'x' },
    { filter: 'a', topic: 'no such' },
    { filter: 'a' },
    { filter: 'a', topic: '__x' },
    { filter: 'a/+', topic: 'x', key: '{2}' },
    { filter: 'a/+', topic: 'x', key: '{#}' },
    { filter: 'a/+', topic: 'x', key: '{1' },
    { filter: 'a', topic: 'x', store: false },
    { filter: '$share/g/a', topic: 'x' },
  ]
  for (const rule of refused) assert.throws(() => setUp({ rules: [rule] }), /mapping rule/, JSON.stringify(rule))
})

test('a record is delivered under its topic and key', () => {
  const { mapping } = setUp()
  assert.equal(mapping.mqttTopicOf('orders', 'eu/43', undefined), 'orders/eu/43')
  assert.equal(mapping.mqttTopicOf('orders', '', undefined), 'orders/')
  assert.equal(mapping.mqttTopicOf('orders', null, undefined), 'orders')
  assert.equal(mapping.mqttTopicOf('orders', 'a+b', undefined), null)
  assert.equal(mapping.mqttTopicOf('orders', '#', undefined), null)
})

test('mqtt.topic is honoured only where the rules map that MQTT topic to this log topic', () => {
  const { mapping } = setUp({ rules: RULES })
  assert.equal(mapping.mqttTopicOf('telemetry', 'k', 'device-7/telemetry/rpm'), 'device-7/telemetry/rpm')
  assert.equal(mapping.mqttTopicOf('telemetry', 'k', 'orders/eu'), 'telemetry/k')
  assert.equal(mapping.mqttTopicOf('orders', 'k', 'device-7/telemetry/rpm'), 'orders/k')
  assert.equal(mapping.mqttTopicOf('line-3', 'k', 'plant/4/temp'), 'line-3/k')
  assert.equal(mapping.mqttTopicOf('line-3', 'k', 'plant/3/temp'), 'plant/3/temp')
  assert.equal(mapping.mqttTopicOf('telemetry', 'k', '$SYS/telemetry/x'), 'telemetry/k')
})

test('a key in the topic mqtt speaks only for MQTT topics that belong there', () => {
  const { mapping, topics } = setUp({ rules: RULES })
  assert.equal(mapping.mqttTopicOf('mqtt', '/a/b', undefined), '/a/b')
  assert.equal(mapping.mqttTopicOf('mqtt', 'mqtt/x', undefined), 'mqtt/x')
  assert.equal(mapping.mqttTopicOf('mqtt', 'over/ceiling', undefined), 'over/ceiling')
  topics.create({ name: 'orders' }, () => {})
  assert.equal(mapping.mqttTopicOf('mqtt', 'orders/forged', undefined), null)
  assert.equal(mapping.mqttTopicOf('mqtt', 'd/telemetry/forged', undefined), null)
  assert.equal(mapping.mqttTopicOf('mqtt', '$SYS/forged', undefined), null)
  assert.equal(mapping.mqttTopicOf('mqtt', null, undefined), null)
})

test('a filter names the log topics it can touch', () => {
  const { mapping } = setUp({ rules: RULES })
  assert.deepEqual(mapping.logTopicsOf('orders/#'), ['mqtt', 'orders', 'telemetry'])
  assert.deepEqual(mapping.logTopicsOf('orders'), ['mqtt', 'orders'])
  assert.deepEqual(mapping.logTopicsOf('/a/b'), ['mqtt'])
  assert.deepEqual(mapping.logTopicsOf('mqtt/a'), ['mqtt'])
  assert.equal(mapping.logTopicsOf('+/a'), 'all')
  assert.equal(mapping.logTopicsOf('plant/+/temp'), 'all')
  assert.deepEqual(mapping.logTopicsOf('$SYS/#'), [])
})
