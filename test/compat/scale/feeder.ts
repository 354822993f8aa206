/** Makes topics and fills every partition of them: one connection, many partitions a request. */
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { batchOf } from '../../kafka/lib/batches.ts'
import { RawClient } from '../../kafka/lib/raw-client.ts'
import { parseAddress } from '../lib/broker.ts'

export interface MadeTopic {
  readonly topic: string
  readonly topicId: string
  readonly partitions: number
}

export class Feeder implements AsyncDisposable {
  readonly #client: RawClient

  private constructor(client: RawClient) {
    this.#client = client
  }

  static async connect(address: string): Promise<Feeder> {
    return new Feeder(await RawClient.connect(parseAddress(address)))
  }

  async create(names: readonly string[], partitions: number): Promise<MadeTopic[]> {
    const { topics } = await this.#client.ask([CreateTopicsRequest, CreateTopicsResponse] as const, 7, {
      topics: names.map((name) => ({ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: [] })),
    })
    return topics.map(({ name, topicId, errorCode, errorMessage }) => {
      if (errorCode !== 0) throw new Error(`${name}: ${errorCode} ${errorMessage}`)
      return { topic: name, topicId, partitions }
    })
  }

  /** Appends a batch of so many records to every partition of a topic and waits until they are durable. */
  async fill({ topic, topicId, partitions }: MadeTopic, records: number): Promise<void> {
    const batch = batchOf(Array.from({ length: records }, (_, n) => `record ${n}`))
    const { responses } = await this.#client.ask([ProduceRequest, ProduceResponse] as const, 12, {
      acks: -1,
      timeoutMs: 30_000,
      topicData: [{ name: topic, topicId, partitionData: Array.from({ length: partitions }, (_, index) => ({ index, records: batch })) }],
    })
    const failed = responses[0]?.partitionResponses.find(({ errorCode }) => errorCode !== 0)
    if (failed !== undefined) throw new Error(`${topic}-${failed.index}: ${failed.errorCode} ${failed.errorMessage}`)
  }

  /** Reads every partition of a topic from an offset on, once: how many gave records. */
  async read({ topic, topicId, partitions }: MadeTopic, fetchOffset: number): Promise<number> {
    const places = Array.from({ length: partitions }, (_, partition) => ({ partition, fetchOffset, partitionMaxBytes: 10_000 }))
    const { responses } = await this.#client.ask([FetchRequest, FetchResponse] as const, 12, {
      maxWaitMs: 0,
      minBytes: 0,
      forgottenTopicsData: [],
      topics: [{ topic, topicId, partitions: places }],
    })
    return responses[0]?.partitions.filter(({ records }) => records?.some((slice) => slice.length > 0)).length ?? 0
  }

  /** All topics: how many partitions have a leader. */
  async leaders(): Promise<number> {
    const { topics } = await this.#client.ask([MetadataRequest, MetadataResponse] as const, 12, {
      topics: null,
      includeClusterAuthorizedOperations: false,
      includeTopicAuthorizedOperations: false,
    })
    return topics.reduce((sum, { partitions }) => sum + partitions.filter(({ leaderId }) => leaderId >= 0).length, 0)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
  }
}
