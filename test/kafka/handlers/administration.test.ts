import assert from 'node:assert/strict'
import { test } from 'node:test'
import { startBroker } from '../../../src/index.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from '../../../src/kafka/messages/describe-log-dirs.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from '../../../src/kafka/messages/describe-quorum.ts'
import { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from '../../../src/kafka/messages/describe-topic-partitions.ts'
import { ElectLeadersRequest, ElectLeadersResponse } from '../../../src/kafka/messages/elect-leaders.ts'
import { ListConfigResourcesRequest, ListConfigResourcesResponse } from '../../../src/kafka/messages/list-config-resources.ts'
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from '../../../src/kafka/messages/update-features.ts'
import { startKafka } from '../lib/harness.ts'
import { HeldLog } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

async function setup(topics: Record<string, number>) {
  const kafka = await startKafka(new HeldLog())
  for (const [name, partitions] of Object.entries(topics)) assert.ok('partitions' in kafka.topics.create({ name, partitions }, () => {}))
  const client = await RawClient.connect(kafka.address)
  const end = async () => {
    await client[Symbol.asyncDispose]()
    await kafka[Symbol.asyncDispose]()
  }
  return { kafka, client, [Symbol.asyncDispose]: end }
}

interface Cursor {
  readonly topicName: string
  readonly partitionIndex: number
}

test('pages of topics: every partition comes once, in the order of names, and the cursor says where it goes on (KIP-966)', async () => {
  for (const [named, limit] of [
    [true, 1],
    [true, 2],
    [false, 2],
    [false, 3],
    [true, 100],
  ] as const) {
    await using t = await setup({ c: 1, a: 3, b: 2 })
    const seen: string[] = []
    let cursor: Cursor | null = null
    let pages = 0
    do {
      const request = { topics: named ? [{ name: 'b' }, { name: 'c' }, { name: 'a' }] : [], responsePartitionLimit: limit, cursor }
      const page: { topics: readonly { name: string | null; partitions: readonly { partitionIndex: number }[] }[]; nextCursor: Cursor | null } =
        await t.client.ask([DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse], 0, request)
      for (const { name, partitions } of page.topics) for (const { partitionIndex } of partitions) seen.push(`${name}${partitionIndex}`)
      cursor = page.nextCursor
      pages += 1
    } while (cursor !== null && pages < 20)
    assert.deepEqual(seen, ['a0', 'a1', 'a2', 'b0', 'b1', 'c0'])
    assert.equal(pages, Math.ceil(6 / limit), `limit ${limit}`)
  }
})

test('log directories tell the sizes of the partitions asked for, or of all', async () => {
  await using t = await setup({ a: 2, b: 1 })
  const told = async (topics: { topic: string; partitions: number[] }[] | null) => {
    const { results } = await t.client.ask([DescribeLogDirsRequest, DescribeLogDirsResponse], 5, { topics })
    return results.flatMap((result) => result.topics.flatMap(({ name, partitions }) => partitions.map(({ partitionIndex }) => `${name}${partitionIndex}`)))
  }
  assert.deepEqual(await told(null), ['a0', 'a1', 'b0'])
  assert.deepEqual(
    await told([
      { topic: 'a', partitions: [1, 7] },
      { topic: 'nowhere', partitions: [0] },
    ]),
    ['a1'],
  )
})

test('the disk tells its size and what is left of it, or -1 where it does not know', async () => {
  const log = new HeldLog()
  const kafka = await startKafka(log)
  const client = await RawClient.connect(kafka.address)
  const sizes = async (version: number) => {
    const { results } = await client.ask([DescribeLogDirsRequest, DescribeLogDirsResponse], version, { topics: null })
    return results.map(({ totalBytes, usableBytes }) => [totalBytes, usableBytes])
  }
  assert.deepEqual(await sizes(5), [[-1, -1]])
  log.disk = { totalBytes: 5e12, usableBytes: 7 }
  assert.deepEqual(await sizes(5), [[5e12, 7]])
  assert.deepEqual(await sizes(3), [[-1, -1]], 'before v4 nobody asks')
  await client[Symbol.asyncDispose]()
  await kafka[Symbol.asyncDispose]()
})

test('the quorum is this broker alone, and its log of metadata the state log', async () => {
  await using broker = await startBroker()
  const [host, port] = broker.kafka.split(':') as [string, string]
  await using client = await RawClient.connect({ host, port: Number(port) })
  const offsets = async () => {
    const topics = [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }]
    const answer = await client.ask([DescribeQuorumRequest, DescribeQuorumResponse], 2, { topics })
    const part = answer.topics[0]?.partitions[0]
    return [part?.highWatermark, part?.currentVoters.map(({ logEndOffset }) => logEndOffset)] as const
  }
  const [before, voters] = await offsets()
  assert.deepEqual(voters, [before])
  const topics = [{ name: 't', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
  await client.ask([CreateTopicsRequest, CreateTopicsResponse], 7, { topics })
  const [after] = await offsets()
  assert.ok((after as number) > (before as number), `${after} after ${before}`)
})

test('no leader needs to be elected: 84, and 3 for what is not there', async () => {
  await using t = await setup({ a: 1 })
  const answer = await t.client.ask([ElectLeadersRequest, ElectLeadersResponse], 2, {
    electionType: 0,
    topicPartitions: [{ topic: 'a', partitions: [0, 1] }],
  })
  assert.deepEqual(
    answer.replicaElectionResults[0]?.partitionResult.map(({ errorCode }) => errorCode),
    [84, 3],
  )
})

test('features have the levels they have', async () => {
  await using t = await setup({})
  const set = async (feature: string, maxVersionLevel: number) => {
    const featureUpdates = [{ feature, maxVersionLevel, allowDowngrade: false }]
    return (await t.client.ask([UpdateFeaturesRequest, UpdateFeaturesResponse], 2, { featureUpdates })).errorCode
  }
  assert.equal(await set('group.version', 1), 0)
  assert.equal(await set('group.version', 2), 95)
  assert.equal(await set('no.such.feature', 1), 95)
})

test('what has configs is listed by type: topics, the broker, groups that have set any', async () => {
  await using t = await setup({ a: 1 })
  t.kafka.broker.groupConfigs.set('g', new Map([['consumer.heartbeat.interval.ms', '6000']]), () => {})
  const list = async (resourceTypes: number[]) => {
    const { errorCode, configResources } = await t.client.ask([ListConfigResourcesRequest, ListConfigResourcesResponse], 1, { resourceTypes })
    return errorCode === 0 ? configResources.map(({ resourceName, resourceType }) => `${resourceType} ${resourceName}`) : errorCode
  }
  assert.deepEqual(await list([]), ['2 a', '4 1', '8 1', '32 g'])
  assert.deepEqual(await list([32]), ['32 g'])
  assert.equal(await list([99]), 35)
})
