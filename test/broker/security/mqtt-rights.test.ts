import assert from 'node:assert/strict'
import { test } from 'node:test'
import { BrokerSecurity } from '../../../src/broker/security/broker-security.ts'
import { principalAt } from '../../../src/broker/security/principals.ts'
import { credentialOf } from '../../../src/broker/security/scram.ts'
import { MAPPING_DEFAULTS, TopicMapping } from '../../../src/broker/topics/mapping/topic-mapping.ts'
import { TopicRegistry } from '../../../src/broker/topics/topic-registry.ts'
import { systemRandom } from '../../../src/runtime/random.ts'
import { systemClock } from '../../../src/runtime/system-clock.ts'
import { aclOf } from './support/acls.ts'
import { HeldStateLog } from './support/held-state-log.ts'

const RULES = [
  { filter: '+/telemetry/#', topic: 'telemetry', key: '{1}/{#}' },
  { filter: 'live/#', store: false },
]

/** What alice may, with these ACLs. */
function open(...acls: string[]) {
  const log = new HeldStateLog()
  const security = new BrokerSecurity(log.store, systemClock, systemRandom)
  const registry = new TopicRegistry(log.store, systemRandom, { numPartitions: 1, maxPartitions: 10 })
  security.mapMqttTopics(new TopicMapping(registry, log.store, { ...MAPPING_DEFAULTS, rules: RULES }, () => {}))
  for (const name of ['admin', 'alice']) {
    security.alterCredentials(name, { put: [credentialOf('SCRAM-SHA-256', systemRandom.bytes(32), systemRandom.bytes(16), 4096)], remove: [] }, () => {})
  }
  security.acls.create(acls.map(aclOf), () => {})
  const alice = principalAt(security.principalOf('alice'), '10.0.0.1')
  return {
    publish: (topic: string) => security.authorize(alice, 'write', 'mqtt-topic', topic),
    receive: (topic: string) => security.authorize(alice, 'read', 'mqtt-topic', topic),
    subscribe: (filter: string) => security.authorize(alice, 'describe', 'mqtt-topic', filter),
    kafka: (operation: 'read' | 'write' | 'describe', topic: string) => security.authorize(alice, operation, 'topic', topic),
  }
}

test('rights on a log topic are those on its MQTT topics', () => {
  const { publish, receive } = open('allow User:alice read topic orders', 'allow User:alice write topic ord*')
  for (const topic of ['orders', 'orders/', 'orders/eu/42']) {
    assert.equal(receive(topic), true, topic)
    assert.equal(publish(topic), true, topic)
  }
  assert.equal(receive('ordinary/x'), false)
  assert.equal(publish('ordinary/x'), true)
  assert.equal(publish('x/orders'), false)
})

test('an ACL whose name is neither a log topic nor a filter is kept, and speaks of nothing', () => {
  const { publish, receive, subscribe, kafka } = open(
    'deny User:alice all topic orders/#/x',
    'deny User:alice all topic orders+*',
    'allow User:alice read topic orders',
  )
  assert.equal(receive('orders/eu'), true)
  assert.equal(kafka('read', 'orders'), true)
  assert.equal(publish('orders/eu'), false)
  const only = open('allow User:alice all topic orders/#/x', 'allow User:alice all topic $share/g/#')
  for (const topic of ['orders/eu', 'orders/#/x', '$share/g/x']) assert.equal(only.receive(topic), false, topic)
  assert.equal(subscribe('orders/#'), true)
  assert.equal(only.subscribe('orders/#'), false)
  assert.equal(only.subscribe('#'), false)
})

test('rights on the log topic of a mapping rule are those on the MQTT topics that the rule puts there', () => {
  const { publish, receive } = open('allow User:alice write topic telemetry', 'deny User:alice read topic device1', 'allow User:alice read topic telemetry')
  assert.equal(publish('device1/telemetry/t'), true)
  assert.equal(publish('device1/other'), false)
  assert.equal(receive('device1/telemetry/t'), false, 'a DENY on the first level counts too')
  assert.equal(receive('device2/telemetry/t'), true)
})

test('what has no log topic of its own is in mqtt, and so are its rights', () => {
  const { publish } = open('allow User:alice write topic mqtt')
  assert.equal(publish('/a/b'), true)
  assert.equal(publish('with space/x'), true)
  assert.equal(publish('mqtt/x'), true)
  assert.equal(publish('orders/x'), false)
})

test('an ALLOW on MQTT topics is one for MQTT alone', () => {
  const { publish, receive, kafka } = open('allow User:alice all topic orders/+/42', 'allow User:alice write topic devices/alice/*')
  assert.equal(receive('orders/eu/42'), true)
  assert.equal(receive('orders/eu/43'), false)
  assert.equal(receive('orders'), false)
  assert.equal(publish('devices/alice/t'), true)
  assert.equal(publish('devices/alicex'), false)
  assert.equal(kafka('read', 'orders'), false)
  assert.equal(kafka('describe', 'orders'), false)
  assert.equal(kafka('write', 'devices'), false)
})

test('a DENY on MQTT topics wins, and keeps Kafka clients from the whole log topic', () => {
  const { publish, receive, kafka } = open('allow User:alice all topic *', 'deny User:alice read topic orders/secret/#', 'deny User:* write topic /odd/*')
  assert.equal(receive('orders/eu'), true)
  assert.equal(receive('orders/secret'), false)
  assert.equal(receive('orders/secret/1'), false)
  assert.equal(publish('orders/secret/1'), true)
  assert.equal(kafka('read', 'orders'), false)
  assert.equal(kafka('write', 'orders'), true)
  assert.equal(kafka('describe', 'orders'), true)
  assert.equal(kafka('read', 'other'), true)
  assert.equal(publish('/odd/x'), false)
  assert.equal(kafka('write', 'mqtt'), false, '/odd/… is kept there')
  const everywhere = open('allow User:alice all topic *', 'deny User:alice read topic +/secret')
  assert.equal(everywhere.kafka('read', 'any'), false)
})

test('a subscription is refused only where nothing that it matches could be read', () => {
  const { subscribe } = open('allow User:alice read topic orders', 'allow User:alice read topic devices/alice/#', 'deny User:alice read topic orders/secret/#')
  for (const filter of ['#', '+', '+/x', 'orders/#', 'orders', 'devices/+/t', 'devices/#', 'orders/+/x']) assert.equal(subscribe(filter), true, filter)
  for (const filter of ['other/#', 'devices/bob/#', 'orders/secret/#', 'orders/secret/x', 'live/#']) assert.equal(subscribe(filter), false, filter)
  const nothing = open()
  for (const filter of ['#', 'orders/#', '$SYS/#']) assert.equal(nothing.subscribe(filter), false, filter)
  const allDenied = open('allow User:alice read topic orders', 'deny User:alice read topic #')
  assert.equal(allDenied.subscribe('#'), false)
  assert.equal(allDenied.subscribe('orders/x'), false)
})

test('topics without a log have the rights of their first level', () => {
  const { publish } = open('allow User:alice write topic live')
  assert.equal(publish('live/x'), true)
})

test('$SYS is read by whom an ACL names it for', () => {
  assert.equal(open('allow User:alice read topic *').receive('$SYS/broker/uptime'), false)
  const { receive, subscribe } = open('allow User:alice read topic $SYS/#')
  assert.equal(receive('$SYS/broker/uptime'), true)
  assert.equal(subscribe('$SYS/broker/#'), true)
  assert.equal(receive('orders/x'), false)
})
