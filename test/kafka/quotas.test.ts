import assert from 'node:assert/strict'
import { test } from 'node:test'
import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../src/kafka/messages/alter-client-quotas.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../src/kafka/messages/create-topics.ts'
import { FetchRequest, FetchResponse } from '../../src/kafka/messages/fetch.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../src/kafka/messages/list-groups.ts'
import { ProduceRequest, ProduceResponse } from '../../src/kafka/messages/produce.ts'
import { ZERO_UUID } from '../../src/util/uuid.ts'
import { batchOf } from './lib/batches.ts'
import { startKafka } from './lib/harness.ts'
import { HeldLog } from './lib/held-log.ts'
import { RawClient } from './lib/raw-client.ts'

test('an address that makes too many connections is kept waiting, then refused; others, and those that are open, go on (KIP-612)', async () => {
  await using t = await setup({})
  const alter = async (remove: boolean) => {
    const ops = [{ key: 'connection_creation_rate', value: 1, remove }]
    const entries = [{ entity: [{ entityType: 'ip', entityName: '127.0.0.1' }], ops }]
    const altered = await t.client.ask([AlterClientQuotasRequest, AlterClientQuotasResponse], 1, { entries, validateOnly: false })
    assert.equal(altered.entries[0]?.errorCode, 0)
  }
  await alter(false)
  const groups = (client: RawClient) => client.ask([ListGroupsRequest, ListGroupsResponse], 3, { statesFilter: [], typesFilter: [] })
  const opened: RawClient[] = []
  let refused: RawClient | null = null
  for (let i = 0; i < 14 && refused === null; i++) {
    const client = await RawClient.connect(t.kafka.address)
    opened.push(client)
    const began = performance.now()
    const answered = await groups(client).then(
      () => true,
      () => false,
    )
    if (answered) continue
    refused = client
    assert.ok(performance.now() - began > 300, 'it is not told at once')
  }
  assert.ok(refused !== null && opened.length > 10, `${opened.length} connections`)
  await groups(t.client)
  await alter(true)
  const again = await RawClient.connect(t.kafka.address)
  await groups(again)
  for (const client of [...opened, again]) await client[Symbol.asyncDispose]()
})

async function setup(quotas: Record<string, number>) {
  const kafka = await startKafka(new HeldLog())
  const topic = kafka.topics.create({ name: 't' }, () => {})
  assert.ok('partitions' in topic)
  const client = await RawClient.connect(kafka.address)
  const ops = Object.entries(quotas).map(([key, value]) => ({ key, value, remove: false }))
  const entries = [{ entity: [{ entityType: 'client-id', entityName: 'raw' }], ops }]
  const altered = await client.ask([AlterClientQuotasRequest, AlterClientQuotasResponse], 1, { entries, validateOnly: false })
  assert.equal(altered.entries[0]?.errorCode, 0)
  const produce = (bytes: number) =>
    client.ask([ProduceRequest, ProduceResponse], 9, {
      acks: -1,
      timeoutMs: 1_000,
      topicData: [{ name: 't', topicId: ZERO_UUID, partitionData: [{ index: 0, records: batchOf(['x'.repeat(bytes)]) }] }],
    })
  const end = async () => {
    await client[Symbol.asyncDispose]()
    await kafka[Symbol.asyncDispose]()
  }
  return { kafka, client, produce, [Symbol.asyncDispose]: end }
}

/** 11 s are allowed in advance: this is some milliseconds more. */
const RATE = 100_000
const BURST = 11 * RATE + 2_000

test('who produces more than its quota is told so, and not read for that time (KIP-219)', async () => {
  await using t = await setup({ producer_byte_rate: RATE })
  assert.equal((await t.produce(1_000)).throttleTimeMs, 0)
  t.kafka.topics.get('t')?.setConfigs(new Map([['max.message.bytes', '5000000']]))
  const { throttleTimeMs } = await t.produce(BURST + RATE)
  assert.ok(throttleTimeMs > 0 && throttleTimeMs < 3_000, `${throttleTimeMs}`)
  const began = performance.now()
  await t.client.ask([ListGroupsRequest, ListGroupsResponse], 3, { statesFilter: [], typesFilter: [] })
  assert.ok(performance.now() - began >= throttleTimeMs - 100, 'the next request waited')
})

test('who fetches more than its quota gets its records, and is not read afterwards', async () => {
  await using t = await setup({ consumer_byte_rate: RATE })
  t.kafka.topics.get('t')?.setConfigs(new Map([['max.message.bytes', '5000000']]))
  await t.produce(BURST)
  const partitions = [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 5_000_000 }]
  const request = { maxWaitMs: 0, minBytes: 1, topics: [{ topic: 't', topicId: ZERO_UUID, partitions }], forgottenTopicsData: [] }
  const got = await t.client.ask([FetchRequest, FetchResponse], 12, request as never)
  assert.ok(got.throttleTimeMs > 0, `${got.throttleTimeMs}`)
  assert.ok((got.responses[0]?.partitions[0]?.records?.[0]?.length ?? 0) > BURST)
})

test('topics beyond the quota are refused with 89 from version 6 on, before they are made slowly (KIP-599)', async () => {
  await using t = await setup({ controller_mutation_rate: 1_000 })
  const other = await RawClient.connect(t.kafka.address)
  const create = async (client: RawClient, version: number, name: string, numPartitions: number) => {
    const topics = [{ name, numPartitions, replicationFactor: 1, assignments: [], configs: [] }]
    const answer = await client.ask([CreateTopicsRequest, CreateTopicsResponse], version, { topics })
    return [answer.topics[0]?.errorCode, answer.throttleTimeMs > 0]
  }
  t.kafka.broker.throttle.chargeMutations({ user: 'ANONYMOUS', clientId: 'raw' }, 11_500, false)
  assert.deepEqual(await create(t.client, 6, 'a', 1), [89, true])
  assert.deepEqual(await create(other, 5, 'b', 1), [0, true])
  await other[Symbol.asyncDispose]()
})
