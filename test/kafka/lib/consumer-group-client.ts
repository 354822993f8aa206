import { setTimeout as sleep } from 'node:timers/promises'
import { AlterConfigsRequest, AlterConfigsResponse } from '../../../src/kafka/messages/alter-configs.ts'
import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from '../../../src/kafka/messages/consumer-group-describe.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../src/kafka/messages/consumer-group-heartbeat.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../../src/kafka/messages/create-partitions.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../../src/kafka/messages/delete-topics.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/kafka/messages/find-coordinator.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../src/kafka/messages/list-offsets.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import type { OutOfShape } from '../../../src/kafka/wire/fields.ts'
import type { Input } from '../../../src/kafka/wire/message.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { GroupClient, NEWEST, type Versions } from './group-client.ts'
import type { RawClient } from './raw-client.ts'

/** A broker that a story is played to. */
export interface StoryPeer {
  connect(): Promise<RawClient>
  /** A name that nobody used. */
  name(stem: string): string
  /** How long it takes until all of the broker knows of a topic that some of it knows of; left out: Kafka's time. */
  readonly settleMs?: number
}

const KAFKA_SETTLE_MS = 150

type Heartbeat = Input<typeof ConsumerGroupHeartbeatRequest>
export type Beat = Partial<Omit<Heartbeat, 'topicPartitions'>> & { readonly version?: number; readonly owned?: Owned | null }

/** Topic name to partitions. */
export type Owned = Readonly<Record<string, readonly number[]>>

const GROUP_CONFIG = 32

/** The stage of one story: its group, its topics, its members; answers in words that do not depend on ids. */
export class GroupStage implements AsyncDisposable {
  readonly groupId: string
  readonly #peer: StoryPeer
  readonly raw: RawClient
  readonly #topicIds = new Map<string, string>()
  readonly #memberNames = new Map<string, string>()
  /** The names the broker knows topics by. */
  readonly #fullNames = new Map<string, string>()

  private constructor(peer: StoryPeer, raw: RawClient) {
    this.#peer = peer
    this.raw = raw
    this.groupId = peer.name('g848')
  }

  static async open(peer: StoryPeer): Promise<GroupStage> {
    const stage = new GroupStage(peer, await peer.connect())
    await stage.#awaitCoordinator()
    // Kafka leaves a second between two assignments unless it is told otherwise.
    const configs = [{ name: 'consumer.assignment.interval.ms', value: '0' }]
    await stage.raw.ask([AlterConfigsRequest, AlterConfigsResponse] as const, 2, {
      resources: [{ resourceType: GROUP_CONFIG, resourceName: stage.groupId, configs }],
      validateOnly: false,
    })
    return stage
  }

  /** What stands for a topic's name on the wire. */
  fullName(topic: string): string {
    const known = this.#fullNames.get(topic)
    if (known !== undefined) return known
    const name = this.#peer.name(topic)
    this.#fullNames.set(topic, name)
    return name
  }

  topicId(topic: string): string {
    return this.#topicIds.get(topic) ?? ZERO_UUID
  }

