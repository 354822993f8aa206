import { decodeAssignment, encodeAssignment } from '../../../src/cli/kafka-client/assignment.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../src/kafka/messages/leave-group.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import type { CooperativeModel } from '../commit-model.ts'
import type { ExactPartition } from '../exact-log.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { cooperativeAssign, encodeHeld } from './cooperative-assignment.ts'
import { listOffset } from './exact-asker.ts'
import { EXCUSED, fetchOnce } from './kafka-readers.ts'

const SESSION_TIMEOUT_MS = 6_000
const REBALANCE_TIMEOUT_MS = 8_000
const HEARTBEAT_MS = 1_000
const REBALANCE_IN_PROGRESS = 27
const MEMBER_ID_REQUIRED = 79
/** ILLEGAL_GENERATION, UNKNOWN_MEMBER_ID, FENCED_INSTANCE_ID: what it held is lost. */
const LOST = new Set([22, 25, 82])

export interface CooperativeOptions {
  readonly name: string
  readonly topic: string
  /** A static member's id. */
  readonly instance: string | null
  /** The topic's partitions as far as they are known for sure; they become more. */
  readonly partitions: readonly ExactPartition[]
}

/** A consumer that keeps its partitions through rebalances and gives away what it must in a second one; it seeks now and then, by offset or by time. */
export class CooperativeMember {
  stopped = false
  readonly #world: World
  readonly #group: CooperativeModel
  readonly #options: CooperativeOptions
  /** What it holds, and where it reads. */
  readonly #positions = new Map<number, number>()
  #memberId = ''
  #generation = -1
  #mustJoin = true
  #knownPartitions = 0
  #heartbeatAtMs = 0

  constructor(world: World, group: CooperativeModel, options: CooperativeOptions) {
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

  get #identity(): string {
    return this.#options.instance ?? this.#memberId
  }

