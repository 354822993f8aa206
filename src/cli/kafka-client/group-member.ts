import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../kafka/messages/find-coordinator.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../kafka/messages/heartbeat.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../kafka/messages/leave-group.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../kafka/messages/offset-fetch.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../kafka/messages/sync-group.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { ZERO_UUID } from '../../util/uuid.ts'
import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription, rangeAssign, type TopicPartitions } from './assignment.ts'
import type { KafkaConnection } from './connection.ts'
import { throwOnError, withRetries } from './errors.ts'

const SESSION_TIMEOUT_MS = 30_000
const REBALANCE_TIMEOUT_MS = 60_000
const HEARTBEAT_MS = 3_000
const PROTOCOL = 'range'

const ILLEGAL_GENERATION = 22
const UNKNOWN_MEMBER_ID = 25
const REBALANCE_IN_PROGRESS = 27
const MEMBER_ID_REQUIRED = 79

/** The last versions that name topics by name and groups one at a time. */
const NEWEST_OFFSET_FETCH = 7
const NEWEST_OFFSET_COMMIT = 9
const NEWEST_FIND_COORDINATOR = 3

/** Asks the broker how many partitions a topic has; the leader of a group does, for its assignment. */
export type PartitionsOf = (topics: readonly string[]) => Promise<TopicPartitions[]>

/** A member of a classic consumer group with the range assignor, on a connection of its own: a Fetch would hold its heartbeats back. */
export class GroupMember implements AsyncDisposable {
  readonly #connection: KafkaConnection
  readonly #clock: Clock
  readonly #groupId: string
  readonly #topics: readonly string[]
  readonly #partitionsOf: PartitionsOf
  #memberId = ''
  #generation = -1
  #heartbeat: Timer | null = null
  /** The group rebalances, or threw this member out: it must join again. */
  mustJoin = true

  constructor(connection: KafkaConnection, clock: Clock, groupId: string, topics: readonly string[], partitionsOf: PartitionsOf) {
    this.#connection = connection
    this.#clock = clock
    this.#groupId = groupId
    this.#topics = topics
    this.#partitionsOf = partitionsOf
  }

