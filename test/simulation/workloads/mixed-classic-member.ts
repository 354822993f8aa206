import { decodeAssignment, decodeSubscription, encodeAssignment, encodeSubscription, rangeAssign } from '../../../src/cli/kafka-client/assignment.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../src/kafka/messages/leave-group.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { KafkaClient, onConnections } from '../kafka-client.ts'
import { Holder, type OwnershipModel, REBALANCE_MS, SESSION_MS } from '../ownership-model.ts'
import type { World } from '../world.ts'
import { EXCUSED, fetchOnce } from './kafka-readers.ts'
import { committedBy } from './new-member.ts'

const HEARTBEAT_MS = 1_500
const ERROR = { illegalGeneration: 22, unknownMember: 25, rebalance: 27, memberIdRequired: 79 }
/** Answers that end a member's generation: it joins again. */
const REJOIN = new Set(Object.values(ERROR))

export interface MixedClassicOptions {
  readonly name: string
  readonly topics: readonly string[]
  readonly partitions: number
}

interface Position {
  readonly topic: string
  readonly index: number
  offset: number
  committed: number
}

/**
 * A consumer of the classic protocol, eager, in a group that has members of KIP-848 now and then: it gives everything up before it joins
 * again. What it holds is judged together with what those hold.
 */
export class MixedClassicMember {
  readonly #world: World
  readonly #model: OwnershipModel
  readonly #options: MixedClassicOptions
  #lives = 0
  #memberId = ''
  #holder: Holder
  #generation = -1
  /** The last one in which it was given its partitions: only then is a generation kept. */
  #kept = -1
  #positions: Position[] = []
  #mustJoin = true
  #heartbeatAtMs = 0
  stopped = false

  constructor(world: World, model: OwnershipModel, options: MixedClassicOptions) {
    this.#world = world
    this.#model = model
    this.#options = options
    this.#holder = this.#newLife()
  }

