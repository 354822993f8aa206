/** MQTT.js 5.16 as 3.1.1 and as 5.0 client: delivery, sessions, retained messages, wills and the properties of MQTT 5. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import mqtt, { type IClientOptions, type IClientPublishOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { openPeer, type Peer, unique } from '../lib/broker.ts'
import { until, within } from '../lib/process.ts'

interface Received {
  readonly topic: string
  readonly payload: string
  readonly packet: IPublishPacket
}

/** Publishes in flight: MQTT.js does not heed the broker's receive maximum, which is 20 in Mosquitto 2.0. */
const WINDOW = 15

/** A client and all it was sent. */
interface Listener {
  readonly client: MqttClient
  readonly got: Received[]
  readonly sessionPresent: boolean
}

describe('MQTT.js', () => {
  let peer: Peer
  const open: MqttClient[] = []

  before(async () => {
    peer = await openPeer()
  })

  after(async () => {
    for (const client of open) client.end(true)
    await peer?.close()
  })

  const connect = async (options: IClientOptions): Promise<Listener> => {
    const client = mqtt.connect({ host: peer.mqtt.host, port: peer.mqtt.port, reconnectPeriod: 0, connectTimeout: 5000, ...options })
    open.push(client)
    const got: Received[] = []
    client.on('message', (topic, payload, packet) => got.push({ topic, payload: payload.toString(), packet }))
    const sessionPresent = await within(
      'connecting',
      10_000,
      new Promise<boolean>((resolve, reject) => {
        client.once('connect', (packet) => resolve(packet.sessionPresent))
        client.once('error', reject)
        client.once('close', () => reject(new Error('the broker closed before CONNACK')))
      }),
    )
    client.on('error', () => undefined)
    return { client, got, sessionPresent }
  }
  const publish = (client: MqttClient, topic: string, payload: string | Buffer, options: IClientPublishOptions = {}) =>
    within(`publishing to ${topic}`, 10_000, client.publishAsync(topic, payload, options))
  const end = (client: MqttClient) => within('ending', 10_000, client.endAsync())
  const count = (listener: Listener, n: number) => until(`${n} messages`, () => listener.got.length >= n, { describe: () => `${listener.got.length} so far` })
  /** All that was on its way when a marker published after it has arrived. */
  const marker = async (listener: Listener, publisher: MqttClient, topic: string) => {
    await publish(publisher, topic, 'marker', { qos: 1 })
    await until('the marker', () => listener.got.some((message) => message.payload === 'marker'))
    return listener.got.filter((message) => message.payload !== 'marker')
  }

  for (const protocolVersion of [4, 5] as const) {
    const name = protocolVersion === 4 ? '3.1.1' : '5.0'
    const persistent = (clientId: string): IClientOptions =>
      protocolVersion === 4
        ? { protocolVersion, clientId, clean: false }
        : { protocolVersion, clientId, clean: false, properties: { sessionExpiryInterval: 3600 } }

    for (const qos of [0, 1, 2] as const) {
      test(`${name}: 300 messages at QoS ${qos} arrive once, in order, unchanged`, async () => {
        const topic = `${unique('js')}/room/${qos}`
        const subscriber = await connect({ protocolVersion })
        await subscriber.client.subscribeAsync(topic, { qos })
        const publisher = await connect({ protocolVersion })
        for (let start = 0; start < 300; start += WINDOW) {
          await Promise.all(Array.from({ length: WINDOW }, (_, n) => publish(publisher.client, topic, `${start + n} Größe 🦗`, { qos })))
        }
        await count(subscriber, 300)
        assert.deepEqual(
          subscriber.got.map((message) => message.payload),
          Array.from({ length: 300 }, (_, n) => `${n} Größe 🦗`),
        )
        assert.ok(subscriber.got.every((message) => message.packet.qos === qos && !message.packet.retain && !message.packet.dup))
        await end(publisher.client)
        await end(subscriber.client)
      })
    }

    test(`${name}: wildcards match whole levels, and the publisher may be the subscriber`, async () => {
      const root = unique('js')
      const { client, got } = await connect({ protocolVersion })
      await client.subscribeAsync([`${root}/+/temp`, `${root}/deep/#`], { qos: 1 })
      for (const tail of ['a/temp', 'a/b/temp', 'deep', 'deep/x/y', 'other', 'deeper/x']) await publish(client, `${root}/${tail}`, tail, { qos: 1 })
      await publish(client, `${root}/deep/end`, 'end', { qos: 1 })
      await until('the four that match', () => got.length >= 4)
      // Order is promised per topic only.
      assert.deepEqual(got.map((message) => message.payload).sort(), ['a/temp', 'deep', 'deep/x/y', 'end'])
      await client.unsubscribeAsync(`${root}/deep/#`)
      await publish(client, `${root}/deep/x`, 'gone', { qos: 1 })
      await publish(client, `${root}/b/temp`, 'still', { qos: 1 })
      await until('the message of the filter that stays', () => got.some((message) => message.payload === 'still'))
      assert.ok(!got.some((message) => message.payload === 'gone'))
      await end(client)
    })

    test(`${name}: the QoS of a delivery is the lower of publish and subscription`, async () => {
      const topic = `${unique('js')}/qos`
      const low = await connect({ protocolVersion })
      await low.client.subscribeAsync(topic, { qos: 0 })
      const high = await connect({ protocolVersion })
      await high.client.subscribeAsync(topic, { qos: 2 })
      const publisher = await connect({ protocolVersion })
      for (const qos of [0, 1, 2] as const) await publish(publisher.client, topic, `q${qos}`, { qos })
      await count(high, 3)
      await count(low, 3)
      assert.deepEqual(
        high.got.map((message) => message.packet.qos),
        [0, 1, 2],
      )
      assert.ok(low.got.every((message) => message.packet.qos === 0))
      for (const { client } of [low, high, publisher]) await end(client)
    })

    test(`${name}: a persistent session gets what it missed at QoS 1 and 2, in order, once`, async () => {
      const root = unique('js')
      const clientId = unique('session')
      const first = await connect(persistent(clientId))
      assert.equal(first.sessionPresent, false)
      await first.client.subscribeAsync(`${root}/#`, { qos: 2 })
      await end(first.client)
      const publisher = await connect({ protocolVersion })
      for (let n = 0; n < 50; n++) await publish(publisher.client, `${root}/k`, `m${n}`, { qos: n % 2 === 0 ? 1 : 2 })
      const second = await connect(persistent(clientId))
      assert.equal(second.sessionPresent, true)
      await count(second, 50)
      const got = await marker(second, publisher.client, `${root}/k`)
      // MQTT.js hands out QoS 2 at PUBREL, so order can be judged within each QoS only.
      for (const qos of [1, 2]) {
        assert.deepEqual(
          got.filter((message) => message.packet.qos === qos).map((message) => message.payload),
          Array.from({ length: 25 }, (_, n) => `m${2 * n + qos - 1}`),
        )
      }
      await end(second.client)
      const third = await connect({ protocolVersion, clientId, clean: true })
      assert.equal(third.sessionPresent, false)
      await end(third.client)
      const fourth = await connect(persistent(clientId))
      assert.equal(fourth.sessionPresent, false, 'a clean connect has ended the session')
      await end(fourth.client)
      await end(publisher.client)
    })

    test(`${name}: a retained message reaches a later subscriber with RETAIN set; an empty one clears it`, async () => {
      const topic = `${unique('js')}/state`
      const publisher = await connect({ protocolVersion })
      await publish(publisher.client, topic, 'on', { qos: 1, retain: true })
      await publish(publisher.client, topic, 'off', { qos: 1, retain: true })
      const late = await connect({ protocolVersion })
      await late.client.subscribeAsync(topic, { qos: 1 })
      await count(late, 1)
      assert.equal(late.got[0]?.payload, 'off')
      assert.equal(late.got[0]?.packet.retain, true)
      await publish(publisher.client, topic, 'live', { qos: 1, retain: true })
      await count(late, 2)
      assert.equal(late.got[1]?.packet.retain, false, 'an established subscription gets it as a live message')
      await publish(publisher.client, topic, '', { qos: 1, retain: true })
      await count(late, 3)
      const later = await connect({ protocolVersion })
      await later.client.subscribeAsync(topic, { qos: 1 })
      assert.deepEqual(await marker(later, publisher.client, topic), [])
      for (const { client } of [publisher, late, later]) await end(client)
    })

    test(`${name}: the will of a client that vanishes is published; a clean DISCONNECT drops it`, async () => {
      const root = unique('js')
      const watcher = await connect({ protocolVersion })
      await watcher.client.subscribeAsync(`${root}/#`, { qos: 1 })
      const will = (tail: string) => ({ topic: `${root}/${tail}`, payload: Buffer.from(tail), qos: 1 as const, retain: false })
      const polite = await connect({ protocolVersion, will: will('polite') })
      await end(polite.client)
      const rude = await connect({ protocolVersion, will: will('rude') })
      rude.client.stream.destroy()
      await count(watcher, 1)
      assert.deepEqual(
        (await marker(watcher, watcher.client, `${root}/m`)).map((message) => message.payload),
        ['rude'],
      )
      await end(watcher.client)
    })

    test(`${name}: a second connection of the same client id takes over`, async () => {
      const clientId = unique('session')
      const old = await connect(persistent(clientId))
      let reason: number | undefined
      old.client.on('disconnect', (packet) => {
        reason = packet.reasonCode
      })
      const closed = new Promise<void>((resolve) => old.client.once('close', () => resolve()))
      const young = await connect(persistent(clientId))
      await within('the old connection to close', 5000, closed)
      assert.equal(young.sessionPresent, true)
      if (protocolVersion === 5 && peer.elytra) assert.equal(reason, 0x8e)
      await end(young.client)
    })

    test(`${name}: a payload of 1 MB arrives whole`, async () => {
      const topic = `${unique('js')}/large`
      const payload = Buffer.alloc(1_000_000, 'elytra ')
      const { client, got } = await connect({ protocolVersion })
      let arrived: Buffer | undefined
      client.on('message', (_topic, bytes) => {
        arrived = bytes
      })
      await client.subscribeAsync(topic, { qos: 1 })
      await publish(client, topic, payload, { qos: 1 })
      await until('the payload', () => got.length > 0)
      assert.ok(arrived?.equals(payload))
      await end(client)
    })

    test(`${name}: an empty client id is given a name or refused as the version says`, async () => {
      const { client } = await connect({ protocolVersion, clientId: '', clean: true })
      await end(client)
    })
  }

  test('5.0: properties travel with the message, user properties in order and repeated', async () => {
    const topic = `${unique('js')}/props`
    const subscriber = await connect({ protocolVersion: 5 })
    await subscriber.client.subscribeAsync(topic, { qos: 1 })
    const publisher = await connect({ protocolVersion: 5 })
    await publish(publisher.client, topic, '{"a":1}', {
      qos: 1,
      properties: {
        payloadFormatIndicator: true,
        contentType: 'application/json',
        responseTopic: 'answers/here',
        correlationData: Buffer.from([1, 0, 255]),
        userProperties: { trace: ['1', '2'], region: 'eu' },
      },
    })
    await count(subscriber, 1)
    const properties = subscriber.got[0]?.packet.properties
    assert.equal(properties?.contentType, 'application/json')
    assert.equal(properties?.responseTopic, 'answers/here')
    assert.deepEqual(properties?.correlationData, Buffer.from([1, 0, 255]))
    assert.equal(Boolean(properties?.payloadFormatIndicator), true)
    assert.deepEqual({ ...properties?.userProperties }, { trace: ['1', '2'], region: 'eu' })
    await end(publisher.client)
    await end(subscriber.client)
  })

  test('5.0: No Local keeps a client from its own messages, Retain As Published keeps the flag', async () => {
    const topic = `${unique('js')}/options`
    const own = await connect({ protocolVersion: 5 })
    await own.client.subscribeAsync(topic, { qos: 1, nl: true, rap: true })
    const other = await connect({ protocolVersion: 5 })
    await publish(own.client, topic, 'mine', { qos: 1 })
    await publish(other.client, topic, 'theirs', { qos: 1, retain: true })
    await count(own, 1)
    assert.deepEqual(
      own.got.map((message) => [message.payload, message.packet.retain]),
      [['theirs', true]],
    )
    await publish(other.client, topic, '', { qos: 1, retain: true })
    await end(own.client)
    await end(other.client)
  })

  test('5.0: Retain Handling 0, 1 and 2', async () => {
    const topic = `${unique('js')}/rh`
    const publisher = await connect({ protocolVersion: 5 })
    await publish(publisher.client, topic, 'state', { qos: 1, retain: true })
    const subscriber = await connect({ protocolVersion: 5 })
    await subscriber.client.subscribeAsync(topic, { qos: 1, rh: 2 })
    await subscriber.client.subscribeAsync(topic, { qos: 1, rh: 1 })
    assert.deepEqual(await marker(subscriber, publisher.client, topic), [], 'neither 2 nor, on an existing subscription, 1 sends it')
    await subscriber.client.subscribeAsync(topic, { qos: 1, rh: 0 })
    await until('the retained message', () => subscriber.got.some((message) => message.payload === 'state'))
    await publish(publisher.client, topic, '', { qos: 1, retain: true })
    await end(subscriber.client)
    await end(publisher.client)
  })

  test('5.0: a subscription identifier comes with each delivery', async () => {
    const topic = `${unique('js')}/id`
    const { client, got } = await connect({ protocolVersion: 5 })
    await client.subscribeAsync(topic, { qos: 1, properties: { subscriptionIdentifier: 321 } })
    await publish(client, topic, 'x', { qos: 1 })
    await until('the message', () => got.length > 0)
    assert.deepEqual([got[0]?.packet.properties?.subscriptionIdentifier].flat(), [321])
    await end(client)
  })

  test('5.0: an expired message is not delivered to a session that comes back; another tells what is left', async () => {
    const topic = `${unique('js')}/expiry`
    const clientId = unique('session')
    const options: IClientOptions = { protocolVersion: 5, clientId, clean: false, properties: { sessionExpiryInterval: 3600 } }
    const first = await connect(options)
    await first.client.subscribeAsync(topic, { qos: 1 })
    await end(first.client)
    const publisher = await connect({ protocolVersion: 5 })
    await publish(publisher.client, topic, 'short', { qos: 1, properties: { messageExpiryInterval: 1 } })
    await publish(publisher.client, topic, 'long', { qos: 1, properties: { messageExpiryInterval: 1000 } })
    const startedAt = Date.now()
    await until('two seconds of the clock', () => Date.now() - startedAt > 2100, { everyMs: 100 })
    const second = await connect(options)
    await count(second, 1)
    const got = await marker(second, publisher.client, topic)
    assert.deepEqual(
      got.map((message) => message.payload),
      ['long'],
    )
    const left = got[0]?.packet.properties?.messageExpiryInterval ?? 0
    assert.ok(left >= 990 && left <= 998, `${left} s left`)
    await end(second.client)
    await end(publisher.client)
  })

  test('5.0: a session of expiry 0 ends with its connection', async () => {
    const clientId = unique('session')
    const options: IClientOptions = { protocolVersion: 5, clientId, clean: false }
    const first = await connect(options)
    await first.client.subscribeAsync('some/where', { qos: 1 })
    await end(first.client)
    const second = await connect(options)
    assert.equal(second.sessionPresent, false)
    await end(second.client)
  })

  test('5.0: a delayed will waits, and is not sent when the session is resumed in time', async () => {
    const root = unique('js')
    const clientId = unique('session')
    const watcher = await connect({ protocolVersion: 5 })
    await watcher.client.subscribeAsync(`${root}/#`, { qos: 1 })
    const options = (delay: number): IClientOptions => ({
      protocolVersion: 5,
      clientId,
      clean: false,
      properties: { sessionExpiryInterval: 3600 },
      will: { topic: `${root}/will`, payload: Buffer.from(`will ${delay}`), qos: 1, properties: { willDelayInterval: delay } },
    })
    const first = await connect(options(2))
    first.client.stream.destroy()
    const second = await connect(options(1))
    const diedAt = Date.now()
    second.client.stream.destroy()
    await until('the delayed will', () => watcher.got.length > 0, { timeoutMs: 10_000 })
    assert.ok(Date.now() - diedAt >= 1000, 'not before its delay')
    assert.deepEqual(
      watcher.got.map((message) => message.payload),
      ['will 1'],
    )
    await end(watcher.client)
  })

  test('5.0: at most Receive Maximum messages are in flight', async () => {
    const topic = `${unique('js')}/window`
    const subscriber = await connect({ protocolVersion: 5, clientId: unique('window'), properties: { receiveMaximum: 3 } })
    const held: (() => void)[] = []
    subscriber.client.handleMessage = (_packet, done) => {
      held.push(() => done())
    }
    await subscriber.client.subscribeAsync(topic, { qos: 1 })
    const publisher = await connect({ protocolVersion: 5 })
    await Promise.all(Array.from({ length: 10 }, (_, n) => publish(publisher.client, topic, `${n}`, { qos: 1 })))
    let most = 0
    let released = 0
    while (released < 10) {
      await until('a message to release', () => held.length > 0)
      most = Math.max(most, held.length)
      held.shift()?.()
      released += 1
    }
    await count(subscriber, 10)
    assert.ok(most <= 3, `${most} were in flight`)
    await end(subscriber.client)
    await end(publisher.client)
  })

  test('5.0: a topic alias of the publisher stands for its topic', async () => {
    const topic = `${unique('js')}/alias/with/a/long/name`
    const subscriber = await connect({ protocolVersion: 5 })
    await subscriber.client.subscribeAsync(topic, { qos: 1 })
    const publisher = await connect({ protocolVersion: 5, autoUseTopicAlias: true, autoAssignTopicAlias: true })
    for (let n = 0; n < 5; n++) await publish(publisher.client, topic, `${n}`, { qos: 1 })
    await count(subscriber, 5)
    assert.ok(subscriber.got.every((message) => message.topic === topic))
    await end(subscriber.client)
    await end(publisher.client)
  })
})
