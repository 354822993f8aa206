import assert from 'node:assert/strict'
import { test } from 'node:test'
import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../../src/kafka/messages/create-partitions.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../../src/kafka/messages/delete-topics.ts'
import { DescribeClusterRequest, DescribeClusterResponse } from '../../../src/kafka/messages/describe-cluster.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../src/kafka/messages/describe-configs.ts'
import { CLUSTER_ID, startKafka } from '../lib/harness.ts'
import { HeldLog } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
const CREATE = [CreateTopicsRequest, CreateTopicsResponse] as const
const DELETE = [DeleteTopicsRequest, DeleteTopicsResponse] as const
const GROW = [CreatePartitionsRequest, CreatePartitionsResponse] as const
const CONFIGS = [DescribeConfigsRequest, DescribeConfigsResponse] as const
const CLUSTER = [DescribeClusterRequest, DescribeClusterResponse] as const

interface NewTopic {
  readonly name?: string
  readonly numPartitions?: number
  readonly replicationFactor?: number
  readonly assignments?: readonly { partitionIndex: number; brokerIds: number[] }[]
  readonly configs?: readonly { name: string; value: string | null }[]
}

async function setup() {
  const log = new HeldLog()
  const kafka = await startKafka(log, { numPartitions: 4 })
  const client = await RawClient.connect(kafka.address)
  const topicOf = (topic: NewTopic) => ({ name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [], ...topic })
  const createAll = (topics: readonly NewTopic[], version = 7, validateOnly = false) =>
    client.ask(CREATE, version, { topics: topics.map(topicOf), timeoutMs: 1_000, validateOnly })
  const create = async (topic: NewTopic, version = 7, validateOnly = false) => {
    const answer = (await createAll([topic], version, validateOnly)).topics[0]
    assert.ok(answer)
    return answer
  }
  const end = async () => {
    await client[Symbol.asyncDispose]()
    await kafka[Symbol.asyncDispose]()
  }
  return { kafka, log, client, create, createAll, [Symbol.asyncDispose]: end }
}

test('a topic is made in every version; the later ones tell its partitions, configs and id', async () => {
  await using t = await setup()
  for (let version = 2; version <= 7; version++) {
    const answer = await t.create({ name: `v${version}`, numPartitions: 2 }, version)
    assert.equal(answer.errorCode, 0)
    assert.equal(answer.numPartitions, version >= 5 ? 2 : -1)
    assert.equal(answer.replicationFactor, version >= 5 ? 1 : -1)
    if (version >= 7) assert.equal(answer.topicId, t.kafka.topics.get('v7')?.id)
    assert.equal(t.kafka.topics.get(`v${version}`)?.partitions.length, 2)
  }
})

test('-1 is the default of the broker', async () => {
  await using t = await setup()
  assert.equal((await t.create({ numPartitions: -1, replicationFactor: -1 })).numPartitions, 4)
})

test('each refusal has its code (rule 8)', async () => {
  await using t = await setup()
  await t.create({ name: 'there' })
  assert.equal((await t.create({ name: 'there' })).errorCode, 36)
  assert.equal((await t.create({ numPartitions: 0 })).errorCode, 37)
  assert.equal((await t.create({ numPartitions: -2 })).errorCode, 37)
  assert.equal((await t.create({ replicationFactor: 3 })).errorCode, 38)
  assert.equal((await t.create({ replicationFactor: 0 })).errorCode, 38)
  assert.equal((await t.create({ name: 'a b' })).errorCode, 17)
  assert.equal((await t.create({ name: 'x'.repeat(250) })).errorCode, 17)
  assert.equal((await t.create({ configs: [{ name: 'no.such.config', value: '1' }] })).errorCode, 40)
  assert.equal((await t.create({ configs: [{ name: 'retention.ms', value: 'x' }] })).errorCode, 40)
  assert.equal((await t.create({ configs: [{ name: 'retention.ms', value: null }] })).errorCode, 40)
  assert.equal(t.kafka.topics.size, 1)
})

