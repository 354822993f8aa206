import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription, rangeAssign } from '../../../src/cli/kafka-client/assignment.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../src/kafka/messages/leave-group.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import type { GroupModel } from '../group-model.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { EXCUSED, fetchOnce } from './kafka-readers.ts'

const SESSION_TIMEOUT_MS = 6_000
const REBALANCE_TIMEOUT_MS = 8_000
const HEARTBEAT_MS = 1_500
const ERROR = { illegalGeneration: 22, unknownMember: 25, rebalance: 27, memberIdRequired: 79, fencedInstance: 82 }
/** Answers that end a member's generation: it joins again. */
const REJOIN = new Set(Object.values(ERROR))
/** It has to begin as nobody. */
const FORGET = new Set([ERROR.unknownMember, ERROR.fencedInstance])

export interface MemberOptions {
  readonly name: string
  readonly topics: readonly string[]
  readonly partitions: number
  /** A static member's id. */
  readonly instance: string | null
}

interface Position {
  readonly topic: string
  readonly index: number
  offset: number
  committed: number
}

/** A consumer of a group: joins, reads what it is given, commits; now and then leaves, vanishes, or falls silent for longer than its session. */
export class Member {
  readonly #world: World
  readonly #group: GroupModel
  readonly #options: MemberOptions
  #memberId = ''
  #generation = -1
  #positions: Position[] = []
  #mustJoin = true
  #heartbeatAtMs = 0
  stopped = false

  constructor(world: World, group: GroupModel, options: MemberOptions) {
    this.#world = world
    this.#group = group
    this.#options = options
  }

