import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlterConfigsRequest, AlterConfigsResponse } from '../../../src/kafka/messages/alter-configs.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../src/kafka/messages/incremental-alter-configs.ts'
import { startKafka } from '../lib/harness.ts'
import { HeldLog } from '../lib/held-log.ts'
import { RawClient } from '../lib/raw-client.ts'

const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

interface Options {
  readonly resourceType?: number
  readonly resourceName?: string
  readonly validateOnly?: boolean
  readonly times?: number
}

async function setup() {
  const log = new HeldLog()
  const kafka = await startKafka(log)
  const topic = kafka.topics.create({ name: 't' }, () => {})
  assert.ok('partitions' in topic)
  const client = await RawClient.connect(kafka.address)
  const resources = <C>(configs: C[], { resourceType = 2, resourceName = 't', times = 1 }: Options) =>
    Array.from({ length: times }, () => ({ resourceType, resourceName, configs }))
  /** The error codes, and what the topic is set to afterwards. */
  const outcome = (responses: readonly { errorCode: number }[]) => [responses.map(({ errorCode }) => errorCode), Object.fromEntries(topic.configs)]
  const change = async (configs: [name: string, operation: number, value: string | null][], options: Options = {}) => {
    const rows = configs.map(([name, configOperation, value]) => ({ name, configOperation, value }))
    const request = { resources: resources(rows, options), validateOnly: options.validateOnly ?? false }
    return outcome((await client.ask([IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse], 1, request)).responses)
  }
  const replace = async (configs: [name: string, value: string | null][], options: Options = {}) => {
    const rows = configs.map(([name, value]) => ({ name, value }))
    const request = { resources: resources(rows, options), validateOnly: options.validateOnly ?? false }
    return outcome((await client.ask([AlterConfigsRequest, AlterConfigsResponse], 2, request)).responses)
  }
  const end = async () => {
    await client[Symbol.asyncDispose]()
    await kafka[Symbol.asyncDispose]()
  }
  return { kafka, topic, log, change, replace, [Symbol.asyncDispose]: end }
}

test('configs are set, changed and deleted one by one', async () => {
  await using t = await setup()
  assert.deepEqual(await t.change([['retention.ms', SET, '1000']]), [[0], { 'retention.ms': '1000' }])
  assert.equal(t.topic.settings.log.retentionMs, 1_000)
  assert.deepEqual(await t.change([['segment.bytes', SET, '2000000']]), [[0], { 'retention.ms': '1000', 'segment.bytes': '2000000' }])
  assert.deepEqual(await t.change([['retention.ms', DELETE, null]]), [[0], { 'segment.bytes': '2000000' }])
  assert.deepEqual(await t.change([['retention.ms', DELETE, null]]), [[0], { 'segment.bytes': '2000000' }])
  assert.deepEqual(await t.change([['no.such.config', DELETE, null]]), [[0], { 'segment.bytes': '2000000' }])
})

test('lists are added to and taken from, nothing else is', async () => {
  await using t = await setup()
  assert.deepEqual(await t.change([['cleanup.policy', APPEND, 'delete']]), [[0], { 'cleanup.policy': 'delete' }])
  assert.deepEqual(await t.change([['cleanup.policy', SUBTRACT, 'compact']]), [[0], { 'cleanup.policy': 'delete' }])
  assert.deepEqual(await t.change([['retention.ms', APPEND, '1']]), [[40], { 'cleanup.policy': 'delete' }])
})