  /** Until `stopped`; then it says goodbye, or vanishes. */
  async run(): Promise<void> {
    const world = this.#world
    const opened = () => {
      this.#mustJoin = true
    }
    await onConnections(world, 300, (client) => this.#once(client), { ends: () => this.stopped, opened })
    if (world.random.chance(0.5)) return
    const client = await KafkaClient.open(world)
    await this.#leave(client).catch(() => {})
    client.close()
  }

  #newLife(): Holder {
    this.#memberId = ''
    this.#generation = -1
    this.#kept = -1
    this.#positions = []
    this.#mustJoin = true
    return new Holder(`${this.#options.name}.${this.#lives++}`, this.#world.time.nowMs)
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
    else if (random.chance(0.005)) {
      // Another process takes its place; the broker does not know yet.
      this.#holder = this.#newLife()
      client.close()
    } else if (random.chance(0.004)) await world.sleep(SESSION_MS + random.below(4_000))
    else await world.sleep(random.below(200))
  }

  async #leave(client: KafkaClient): Promise<void> {
    this.#giveUpAll()
    const members = [{ memberId: this.#memberId, groupInstanceId: null }]
    this.#holder = this.#newLife()
    await client.request(LeaveGroupRequest, LeaveGroupResponse, 3, { groupId: this.#model.groupId, memberId: '', members })
    this.#world.count('classic leaves')
  }

  #giveUpAll(): void {
    for (const { topic, index } of this.#positions) this.#model.released(this.#holder, `${topic}-${index}`)
    this.#positions = []
  }

  async #join(client: KafkaClient): Promise<void> {
    const { groupId } = this.#model
    const { topics } = this.#options
    const world = this.#world
    this.#giveUpAll()
    const joined = await client.request(JoinGroupRequest, JoinGroupResponse, 5, {
      groupId,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: REBALANCE_MS,
      memberId: this.#memberId,
      groupInstanceId: null,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: encodeSubscription(topics) }],
    })
    world.trace('join', `${this.#holder.name} ${joined.memberId} generation ${joined.generationId} error ${joined.errorCode}`)
    if (joined.errorCode === ERROR.memberIdRequired) this.#memberId = joined.memberId
    if (!this.#fine(joined.errorCode, 'JoinGroup')) {
      await world.sleep(50)
      return
    }
    this.#memberId = joined.memberId
    if (joined.generationId < this.#kept) world.violate(`group ${groupId}: ${this.#holder.name} joined generation ${joined.generationId}, after ${this.#kept}`)
    this.#generation = joined.generationId
    const sentMs = world.time.nowMs
    const synced = await client.request(SyncGroupRequest, SyncGroupResponse, 3, {
      groupId,
      generationId: this.#generation,
      memberId: this.#memberId,
      groupInstanceId: null,
      assignments: joined.leader === joined.memberId ? this.#assign(joined.members) : [],
    })
    world.trace('sync', `${this.#holder.name} generation ${this.#generation} error ${synced.errorCode}`)
    if (!this.#fine(synced.errorCode, 'SyncGroup')) return
    this.#kept = this.#generation
    const mine = synced.assignment.length === 0 ? [] : decodeAssignment(synced.assignment)
    const holder = this.#holder
    this.#model.heard(holder, sentMs)
    for (const { topic, partitions } of mine) {
      for (const index of partitions) {
        this.#model.given(holder, `${topic}-${index}`)
        this.#positions.push({ topic, index, offset: -1, committed: -1 })
      }
    }
    world.trace('given', `${holder.name} ${this.#positions.map(({ topic, index }) => `${topic}-${index}`).join(' ')}`)
    world.count('classic assignments')
    this.#heartbeatAtMs = sentMs
    this.#mustJoin = false
  }

  #assign(members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[]) {
    const { partitions } = this.#options
    const subscriptions = members.map(({ memberId, metadata }) => ({ memberId, topics: decodeSubscription(metadata) }))
    const all = Array.from({ length: partitions }, (_, index) => index)
    const topics = [...new Set(subscriptions.flatMap((subscription) => subscription.topics))].map((topic) => ({ topic, partitions: all }))
    return [...rangeAssign(subscriptions, topics)].map(([memberId, assigned]) => ({ memberId, assignment: encodeAssignment(assigned) }))
  }

  async #heartbeat(client: KafkaClient): Promise<void> {
    const holder = this.#holder
    const sentMs = this.#world.time.nowMs
    const request = { groupId: this.#model.groupId, generationId: this.#generation, memberId: this.#memberId, groupInstanceId: null }
    const { errorCode } = await client.request(HeartbeatRequest, HeartbeatResponse, 3, request)
    this.#heartbeatAtMs = this.#world.time.nowMs
    if (this.#fine(errorCode, 'Heartbeat')) this.#model.heard(holder, sentMs)
  }

  async #consume(client: KafkaClient, position: Position): Promise<void> {
    const { topic, index } = position
    if (position.offset < 0) {
      const floor = this.#model.committed(`${topic}-${index}`)
      const offset = await committedBy(this.#world, client, { groupId: this.#model.groupId, topic, index })
      if (offset === null) return
      this.#model.fetched(`${topic}-${index}`, offset, floor)
      position.offset = Math.max(0, offset)
      position.committed = offset
    }
    const { offset } = position
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
    const { topic, index, offset } = position
    const partition = `${topic}-${index}`
    const sent = { sentMs: this.#world.time.nowMs, floor: this.#model.committed(partition) }
    const holder = this.#holder
    const answer = await client.request(OffsetCommitRequest, OffsetCommitResponse, 7, {
      groupId: this.#model.groupId,
      generationIdOrMemberEpoch: this.#generation,
      memberId: this.#memberId,
      groupInstanceId: null,
      topics: [{ name: topic, topicId: ZERO_UUID, partitions: [{ partitionIndex: index, committedOffset: offset, committedMetadata: null }] }],
    })
    if (!this.#fine(answer.topics[0]?.partitions[0]?.errorCode ?? -1, 'OffsetCommit')) return
    position.committed = offset
    this.#model.commitAccepted(holder, partition, offset, sent)
  }

  /** False where the member must join again, or ask again. */
  #fine(errorCode: number, what: string): boolean {
    if (errorCode === 0) return true
    this.#world.count(`${what} error ${errorCode}`)
    if (REJOIN.has(errorCode)) this.#mustJoin = true
    else if (!EXCUSED.has(errorCode)) this.#world.violate(`${what} of ${this.#holder.name} answered ${errorCode}`)
    if (errorCode === ERROR.unknownMember) {
      this.#giveUpAll()
      this.#holder = this.#newLife()
    }
    return false
  }
}
