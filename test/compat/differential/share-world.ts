import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../src/kafka/messages/delete-records.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/kafka/messages/find-coordinator.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../src/kafka/messages/incremental-alter-configs.ts'
import { ShareAcknowledgeRequest, ShareAcknowledgeResponse } from '../../../src/kafka/messages/share-acknowledge.ts'
import { ShareFetchRequest, ShareFetchResponse } from '../../../src/kafka/messages/share-fetch.ts'
import { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from '../../../src/kafka/messages/share-group-heartbeat.ts'
import type { Input } from '../../../src/kafka/wire/message.ts'
import { batchBaseOffset, batchOffsetCount, batchSizeBytes } from '../../../src/log/record-batch.ts'
import { batchOf } from '../../kafka/lib/batches.ts'
import type { RawClient } from '../../kafka/lib/raw-client.ts'
import type { Peer } from './question.ts'
import { type AskedTopic, produceTo, T0 } from './questions/topics-for-questions.ts'

const READY_TRIES = 200

const GROUP_RESOURCE = 32

/** `[partition, first, last, ...types]`. */
export type Ack = readonly [partition: number, first: number, last: number, ...types: number[]]

type FetchWords = Partial<Omit<Input<typeof ShareFetchRequest>, 'topics'>> & {
  /** Partitions it names. */
  readonly of?: readonly number[]
  readonly acks?: readonly Ack[]
  readonly topicId?: string
  readonly version?: number
}

/** One member; every answer is noted in a form that can be compared. */
class Member {
  readonly id: string
  readonly #client: RawClient
  readonly #world: ShareWorld

  constructor(world: ShareWorld, client: RawClient, id: string) {
    this.#world = world
    this.#client = client
    this.id = id
  }

  async fetch(shareSessionEpoch: number, { of = [], acks = [], topicId = this.#world.topic.id, version = 2, ...words }: FetchWords = {}): Promise<unknown> {
    const partitions = partitionsOf(of, acks)
    const answer = await this.#client.ask([ShareFetchRequest, ShareFetchResponse], version, {
      groupId: this.#world.group,
      memberId: this.id,
      shareSessionEpoch,
      maxWaitMs: 200,
      minBytes: 1,
      maxBytes: 10_000_000,
      maxRecords: 500,
      batchSize: 500,
      topics: partitions.length === 0 ? [] : [{ topicId, partitions }],
      forgottenTopicsData: [],
      ...words,
    })
    return {
      errorCode: answer.errorCode,
      lockMs: answer.acquisitionLockTimeoutMs,
      partitions: answer.responses
        .flatMap(({ partitions: found }) => found)
        .sort((left, right) => left.partitionIndex - right.partitionIndex)
        .map((one) => [
          one.partitionIndex,
          one.errorCode,
          one.acknowledgeErrorCode,
          batchesOf(one.records).join(' '),
          one.acquiredRecords.map(({ firstOffset, lastOffset, deliveryCount }) => `${firstOffset}-${lastOffset}×${deliveryCount}`).join(' '),
        ]),
    }
  }

  async acknowledge(
    shareSessionEpoch: number,
    acks: readonly Ack[],
    words: { isRenewAck?: boolean; topicId?: string; version?: number } = {},
  ): Promise<unknown> {
    const partitions = partitionsOf([], acks)
    const answer = await this.#client.ask([ShareAcknowledgeRequest, ShareAcknowledgeResponse], words.version ?? 2, {
      groupId: this.#world.group,
      memberId: this.id,
      shareSessionEpoch,
      isRenewAck: words.isRenewAck ?? false,
      topics: partitions.length === 0 ? [] : [{ topicId: words.topicId ?? this.#world.topic.id, partitions }],
    })
    return {
      errorCode: answer.errorCode,
      lockMs: answer.acquisitionLockTimeoutMs,
      partitions: answer.responses
        .flatMap(({ partitions: found }) => found)
        .sort((left, right) => left.partitionIndex - right.partitionIndex)
        .map(({ partitionIndex, errorCode }) => [partitionIndex, errorCode]),
    }
  }

  async disconnect(): Promise<void> {
    await this.#client[Symbol.asyncDispose]()
  }
}