test('what is refused changes nothing, not even what stands beside it (as Kafka 4.4 answers)', async () => {
  await using t = await setup()
  const beside: [string, number, string] = ['segment.bytes', SET, '2000000']
  assert.deepEqual(await t.change([beside, ['no.such.config', SET, '1']]), [[40], {}])
  assert.deepEqual(await t.change([beside, ['retention.ms', SET, 'x']]), [[40], {}])
  assert.deepEqual(await t.change([beside, ['retention.ms', SET, null]]), [[42], {}])
  assert.deepEqual(await t.change([beside, beside]), [[42], {}])
  assert.deepEqual(await t.change([beside], { validateOnly: true }), [[0], {}])
  assert.deepEqual(await t.change([beside], { resourceName: 'nowhere' }), [[3], {}])
  assert.deepEqual(await t.change([beside], { resourceName: 'a b' }), [[17], {}])
  assert.deepEqual(await t.change([beside], { resourceName: '' }), [[42], {}])
  assert.deepEqual(await t.change([beside], { resourceType: 99 }), [[42], {}])
  assert.deepEqual(await t.change([['num.partitions', SET, '2']], { resourceType: 4, resourceName: '1' }), [[42], {}])
  assert.deepEqual(
    await t.change([
      ['min.compaction.lag.ms', SET, '9'],
      ['max.compaction.lag.ms', SET, '8'],
    ]),
    [[40], {}],
  )
  assert.deepEqual(await t.change([['remote.storage.enable', SET, 'true']]), [[40], {}])
  assert.deepEqual(await t.change([['cleanup.policy', SET, 'compacted']]), [[40], {}])
  assert.deepEqual(await t.change([beside], { times: 2 }), [[42, 42], {}])
})

test('AlterConfigs replaces all', async () => {
  await using t = await setup()
  await t.change([['segment.bytes', SET, '2000000']])
  assert.deepEqual(await t.replace([['retention.ms', '9']]), [[0], { 'retention.ms': '9' }])
  assert.deepEqual(await t.replace([['no.such.config', '9']]), [[40], { 'retention.ms': '9' }])
  assert.deepEqual(await t.replace([['retention.ms', null]]), [[42], { 'retention.ms': '9' }])
  assert.deepEqual(await t.replace([], { validateOnly: true }), [[0], { 'retention.ms': '9' }])
  assert.deepEqual(await t.replace([]), [[0], {}])
})

test('a disk that refuses leaves the configs as they were', async () => {
  await using t = await setup()
  t.log.failure = { code: 'storage-error', message: 'disk full' }
  assert.deepEqual(await t.change([['retention.ms', SET, '1000']]), [[56], {}])
})

const BROKER = 4
const GROUP = 32

test('a config of the broker is the default of topics that set none, at once (KIP-226)', async () => {
  await using t = await setup()
  const broker = { resourceType: BROKER, resourceName: '1' }
  const cluster = { resourceType: BROKER, resourceName: '' }
  const key = 'log.message.timestamp.after.max.ms'
  const holds = () => t.topic.settings.timestampAfterMaxMs
  await t.change([[key, SET, '1000']], cluster)
  assert.equal(holds(), 1_000)
  await t.change([[key, SET, '2000']], broker)
  assert.equal(holds(), 2_000)
  await t.change([['message.timestamp.after.max.ms', SET, '3000']])
  assert.equal(holds(), 3_000)
  await t.change([['message.timestamp.after.max.ms', DELETE, null]])
  await t.change([[key, DELETE, null]], broker)
  assert.equal(holds(), 1_000)
  await t.change([[key, DELETE, null]], cluster)
  assert.equal(holds(), 3_600_000)
})

test('a disk that refuses leaves the configs of the broker as they were', async () => {
  await using t = await setup()
  t.log.failure = { code: 'storage-error', message: 'disk full' }
  const answer = await t.change([['log.retention.ms', SET, '1000']], { resourceType: BROKER, resourceName: '1' })
  assert.deepEqual(answer[0], [56])
  assert.equal(t.topic.settings.log.retentionMs, 604_800_000)
})

test('a group has configs of its own, within the bounds of Kafka', async () => {
  await using t = await setup()
  const group = { resourceType: GROUP, resourceName: 'g' }
  const heartbeat = () => t.kafka.broker.groupConfigs.number('g', 'consumer.heartbeat.interval.ms')
  assert.deepEqual((await t.change([['consumer.heartbeat.interval.ms', SET, '4999']], group))[0], [40])
  assert.deepEqual((await t.change([['no.such.config', SET, '1']], group))[0], [40])
  assert.deepEqual((await t.change([['consumer.heartbeat.interval.ms', SET, '6000']], group))[0], [0])
  assert.equal(heartbeat(), 6_000)
  await t.change([['consumer.heartbeat.interval.ms', DELETE, null]], group)
  assert.equal(heartbeat(), 5_000)
})
