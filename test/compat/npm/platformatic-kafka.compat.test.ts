/** @platformatic/kafka 2.12: flexible versions throughout (Metadata 12, Fetch 17, Produce 11, topic ids). */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { Admin, Consumer, ListOffsetTimestamps, type Message, ProduceAcks, Producer, stringDeserializers, stringSerializers } from '@platformatic/kafka'
import { openPeer, type Peer, unique } from '../lib/broker.ts'
import { until, within } from '../lib/process.ts'

type Text = Message<string, string, string, string>

describe('@platformatic/kafka', () => {
  let peer: Peer
  let admin: Admin
  const base = () => ({ clientId: 'compat', bootstrapBrokers: [peer.kafka], timeout: 10_000 })

  before(async () => {
    peer = await openPeer()
    admin = new Admin(base())
  })

  after(async () => {
    await admin?.close()
    await peer?.close()
  })

  const createTopic = async (partitions: number): Promise<string> => {
    const topic = unique('platformatic')
    const [created] = await admin.createTopics({ topics: [topic], partitions, replicas: 1 })
    assert.equal(created?.name, topic)
    return topic
  }

  const produce = async (topic: string, messages: { key?: string; value: string; headers?: Record<string, string> }[], options: object = {}) => {
    const producer = new Producer({ ...base(), serializers: stringSerializers, ...options })
    try {
      return await producer.send({ messages: messages.map((message) => ({ topic, ...message })), acks: ProduceAcks.ALL })
    } finally {
      await producer.close()
    }
  }

  const read = async (topic: string, count: number, groupId = unique('reader'), mode: 'earliest' | 'committed' = 'earliest'): Promise<Text[]> => {
    const consumer = new Consumer({ ...base(), groupId, deserializers: stringDeserializers })
    const stream = await consumer.consume({ topics: [topic], mode, fallbackMode: 'earliest', maxWaitTime: 200, autocommit: 50 })
    const got: Text[] = []
    stream.on('data', (message: Text) => got.push(message))
    stream.on('error', () => undefined)
    try {
      await until(`${count} records of ${topic}`, () => got.length >= count, { describe: () => `${got.length} so far` })
    } finally {
      await within('closing the consumer', 10_000, stream.close())
      await within('closing the consumer', 10_000, consumer.close())
    }
    return got
  }

  test('admin creates, lists and deletes a topic', async () => {
    const topic = await createTopic(4)
    assert.ok((await admin.listTopics()).includes(topic))
    const metadata = await admin.metadata({ topics: [topic] })
    assert.equal(metadata.topics.get(topic)?.partitionsCount, 4)
    assert.match(metadata.topics.get(topic)?.id ?? '', /^[0-9a-f-]{36}$/)
    await admin.deleteTopics({ topics: [topic] })
    await until('the topic to be gone', async () => !(await admin.listTopics()).includes(topic))
  })

  for (const compression of ['none', 'gzip', 'snappy', 'lz4', 'zstd'] as const) {
    test(`records with key and headers come back as sent, ${compression}`, async () => {
      const topic = await createTopic(1)
      const messages = Array.from({ length: 200 }, (_, n) => ({ key: `k${n % 5}`, value: `${n} ${'käfer '.repeat(20)}`, headers: { n: `${n}` } }))
      await produce(topic, messages, { compression })
      const got = await read(topic, messages.length)
      assert.deepEqual(
        got.map((message) => ({ key: message.key, value: message.value, headers: Object.fromEntries(message.headers) })),
        messages,
      )
    })
  }

  test('an idempotent producer writes each record once, in order', async () => {
    const topic = await createTopic(1)
    const producer = new Producer({ ...base(), serializers: stringSerializers, idempotent: true })
    for (let n = 0; n < 20; n++) await producer.send({ messages: [{ topic, key: 'k', value: `${n}` }] })
    await producer.close()
    const got = await read(topic, 20)
    assert.deepEqual(
      got.map((message) => message.value),
      Array.from({ length: 20 }, (_, n) => `${n}`),
    )
  })

  test('a group goes on after its committed offset', async () => {
    const topic = await createTopic(1)
    const groupId = unique('group')
    await produce(topic, [{ value: 'a' }, { value: 'b' }])
    assert.equal((await read(topic, 2, groupId, 'committed')).length, 2)
    await produce(topic, [{ value: 'c' }])
    const got = await read(topic, 1, groupId, 'committed')
    assert.deepEqual(
      got.map((message) => message.value),
      ['c'],
    )
    const groups = await admin.listGroups()
    assert.ok(groups.has(groupId))
    const described = await admin.describeGroups({ groups: [groupId] })
    assert.equal(described.get(groupId)?.id, groupId)
  })

  test('two consumers of one group share four partitions', async () => {
    const topic = await createTopic(4)
    const groupId = unique('group')
    const seen: [string[], string[]] = [[], []]
    const consumers = seen.map(() => new Consumer({ ...base(), groupId, deserializers: stringDeserializers, sessionTimeout: 10_000, heartbeatInterval: 500 }))
    const streams = await Promise.all(consumers.map((consumer) => consumer.consume({ topics: [topic], mode: 'earliest', maxWaitTime: 200 })))
    streams.forEach((stream, index) => {
      stream.on('data', (message: Text) => seen[index]?.push(message.value))
      stream.on('error', () => undefined)
    })
    await until('both members to hold partitions', () => consumers.every((consumer) => (consumer.assignments?.[0]?.partitions.length ?? 0) === 2))
    await produce(
      topic,
      Array.from({ length: 200 }, (_, n) => ({ key: `key-${n}`, value: `v${n}` })),
    )
    await until('200 records', () => seen[0].length + seen[1].length >= 200, { describe: () => `${seen[0].length}+${seen[1].length}` })
    for (const stream of streams) await within('closing a stream', 10_000, stream.close())
    for (const consumer of consumers) await within('closing a consumer', 10_000, consumer.close())
    assert.ok(seen[0].length > 0 && seen[1].length > 0, 'both members get some')
    assert.equal(new Set([...seen[0], ...seen[1]]).size, 200)
  })

  test('two consumers of KIP-848 share four partitions', async () => {
    const topic = await createTopic(4)
    const groupId = unique('group')
    const seen: [string[], string[]] = [[], []]
    const consumers = seen.map(() => new Consumer({ ...base(), groupId, deserializers: stringDeserializers, groupProtocol: 'consumer' }))
    const streams = await Promise.all(consumers.map((consumer) => consumer.consume({ topics: [topic], mode: 'earliest', maxWaitTime: 200 })))
    streams.forEach((stream, index) => {
      stream.on('data', (message: Text) => seen[index]?.push(message.value))
      stream.on('error', () => undefined)
    })
    // They move by their heartbeats, every 5 s.
    const held = () => consumers.map((consumer) => consumer.assignments?.[0]?.partitions.length ?? 0)
    await until('both members to hold partitions', () => held().every((count) => count === 2), { timeoutMs: 60_000, describe: () => `${held()}` })
    await produce(
      topic,
      Array.from({ length: 200 }, (_, n) => ({ key: `key-${n}`, value: `v${n}` })),
    )
    await until('200 records', () => seen[0].length + seen[1].length >= 200, { describe: () => `${seen[0].length}+${seen[1].length}` })
    for (const stream of streams) await within('closing a stream', 10_000, stream.close())
    for (const consumer of consumers) await within('closing a consumer', 10_000, consumer.close())
    assert.ok(seen[0].length > 0 && seen[1].length > 0, 'both members get some')
    assert.equal(new Set([...seen[0], ...seen[1]]).size, 200)
  })

  test('listOffsets gives earliest and latest', async () => {
    const topic = await createTopic(1)
    await produce(topic, [{ value: 'a' }, { value: 'b' }, { value: 'c' }])
    const at = async (timestamp: bigint) => {
      const [listed] = await admin.listOffsets({ topics: [{ name: topic, partitions: [{ partitionIndex: 0, timestamp }] }] })
      return listed?.partitions[0]?.offset
    }
    assert.equal(await at(ListOffsetTimestamps.EARLIEST), 0n)
    assert.equal(await at(ListOffsetTimestamps.LATEST), 3n)
  })
})