function partitionsOf(indexes: readonly number[], acks: readonly Ack[]) {
  return [...new Set([...indexes, ...acks.map(([partition]) => partition)])].map((partitionIndex) => ({
    partitionIndex,
    acknowledgementBatches: acks
      .filter(([partition]) => partition === partitionIndex)
      .map(([, firstOffset, lastOffset, ...acknowledgeTypes]) => ({ firstOffset, lastOffset, acknowledgeTypes })),
  }))
}

/** `0-9`: the offsets of each batch. */
function batchesOf(records: readonly Uint8Array[]): string[] {
  const bytes = Buffer.concat(records)
  const found: string[] = []
  for (let at = 0; at < bytes.length; at += batchSizeBytes(bytes, at)) {
    found.push(`${batchBaseOffset(bytes, at)}-${batchBaseOffset(bytes, at) + batchOffsetCount(bytes, at) - 1}`)
  }
  return found
}

/** A group with a topic of two partitions, read from its start. */
export class ShareWorld implements AsyncDisposable {
  readonly peer: Peer
  readonly group: string
  readonly topic: AskedTopic
  readonly #clients: RawClient[] = []

  constructor(peer: Peer, topic: AskedTopic) {
    this.peer = peer
    this.topic = topic
    this.group = `${topic.name}-group`
  }

  async member(id: string): Promise<Member> {
    const client = await this.peer.connect()
    this.#clients.push(client)
    return new Member(this, client, id)
  }

  /** A member of the group makes its partitions known; somebody who fetches from them keeps them loaded. */
  async open(): Promise<void> {
    const memberId = 'AAAAAAAAAAAAAAAAAAAAAQ'
    // A Kafka makes the topic of its coordinators when somebody looks for one.
    await this.peer.ask([FindCoordinatorRequest, FindCoordinatorResponse], 4, { key: '', keyType: 0, coordinatorKeys: [this.group] })
    let memberEpoch = 0
    for (let tries = 0; tries < READY_TRIES; tries++) {
      const answer = await this.peer.ask([ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse], 1, {
        groupId: this.group,
        memberId,
        memberEpoch,
        subscribedTopicNames: [this.topic.name],
      })
      if (answer.errorCode === 0) memberEpoch = answer.memberEpoch
      if (answer.assignment?.topicPartitions[0]?.partitions.length === 2) break
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    const warm = await this.member('warm')
    for (let tries = 0; tries < READY_TRIES; tries++) {
      const answer = JSON.stringify(await warm.fetch(0, { of: [0, 1], maxWaitMs: 0 }))
      if (answer.includes('[[0,0,0,"",""],[1,0,0,"",""]]')) return
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    throw new Error(`${this.group} is not shared`)
  }

  async produce(count: number, partition = 0): Promise<void> {
    await produceTo(
      this.peer,
      this.topic,
      partition,
      batchOf(
        Array.from({ length: count }, (_, index) => `${index}`),
        { timestampMs: T0 },
      ),
    )
  }

  async configure(configs: Readonly<Record<string, string>>): Promise<void> {
    await this.peer.ask([IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse], 1, {
      resources: [
        {
          resourceType: GROUP_RESOURCE,
          resourceName: this.group,
          configs: Object.entries(configs).map(([name, value]) => ({ name, configOperation: 0, value })),
        },
      ],
      validateOnly: false,
    })
  }

  async deleteRecords(offset: number): Promise<void> {
    await this.peer.ask([DeleteRecordsRequest, DeleteRecordsResponse], 2, {
      topics: [{ name: this.topic.name, partitions: [{ partitionIndex: 0, offset }] }],
      timeoutMs: 5_000,
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#clients) await client[Symbol.asyncDispose]()
  }
}
