import { randomUUID } from 'node:crypto'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../src/kafka/messages/consumer-group-heartbeat.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { Member } from './member.ts'

const REBALANCE_TIMEOUT_MS = 60_000
const UNKNOWN_MEMBER_ID = 25
const FENCED_MEMBER_EPOCH = 110

/** A member by KIP-848: it holds what the heartbeats tell it. */
export class ConsumerMember extends Member {
  readonly #memberId = randomUUID()
  #epoch = 0
  #told = false
  #beatAt = 0
  #intervalMs = 0

  protected async beat(): Promise<void> {
    if (this.#epoch > 0 && this.generation !== null && this.#told && performance.now() - this.#beatAt < this.#intervalMs) return
    const { groupId, topic, topicId } = this.subscription
    const joins = this.#epoch === 0
    if (joins) this.lose()
    const held = [...this.held]
    this.#told = true
    this.#beatAt = performance.now()
    const answer = await this.ask([ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse], 1, {
      groupId,
      memberId: this.#memberId,
      memberEpoch: this.#epoch,
      rebalanceTimeoutMs: joins ? REBALANCE_TIMEOUT_MS : -1,
      subscribedTopicNames: joins ? [topic] : null,
      topicPartitions: held.length === 0 ? [] : [{ topicId, partitions: held }],
    })
    if (answer.errorCode === UNKNOWN_MEMBER_ID || answer.errorCode === FENCED_MEMBER_EPOCH) {
      this.#epoch = 0
      this.lose()
      return
    }
    if (answer.errorCode !== 0) throw new Error(`a heartbeat of ${groupId} was answered with ${answer.errorCode}: ${answer.errorMessage}`)
    this.#intervalMs = answer.heartbeatIntervalMs
    this.#epoch = answer.memberEpoch
    this.generation = answer.memberEpoch
    if (answer.assignment === null) return
    await this.hold(answer.assignment.topicPartitions.flatMap(({ partitions }) => partitions))
    // What it holds now, the next heartbeat tells at once.
    this.#told = false
  }

  protected async commit(offsets: readonly { readonly partition: number; readonly offset: number }[]): Promise<void> {
    await this.ask([OffsetCommitRequest, OffsetCommitResponse], 9, {
      groupId: this.subscription.groupId,
      generationIdOrMemberEpoch: this.#epoch,
      memberId: this.#memberId,
      topics: [
        {
          name: this.subscription.topic,
          topicId: this.subscription.topicId,
          partitions: offsets.map(({ partition, offset }) => ({ partitionIndex: partition, committedOffset: offset, committedMetadata: null })),
        },
      ],
    })
  }

  protected async committed(partitions: readonly number[]): Promise<ReadonlyMap<number, number>> {
    const { groupId, topic, topicId } = this.subscription
    const { groups } = await this.ask([OffsetFetchRequest, OffsetFetchResponse], 9, {
      groupId,
      topics: null,
      groups: [{ groupId, memberId: this.#memberId, memberEpoch: this.#epoch, topics: [{ name: topic, topicId, partitionIndexes: partitions }] }],
      requireStable: true,
    })
    return new Map(groups[0]?.topics[0]?.partitions.map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset]) ?? [])
  }

  protected async sayFarewell(): Promise<void> {
    await this.ask([ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse], 1, {
      groupId: this.subscription.groupId,
      memberId: this.#memberId,
      memberEpoch: -1,
    })
  }
}