  run(): Promise<void> {
    const ends = () => this.stopped
    const opened = () => {
      this.#mustJoin = true
    }
    return onConnections(this.#world, 300, (client) => this.#once(client), { ends, opened })
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    if (this.#mustJoin) {
      await this.#join(client)
      return
    }
    if (world.time.nowMs - this.#heartbeatAtMs > HEARTBEAT_MS) await this.#heartbeat(client)
    const position = this.#positions.length === 0 ? undefined : random.pick(this.#positions)
    if (position === undefined) await world.sleep(200)
    else await this.#consume(client, position)
    if (world.stopping) return
    if (random.chance(0.01)) await this.#leave(client)
    else if (random.chance(0.005)) this.#vanish(client)
    else if (random.chance(0.004)) await world.sleep(SESSION_TIMEOUT_MS + random.below(4_000))
    else await world.sleep(random.below(200))
  }

  /** Another process takes its place. */
  #vanish(client: KafkaClient): void {
    this.#memberId = ''
    client.close()
  }

  async #leave(client: KafkaClient): Promise<void> {
    const { groupId } = this.#group
    const members = [{ memberId: this.#memberId, groupInstanceId: this.#options.instance }]
    await client.request(LeaveGroupRequest, LeaveGroupResponse, 3, { groupId, memberId: '', members })
    this.#memberId = ''
    this.#mustJoin = true
  }

  async #join(client: KafkaClient): Promise<void> {
    const { groupId } = this.#group
    const { topics, instance, name } = this.#options
    const world = this.#world
    const joined = await client.request(JoinGroupRequest, JoinGroupResponse, 5, {
      groupId,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      memberId: this.#memberId,
      groupInstanceId: instance,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: encodeSubscription(topics) }],
    })
    world.count('joins')
    if (joined.errorCode === ERROR.memberIdRequired) this.#memberId = joined.memberId
    if (!this.#fine(joined.errorCode, 'JoinGroup')) {
      await world.sleep(50)
      return
    }
    this.#memberId = joined.memberId
    this.#generation = joined.generationId
    if (joined.generationId < this.#group.generation) {
      world.violate(`group ${groupId}: ${name} joined generation ${joined.generationId}, ${this.#group.generation} had begun`)
    }
    const assignments = joined.leader === joined.memberId ? this.#assign(joined.members) : []
    const synced = await client.request(SyncGroupRequest, SyncGroupResponse, 3, {
      groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupInstanceId: instance,
      assignments,
    })
    if (!this.#fine(synced.errorCode, 'SyncGroup')) return
    const mine = decodeAssignment(synced.assignment).flatMap(({ topic, partitions }) => partitions.map((index) => ({ topic, index })))
    const partitions = mine.map(({ topic, index }) => `${topic}-${index}`)
    this.#group.told.set(this.#memberId, [...partitions].sort().join(' '))
    this.#group.assigned(
      this.#generation,
      // Who comes back as a static member takes its former self's place within the generation, which is fenced (KIP-345).
      instance ?? this.#memberId,
      partitions,
    )
    world.count('assignments')
    this.#heartbeatAtMs = world.time.nowMs
    this.#positions = []
    for (const { topic, index } of mine) {
      const offset = await this.#committed(client, topic, index)
      if (offset === null) return
      this.#positions.push({ topic, index, offset: Math.max(0, offset), committed: offset })
    }
    this.#mustJoin = false
  }

  #assign(members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[]) {
    const { partitions } = this.#options
    const subscriptions = members.map(({ memberId, metadata }) => ({ memberId, topics: decodeSubscription(metadata) }))
    const all = Array.from({ length: partitions }, (_, index) => index)
    const topics = [...new Set(subscriptions.flatMap((subscription) => subscription.topics))].map((topic) => ({ topic, partitions: all }))
    return [...rangeAssign(subscriptions, topics)].map(([memberId, assigned]) => ({ memberId, assignment: encodeAssignment(assigned) }))
  }

  async #committed(client: KafkaClient, topic: string, index: number): Promise<number | null> {
    const floor = this.#group.committed(`${topic}-${index}`)
    const offset = await committedOffset(this.#world, client, this.#group.groupId, topic, index)
    if (offset !== null) this.#group.fetched(`${topic}-${index}`, offset, floor)
    return offset
  }

  async #heartbeat(client: KafkaClient): Promise<void> {
    const { groupId } = this.#group
    const request = { groupId, generationId: this.#generation, memberId: this.#memberId, groupInstanceId: this.#options.instance }
    const { errorCode } = await client.request(HeartbeatRequest, HeartbeatResponse, 3, request)
    this.#heartbeatAtMs = this.#world.time.nowMs
    this.#fine(errorCode, 'Heartbeat')
  }

  async #consume(client: KafkaClient, position: Position): Promise<void> {
    const { topic, index, offset } = position
    const got = await fetchOnce(this.#world, client, { topic, index, offset }, { maxWaitMs: this.#world.random.below(100), maxBytes: 100_000 })
    if (got.errorCode !== 0) {
      if (!EXCUSED.has(got.errorCode)) this.#world.violate(`Fetch of ${topic}-${index} at ${offset}, a committed position, answered ${got.errorCode}`)
      await this.#world.sleep(100)
      return
    }
    position.offset = got.nextOffset
    if (position.offset > position.committed) await this.#commit(client, position)
  }

  async #commit(client: KafkaClient, position: Position): Promise<void> {
    const { groupId, generation: newest } = this.#group
    const { topic, index, offset } = position
    const generation = this.#generation
    const partitions = [{ partitionIndex: index, committedOffset: offset, committedMetadata: null }]
    const answer = await client.request(OffsetCommitRequest, OffsetCommitResponse, 7, {
      groupId,
      generationIdOrMemberEpoch: generation,
      memberId: this.#memberId,
      groupInstanceId: this.#options.instance,
      topics: [{ name: topic, topicId: ZERO_UUID, partitions }],
    })
    const errorCode = answer.topics[0]?.partitions[0]?.errorCode ?? -1
    if (!this.#fine(errorCode, 'OffsetCommit')) return
    this.#world.count('commits')
    position.committed = offset
    this.#group.acknowledged(`${topic}-${index}`, offset, generation, newest)
  }

  /** False where the member must join again, or ask again. */
  #fine(errorCode: number, what: string): boolean {
    if (errorCode === 0) return true
    this.#world.count(`${what} error ${errorCode}`)
    if (REJOIN.has(errorCode)) this.#mustJoin = true
    else if (!EXCUSED.has(errorCode)) this.#world.violate(`${what} of ${this.#options.name} answered ${errorCode}`)
    if (FORGET.has(errorCode)) this.#memberId = ''
    return false
  }
}

/** What OffsetFetch says; null where the broker cannot say now. Rejects with Disconnected. */
export async function committedOffset(world: World, client: KafkaClient, groupId: string, topic: string, index: number): Promise<number | null> {
  const topics = [{ name: topic, partitionIndexes: [index] }]
  const answer = await client.request(OffsetFetchRequest, OffsetFetchResponse, 5, { groupId, topics, groups: [] })
  const part = answer.topics[0]?.partitions[0]
  const errorCode = answer.errorCode !== 0 ? answer.errorCode : (part?.errorCode ?? -1)
  if (errorCode === 0 && part !== undefined) return part.committedOffset
  if (!EXCUSED.has(errorCode)) world.violate(`OffsetFetch of ${groupId} answered ${errorCode}`)
  return null
}