  /** Made, and seen by all of the broker. */
  async topic(topic: string, partitions: number): Promise<void> {
    const name = this.fullName(topic)
    const made = await this.raw.ask([CreateTopicsRequest, CreateTopicsResponse] as const, 7, {
      topics: [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: [] }],
      timeoutMs: 10_000,
      validateOnly: false,
    })
    this.#topicIds.set(topic, made.topics[0]?.topicId ?? '')
    await this.#awaitPartition(name, partitions - 1)
  }

  async grow(topic: string, count: number): Promise<void> {
    const name = this.fullName(topic)
    await this.raw.ask([CreatePartitionsRequest, CreatePartitionsResponse] as const, 3, {
      topics: [{ name, count, assignments: null }],
      timeoutMs: 10_000,
      validateOnly: false,
    })
    await this.#awaitPartition(name, count - 1)
  }

  async deleteTopic(topic: string): Promise<void> {
    await this.raw.ask([DeleteTopicsRequest, DeleteTopicsResponse] as const, 6, {
      topics: [{ name: this.fullName(topic), topicId: ZERO_UUID }],
      topicNames: [],
      timeoutMs: 10_000,
    })
    await this.#settle()
  }

  /** A heartbeat as its sender wrote it; names and assigned partitions in the story's words. */
  async beat(words: Beat): Promise<unknown> {
    const { version, owned, subscribedTopicNames, ...rest } = words
    const answer = await this.raw.ask([ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse] as const, version ?? 1, {
      groupId: this.groupId,
      memberId: '',
      memberEpoch: 0,
      ...rest,
      subscribedTopicNames: subscribedTopicNames?.map((topic) => this.fullName(topic)) ?? null,
      topicPartitions: owned === undefined || owned === null ? null : this.#toIds(owned),
    })
    return this.tellHeartbeat(answer)
  }

  tellHeartbeat(answer: OutOfShape<(typeof ConsumerGroupHeartbeatResponse)['shape']>): Record<string, unknown> {
    const { errorCode, memberId, memberEpoch, heartbeatIntervalMs, assignment } = answer
    if (errorCode !== 0) return { errorCode, memberId, memberEpoch, heartbeatIntervalMs, assignment }
    return {
      member: this.memberName(memberId ?? ''),
      epoch: memberEpoch,
      heartbeatIntervalMs,
      ...(assignment === null ? {} : { has: this.#tell(assignment.topicPartitions) }),
    }
  }

  async describe(version = 1, groupId = this.groupId): Promise<unknown> {
    const { groups } = await this.raw.ask([ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse] as const, version, {
      groupIds: [groupId],
      includeAuthorizedOperations: version === 1,
    })
    return groups.map(({ errorMessage: _, groupId: __, members, ...group }) => ({
      ...group,
      members: members
        .map(({ memberId, clientHost: ___, assignment, targetAssignment, subscribedTopicNames, subscribedTopicRegex, ...member }) => ({
          member: this.memberName(memberId),
          ...member,
          topics: subscribedTopicNames.map((name) => this.#shortName(name)).sort(),
          regex: subscribedTopicRegex === '' || subscribedTopicRegex === null ? subscribedTopicRegex : 'one',
          has: this.#tell(assignment.topicPartitions),
          shallHave: this.#tell(targetAssignment.topicPartitions),
        }))
        .sort((left, right) => (left.member < right.member ? -1 : 1)),
    }))
  }

  /** OffsetCommit; the error of each partition. */
  async commit(version: number, memberId: string, epoch: number, partitions: Owned, groupId = this.groupId): Promise<unknown> {
    const answer = await this.raw.ask([OffsetCommitRequest, OffsetCommitResponse] as const, version, {
      groupId,
      generationIdOrMemberEpoch: epoch,
      memberId,
      groupInstanceId: null,
      topics: Object.entries(partitions).map(([topic, indexes]) => ({
        name: this.fullName(topic),
        topicId: this.topicId(topic),
        partitions: indexes.map((partitionIndex) => ({ partitionIndex, committedOffset: 5, committedLeaderEpoch: -1, committedMetadata: '' })),
      })),
    })
    const errorsOf = (topic: string) => answer.topics.filter((one) => (version >= 10 ? one.topicId === this.topicId(topic) : one.name === this.fullName(topic)))
    return Object.keys(partitions).map((topic) => errorsOf(topic).map((one) => one.partitions.map(({ errorCode }) => errorCode)))
  }

  /** OffsetFetch of partition 0; null member id and -1 for nobody. */
  async fetch(version: number, memberId: string | null, memberEpoch: number, topic: string): Promise<unknown> {
    const asked = { name: this.fullName(topic), topicId: this.topicId(topic), partitionIndexes: [0] }
    const answer = await this.raw.ask([OffsetFetchRequest, OffsetFetchResponse] as const, version, {
      groupId: this.groupId,
      topics: [asked],
      groups: [{ groupId: this.groupId, memberId, memberEpoch, topics: [asked] }],
    })
    const group = answer.groups[0]
    return version < 8
      ? { errorCode: answer.errorCode, topics: answer.topics.map((one) => one.partitions) }
      : { errorCode: group?.errorCode, topics: group?.topics.map((one) => one.partitions) }
  }

  async classic(versions: Partial<Versions> = {}): Promise<GroupClient> {
    return new GroupClient(await this.#peer.connect(), this.groupId, { ...NEWEST, ...versions })
  }

  /** Who it is, whatever the broker made of its id. */
  memberName(memberId: string): string {
    if (/^m\d$/.test(memberId)) return memberId
    const name = this.#memberNames.get(memberId) ?? `made#${this.#memberNames.size}`
    this.#memberNames.set(memberId, name)
    return name
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.raw[Symbol.asyncDispose]()
  }

  async #settle(): Promise<void> {
    const settleMs = this.#peer.settleMs ?? KAFKA_SETTLE_MS
    if (settleMs > 0) await sleep(settleMs)
  }

  #toIds(owned: Owned) {
    return Object.entries(owned).map(([topic, partitions]) => ({ topicId: this.topicId(topic), partitions }))
  }

  #tell(listed: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]): Record<string, number[]> {
    const told = listed.map(({ topicId, partitions }) => {
      const topic = [...this.#topicIds].find(([, id]) => id === topicId)?.[0] ?? 'a topic that is gone'
      return [topic, [...partitions].sort((left, right) => left - right)] as const
    })
    return Object.fromEntries(told.sort(([left], [right]) => (left < right ? -1 : 1)))
  }

  #shortName(fullName: string): string {
    return [...this.#fullNames].find(([, name]) => name === fullName)?.[0] ?? fullName
  }

  /** Kafka makes its offsets topic when it is first asked for it, and loads each of its partitions. */
  async #awaitCoordinator(): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const found = await this.raw.ask([FindCoordinatorRequest, FindCoordinatorResponse] as const, 6, {
        key: '',
        keyType: 0,
        coordinatorKeys: [this.groupId],
      })
      const leaving = { groupId: this.groupId, memberId: 'm', memberEpoch: -1 }
      if (found.coordinators[0]?.errorCode === 0) {
        const probe = await this.raw.ask([ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse] as const, 1, leaving)
        if (probe.errorCode === 69) return
      }
      await sleep(50)
    }
    throw new Error('the broker has no group coordinator')
  }

  async #awaitPartition(name: string, partitionIndex: number): Promise<void> {
    for (let attempt = 0; attempt < 100; attempt++) {
      const answer = await this.raw.ask([ListOffsetsRequest, ListOffsetsResponse] as const, 7, {
        replicaId: -1,
        isolationLevel: 0,
        timeoutMs: 0,
        topics: [{ name, partitions: [{ partitionIndex, currentLeaderEpoch: -1, timestamp: -1 }] }],
      })
      if (answer.topics[0]?.partitions[0]?.errorCode === 0) {
        await this.#settle()
        return
      }
      await sleep(20)
    }
    throw new Error(`partition ${partitionIndex} of ${name} does not come`)
  }
}

/** What a member says that joins. */
export function joining(memberId: string, ...topics: string[]): Beat {
  return { memberId, memberEpoch: 0, rebalanceTimeoutMs: 30_000, subscribedTopicNames: topics, owned: {} }
}