test('a topic named twice in a request gets 42, the others are made', async () => {
  await using t = await setup()
  const answer = await t.createAll([{ name: 'a' }, { name: 'b' }, { name: 'a' }])
  assert.deepEqual(answer.topics.map(({ name, errorCode }) => [name, errorCode]).sort(), [
    ['a', 42],
    ['b', 0],
  ])
})

test('an assignment names this broker and numbers partitions without a gap', async () => {
  await using t = await setup()
  const assigned = { numPartitions: -1, replicationFactor: -1 }
  const one = (partitionIndex: number, brokerIds: number[]) => ({ partitionIndex, brokerIds })
  assert.equal((await t.create({ ...assigned, name: 'a', assignments: [one(0, [1]), one(1, [1])] })).numPartitions, 2)
  assert.equal((await t.create({ ...assigned, assignments: [one(0, [1]), one(2, [1])] })).errorCode, 39)
  assert.equal((await t.create({ ...assigned, assignments: [one(0, [7])] })).errorCode, 39)
  assert.equal((await t.create({ assignments: [one(0, [1])] })).errorCode, 42)
})

test('validateOnly makes nothing, and finds what is wrong', async () => {
  await using t = await setup()
  assert.equal((await t.create({ name: 'a' }, 7, true)).errorCode, 0)
  assert.equal((await t.create({ name: 'a b' }, 7, true)).errorCode, 17)
  assert.equal(t.kafka.topics.size, 0)
})

test('a topic is answered when it is durable, and is gone again where the disk refuses', async () => {
  await using t = await setup()
  t.log.failure = { code: 'storage-error', message: 'disk full' }
  assert.equal((await t.create({ name: 'a' })).errorCode, 56)
  assert.equal(t.kafka.topics.get('a'), undefined)
})

test('topics are deleted by name, from version 6 also by id', async () => {
  await using t = await setup()
  for (let version = 1; version <= 6; version++) {
    await t.create({ name: 'a' })
    const topics = [{ name: 'a', topicId: NO_ID }]
    const answer = await t.client.ask(DELETE, version, { topics, topicNames: ['a'], timeoutMs: 1_000 })
    assert.equal(answer.responses[0]?.errorCode, 0)
    assert.equal(t.kafka.topics.size, 0)
  }
  const { topicId } = await t.create({ name: 'b' })
  const answer = await t.client.ask(DELETE, 6, { topics: [{ name: null, topicId }], topicNames: [], timeoutMs: 1_000 })
  assert.deepEqual([answer.responses[0]?.name, answer.responses[0]?.errorCode], ['b', 0])
})