  #nameOf(index: number): string {
    return `${this.#options.topic}-${index}`
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    if (this.#mustJoin) {
      await this.#join(client)
      return
    }
    if (world.time.nowMs - this.#heartbeatAtMs > HEARTBEAT_MS) await this.#heartbeat(client)
    // The topic grew: everybody joins again.
    if (this.#options.partitions.length > this.#knownPartitions) this.#mustJoin = true
    const held = [...this.#positions.keys()]
    if (held.length === 0) await world.sleep(200)
    else await this.#consume(client, random.pick(held))
    if (world.stopping) return
    if (random.chance(0.01)) await this.#leave(client)
    else if (random.chance(0.005)) this.#vanish(client)
    else if (random.chance(0.004)) await world.sleep(SESSION_TIMEOUT_MS + random.below(4_000))
    else await world.sleep(random.below(250))
  }

  /** Another process takes its place. */
  #vanish(client: KafkaClient): void {
    this.#memberId = ''
    this.#positions.clear()
    client.close()
  }

  async #leave(client: KafkaClient): Promise<void> {
    const members = [{ memberId: this.#memberId, groupInstanceId: this.#options.instance }]
    this.#positions.clear()
    await client.request(LeaveGroupRequest, LeaveGroupResponse, 4, { groupId: this.#group.groupId, memberId: '', members })
    this.#memberId = ''
    this.#mustJoin = true
  }

  async #join(client: KafkaClient): Promise<void> {
    const { groupId } = this.#group
    const { topic, instance, partitions } = this.#options
    const world = this.#world
    const held = [...this.#positions.keys()]
    this.#knownPartitions = partitions.length
    const joined = await client.request(JoinGroupRequest, JoinGroupResponse, world.random.pick([5, 6, 7]), {
      groupId,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      memberId: this.#memberId,
      groupInstanceId: instance,
      protocolType: 'consumer',
      protocols: [{ name: 'cooperative-sticky', metadata: encodeHeld(topic, held) }],
    })
    world.count('cooperative joins')
    if (joined.errorCode === MEMBER_ID_REQUIRED) this.#memberId = joined.memberId
    if (!this.#fine(joined.errorCode, 'JoinGroup')) {
      await world.sleep(50)
      return
    }
    this.#memberId = joined.memberId
    this.#generation = joined.generationId
    this.#group.joined(
      joined.generationId,
      this.#identity,
      held.map((index) => this.#nameOf(index)),
    )
    const assignments =
      joined.leader === joined.memberId
        ? [...cooperativeAssign(joined.members, this.#knownPartitions)].map(([memberId, indexes]) => ({
            memberId,
            assignment: encodeAssignment([{ topic, partitions: indexes }]),
          }))
        : []
    const request = { groupId, generationId: this.#generation, memberId: this.#memberId, groupInstanceId: instance, assignments }
    const synced = await client.request(SyncGroupRequest, SyncGroupResponse, 3, request)
    if (!this.#fine(synced.errorCode, 'SyncGroup')) return
    await this.#take(
      client,
      decodeAssignment(synced.assignment).flatMap(({ partitions: indexes }) => indexes),
    )
  }

  /** New partitions are begun where the group is; what is not among them is given away, and then it joins again (the second step). */
  async #take(client: KafkaClient, mine: readonly number[]): Promise<void> {
    const world = this.#world
    this.#group.assigned(
      this.#generation,
      this.#identity,
      mine.map((index) => this.#nameOf(index)),
    )
    world.count('cooperative assignments')
    this.#heartbeatAtMs = world.time.nowMs
    const revoked = [...this.#positions.keys()].filter((index) => !mine.includes(index))
    for (const index of revoked) this.#positions.delete(index)
    if (revoked.length > 0) world.count('partitions revoked', revoked.length)
    this.#mustJoin = revoked.length > 0
    for (const index of mine) {
      if (this.#positions.has(index)) continue
      const offset = await fetchCommitted(world, client, this.#group, this.#options.topic, index)
      if (offset === null) {
        this.#mustJoin = true
        return
      }
      this.#positions.set(index, Math.max(0, offset))
    }
  }

  async #heartbeat(client: KafkaClient): Promise<void> {
    const request = { groupId: this.#group.groupId, generationId: this.#generation, memberId: this.#memberId, groupInstanceId: this.#options.instance }
    const { errorCode } = await client.request(HeartbeatRequest, HeartbeatResponse, 3, request)
    this.#heartbeatAtMs = this.#world.time.nowMs
    this.#fine(errorCode, 'Heartbeat')
  }

  async #consume(client: KafkaClient, index: number): Promise<void> {
    const world = this.#world
    const { random } = world
    const { topic, partitions } = this.#options
    const partition = partitions[index] as ExactPartition
    if (!world.stopping && random.chance(0.03)) await this.#seek(client, partition)
    const offset = this.#positions.get(index)
    if (offset === undefined) return
    const got = await fetchOnce(world, client, { topic, index, offset }, { maxWaitMs: random.below(100), maxBytes: 100_000 })
    if (got.errorCode !== 0) {
      if (!EXCUSED.has(got.errorCode)) world.violate(`Fetch of ${this.#nameOf(index)} at ${offset}, where ${this.#options.name} is, answered ${got.errorCode}`)
      await world.sleep(100)
      return
    }
    partition.shown(got.records)
    const next = (got.records.at(-1)?.offset ?? offset - 1) + 1
    this.#positions.set(index, next)
    if (next !== this.#group.commits(this.#nameOf(index)).offset) await this.#commit(client, index, next)
  }

  /** To the beginning, to an offset, or to a time. */
  async #seek(client: KafkaClient, partition: ExactPartition): Promise<void> {
    const { random } = this.#world
    const { records, durableEnd, index } = partition
    this.#world.count('seeks')
    if (random.chance(0.3)) this.#positions.set(index, 0)
    else if (random.chance(0.5)) this.#positions.set(index, random.below(durableEnd + 1))
    else {
      const asked = records[random.below(records.length)]?.timestampMs ?? 0
      const found = await listOffset(this.#world, client, partition, asked)
      if (found === null) return
      partition.foundTime(asked, found, { low: 0, high: 0, end: durableEnd })
      this.#positions.set(index, Math.max(0, found.offset))
    }
  }

  async #commit(client: KafkaClient, index: number, offset: number): Promise<void> {
    const { groupId, generation: newest } = this.#group
    const commits = this.#group.commits(this.#nameOf(index))
    const generation = this.#generation
    const { number, metadata } = commits.send(offset, this.#options.name)
    const partitions = [{ partitionIndex: index, committedOffset: offset, committedMetadata: metadata }]
    const answer = await client.request(OffsetCommitRequest, OffsetCommitResponse, 7, {
      groupId,
      generationIdOrMemberEpoch: generation,
      memberId: this.#memberId,
      groupInstanceId: this.#options.instance,
      topics: [{ name: this.#options.topic, topicId: ZERO_UUID, partitions }],
    })
    if (!this.#fine(answer.topics[0]?.partitions[0]?.errorCode ?? -1, 'OffsetCommit')) return
    this.#world.count('cooperative commits')
    if (generation < newest) this.#world.violate(`group ${groupId}: a commit of generation ${generation} was accepted, ${newest} had begun`)
    commits.acknowledged(number)
  }

  /** False where the member must join again, or ask again. */
  #fine(errorCode: number, what: string): boolean {
    if (errorCode === 0) return true
    this.#world.count(`cooperative ${what} error ${errorCode}`)
    if (LOST.has(errorCode)) {
      this.#memberId = ''
      this.#positions.clear()
    }
    if (LOST.has(errorCode) || errorCode === REBALANCE_IN_PROGRESS || errorCode === MEMBER_ID_REQUIRED) this.#mustJoin = true
    else if (!EXCUSED.has(errorCode)) this.#world.violate(`${what} of ${this.#options.name} answered ${errorCode}`)
    return false
  }
}

/** What OffsetFetch says, held against the model; null where the broker cannot say now. Rejects with Disconnected. */
export async function fetchCommitted(world: World, client: KafkaClient, group: CooperativeModel, topic: string, index: number): Promise<number | null> {
  const commits = group.commits(`${topic}-${index}`)
  const { floor } = commits
  const request = { groupId: group.groupId, topics: [{ name: topic, partitionIndexes: [index] }], groups: [], requireStable: true }
  const answer = await client.request(OffsetFetchRequest, OffsetFetchResponse, 7, request)
  const part = answer.topics[0]?.partitions[0]
  const errorCode = answer.errorCode !== 0 ? answer.errorCode : (part?.errorCode ?? -1)
  if (errorCode !== 0 || part === undefined) {
    if (!EXCUSED.has(errorCode)) world.violate(`OffsetFetch of ${group.groupId} answered ${errorCode}`)
    return null
  }
  commits.fetched(part.committedOffset, part.metadata ?? '', floor)
  return part.committedOffset
}