  /** Joins, or joins again, and answers the partitions that are this member's. */
  async join(): Promise<TopicPartitions[]> {
    this.#heartbeat?.cancel()
    await withRetries(() => this.#findCoordinator())
    for (;;) {
      const joined = await this.#connection.request(JoinGroupRequest, JoinGroupResponse, {
        groupId: this.#groupId,
        sessionTimeoutMs: SESSION_TIMEOUT_MS,
        rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
        memberId: this.#memberId,
        protocolType: 'consumer',
        protocols: [{ name: PROTOCOL, metadata: encodeSubscription(this.#topics) }],
      })
      if (joined.errorCode === MEMBER_ID_REQUIRED) {
        this.#memberId = joined.memberId
        continue
      }
      if (joined.errorCode === UNKNOWN_MEMBER_ID) {
        this.#memberId = ''
        continue
      }
      if (joined.errorCode === REBALANCE_IN_PROGRESS) continue
      throwOnError(joined.errorCode, `cannot join group "${this.#groupId}"`)
      this.#memberId = joined.memberId
      this.#generation = joined.generationId
      const assignments = joined.leader === joined.memberId ? await this.#assign(joined.members) : []
      const synced = await this.#connection.request(SyncGroupRequest, SyncGroupResponse, {
        groupId: this.#groupId,
        generationId: this.#generation,
        memberId: this.#memberId,
        protocolType: 'consumer',
        protocolName: PROTOCOL,
        assignments,
      })
      if (this.#lostPlace(synced.errorCode)) continue
      throwOnError(synced.errorCode, `cannot join group "${this.#groupId}"`)
      this.mustJoin = false
      this.#beat()
      return decodeAssignment(synced.assignment)
    }
  }

  /** Committed offsets by partition of a topic; a partition without one is left out. */
  async committed(topic: string, partitions: readonly number[]): Promise<Map<number, number>> {
    const topics = [{ name: topic, partitionIndexes: partitions }]
    const answer = await this.#connection.request(OffsetFetchRequest, OffsetFetchResponse, { groupId: this.#groupId, topics, groups: [] }, NEWEST_OFFSET_FETCH)
    throwOnError(answer.errorCode, `cannot read the offsets of group "${this.#groupId}"`)
    const offsets = new Map<number, number>()
    for (const { partitionIndex, committedOffset, errorCode } of answer.topics[0]?.partitions ?? []) {
      throwOnError(errorCode, `cannot read the offset of ${topic}, partition ${partitionIndex}`)
      if (committedOffset >= 0) offsets.set(partitionIndex, committedOffset)
    }
    return offsets
  }

  /** Commits positions. One that comes too late for its generation is given up: whoever has the partition now reads those records again. */
  async commit(positions: readonly { readonly topic: string; readonly partition: number; readonly offset: number }[]): Promise<void> {
    if (positions.length === 0) return
    const topics = [...Map.groupBy(positions, ({ topic }) => topic)].map(([name, parts]) => ({
      name,
      topicId: ZERO_UUID,
      partitions: parts.map(({ partition, offset }) => ({ partitionIndex: partition, committedOffset: offset, committedMetadata: null })),
    }))
    const request = { groupId: this.#groupId, generationIdOrMemberEpoch: this.#generation, memberId: this.#memberId, topics }
    const answer = await this.#connection.request(OffsetCommitRequest, OffsetCommitResponse, request, NEWEST_OFFSET_COMMIT)
    for (const { errorCode, partitionIndex } of answer.topics.flatMap(({ partitions }) => partitions)) {
      if (!this.#lostPlace(errorCode)) throwOnError(errorCode, `cannot commit the offset of partition ${partitionIndex}`)
    }
  }

  /** Leaves, so that others get its partitions at once. Where the broker does not answer any more, the end of the session does it. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#heartbeat?.cancel()
    if (this.#memberId === '') return
    const members = [{ memberId: this.#memberId }]
    const left = this.#connection.request(LeaveGroupRequest, LeaveGroupResponse, { groupId: this.#groupId, memberId: this.#memberId, members })
    await left.catch(() => {})
  }

  /** Every broker coordinates here; one that only starts to, says so. */
  async #findCoordinator(): Promise<void> {
    const request = { key: this.#groupId, keyType: 0, coordinatorKeys: [] }
    const found = await this.#connection.request(FindCoordinatorRequest, FindCoordinatorResponse, request, NEWEST_FIND_COORDINATOR)
    throwOnError(found.errorCode, `cannot find the coordinator of group "${this.#groupId}"`, found.errorMessage)
  }

  async #assign(members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[]) {
    const subscriptions = members.map(({ memberId, metadata }) => ({ memberId, topics: decodeSubscription(metadata) }))
    const topics = await this.#partitionsOf([...new Set(subscriptions.flatMap(({ topics }) => topics))])
    const assignments = rangeAssign(subscriptions, topics)
    return [...assignments].map(([memberId, partitions]) => ({ memberId, assignment: encodeAssignment(partitions) }))
  }

  #beat(): void {
    this.#heartbeat = this.#clock.after(HEARTBEAT_MS, () => {
      const request = { groupId: this.#groupId, generationId: this.#generation, memberId: this.#memberId }
      this.#connection.request(HeartbeatRequest, HeartbeatResponse, request).then(
        ({ errorCode }) => {
          if (!this.#lostPlace(errorCode)) this.#beat()
        },
        // The connection is gone: the next request on it says so.
        () => {
          this.mustJoin = true
        },
      )
    })
  }

  /** Whether an answer says that the generation is over. */
  #lostPlace(errorCode: number): boolean {
    if (errorCode !== ILLEGAL_GENERATION && errorCode !== UNKNOWN_MEMBER_ID && errorCode !== REBALANCE_IN_PROGRESS) return false
    if (errorCode === UNKNOWN_MEMBER_ID) this.#memberId = ''
    this.mustJoin = true
    return true
  }
}
