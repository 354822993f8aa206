import type { ScramMechanism } from '../../broker/security/ports.ts'
import { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from '../../kafka/messages/alter-user-scram-credentials.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../kafka/messages/create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../kafka/messages/delete-topics.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../kafka/messages/describe-configs.ts'
import { DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse } from '../../kafka/messages/describe-user-scram-credentials.ts'
import { FetchRequest, FetchResponse } from '../../kafka/messages/fetch.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../kafka/messages/list-offsets.ts'
import { MetadataRequest, MetadataResponse } from '../../kafka/messages/metadata.ts'
import { ProduceRequest, ProduceResponse } from '../../kafka/messages/produce.ts'
import type { Input } from '../../kafka/wire/message.ts'
import { buildBatch, type RecordInput } from '../../log/record-batch.ts'
import { ZERO_UUID } from '../../util/uuid.ts'
import { CommandError } from '../command.ts'
import type { KafkaConnection } from './connection.ts'
import { throwOnError, withRetries } from './errors.ts'

/** Fetch and Produce by topic name: the last versions before topic ids took over. */
const NEWEST_FETCH = 12
const NEWEST_PRODUCE = 12
const TIMEOUT_MS = 30_000
const TOPIC_RESOURCE = 2
/** DescribeConfigs' source of what was set on the topic itself. */
const TOPIC_SOURCE = 1

export interface TopicInfo {
  readonly name: string
  readonly id: string
  readonly partitions: readonly number[]
}

export interface TopicConfig {
  readonly name: string
  readonly value: string | null
  /** Whether it was set on the topic, or is the broker's default. */
  readonly isSet: boolean
}

/** Special timestamps of ListOffsets. */
export const OFFSET_AT = { latest: -1, earliest: -2 } as const

/** What the commands ask of a broker, over one connection. */
export class KafkaClient {
  readonly #connection: KafkaConnection

  constructor(connection: KafkaConnection) {
    this.#connection = connection
  }

  /** All topics, or those named; a name that does not exist fails. */
  async topics(names: readonly string[] | null, options: { readonly create?: boolean } = {}): Promise<TopicInfo[]> {
    const answer = await this.#connection.request(MetadataRequest, MetadataResponse, {
      topics: names?.map((name) => ({ topicId: ZERO_UUID, name })) ?? null,
      allowAutoTopicCreation: options.create ?? false,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    return answer.topics.map((topic) => {
      throwOnError(topic.errorCode, `topic "${topic.name}"`)
      return { name: topic.name ?? '', id: topic.topicId, partitions: topic.partitions.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b) }
    })
  }

  /** One topic; `create` asks the broker to make it where it does not exist, and waits until it is there. */
  async topic(name: string, options: { readonly create?: boolean } = {}): Promise<TopicInfo> {
    const ask = () => this.topics([name], options)
    const [topic] = await (options.create ? withRetries(ask) : ask())
    if (topic === undefined) throw new CommandError(`the broker said nothing of topic "${name}"`)
    return topic
  }

  async createTopic(name: string, partitions: number, configs: ReadonlyMap<string, string>): Promise<{ readonly partitions: number }> {
    const answer = await this.#connection.request(CreateTopicsRequest, CreateTopicsResponse, {
      topics: [
        { name, numPartitions: partitions, replicationFactor: -1, assignments: [], configs: [...configs].map(([key, value]) => ({ name: key, value })) },
      ],
      timeoutMs: TIMEOUT_MS,
    })
    const [result] = answer.topics
    if (result === undefined) throw new CommandError('the broker said nothing of the topic')
    throwOnError(result.errorCode, `cannot create topic "${name}"`, result.errorMessage)
    return { partitions: result.numPartitions }
  }

  async deleteTopic(name: string): Promise<void> {
    const answer = await this.#connection.request(DeleteTopicsRequest, DeleteTopicsResponse, {
      topics: [{ name, topicId: ZERO_UUID }],
      topicNames: [name],
      timeoutMs: TIMEOUT_MS,
    })
    for (const result of answer.responses) throwOnError(result.errorCode, `cannot delete topic "${name}"`, result.errorMessage)
  }

  async topicConfigs(name: string): Promise<TopicConfig[]> {
    const answer = await this.#connection.request(DescribeConfigsRequest, DescribeConfigsResponse, {
      resources: [{ resourceType: TOPIC_RESOURCE, resourceName: name, configurationKeys: null }],
      includeSynonyms: false,
    })
    const [result] = answer.results
    if (result === undefined) throw new CommandError('the broker said nothing of the topic')
    throwOnError(result.errorCode, `cannot describe topic "${name}"`, result.errorMessage)
    return result.configs.map(({ name: key, value, configSource }) => ({ name: key, value, isSet: configSource === TOPIC_SOURCE }))
  }

  /** Offsets by partition: of a time in milliseconds, or of `OFFSET_AT`. -1 where no record is that young. */
  async offsets(topic: string, partitions: readonly number[], timestampMs: number): Promise<Map<number, number>> {
    if (partitions.length === 0) return new Map()
    const answer = await this.#connection.request(ListOffsetsRequest, ListOffsetsResponse, {
      replicaId: -1,
      isolationLevel: 0,
      topics: [{ name: topic, partitions: partitions.map((partitionIndex) => ({ partitionIndex, timestamp: timestampMs })) }],
      timeoutMs: TIMEOUT_MS,
    })
    const offsets = new Map<number, number>()
    for (const { partitionIndex, errorCode, offset } of answer.topics[0]?.partitions ?? []) {
      throwOnError(errorCode, `cannot find an offset of ${topic}, partition ${partitionIndex}`)
      offsets.set(partitionIndex, offset)
    }
    return offsets
  }

  /** Appends records to one partition; answers the offset of the first one when it is durable. */
  async produce(topic: string, partition: number, records: readonly RecordInput[], acks: -1 | 1): Promise<number> {
    const answer = await this.#connection.request(
      ProduceRequest,
      ProduceResponse,
      { acks, timeoutMs: TIMEOUT_MS, topicData: [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: partition, records: buildBatch(records) }] }] },
      NEWEST_PRODUCE,
    )
    const result = answer.responses[0]?.partitionResponses[0]
    if (result === undefined) throw new CommandError('the broker said nothing of the records')
    throwOnError(result.errorCode, `cannot produce to ${topic}, partition ${partition}`, result.errorMessage)
    return result.baseOffset
  }

  /** Whole batches of several partitions from their positions on; waits up to `maxWaitMs` where there are none. */
  async fetch(positions: readonly FetchPosition[], limits: { readonly maxWaitMs: number; readonly maxBytes: number }): Promise<FetchedPartition[]> {
    const byTopic = Map.groupBy(positions, ({ topic }) => topic)
    const answer = await this.#connection.request(
      FetchRequest,
      FetchResponse,
      {
        replicaId: -1,
        maxWaitMs: limits.maxWaitMs,
        minBytes: 1,
        maxBytes: limits.maxBytes,
        topics: [...byTopic].map(([topic, parts]) => ({
          topic,
          topicId: ZERO_UUID,
          partitions: parts.map(({ partition, offset }) => ({ partition, fetchOffset: offset, partitionMaxBytes: limits.maxBytes })),
        })),
        forgottenTopicsData: [],
      },
      NEWEST_FETCH,
    )
    throwOnError(answer.errorCode, 'cannot fetch')
    return answer.responses.flatMap(({ topic, partitions }) =>
      partitions.map(({ partitionIndex, errorCode, highWatermark, logStartOffset, records }) => {
        if (errorCode !== 0 && errorCode !== OFFSET_OUT_OF_RANGE) throwOnError(errorCode, `cannot read ${topic}, partition ${partitionIndex}`)
        return { topic, partition: partitionIndex, outOfRange: errorCode === OFFSET_OUT_OF_RANGE, highWatermark, logStartOffset, slices: records ?? [] }
      }),
    )
  }

  async users(): Promise<{ name: string; mechanisms: string[] }[]> {
    const answer = await this.#connection.request(DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, { users: null })
    throwOnError(answer.errorCode, 'cannot list users', answer.errorMessage)
    return answer.results.map(({ user, credentialInfos }) => ({
      name: user,
      mechanisms: credentialInfos.map(({ mechanism }) => MECHANISMS.find(([, id]) => id === mechanism)?.[0] ?? `mechanism ${mechanism}`),
    }))
  }

  /** Makes a user or changes its password: one request, so that both mechanisms change together. */
  async putUser(name: string, credentials: readonly SaltedCredential[]): Promise<void> {
    const upsertions = credentials.map(({ mechanism, iterations, salt, saltedPassword }) => ({
      name,
      mechanism: idOf(mechanism),
      iterations,
      salt,
      saltedPassword,
    }))
    await this.#alterUsers(`cannot set the password of "${name}"`, { deletions: [], upsertions })
  }

  async deleteUser(name: string): Promise<void> {
    const user = (await this.users()).find((candidate) => candidate.name === name)
    if (user === undefined) throw new CommandError(`there is no user "${name}"`)
    const known = MECHANISMS.filter(([mechanism]) => user.mechanisms.includes(mechanism))
    await this.#alterUsers(`cannot remove "${name}"`, { deletions: known.map(([, mechanism]) => ({ name, mechanism })), upsertions: [] })
  }

  async #alterUsers(what: string, request: Input<typeof AlterUserScramCredentialsRequest>): Promise<void> {
    const { results } = await this.#connection.request(AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, request)
    for (const result of results) throwOnError(result.errorCode, what, result.errorMessage)
  }
}

export interface SaltedCredential {
  readonly mechanism: ScramMechanism
  readonly iterations: number
  readonly salt: Uint8Array
  readonly saltedPassword: Uint8Array
}

export interface FetchPosition {
  readonly topic: string
  readonly partition: number
  readonly offset: number
}

export interface FetchedPartition {
  readonly topic: string
  readonly partition: number
  /** The position is outside the log: retention overtook it, or the topic was made anew. */
  readonly outOfRange: boolean
  readonly highWatermark: number
  readonly logStartOffset: number
  readonly slices: readonly Uint8Array[]
}

const OFFSET_OUT_OF_RANGE = 1

/** Kafka's numbers of the mechanisms (KIP-554). */
const MECHANISMS: readonly (readonly [ScramMechanism, number])[] = [
  ['SCRAM-SHA-256', 1],
  ['SCRAM-SHA-512', 2],
]

function idOf(mechanism: ScramMechanism): number {
  return MECHANISMS.find(([name]) => name === mechanism)?.[1] ?? 0
}
