import assert from 'node:assert/strict'
import { test } from 'node:test'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../src/kafka/messages/api-versions.ts'
import { FetchRequest, FetchResponse } from '../../src/kafka/messages/fetch.ts'
import { MetadataRequest, MetadataResponse } from '../../src/kafka/messages/metadata.ts'
import { ProduceRequest, ProduceResponse } from '../../src/kafka/messages/produce.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from '../../src/kafka/messages/sasl-handshake.ts'
import { encodeRequest } from '../../src/kafka/wire/frame.ts'
import { batchOf } from './lib/batches.ts'
import { CLUSTER_ID, startKafka } from './lib/harness.ts'
import { HeldLog } from './lib/held-log.ts'
import { RawClient } from './lib/raw-client.ts'

const API_VERSIONS = [ApiVersionsRequest, ApiVersionsResponse] as const
const METADATA = [MetadataRequest, MetadataResponse] as const
const SOFTWARE = { clientSoftwareName: 'test', clientSoftwareVersion: '1.0' }

const TOPIC_T = { topics: [{ topicId: '', name: 't' }], includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false }

function produceRequest(records: Uint8Array, acks = -1) {
  return { acks, timeoutMs: 1_000, topicData: [{ name: 't', topicId: '', partitionData: [{ index: 0, records }] }] }
}

function fetchRequest(fetchOffset: number, maxWaitMs: number) {
  const partitions = [{ partition: 0, fetchOffset, partitionMaxBytes: 1_000_000 }]
  return { maxWaitMs, minBytes: 1, topics: [{ topic: 't', topicId: '', partitions }], forgottenTopicsData: [] }
}

/** The same bytes for the same seed. */
function noise(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(length)
  let state = seed
  for (let at = 0; at < length; at++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0
    bytes[at] = state >>> 16
  }
  return bytes
}

/** A frame of a request whose body nobody will read. */
function bareRequest(apiKey: number, version: number): Buffer {
  const frame = Buffer.alloc(4 + 10)
  frame.writeInt32BE(10, 0)
  frame.writeInt16BE(apiKey, 4)
  frame.writeInt16BE(version, 6)
  frame.writeInt32BE(7, 8)
  frame.writeInt16BE(-1, 12)
  return frame
}

test('ApiVersions answers every version it has, with response header v0', async () => {
  await using kafka = await startKafka(new HeldLog())
  await using client = await RawClient.connect(kafka.address)
  for (const version of [0, 1, 2, 3, 4, 5]) {
    const answer = await client.ask(API_VERSIONS, version, SOFTWARE)
    assert.equal(answer.errorCode, 0)
    assert.deepEqual(
      answer.apiKeys.find(({ apiKey }) => apiKey === 0),
      { apiKey: 0, minVersion: 0, maxVersion: 13 },
    )
    if (version < 3) continue
    assert.deepEqual(answer.finalizedFeatures, [
      { name: 'transaction.version', minVersionLevel: 2, maxVersionLevel: 2 },
      { name: 'group.version', minVersionLevel: 1, maxVersionLevel: 1 },
      { name: 'share.version', minVersionLevel: 1, maxVersionLevel: 1 },
    ])
    // Old Java clients cannot read a feature whose lowest level is 0 (KAFKA-17492).
    assert.equal(answer.supportedFeatures.length, version < 4 ? 0 : 3)
  }
})

test('ApiVersions of an unknown version is answered in version 0 with 35 and its own range (KIP-511)', async () => {
  await using kafka = await startKafka(new HeldLog())
  await using client = await RawClient.connect(kafka.address)
  client.sendBytes(bareRequest(18, 99))
  const { correlationId, value } = await client.answer(ApiVersionsResponse, 0)
  assert.equal(correlationId, 7)
  assert.equal(value.errorCode, 35)
  assert.deepEqual(value.apiKeys, [{ apiKey: 18, minVersion: 0, maxVersion: 5 }])
  assert.equal((await client.ask(API_VERSIONS, 3, SOFTWARE)).errorCode, 0)
})

test('a client software name that is none gets 42 in the schema of the request', async () => {
  await using kafka = await startKafka(new HeldLog())
  await using client = await RawClient.connect(kafka.address)
  for (const name of ['', '-a', 'a-', 'a b', 'ä']) {
    const answer = await client.ask(API_VERSIONS, 3, { clientSoftwareName: name, clientSoftwareVersion: '1' })
    assert.equal(answer.errorCode, 42, name)
    assert.deepEqual(answer.apiKeys, [])
  }
})

