import { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from '../../../src/kafka/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxnRequest, AddPartitionsToTxnResponse } from '../../../src/kafka/messages/add-partitions-to-txn.ts'
import { EndTxnRequest, EndTxnResponse } from '../../../src/kafka/messages/end-txn.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '../../../src/kafka/messages/txn-offset-commit.ts'
import { TRANSACTIONAL_BIT } from '../../../src/log/record-batch.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import type { KafkaClient } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { packBatch, valueBytes } from './kafka-producers.ts'

/** The first protocol of transactions, or that of KIP-890. */
export type Protocol = 1 | 2

/** Who asks. */
export interface Identity {
  readonly transactionalId: string
  readonly protocol: Protocol
  producerId: number
  epoch: number
}

export interface PartitionName {
  readonly topic: string
  readonly index: number
}

/** Records of one partition, sent as one batch. */
export interface TransactionalBatch extends PartitionName {
  readonly values: readonly { readonly value: string; readonly padding: number; readonly key: string }[]
  readonly baseSequence: number
}

const TIMEOUT_MS = 30_000

/** InitProducerId: takes the identity over where it is given; the error code. */
export async function initProducerId(world: World, client: KafkaClient, identity: Identity, timeoutMs: number, keeps: boolean): Promise<number> {
  const answer = await client.request(InitProducerIdRequest, InitProducerIdResponse, world.random.pick([3, 4, 5]), {
    transactionalId: identity.transactionalId,
    transactionTimeoutMs: timeoutMs,
    ...(keeps ? { producerId: identity.producerId, producerEpoch: identity.epoch } : {}),
  })
  if (answer.errorCode === 0) Object.assign(identity, { producerId: answer.producerId, epoch: answer.producerEpoch })
  return answer.errorCode
}

export async function addPartitions(world: World, client: KafkaClient, identity: Identity, partitions: readonly PartitionName[]): Promise<number> {
  const topics = new Map<string, number[]>()
  for (const { topic, index } of partitions) topics.set(topic, [...(topics.get(topic) ?? []), index])
  const answer = await client.request(AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, world.random.below(4), {
    transactions: [],
    v3AndBelowTransactionalId: identity.transactionalId,
    v3AndBelowProducerId: identity.producerId,
    v3AndBelowProducerEpoch: identity.epoch,
    v3AndBelowTopics: [...topics].map(([name, indexes]) => ({ name, partitions: indexes })),
  })
  const codes = answer.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) => resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode))
  return codes.find((code) => code !== 0) ?? 0
}

/** One request; the error code of each batch. */
export async function produceTransactional(
  world: World,
  client: KafkaClient,
  identity: Identity,
  batches: readonly TransactionalBatch[],
): Promise<readonly number[]> {
  const topics = new Map<string, { index: number; records: Uint8Array }[]>()
  // As it is sent: a clock that jumps back twice would make records of before too new to be taken.
  const timestampMs = world.time.wallMs
  for (const { topic, index, values, baseSequence } of batches) {
    const records = values.map(({ value, padding, key }) => ({ key: Buffer.from(key), value: valueBytes(value, padding), timestampMs }))
    const producer = { attributes: TRANSACTIONAL_BIT, producerId: identity.producerId, producerEpoch: identity.epoch, baseSequence }
    topics.set(topic, [...(topics.get(topic) ?? []), { index, records: packBatch(records, 0, producer) }])
  }
  const answer = await client.request(ProduceRequest, ProduceResponse, identity.protocol === 2 ? 12 : world.random.pick([3, 7, 9, 11]), {
    transactionalId: identity.transactionalId,
    acks: -1,
    timeoutMs: TIMEOUT_MS,
    topicData: [...topics].map(([name, partitionData]) => ({ name, topicId: ZERO_UUID, partitionData })),
  })
  return batches.map(({ topic, index }) => {
    const place = answer.responses.find(({ name }) => name === topic)?.partitionResponses.find((part) => part.index === index)
    return place?.errorCode ?? -1
  })
}

export async function addOffsets(world: World, client: KafkaClient, { transactionalId, producerId, epoch }: Identity, groupId: string): Promise<number> {
  const version = world.random.below(4)
  const request = { transactionalId, producerId, producerEpoch: epoch, groupId }
  return (await client.request(AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, version, request)).errorCode
}

export async function commitOffset(
  world: World,
  client: KafkaClient,
  { transactionalId, producerId, epoch, protocol }: Identity,
  { group, topic, index, offset, metadata }: PartitionName & { readonly group: string; readonly offset: number; readonly metadata: string },
): Promise<number> {
  const partitions = [{ partitionIndex: index, committedOffset: offset, committedMetadata: metadata }]
  const answer = await client.request(TxnOffsetCommitRequest, TxnOffsetCommitResponse, protocol === 2 ? 5 : world.random.below(5), {
    transactionalId,
    groupId: group,
    producerId,
    producerEpoch: epoch,
    topics: [{ name: topic, topicId: ZERO_UUID, partitions }],
  })
  return answer.topics[0]?.partitions[0]?.errorCode ?? -1
}

/** EndTxn; with the second protocol takes the next epoch over. */
export async function endTransaction(world: World, client: KafkaClient, identity: Identity, commit: boolean): Promise<number> {
  const version = identity.protocol === 2 ? 5 : world.random.below(5)
  const { transactionalId, producerId, epoch } = identity
  const answer = await client.request(EndTxnRequest, EndTxnResponse, version, { transactionalId, producerId, producerEpoch: epoch, committed: commit })
  if (answer.errorCode === 0 && identity.protocol === 2) Object.assign(identity, { producerId: answer.producerId, epoch: answer.producerEpoch })
  return answer.errorCode
}

export interface CommittedByTransaction {
  readonly errorCode: number
  readonly offset: number
  readonly metadata: string
}

export async function fetchOffset(
  client: KafkaClient,
  { group, topic, index, stable }: PartitionName & { readonly group: string; readonly stable: boolean },
): Promise<CommittedByTransaction> {
  const answer = await client.request(OffsetFetchRequest, OffsetFetchResponse, 8, {
    groupId: '',
    topics: [],
    groups: [{ groupId: group, topics: [{ name: topic, topicId: ZERO_UUID, partitionIndexes: [index] }] }],
    requireStable: stable,
  })
  const found = answer.groups[0]
  const part = found?.topics[0]?.partitions[0]
  return { errorCode: found?.errorCode || (part?.errorCode ?? -1), offset: part?.committedOffset ?? -1, metadata: part?.metadata ?? '' }
}
