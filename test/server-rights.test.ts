import assert from 'node:assert/strict'
import { test } from 'node:test'
import mqtt, { type MqttClient } from 'mqtt'
import { type Broker, startBroker } from '../src/index.ts'
import { cli } from './cli/run-cli.ts'

const ENVIRONMENT = { ELYTRA_PASSWORD: 'of-root' }

/** A broker with an administrator `root`, and bob, who may nothing. */
async function open() {
  const broker: Broker = await startBroker()
  const run = async (words: readonly string[], stdin = '') => {
    const done = await cli([...words, '-b', broker.kafka], { stdin, environment: ENVIRONMENT })
    assert.equal(done.exitCode, 0, done.stderr)
  }
  await run(['user', 'add', 'root'], 'of-root\n')
  const asRoot = (words: readonly string[], stdin = '') => run([...words, '--user', 'root'], stdin)
  // The password of --user is in the environment, that of the new user on stdin.
  await asRoot(['user', 'add', 'bob'], 'of-bob\n')
  const clients: MqttClient[] = []
  const connect = async (user: 'root' | 'bob', options: mqtt.IClientOptions = {}) => {
    const client = await mqtt.connectAsync(broker.mqtt, { username: user, password: `of-${user}`, protocolVersion: 5, reconnectPeriod: 0, ...options })
    clients.push(client)
    return client
  }
  const acl = (...words: string[]) => asRoot(['acl', ...words])
  const end = async () => {
    for (const client of clients) await client.endAsync(true)
    await broker.close()
  }
  return { broker, acl, connect, [Symbol.asyncDispose]: end }
}

function hearing(client: MqttClient) {
  const heard: string[] = []
  let wake = () => {}
  client.on('message', (topic, payload) => {
    heard.push(`${topic} ${payload}`)
    wake()
  })
  /** Until the client has heard this. */
  const until = async (words: string) => {
    while (!heard.includes(words)) await new Promise<void>((resolve) => (wake = resolve))
  }
  return { heard, until }
}

test('an MQTT subscriber receives what it may read, and no more from the moment a right is taken', async () => {
  await using t = await open()
  const bob = await t.connect('bob')
  const root = await t.connect('root')
  const { heard, until } = hearing(bob)
  await assert.rejects(bob.subscribeAsync('#', { qos: 1 }), 'nothing could be read')
  await t.acl('add', 'bob', 'read', 'topic:orders')
  await t.acl('add', 'bob', 'read', 'topic:sync')
  await bob.subscribeAsync('#', { qos: 1 })
  const publish = async (...topics: string[]) => {
    for (const topic of topics) await root.publishAsync(topic, 'x', { qos: 1 })
  }
  await publish('secret/1', 'orders/1', 'sync/1')
  await until('sync/1 x')
  assert.deepEqual(heard, ['orders/1 x', 'sync/1 x'])
  await t.acl('add', 'bob', 'read', 'topic:orders/eu/#', '--deny')
  await publish('orders/eu/1', 'orders/us/1', 'sync/2')
  await until('sync/2 x')
  assert.deepEqual(heard.slice(2), ['orders/us/1 x', 'sync/2 x'])
  await t.acl('remove', 'bob', 'read', 'topic:orders')
  await publish('orders/us/2', 'sync/3')
  await until('sync/3 x')
  assert.deepEqual(heard.slice(4), ['sync/3 x'])
})

test('what was retained, and what came while a session was away, is held to the rights of the moment it is delivered', async () => {
  await using t = await open()
  await t.acl('add', 'bob', 'read', 'topic:a')
  await t.acl('add', 'bob', 'read', 'topic:b')
  const root = await t.connect('root')
  await root.publishAsync('a/kept', 'old', { qos: 1, retain: true })
  await root.publishAsync('b/kept', 'old', { qos: 1, retain: true })
  const session: mqtt.IClientOptions = { clientId: 'bobs', clean: false, properties: { sessionExpiryInterval: 1_000 } }
  const first = await t.connect('bob', session)
  await first.subscribeAsync(['a/#', 'b/#'], { qos: 1, rh: 2 })
  await first.endAsync()
  await root.publishAsync('a/1', 'missed', { qos: 1 })
  await root.publishAsync('b/1', 'missed', { qos: 1 })
  await t.acl('remove', 'bob', 'read', 'topic:a')
  const second = mqtt.connect(t.broker.mqtt, { username: 'bob', password: 'of-bob', protocolVersion: 5, reconnectPeriod: 0, ...session })
  const { heard, until } = hearing(second)
  await until('b/1 missed')
  await second.subscribeAsync('+/kept', { qos: 1 })
  await until('b/kept old')
  assert.deepEqual(heard, ['b/1 missed', 'b/kept old'])
  await second.endAsync(true)
})

test('a publisher is told no with 0x87; before MQTT 5 its connection ends; a will that is not allowed is refused at CONNECT', async () => {
  await using t = await open()
  const bob = await t.connect('bob')
  await assert.rejects(bob.publishAsync('orders/1', 'x', { qos: 1 }), { code: 0x87 })
  await assert.rejects(bob.publishAsync('orders/1', 'x', { qos: 2 }), { code: 0x87 })
  await t.acl('add', 'bob', 'write', 'topic:orders')
  await bob.publishAsync('orders/1', 'x', { qos: 1 })
  await t.acl('add', 'bob', 'write', 'topic:orders/1', '--deny')
  await assert.rejects(bob.publishAsync('orders/1', 'x', { qos: 1 }), { code: 0x87 })
  await bob.publishAsync('orders/2', 'x', { qos: 2 })
  await assert.rejects(t.connect('bob', { will: { topic: 'other/will', payload: Buffer.from('x'), qos: 1, retain: false } }), { code: 0x87 })
  const old = await t.connect('bob', { protocolVersion: 4 })
  const closed = new Promise<void>((resolve) => old.once('close', () => resolve()))
  old.publish('other/x', 'x', { qos: 1 }, () => {})
  await closed
})
