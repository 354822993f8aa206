/** kafkajs 2.2.4: producer, consumer groups and admin, at the versions it sends (Produce 7, Fetch 11, JoinGroup 5). */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { type Admin, CompressionTypes, type Consumer, Kafka, logLevel } from 'kafkajs'
import { openPeer, type Peer, unique } from '../lib/broker.ts'
import { until } from '../lib/process.ts'

describe('kafkajs', () => {
  let peer: Peer
  let kafka: Kafka
  let admin: Admin

  before(async () => {
    peer = await openPeer()
    kafka = new Kafka({ clientId: 'compat', brokers: [peer.kafka], logLevel: logLevel.NOTHING })
    admin = kafka.admin()
    await admin.connect()
  })

  after(async () => {
    await admin?.disconnect()
    await peer?.close()
  })

  const createTopic = async (numPartitions: number): Promise<string> => {
    const topic = unique('kafkajs')
    assert.equal(await admin.createTopics({ waitForLeaders: true, topics: [{ topic, numPartitions }] }), true)
    return topic
  }

  const produce = async (topic: string, messages: { key?: string | null; value: string | null; partition?: number; timestamp?: string }[]) => {
    const producer = kafka.producer()
    await producer.connect()
    const metadata = await producer.send({ topic, messages })
    await producer.disconnect()
    return metadata
  }

  test('admin creates, describes, lists and deletes a topic', async () => {
    const topic = await createTopic(4)
    assert.ok((await admin.listTopics()).includes(topic))
    const { topics } = await admin.fetchTopicMetadata({ topics: [topic] })
    assert.deepEqual(topics[0]?.partitions.map((partition) => partition.partitionId).sort(), [0, 1, 2, 3])
    assert.equal(await admin.createTopics({ topics: [{ topic }] }), false, 'a topic that exists is not made again')
    await admin.deleteTopics({ topics: [topic] })
    await until('the topic to be gone', async () => !(await admin.listTopics()).includes(topic))
  })

  test('admin names the cluster, its controller and its brokers', async () => {
    const cluster = await admin.describeCluster()
    assert.ok(cluster.clusterId.length > 0)
    assert.ok(cluster.brokers.some((broker) => broker.nodeId === cluster.controller && `${broker.host}:${broker.port}` === peer.kafka))
  })

  test('describeConfigs returns the topic settings it was created with', async () => {
    const topic = unique('kafkajs')
    await admin.createTopics({ topics: [{ topic, numPartitions: 1, configEntries: [{ name: 'retention.ms', value: '3600000' }] }] })
    const { resources } = await admin.describeConfigs({ includeSynonyms: false, resources: [{ type: 2, name: topic }] })
    const entry = (name: string) => resources[0]?.configEntries.find((config) => config.configName === name)?.configValue
    assert.equal(entry('retention.ms'), '3600000')
    assert.equal(entry('cleanup.policy'), 'delete')
    assert.ok(Number(entry('max.message.bytes')) > 1_000_000)
  })

  for (const acks of [-1, 1, 0] as const) {
    test(`keys, values, nulls, headers and timestamps come back as sent with acks=${acks}`, async () => {
      const topic = await createTopic(1)
      const producer = kafka.producer()
      await producer.connect()
      const sent = [
        { key: 'plain', value: 'one', headers: { trace: 'abc', n: Buffer.from([0, 255, 1]) }, timestamp: '1700000000001' },
        { key: 'tombstone', value: null, headers: {}, timestamp: '1700000000002' },
        { key: null, value: 'no key', headers: {}, timestamp: '1700000000003' },
        { key: '', value: '', headers: { empty: '' }, timestamp: '1700000000004' },
        { key: 'größe/ß/水', value: 'Füße 🦗', headers: {}, timestamp: '1700000000005' },
      ]
      await producer.send({ topic, acks, messages: sent })
      await producer.disconnect()
      const got = await readAll(kafka, topic, sent.length)
      assert.deepEqual(
        got.map((message) => [message.key?.toString() ?? null, message.value?.toString() ?? null, message.timestamp]),
        sent.map((message) => [message.key, message.value, message.timestamp]),
      )
      assert.equal(got[0]?.headers?.trace?.toString(), 'abc')
      assert.deepEqual(got[0]?.headers?.n, Buffer.from([0, 255, 1]))
      assert.equal(got[3]?.headers?.empty?.toString(), '')
    })
  }

  test('a gzip batch is stored and read back', async () => {
    const topic = await createTopic(1)
    const producer = kafka.producer()
    await producer.connect()
    const messages = Array.from({ length: 500 }, (_, n) => ({ key: `k${n % 7}`, value: `${n} `.repeat(50) }))
    await producer.send({ topic, compression: CompressionTypes.GZIP, messages })
    await producer.disconnect()
    const got = await readAll(kafka, topic, messages.length)
    assert.deepEqual(
      got.map((message) => message.value?.toString()),
      messages.map((message) => message.value),
    )
  })

  test('an idempotent producer writes each record once', async () => {
    const topic = await createTopic(2)
    const producer = kafka.producer({ idempotent: true, maxInFlightRequests: 1 })
    await producer.connect()
    for (let n = 0; n < 20; n++) await producer.send({ topic, messages: [{ key: 'k', value: `${n}` }] })
    await producer.disconnect()
    const got = await readAll(kafka, topic, 20)
    assert.deepEqual(
      got.map((message) => message.value?.toString()),
      Array.from({ length: 20 }, (_, n) => `${n}`),
    )
  })

  test('a first record to an unknown topic makes the topic', async () => {
    const topic = unique('kafkajs-auto')
    const producer = kafka.producer({ allowAutoTopicCreation: true })
    await producer.connect()
    await producer.send({ topic, messages: [{ value: 'first' }] })
    await producer.disconnect()
    assert.equal((await readAll(kafka, topic, 1))[0]?.value?.toString(), 'first')
  })

  test('offsets by partition and by time', async () => {
    const topic = await createTopic(1)
    const base = Date.now() - 100_000
    await produce(
      topic,
      Array.from({ length: 10 }, (_, n) => ({ value: `${n}`, partition: 0, timestamp: `${base + n * 1000}` })),
    )
    const [offsets] = await admin.fetchTopicOffsets(topic)
    assert.equal(offsets?.low, '0')
    assert.equal(offsets?.high, '10')
    const [byTime] = await admin.fetchTopicOffsetsByTimestamp(topic, base + 3500)
    assert.equal(byTime?.offset, '4')
  })

  test('two consumers of one group share the partitions, and each record is read once', async () => {
    const topic = await createTopic(4)
    const groupId = unique('group')
    const seen = [new Map<string, number>(), new Map<string, number>()]
    const consumers = await Promise.all(seen.map((own) => startConsumer(kafka, groupId, topic, (value) => own.set(value, (own.get(value) ?? 0) + 1))))
    await until('both members to be assigned', async () => {
      const { groups } = await admin.describeGroups([groupId])
      return groups[0]?.state === 'Stable' && groups[0].members.length === 2
    })
    await produce(
      topic,
      Array.from({ length: 400 }, (_, n) => ({ key: `key-${n}`, value: `v${n}` })),
    )
    const total = () => seen.reduce((sum, own) => sum + own.size, 0)
    await until('400 records', () => total() >= 400, { describe: () => `${total()} so far` })
    await Promise.all(consumers.map((consumer) => consumer.disconnect()))
    for (const own of seen) {
      assert.ok(own.size > 0, 'both members get some')
      assert.ok([...own.values()].every((count) => count === 1))
    }
    assert.equal(total(), 400)
    assert.ok((await admin.listGroups()).groups.some((group) => group.groupId === groupId))
  })

  test('a consumer that comes back goes on after its committed offset', async () => {
    const topic = await createTopic(1)
    const groupId = unique('group')
    await produce(topic, [{ value: 'a' }, { value: 'b' }])
    const first: string[] = []
    const one = await startConsumer(kafka, groupId, topic, (value) => first.push(value))
    await until('two records', () => first.length === 2)
    await one.disconnect()
    await produce(topic, [{ value: 'c' }])
    const second: string[] = []
    const two = await startConsumer(kafka, groupId, topic, (value) => second.push(value))
    await until('the third record', () => second.length > 0)
    await two.disconnect()
    assert.deepEqual(second, ['c'])
    const [offsets] = await admin.fetchOffsets({ groupId, topics: [topic] })
    assert.equal(offsets?.partitions[0]?.offset, '3')
  })

  test('a member that leaves hands its partitions to the other', async () => {
    const topic = await createTopic(2)
    const groupId = unique('group')
    const seen: string[] = []
    const stays = await startConsumer(kafka, groupId, topic, (value) => seen.push(value))
    const leaves = await startConsumer(kafka, groupId, topic, () => undefined)
    await until('two members', async () => (await admin.describeGroups([groupId])).groups[0]?.members.length === 2)
    await leaves.disconnect()
    await until('one member', async () => (await admin.describeGroups([groupId])).groups[0]?.members.length === 1)
    await produce(topic, [
      { value: 'p0', partition: 0 },
      { value: 'p1', partition: 1 },
    ])
    await until('both partitions at the member that stays', () => seen.length === 2, { describe: () => seen.join() })
    await stays.disconnect()
  })
})

interface Got {
  readonly key: Buffer | null
  readonly value: Buffer | null
  readonly timestamp: string
  readonly headers?: Record<string, Buffer | string | (Buffer | string)[] | undefined>
}

/** Reads `count` records of a topic from its beginning. */
async function readAll(kafka: Kafka, topic: string, count: number): Promise<readonly Got[]> {
  const consumer = kafka.consumer({ groupId: unique('reader'), maxWaitTimeInMs: 200 })
  const got: Got[] = []
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      got.push(message as Got)
    },
  })
  await until(`${count} records of ${topic}`, () => got.length >= count, { describe: () => `${got.length} so far` })
  await consumer.disconnect()
  assert.equal(got.length, count)
  return got
}

async function startConsumer(kafka: Kafka, groupId: string, topic: string, onValue: (value: string) => void): Promise<Consumer> {
  const consumer = kafka.consumer({ groupId, sessionTimeout: 10_000, heartbeatInterval: 500, maxWaitTimeInMs: 200 })
  await consumer.connect()
  await consumer.subscribe({ topic, fromBeginning: true })
  await consumer.run({
    eachMessage: async ({ message }) => {
      onValue(message.value?.toString() ?? '')
    },
  })
  return consumer
}