test('deleting what is not there gets 3 by name and 100 by id; both or neither get 42', async () => {
  await using t = await setup()
  const topics = [
    { name: 'nowhere', topicId: NO_ID },
    { name: null, topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' },
    { name: 'x', topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' },
    { name: null, topicId: NO_ID },
  ]
  const answer = await t.client.ask(DELETE, 6, { topics, topicNames: [], timeoutMs: 1_000 })
  assert.deepEqual(
    answer.responses.map(({ errorCode }) => errorCode),
    [3, 100, 42, 42],
  )
})

test('a topic named twice is not deleted: 42, once', async () => {
  await using t = await setup()
  const { topicId } = await t.create({ name: 'a' })
  const topics = [
    { name: 'a', topicId: NO_ID },
    { name: null, topicId },
  ]
  const answer = await t.client.ask(DELETE, 6, { topics, topicNames: [], timeoutMs: 1_000 })
  assert.deepEqual(
    answer.responses.map(({ errorCode }) => errorCode),
    [42],
  )
  assert.equal(t.kafka.topics.size, 1)
})

test('a topic grows, and does not shrink or stay: 37', async () => {
  await using t = await setup()
  await t.create({ name: 'a', numPartitions: 2 })
  const grow = async (count: number, name = 'a') => {
    const topics = [{ name, count, assignments: null }]
    return (await t.client.ask(GROW, 3, { topics, timeoutMs: 1_000, validateOnly: false })).results[0]?.errorCode
  }
  assert.equal(await grow(5), 0)
  assert.equal(t.kafka.topics.get('a')?.partitions.length, 5)
  assert.equal(await grow(5), 37)
  assert.equal(await grow(1), 37)
  assert.equal(await grow(7, 'nowhere'), 3)
})

test('configs of a topic are all told, with where they came from', async () => {
  await using t = await setup()
  await t.create({ name: 'a', configs: [{ name: 'retention.ms', value: '1000' }] })
  const ask = (resourceType: number, resourceName: string, configurationKeys: string[] | null = null) =>
    t.client.ask(CONFIGS, 4, { resources: [{ resourceType, resourceName, configurationKeys }], includeSynonyms: true, includeDocumentation: true })
  const all = (await ask(2, 'a')).results[0]
  assert.ok((all?.configs.length ?? 0) > 5)
  const own = all?.configs.find(({ name }) => name === 'retention.ms')
  assert.deepEqual([own?.value, own?.configSource, own?.configType, own?.readOnly], ['1000', 1, 5, false])
  assert.deepEqual(own?.synonyms, [{ name: 'retention.ms', value: '1000', source: 1 }])
  const some = (await ask(2, 'a', ['segment.bytes'])).results[0]
  assert.deepEqual(
    some?.configs.map(({ name, configSource }) => [name, configSource]),
    [['segment.bytes', 5]],
  )
  const ofBroker = (await ask(2, 'a', ['max.message.bytes'])).results[0]
  assert.deepEqual(
    ofBroker?.configs.map(({ value, configSource, synonyms }) => [value, configSource, synonyms]),
    [
      [
        '1000000',
        4,
        [
          { name: 'message.max.bytes', value: '1000000', source: 4 },
          { name: 'message.max.bytes', value: '1048588', source: 5 },
        ],
      ],
    ],
  )
  assert.equal((await ask(2, 'nowhere')).results[0]?.errorCode, 3)
  assert.equal((await ask(2, 'a b')).results[0]?.errorCode, 17)
  assert.equal((await ask(99, 'a')).results[0]?.errorCode, 42)
})

test('configs of the broker are told of itself only', async () => {
  await using t = await setup()
  const ask = async (resourceName: string) => {
    const resources = [{ resourceType: 4, resourceName, configurationKeys: null }]
    return (await t.client.ask(CONFIGS, 1, { resources })).results[0]
  }
  const own = await ask('1')
  assert.equal(own?.errorCode, 0)
  const readOnly = new Map(own?.configs.map((config) => [config.name, config.readOnly]))
  assert.deepEqual([readOnly.get('log.retention.ms'), readOnly.get('num.partitions'), readOnly.get('log.retention.hours')], [false, true, true])
  assert.equal((await ask('2'))?.errorCode, 42)
  assert.deepEqual(
    (await ask(''))?.configs.map(({ name, value, configSource }) => [name, value, configSource]),
    [['min.insync.replicas', '1', 3]],
    'the defaults of all brokers are those that were set, and what Kafka has from the start',
  )
})

test('DescribeCluster names this broker; controllers are elsewhere: 114, anything else 115', async () => {
  await using t = await setup()
  for (const version of [0, 1, 2]) {
    const answer = await t.client.ask(CLUSTER, version, { includeClusterAuthorizedOperations: false, includeFencedBrokers: false })
    assert.equal(answer.errorCode, 0)
    assert.equal(answer.clusterId, CLUSTER_ID)
    assert.deepEqual([answer.brokers[0]?.brokerId, answer.brokers[0]?.port], [1, t.kafka.address.port])
  }
  const endpoint = async (endpointType: number) =>
    (await t.client.ask(CLUSTER, 1, { endpointType, includeClusterAuthorizedOperations: false, includeFencedBrokers: false })).errorCode
  assert.equal(await endpoint(2), 114)
  assert.equal(await endpoint(3), 115)
})