test('ApiVersions 5 names a cluster and node, both or neither: 42, another one 129 (as Kafka 4.4 answers)', async () => {
  await using kafka = await startKafka(new HeldLog())
  await using client = await RawClient.connect(kafka.address)
  for (const [clusterId, nodeId, errorCode] of [
    [null, -1, 0],
    [CLUSTER_ID, 1, 0],
    ['other', -1, 42],
    [null, 1, 42],
    ['other', 1, 129],
    [CLUSTER_ID, 2, 129],
  ] as const) {
    assert.equal((await client.ask(API_VERSIONS, 5, { ...SOFTWARE, clusterId, nodeId })).errorCode, errorCode, `${clusterId} ${nodeId}`)
  }
})

test('an unknown API, an unknown version and Produce 0 to 2 close the connection without an answer', async () => {
  await using kafka = await startKafka(new HeldLog())
  for (const [apiKey, version] of [
    [999, 0],
    [-1, 0],
    [3, 99],
    [3, -1],
    [0, 0],
    [0, 2],
    [4, 0],
  ] as const) {
    await using client = await RawClient.connect(kafka.address)
    client.sendBytes(bareRequest(apiKey, version))
    assert.equal(await client.nextFrame(), null, `API ${apiKey} version ${version}`)
  }
})

test('frames announced as negative, or larger than socket.request.max.bytes, close the connection', async () => {
  await using kafka = await startKafka(new HeldLog(), { settings: { maxRequestBytes: 10_000 } })
  for (const size of [-1, -2_147_483_648, 10_001, 2_147_483_647]) {
    await using client = await RawClient.connect(kafka.address)
    const head = Buffer.alloc(4)
    head.writeInt32BE(size, 0)
    client.sendBytes(head)
    assert.equal(await client.nextFrame(), null, String(size))
  }
})

test('a request cut off at any byte of its body closes the connection, and no other', async () => {
  await using kafka = await startKafka(new HeldLog())
  await using other = await RawClient.connect(kafka.address)
  const whole = Buffer.concat(
    encodeRequest(
      MetadataRequest,
      12,
      { correlationId: 1, clientId: 'x' },
      { topics: [{ topicId: 'AAAAAAAAAAAAAAAAAAAAAA', name: 'abc' }], includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false },
    ),
  )
  for (let length = 4; length < whole.length - 4; length++) {
    await using client = await RawClient.connect(kafka.address)
    const cut = Buffer.from(whole.subarray(0, 4 + length))
    cut.writeInt32BE(length, 0)
    client.sendBytes(cut)
    assert.equal(await client.nextFrame(), null, `cut to ${length} bytes`)
  }
  assert.equal((await other.ask(API_VERSIONS, 0, SOFTWARE)).errorCode, 0)
})

test('a request that arrives byte by byte is answered', async () => {
  await using kafka = await startKafka(new HeldLog())
  await using client = await RawClient.connect(kafka.address)
  const whole = Buffer.concat(encodeRequest(ApiVersionsRequest, 3, { correlationId: 5, clientId: null }, SOFTWARE))
  for (const byte of whole) {
    client.sendBytes(Buffer.of(byte))
    await new Promise(setImmediate)
  }
  assert.equal((await client.answer(ApiVersionsResponse, 3)).correlationId, 5)
})

test('a megabyte of noise closes the connection', async () => {
  await using kafka = await startKafka(new HeldLog())
  await using client = await RawClient.connect(kafka.address)
  client.sendBytes(noise(1_000_000, 12_345))
  assert.equal(await client.nextFrame(), null)
})

test('a Produce that waits for its commit holds back answers, not requests (rule 5)', async () => {
  const log = new HeldLog()
  await using kafka = await startKafka(log)
  await using client = await RawClient.connect(kafka.address)
  await using other = await RawClient.connect(kafka.address)
  await other.ask(METADATA, 1, TOPIC_T)
  log.held = true
  const sent = [
    client.send(ProduceRequest, 9, produceRequest(batchOf(['a']))),
    client.send(ProduceRequest, 9, produceRequest(batchOf(['b', 'c']))),
    client.send(ApiVersionsRequest, 0, SOFTWARE),
  ]
  const partition = kafka.topics.get('t')?.partitions[0]
  while (partition?.log.logEndOffset !== 3) await other.ask(API_VERSIONS, 0, SOFTWARE)
  assert.equal(partition.log.highWatermark, 0)
  assert.equal(client.unread, 0)
  log.release()
  const first = await client.answer(ProduceResponse, 9)
  const second = await client.answer(ProduceResponse, 9)
  const third = await client.answer(ApiVersionsResponse, 0)
  assert.deepEqual([first.correlationId, second.correlationId, third.correlationId], sent)
  assert.equal(first.value.responses[0]?.partitionResponses[0]?.baseOffset, 0)
  assert.equal(second.value.responses[0]?.partitionResponses[0]?.baseOffset, 1)
})

