import assert from 'node:assert/strict'
import { test } from 'node:test'
import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { CLUSTER_ID, startKafka } from '../lib/harness.ts'
import { HeldLog } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

interface Options {
  readonly allowAutoTopicCreation?: boolean
  readonly operations?: boolean
}

async function setup(autoCreateTopics = true) {
  const kafka = await startKafka(new HeldLog(), { settings: { autoCreateTopics }, numPartitions: 3 })
  const client = await RawClient.connect(kafka.address)
  const ask = (version: number, topics: readonly { name?: string | null; topicId?: string }[] | null, options: Options = {}) =>
    client.ask([MetadataRequest, MetadataResponse], version, {
      topics: topics?.map(({ name = null, topicId = NO_ID }) => ({ name, topicId })) ?? null,
      allowAutoTopicCreation: options.allowAutoTopicCreation ?? true,
      includeClusterAuthorizedOperations: options.operations ?? false,
      includeTopicAuthorizedOperations: options.operations ?? false,
    })
  const end = async () => {
    await client[Symbol.asyncDispose]()
    await kafka[Symbol.asyncDispose]()
  }
  return { kafka, ask, [Symbol.asyncDispose]: end }
}

test('a topic that does not exist is made and answered without an error in every version', async () => {
  await using t = await setup()
  for (let version = 0; version <= 13; version++) {
    const answer = await t.ask(version, [{ name: `made-by-v${version}` }])
    assert.equal(answer.topics[0]?.errorCode, 0, `version ${version}`)
    assert.equal(answer.topics[0]?.partitions.length, 3)
    assert.equal(answer.brokers[0]?.port, t.kafka.address.port)
    assert.equal(answer.brokers[0]?.host, '127.0.0.1')
    assert.equal(answer.clusterId, version >= 2 ? CLUSTER_ID : null)
    assert.equal(answer.controllerId, version >= 1 ? 1 : -1)
  }
})

test('an empty list is all topics in version 0 and none above; null is all', async () => {
  await using t = await setup()
  await t.ask(1, [{ name: 'a' }, { name: 'b' }])
  assert.equal((await t.ask(0, [])).topics.length, 2)
  assert.equal((await t.ask(1, [])).topics.length, 0)
  assert.equal((await t.ask(1, null)).topics.length, 2)
  assert.equal((await t.ask(12, null)).topics.length, 2)
})

test('nothing is made where the client or the broker says no: 3', async () => {
  await using t = await setup()
  assert.equal((await t.ask(4, [{ name: 'a' }], { allowAutoTopicCreation: false })).topics[0]?.errorCode, 3)
  assert.equal((await t.ask(3, [{ name: 'old' }], { allowAutoTopicCreation: false })).topics[0]?.errorCode, 0)
  await using closed = await setup(false)
  assert.equal((await closed.ask(4, [{ name: 'a' }])).topics[0]?.errorCode, 3)
  assert.equal(closed.kafka.topics.size, 0)
})

test('an illegal name gets 17', async () => {
  await using t = await setup()
  for (const name of ['a b', '', '.', '..', 'x'.repeat(250), 'ä']) assert.equal((await t.ask(9, [{ name }])).topics[0]?.errorCode, 17, name)
})

test('several topics are found by id, as Java asks: with an empty name each', async () => {
  await using t = await setup()
  const [one, two] = (await t.ask(12, [{ name: 'one' }, { name: 'two' }])).topics
  const found = await t.ask(13, [
    { name: '', topicId: one?.topicId ?? '' },
    { name: '', topicId: two?.topicId ?? '' },
  ])
  assert.deepEqual(
    found.topics.map(({ name }) => name),
    ['one', 'two'],
  )
})

test('topics are found by id from version 12, an unknown id gets 100 without a name, ids in 10 and 11 get 42', async () => {
  await using t = await setup()
  const made = (await t.ask(12, [{ name: 'a' }])).topics[0]
  assert.ok(made)
  const found = (await t.ask(12, [{ topicId: made.topicId }])).topics[0]
  assert.equal(found?.name, 'a')
  assert.equal(found?.errorCode, 0)
  const unknown = (await t.ask(12, [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAQ' }])).topics[0]
  assert.equal(unknown?.errorCode, 100)
  assert.equal(unknown?.name, null)
  assert.equal((await t.ask(10, [{ name: 'a', topicId: made.topicId }])).topics[0]?.errorCode, 42)
})

test('rights are told only where asked for (KIP-430)', async () => {
  await using t = await setup()
  const without = await t.ask(8, [{ name: 'a' }])
  assert.equal(without.clusterAuthorizedOperations, -2_147_483_648)
  assert.equal(without.topics[0]?.topicAuthorizedOperations, -2_147_483_648)
  const asked = await t.ask(8, [{ name: 'a' }], { operations: true })
  assert.equal(asked.topics[0]?.topicAuthorizedOperations, 0b1101_1111_1000)
  assert.equal(asked.clusterAuthorizedOperations, 0b1_1111_1010_0000)
})

test('a topic named twice is answered once', async () => {
  await using t = await setup()
  assert.equal((await t.ask(9, [{ name: 'a' }, { name: 'a' }])).topics.length, 1)
})

test('topics with neither name nor id, and none with an id: -1 for all, as Kafka answers', async () => {
  await using t = await setup()
  const answer = await t.ask(12, [{ name: 'a' }, {}])
  assert.deepEqual(
    answer.topics.map(({ errorCode, name }) => [errorCode, name]),
    [
      [-1, 'a'],
      [-1, ''],
    ],
  )
  assert.deepEqual([answer.brokers.length, answer.errorCode, t.kafka.topics.size], [0, 0, 0])
  assert.equal((await t.ask(13, [{}])).errorCode, -1)
})
