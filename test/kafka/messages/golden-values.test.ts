import assert from 'node:assert/strict'
import { join } from 'node:path'
import { suite, test } from 'node:test'
import { readGolden } from '../../../scripts/kafka-frames/golden-files.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../../src/kafka/messages/api-versions.ts'
import { FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { JoinGroupRequest } from '../../../src/kafka/messages/join-group.ts'
import { ListOffsetsRequest } from '../../../src/kafka/messages/list-offsets.ts'
import { OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { ProduceRequest } from '../../../src/kafka/messages/produce.ts'
import type { Shape } from '../../../src/kafka/wire/fields.ts'
import { decodeRequestHeader, decodeResponse } from '../../../src/kafka/wire/frame.ts'
import type { Infer, Message } from '../../../src/kafka/wire/message.ts'
import { decode, isFlexible } from '../../../src/kafka/wire/message.ts'
import { goldenDir } from './golden-frames.ts'

/** Round trips alone would not notice two fields that are swapped: here values stand where the clients put them. */
suite('values in recorded frames', () => {
  test('Java sends its name and version in ApiVersions v5', async () => {
    const { clientId, value } = await request(ApiVersionsRequest, 5, 'ApiVersions-v5-request.java-4.4.0.hex')
    assert.equal(clientId, 'golden')
    assert.equal(value.clientSoftwareName, 'apache-kafka-java')
    assert.equal(value.clientSoftwareVersion, '4.4.0')
  })

  test('Kafka 4.4 advertises Produce 0 to 13 and the finalized transaction.version', async () => {
    const value = await response(ApiVersionsResponse, 4, 'ApiVersions-v4-response.kafka-4.4.0.hex')
    assert.deepEqual(value.apiKeys[0], { apiKey: 0, minVersion: 0, maxVersion: 13 })
    const feature = value.finalizedFeatures.find((one) => one.name === 'transaction.version')
    assert.deepEqual(feature, { name: 'transaction.version', maxVersionLevel: 2, minVersionLevel: 2 })
    assert.ok(value.finalizedFeaturesEpoch >= 0)
  })

  test('librdkafka produces with acks=all to the topic by name in v10', async () => {
    const { value } = await request(ProduceRequest, 10, 'Produce-v10-request.librdkafka-2.16.1.hex')
    assert.equal(value.acks, -1)
    assert.match(value.topicData[0]?.name ?? '', /^librdkafka-2-16-1-/)
    const batch = Buffer.from(value.topicData[0]?.partitionData[0]?.records ?? [])
    assert.equal(batch.readInt32BE(8) + 12, batch.length)
    assert.equal(batch[16], 2)
  })

  test('Java asks for offsets by Long.MAX_VALUE or one of the special timestamps', async () => {
    const { value } = await request(ListOffsetsRequest, 11, 'ListOffsets-v11-request.java-4.4.0.hex')
    const timestamp = value.topics[0]?.partitions[0]?.timestamp ?? 0
    assert.ok(timestamp === Number.MAX_SAFE_INTEGER || (timestamp >= -6 && timestamp <= 1000), String(timestamp))
  })

  test('Kafka answers Fetch v18 with topic ids and whole batches as one slice', async () => {
    const value = await response(FetchResponse, 18, 'Fetch-v18-response.kafka-4.4.0.hex')
    const partitions = value.responses.flatMap((topic) => topic.partitions)
    assert.ok(value.responses.every((topic) => topic.topic === '' && topic.topicId.length === 22))
    assert.ok(partitions.some((partition) => partition.records?.length === 1))
    assert.ok(partitions.every((partition) => partition.highWatermark >= -1 && partition.lastStableOffset >= -1))
  })

  test('kafkajs joins with its assigner and a rebalance timeout in v5', async () => {
    const { value } = await request(JoinGroupRequest, 5, 'JoinGroup-v5-request.kafkajs-2.2.4.hex')
    assert.equal(value.groupId, 'kafkajs-2-2-4-group')
    assert.deepEqual([value.sessionTimeoutMs, value.rebalanceTimeoutMs], [30_000, 60_000])
    assert.equal(value.protocols[0]?.name, 'RoundRobinAssigner')
  })

  test('Kafka gives back the committed note for every version of OffsetFetch', async () => {
    for (let version = 1; version <= 10; version++) {
      const value = await response(OffsetFetchResponse, version, `OffsetFetch-v${version}-response.kafka-4.4.0.hex`)
      const topics = version >= 8 ? value.groups.flatMap((group) => group.topics) : value.topics
      assert.ok(topics.length > 0 && topics[0]?.partitions[0]?.errorCode === 0, `v${version}`)
    }
  })
})

async function request<S extends Shape>(table: Message<S>, version: number, file: string): Promise<{ clientId: string | null; value: Infer<Message<S>> }> {
  const bytes = await readGolden(join(goldenDir, file))
  const { clientId, bodyOffset } = decodeRequestHeader(bytes, isFlexible(table, version))
  return { clientId, value: decode(table, version, bytes, bodyOffset) as Infer<Message<S>> }
}

async function response<S extends Shape>(table: Message<S>, version: number, file: string): Promise<Infer<Message<S>>> {
  return decodeResponse(table, version, await readGolden(join(goldenDir, file))).value as Infer<Message<S>>
}
