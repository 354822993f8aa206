import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../src/kafka/messages/leave-group.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import { Member } from './member.ts'

const SESSION_TIMEOUT_MS = 30_000
const REBALANCE_TIMEOUT_MS = 60_000
const REBALANCE_IN_PROGRESS = 27
const MEMBER_ID_REQUIRED = 79

/** A member by JoinGroup and SyncGroup; the leader deals the partitions out one by one. */
export class ClassicMember extends Member {
  #memberId = ''
  #joined: number | null = null

  protected async beat(): Promise<void> {
    if (this.#joined === null) return this.#join()
    const { groupId } = this.subscription
    const { errorCode } = await this.ask([HeartbeatRequest, HeartbeatResponse], 4, { groupId, generationId: this.#joined, memberId: this.#memberId })
    if (errorCode === 0) {
      this.generation = this.#joined
      return
    }
    this.#joined = null
    if (errorCode !== REBALANCE_IN_PROGRESS) this.#forget()
    this.generation = null
    await this.#join()
  }

  async #join(): Promise<void> {
    const { groupId } = this.subscription
    // An eager member gives up what it holds before it joins anew.
    await this.hold([])
    const joined = await this.ask([JoinGroupRequest, JoinGroupResponse], 9, {
      groupId,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      memberId: this.#memberId,
      protocolType: 'consumer',
      protocols: [{ name: 'dealt', metadata: subscriptionTo(this.subscription.topic) }],
    })
    if (joined.errorCode === MEMBER_ID_REQUIRED) {
      this.#memberId = joined.memberId
      return this.#join()
    }
    if (joined.errorCode !== 0) return this.#forget()
    this.#memberId = joined.memberId
    const assignments = joined.leader === joined.memberId ? this.#deal(joined.members.map(({ memberId }) => memberId)) : []
    const synced = await this.ask([SyncGroupRequest, SyncGroupResponse], 5, {
      groupId,
      generationId: joined.generationId,
      memberId: this.#memberId,
      protocolType: 'consumer',
      protocolName: 'dealt',
      assignments,
    })
    if (synced.errorCode !== 0) {
      if (synced.errorCode !== REBALANCE_IN_PROGRESS) this.#forget()
      return
    }
    await this.hold(partitionsOf(synced.assignment))
    this.#joined = joined.generationId
    this.generation = joined.generationId
  }

  #forget(): void {
    this.#memberId = ''
    this.#joined = null
    this.lose()
  }

  #deal(members: readonly string[]): { memberId: string; assignment: Uint8Array }[] {
    const { topic, partitions } = this.subscription
    return members.map((memberId, index) => {
      const own = Array.from({ length: partitions }, (_, partition) => partition).filter((partition) => partition % members.length === index)
      return { memberId, assignment: assignmentOf(topic, own) }
    })
  }

  protected async commit(offsets: readonly { readonly partition: number; readonly offset: number }[]): Promise<void> {
    await this.ask([OffsetCommitRequest, OffsetCommitResponse], 8, {
      groupId: this.subscription.groupId,
      generationIdOrMemberEpoch: this.generation ?? -1,
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
    const { groups } = await this.ask([OffsetFetchRequest, OffsetFetchResponse], 8, {
      groupId,
      topics: null,
      groups: [{ groupId, topics: [{ name: topic, topicId, partitionIndexes: partitions }] }],
      requireStable: true,
    })
    return new Map(groups[0]?.topics[0]?.partitions.map(({ partitionIndex, committedOffset }) => [partitionIndex, committedOffset]) ?? [])
  }

  protected async sayFarewell(): Promise<void> {
    await this.ask([LeaveGroupRequest, LeaveGroupResponse], 4, { groupId: this.subscription.groupId, memberId: '', members: [{ memberId: this.#memberId }] })
  }
}

/** ConsumerProtocolSubscription, version 0. */
function subscriptionTo(topic: string): Uint8Array {
  const name = Buffer.from(topic)
  const bytes = Buffer.alloc(2 + 4 + 2 + name.length + 4)
  bytes.writeInt32BE(1, 2)
  bytes.writeInt16BE(name.length, 6)
  name.copy(bytes, 8)
  bytes.writeInt32BE(-1, 8 + name.length)
  return bytes
}

/** ConsumerProtocolAssignment, version 0. */
function assignmentOf(topic: string, partitions: readonly number[]): Uint8Array {
  const name = Buffer.from(topic)
  const bytes = Buffer.alloc(2 + 4 + 2 + name.length + 4 + 4 * partitions.length + 4)
  bytes.writeInt32BE(1, 2)
  bytes.writeInt16BE(name.length, 6)
  name.copy(bytes, 8)
  let at = bytes.writeInt32BE(partitions.length, 8 + name.length)
  for (const partition of partitions) at = bytes.writeInt32BE(partition, at)
  bytes.writeInt32BE(-1, at)
  return bytes
}

function partitionsOf(assignment: Uint8Array): number[] {
  const bytes = Buffer.from(assignment)
  if (bytes.length < 8) return []
  const at = 8 + bytes.readInt16BE(6)
  return Array.from({ length: bytes.readInt32BE(at) }, (_, index) => bytes.readInt32BE(at + 4 + 4 * index))
}
