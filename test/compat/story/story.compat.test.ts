/**
 * The whole promise on real data: what MQTT clients publish, every Kafka client reads, complete, in order per key, once; what
 * Kafka clients produce reaches every MQTT client with key, headers and properties; sessions get what they missed; and all of
 * it is there again from the beginning after a restart.
 */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { fileURLToPath } from 'node:url'
import { Consumer as PlatformaticConsumer, Producer as PlatformaticProducer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { type Consumer, Kafka, logLevel } from 'kafkajs'
import mqtt, { type IClientOptions, type IPublishPacket, type MqttClient } from 'mqtt'
import { openPeer, type Peer, unique } from '../lib/broker.ts'
import { assertSameRows, earthquakeRows, flightRows, numbered, type Row, weatherRows } from '../lib/datasets.ts'
import { Companion, run, runOk, until, within } from '../lib/process.ts'
import { PYTHON, programsMissing, pythonMissing } from '../lib/toolchain.ts'

const script = (name: string) => fileURLToPath(new URL(`../python/${name}`, import.meta.url))
const missing = process.env.COMPAT_KAFKA ? 'needs one broker for both protocols' : pythonMissing() || programsMissing('kcat', 'mosquitto_pub', 'mosquitto_sub')

/** The rows of each of the four producers, told apart by their first word. */
const PRODUCERS = ['kafkajs', 'platformatic', 'kcat', 'confluent'] as const
type ProducerName = (typeof PRODUCERS)[number]
const FLIGHTS_EACH = 500

describe('story', { skip: missing }, () => {
  const weather = numbered(weatherRows())
  const quakes = numbered(earthquakeRows())
  const flights = new Map<ProducerName, readonly Row[]>()
  const allFlights: Row[] = []
  const offlineClient = unique('offline')
  const groupId = unique('story')
  let peer: Peer
  let kafka: Kafka
  const clients: MqttClient[] = []

  before(async () => {
    PRODUCERS.forEach((name, index) => {
      const rows = numbered(flightRows().slice(index * FLIGHTS_EACH, (index + 1) * FLIGHTS_EACH)).map(({ key, value }) => ({ key, value: `${name}|${value}` }))
      flights.set(name, rows)
      allFlights.push(...rows)
    })
    peer = await openPeer()
    kafka = new Kafka({ clientId: 'story', brokers: [peer.kafka], logLevel: logLevel.NOTHING })
    const admin = kafka.admin()
    await admin.connect()
    await admin.createTopics({ topics: ['weather', 'quakes', 'flights'].map((topic) => ({ topic, numPartitions: 4 })) })
    await admin.disconnect()
  })

  after(async () => {
    for (const client of clients) client.end(true)
    await peer?.close()
  })

  const subscribe = async (filter: string, options: IClientOptions, properties?: Record<string, string>) => {
    const client = mqtt.connect({ host: peer.mqtt.host, port: peer.mqtt.port, reconnectPeriod: 0, ...options })
    clients.push(client)
    const got: { topic: string; value: string; packet: IPublishPacket }[] = []
    client.on('message', (topic, payload, packet) => got.push({ topic, value: payload.toString(), packet }))
    const sessionPresent = await within(
      'connecting',
      10_000,
      new Promise<boolean>((resolve) => client.once('connect', (packet) => resolve(packet.sessionPresent))),
    )
    client.on('error', () => undefined)
    if (filter !== '') await client.subscribeAsync(filter, { qos: 1, ...(properties ? { properties: { userProperties: properties } } : {}) })
    return { client, got, sessionPresent }
  }
  const MQTT_VERSIONS: readonly (4 | 5)[] = [4, 5]

  test('rows from mosquitto_pub and MQTT.js are read by two kafkajs consumers of one group: complete, in order per key, once', async () => {
    const seen: Row[][] = [[], []]
    const consumers: Consumer[] = []
    for (const own of seen) {
      const consumer = kafka.consumer({ groupId, sessionTimeout: 10_000, heartbeatInterval: 500, maxWaitTimeInMs: 200 })
      consumers.push(consumer)
      await consumer.connect()
      await consumer.subscribe({ topics: ['weather', 'quakes'], fromBeginning: true })
      await consumer.run({
        eachMessage: async ({ topic, message }) => {
          own.push({ key: `${topic}/${message.key?.toString()}`, value: message.value?.toString() ?? '' })
        },
      })
    }
    const admin = kafka.admin()
    await admin.connect()
    await until('both members to be assigned', async () => {
      const { groups } = await admin.describeGroups([groupId])
      return groups[0]?.state === 'Stable' && groups[0].members.length === 2
    })
    await admin.disconnect()

    // Earthquakes by mosquitto_pub: a process per key, the QoS goes round.
    const keys = [...new Set(quakes.map((row) => row.key))]
    for (const [index, key] of keys.entries()) {
      const lines = quakes.filter((row) => row.key === key).map((row) => row.value)
      const args = ['-h', peer.mqtt.host, '-p', `${peer.mqtt.port}`, '-V', index % 2 === 0 ? 'mqttv311' : 'mqttv5', '-q', `${index % 3}`]
      await runOk('mosquitto_pub', [...args, '-t', `quakes/${key}`, '-l'], { input: `${lines.join('\n')}\n` })
    }
    // Weather by MQTT.js: 3.1.1 and 5.0 by key, each at QoS 0, 1 and 2 in turn, 15 in flight.
    for (const protocolVersion of MQTT_VERSIONS) {
      const { client } = await subscribe('', { protocolVersion })
      const own = weather.filter((row) => row.key.startsWith('seattle') === (protocolVersion === 4))
      for (let start = 0; start < own.length; start += 15) {
        await within(
          'fifteen publishes',
          10_000,
          Promise.all(
            own.slice(start, start + 15).map((row, n) => client.publishAsync(`weather/${row.key}`, row.value, { qos: ((start + n) % 3) as 0 | 1 | 2 })),
          ),
        )
      }
      await client.endAsync()
    }
    const total = weather.length + quakes.length
    const count = () => seen.reduce((sum, own) => sum + own.length, 0)
    await until(`${total} rows`, () => count() >= total, { timeoutMs: 30_000, describe: () => `${count()} so far` })
    await Promise.all(consumers.map((consumer) => consumer.disconnect()))
    for (const own of seen) assert.ok(own.length > 0, 'both get some')
    assertSameRows('kafkajs', seen.flat(), [...withTopic('weather', weather), ...withTopic('quakes', quakes)])
  })

  const readAll = {
    platformatic: async (topic: string, count: number): Promise<Row[]> => {
      const consumer = new PlatformaticConsumer({
        clientId: 'story',
        bootstrapBrokers: [peer.kafka],
        groupId: unique('plt'),
        deserializers: stringDeserializers,
      })
      const stream = await consumer.consume({ topics: [topic], mode: 'earliest', maxWaitTime: 200 })
      const rows: Row[] = []
      stream.on('data', (message) => rows.push({ key: message.key, value: message.value }))
      try {
        await until(`${count} rows of ${topic}`, () => rows.length >= count, { describe: () => `${rows.length} so far` })
      } finally {
        await within('closing', 10_000, stream.close())
        await within('closing', 10_000, consumer.close())
      }
      return rows
    },
    kcat: async (topic: string): Promise<Row[]> => {
      const { stdout } = await runOk('kcat', ['-b', peer.kafka, '-C', '-t', topic, '-o', 'beginning', '-e', '-q', '-f', '%k\t%s\n'])
      return stdout
        .trim()
        .split('\n')
        .map((line) => ({ key: line.slice(0, line.indexOf('\t')), value: line.slice(line.indexOf('\t') + 1) }))
    },
    confluent: async (topic: string, count: number): Promise<Row[]> => {
      const { stdout } = await runOk(PYTHON, [script('story_read.py'), peer.kafka, topic, `${count}`])
      return stdout
        .trim()
        .split('\n')
        .map((line) => JSON.parse(line) as Row)
    },
  }
  const rereadByAll = async () => {
    for (const [name, read] of Object.entries(readAll)) {
      assertSameRows(`${name}, weather`, await read('weather', weather.length), weather)
      assertSameRows(`${name}, quakes`, await read('quakes', quakes.length), quakes)
    }
  }

  test('@platformatic/kafka, kcat and confluent-kafka read the same rows from the beginning', rereadByAll)

  test('records of kafkajs, @platformatic/kafka, kcat and confluent-kafka reach MQTT.js 3.1.1 and 5, paho-mqtt and mosquitto_sub', async () => {
    const offline = await subscribe('flights/#', persistent(offlineClient))
    await offline.client.endAsync()
    const four = await subscribe('flights/#', { protocolVersion: 4 })
    const five = await subscribe('flights/#', { protocolVersion: 5 })
    await using paho = new Companion(PYTHON, [script('story_subscribe.py'), peer.mqtt.host, `${peer.mqtt.port}`, 'flights/#', `${allFlights.length}`])
    const address = ['-h', peer.mqtt.host, '-p', `${peer.mqtt.port}`]
    const format = ['-F', '%t\t%P\t%p', '-C', `${allFlights.length}`, '-d']
    await using sub = new Companion('stdbuf', ['-oL', 'mosquitto_sub', ...address, '-V', 'mqttv5', '-q', '1', '-t', 'flights/#', ...format])
    await until('the subscriptions', () => paho.lines.includes('subscribed') && sub.lines.some((line) => line.includes('Subscribed')))

    for (const name of PRODUCERS) await produce[name](peer.kafka, kafka, flights.get(name) ?? [])

    for (const [reader, { got }] of Object.entries({ 'MQTT.js 3.1.1': four, 'MQTT.js 5.0': five })) {
      await until(`all flights at ${reader}`, () => got.length >= allFlights.length, { describe: () => `${got.length} of ${allFlights.length}` })
      assertFlights(reader, got)
    }
    for (const message of five.got) {
      const source = message.value.slice(0, message.value.indexOf('|'))
      assert.deepEqual({ ...message.packet.properties?.userProperties }, { source, käfer: 'ja, größe' })
    }
    assert.equal(await paho.ended(30_000), 0, paho.errors.join('\n'))
    const pahoGot = paho.lines.filter((line) => line.startsWith('{')).map((line) => JSON.parse(line) as { topic: string; payload: string; user: string[][] })
    assertFlights(
      'paho-mqtt',
      pahoGot.map((message) => ({ topic: message.topic, value: message.payload })),
    )
    assert.ok(
      pahoGot.every((message) => message.user.length === 2 && message.user[1]?.[1] === 'ja, größe'),
      'paho-mqtt sees the headers',
    )
    assert.equal(await sub.ended(30_000), 0, sub.errors.join('\n'))
    const subGot = sub.lines.filter((line) => line.startsWith('flights/')).map((line) => line.split('\t'))
    assertFlights(
      'mosquitto_sub',
      subGot.map(([topic, , value]) => ({ topic: topic ?? '', value: value ?? '' })),
    )
    assert.ok(
      subGot.every(([, properties, value]) => properties?.startsWith(`source:${value?.slice(0, value.indexOf('|'))}`)),
      'mosquitto_sub sees the headers',
    )
    await four.client.endAsync()
    await five.client.endAsync()
  })

  test('a key that is no topic, an absent key and bytes that are no UTF-8 arrive as the mapping says', async () => {
    const { client, got } = await subscribe('odd/#', { protocolVersion: 5 })
    const producer = kafka.producer()
    await producer.connect()
    await producer.send({
      topic: 'odd',
      messages: [
        { key: 'a/+/b', value: 'wildcard', partition: 0 },
        { key: Buffer.from([0xff, 0x00]), value: 'bytes', partition: 0 },
        { key: null, value: 'no key', partition: 0 },
        { key: '', value: 'empty key', partition: 0 },
        { key: 'k', value: null, partition: 0 },
        { key: 'h', value: 'header', headers: { raw: Buffer.from([0xfe]) }, partition: 0 },
      ],
    })
    await producer.disconnect()
    await until('six messages', () => got.length >= 6, { describe: () => `${got.length}` })
    const user = (n: number, name: string) => got[n]?.packet.properties?.userProperties?.[name]
    assert.deepEqual(
      got.map((message) => [message.topic, message.value]),
      [
        ['odd', 'wildcard'],
        ['odd', 'bytes'],
        ['odd', 'no key'],
        ['odd/', 'empty key'],
        ['odd/k', ''],
        ['odd/h', 'header'],
      ],
    )
    assert.equal(user(0, 'kafka.key'), 'a/+/b')
    assert.ok(`${user(1, 'kafka.key')}`.includes(Buffer.from([0xff, 0x00]).toString('base64')), `${user(1, 'kafka.key')}`)
    assert.equal(user(2, 'kafka.key'), undefined)
    assert.ok(`${user(5, 'raw')}`.includes(Buffer.from([0xfe]).toString('base64')), `${user(5, 'raw')}`)
    await client.endAsync()
  })

  test('MQTT 5 properties become headers, and QoS 1 without properties has none', async () => {
    const { client } = await subscribe('', { protocolVersion: 5 })
    const properties = { contentType: 'application/json', userProperties: { trace: 'abc', region: ['eu', 'us'] } }
    await client.publishAsync('props/k', '{}', { qos: 1, properties })
    await client.publishAsync('props/k', 'plain', { qos: 1 })
    await client.endAsync()
    const { stdout } = await runOk('kcat', ['-b', peer.kafka, '-C', '-t', 'props', '-o', 'beginning', '-e', '-q', '-f', '%k|%s|%h\n'])
    const [first, second] = stdout.trim().split('\n')
    const headers = first?.split('|')[2]?.split(',') ?? []
    assert.ok(
      ['content-type=application/json', 'trace=abc', 'region=eu', 'region=us'].every((one) => headers.includes(one)),
      first,
    )
    assert.equal(second, 'k|plain|')
  })

  test('an offline persistent session gets the flights it missed, then goes on live', async () => {
    const back = await subscribe('', persistent(offlineClient))
    assert.equal(back.sessionPresent, true)
    await until('the missed flights', () => back.got.length >= allFlights.length, { describe: () => `${back.got.length} of ${allFlights.length}` })
    assertFlights('the session', back.got)
    await back.client.publishAsync('flights/live', 'live', { qos: 1 })
    await until('the live message', () => back.got.length > allFlights.length)
    assert.equal(back.got.length, allFlights.length + 1)
    await back.client.endAsync()
  })

  test('after a restart all rows are there from the beginning, groups and sessions go on', async () => {
    assert.ok(peer.elytra)
    assert.equal(await peer.elytra.stop(), 0, 'SIGTERM ends it cleanly')
    await peer.elytra.start()
    await rereadByAll()

    const resumed: string[] = []
    const consumer = kafka.consumer({ groupId, maxWaitTimeInMs: 200 })
    await consumer.connect()
    await consumer.subscribe({ topics: ['weather', 'quakes'], fromBeginning: true })
    await consumer.run({
      eachMessage: async ({ message }) => {
        resumed.push(message.value?.toString() ?? '')
      },
    })
    const { client, sessionPresent, got } = await subscribe('', persistent(offlineClient))
    assert.equal(sessionPresent, true)
    await client.publishAsync('weather/seattle/2016-01', 'after the restart', { qos: 2 })
    await client.publishAsync('flights/again', 'again', { qos: 1 })
    await until('the new row in the group', () => resumed.length > 0)
    await until('the new flight in the session', () => got.length > 0)
    assert.deepEqual(resumed, ['after the restart'], 'the group goes on after what it committed')
    assert.deepEqual(
      got.map((message) => message.value),
      ['again'],
    )
    await consumer.disconnect()
    await client.endAsync()
  })

  for (const form of ['user property', '$replay']) {
    test(`an MQTT client replays the flights from the beginning by ${form}, then goes on live`, async () => {
      const prefix = form === '$replay' ? '$replay/earliest/' : ''
      const replay = await subscribe(`${prefix}flights/#`, { protocolVersion: 5 }, form === '$replay' ? undefined : { from: 'earliest' })
      const fromKafka = () => replay.got.filter((message) => /^(kafkajs|platformatic|kcat|confluent)\|/.test(message.value))
      await until('the flights', () => fromKafka().length >= allFlights.length, { describe: () => `${fromKafka().length} of ${allFlights.length}` })
      assert.ok(replay.got.every((message) => message.topic.startsWith(`${prefix}flights/`)))
      assertFlights(
        'the replay',
        fromKafka().map(({ topic, value }) => ({ topic: topic.slice(prefix.length), value })),
      )
      await replay.client.publishAsync('flights/live', `live ${form}`, { qos: 1 })
      await until('the live message', () => replay.got.some((message) => message.value === `live ${form}`))
      assert.equal(replay.got.filter((message) => message.value === `live ${form}`).length, 1)
      await replay.client.endAsync()
    })
  }

  const assertFlights = (reader: string, got: readonly { readonly topic: string; readonly value: string }[]) => {
    const rows = got.map(({ topic, value }) => ({ key: `${value.slice(0, value.indexOf('|'))} ${topic.slice('flights/'.length)}`, value }))
    const sent = PRODUCERS.flatMap((name) => (flights.get(name) ?? []).map(({ key, value }) => ({ key: `${name} ${key}`, value })))
    assertSameRows(reader, rows, sent)
  }
})

const persistent = (clientId: string): IClientOptions => ({ protocolVersion: 5, clientId, clean: false, properties: { sessionExpiryInterval: 3600 } })

const withTopic = (topic: string, rows: readonly Row[]): Row[] => rows.map(({ key, value }) => ({ key: `${topic}/${key}`, value }))

const HEADERS = { käfer: 'ja, größe' }

const produce: Record<ProducerName, (bootstrap: string, kafka: Kafka, rows: readonly Row[]) => Promise<void>> = {
  kafkajs: async (_bootstrap, kafka, rows) => {
    const producer = kafka.producer({ idempotent: true })
    await producer.connect()
    for (let start = 0; start < rows.length; start += 100) {
      await producer.send({ topic: 'flights', messages: rows.slice(start, start + 100).map((row) => ({ ...row, headers: { source: 'kafkajs', ...HEADERS } })) })
    }
    await producer.disconnect()
  },
  platformatic: async (bootstrap, _kafka, rows) => {
    const producer = new PlatformaticProducer({
      clientId: 'story',
      bootstrapBrokers: [bootstrap],
      serializers: stringSerializers,
      idempotent: true,
      compression: 'lz4',
    })
    const messages = rows.map((row) => ({ topic: 'flights', ...row, headers: { source: 'platformatic', ...HEADERS } }))
    await producer.send({ messages })
    await producer.close()
  },
  kcat: async (bootstrap, _kafka, rows) => {
    const headers = ['-H', 'source=kcat', '-H', `käfer=${HEADERS.käfer}`]
    const result = await run('kcat', ['-b', bootstrap, '-P', '-t', 'flights', '-K', '\t', '-z', 'snappy', ...headers], {
      input: rows.map((row) => `${row.key}\t${row.value}\n`).join(''),
    })
    assert.equal(result.code, 0, result.stderr)
  },
  confluent: async (bootstrap, _kafka, rows) => {
    const input = rows.map((row) => JSON.stringify({ ...row, headers: { source: 'confluent', ...HEADERS } })).join('\n')
    await runOk(PYTHON, [script('story_produce.py'), bootstrap, 'flights'], { input: `${input}\n` })
  },
}