test('a Fetch that waits holds back what follows it on its connection, and nobody else', async () => {
  await using kafka = await startKafka(new HeldLog())
  await using client = await RawClient.connect(kafka.address)
  await using other = await RawClient.connect(kafka.address)
  await other.ask(METADATA, 1, TOPIC_T)
  const sent = [client.send(FetchRequest, 11, fetchRequest(0, 60_000)), client.send(ApiVersionsRequest, 0, SOFTWARE)]
  assert.equal((await other.ask(API_VERSIONS, 0, SOFTWARE)).errorCode, 0)
  assert.equal(client.unread, 0)
  await other.ask([ProduceRequest, ProduceResponse], 9, produceRequest(batchOf(['a'])))
  const fetched = await client.answer(FetchResponse, 11)
  const after = await client.answer(ApiVersionsResponse, 0)
  assert.deepEqual([fetched.correlationId, after.correlationId], sent)
  assert.equal(fetched.value.responses[0]?.partitions[0]?.highWatermark, 1)
})

test('a thousand pipelined requests are answered in order', async () => {
  await using kafka = await startKafka(new HeldLog(), { settings: { maxInFlightRequests: 3 } })
  await using client = await RawClient.connect(kafka.address)
  await client.ask(METADATA, 1, TOPIC_T)
  const sent: number[] = []
  for (let count = 0; count < 1_000; count++) sent.push(client.send(ProduceRequest, 9, produceRequest(batchOf([`value ${count}`]))))
  for (const [place, correlationId] of sent.entries()) {
    const answer = await client.answer(ProduceResponse, 9)
    assert.equal(answer.correlationId, correlationId)
    assert.equal(answer.value.responses[0]?.partitionResponses[0]?.baseOffset, place)
  }
})

test('a SASL handshake on a listener without SASL gets 34', async () => {
  await using kafka = await startKafka(new HeldLog(), { sasl: 'off' })
  await using client = await RawClient.connect(kafka.address)
  const answer = await client.ask([SaslHandshakeRequest, SaslHandshakeResponse], 1, { mechanism: 'PLAIN' })
  assert.equal(answer.errorCode, 34)
})

test('beyond the limit of connections a new one is closed, the old ones go on', async () => {
  await using kafka = await startKafka(new HeldLog(), { maxConnections: 2 })
  await using first = await RawClient.connect(kafka.address)
  await using second = await RawClient.connect(kafka.address)
  await second.ask(API_VERSIONS, 0, SOFTWARE)
  await using third = await RawClient.connect(kafka.address)
  assert.equal(await third.nextFrame(), null)
  assert.equal((await first.ask(API_VERSIONS, 0, SOFTWARE)).errorCode, 0)
})

test('closing the server answers nobody any more and leaves no connection', async () => {
  const kafka = await startKafka(new HeldLog())
  await using client = await RawClient.connect(kafka.address)
  await client.ask(METADATA, 1, TOPIC_T)
  client.send(FetchRequest, 11, fetchRequest(0, 60_000))
  await kafka[Symbol.asyncDispose]()
  await client.closed
  assert.equal(kafka.server.connectionCount, 0)
})

test('a Produce that waits for its commit when the server stops is still answered', async () => {
  const log = new HeldLog()
  const kafka = await startKafka(log)
  await using client = await RawClient.connect(kafka.address)
  await client.ask(METADATA, 1, TOPIC_T)
  log.held = true
  client.send(ProduceRequest, 9, produceRequest(batchOf(['a'])))
  const partition = kafka.topics.get('t')?.partitions[0]
  while (partition?.log.logEndOffset !== 1) await new Promise(setImmediate)
  const stopped = kafka[Symbol.asyncDispose]()
  log.release()
  assert.equal((await client.answer(ProduceResponse, 9)).value.responses[0]?.partitionResponses[0]?.errorCode, 0)
  assert.equal(await client.nextFrame(), null)
  await stopped
})

test('while the log is congested a producer is not read, everybody else is', async () => {
  const log = new HeldLog()
  await using kafka = await startKafka(log)
  await using producer = await RawClient.connect(kafka.address)
  await using other = await RawClient.connect(kafka.address)
  await other.ask(METADATA, 1, TOPIC_T)
  log.congested = true
  await producer.ask([ProduceRequest, ProduceResponse], 9, produceRequest(batchOf(['a'])))
  producer.send(ProduceRequest, 9, produceRequest(batchOf(['b'])))
  for (let round = 0; round < 20; round++) await other.ask(API_VERSIONS, 0, SOFTWARE)
  const partition = kafka.topics.get('t')?.partitions[0]
  assert.equal(partition?.log.logEndOffset, 1)
  log.drain()
  assert.equal((await producer.answer(ProduceResponse, 9)).value.responses[0]?.partitionResponses[0]?.baseOffset, 1)
})
