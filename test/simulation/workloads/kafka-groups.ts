import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../src/kafka/messages/leave-group.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { KafkaClient } from '../kafka-client.ts'
import type { World } from '../world.ts'

const GROUP = 'members'
const SESSION_TIMEOUT_MS = 6_000
const REBALANCE_TIMEOUT_MS = 4_000
/** What a leader shares out; more than there are members. */
const SLOTS = 8

const UNKNOWN_MEMBER_ID = 25
const MEMBER_ID_REQUIRED = 79
const FENCED_INSTANCE_ID = 82
/** Loading, not available, not the coordinator, illegal generation, rebalancing: join again. */
const JOIN_AGAIN: ReadonlySet<number> = new Set([14, 15, 16, 22, 27])

/** What the members of the group were told, together. */
export class GroupModel {
  readonly world: World
  readonly topic: string
  readonly partitions: number
  readonly members: GroupMember[] = []
  /** Who was given a slot in a generation. */
  readonly #owners = new Map<string, string>()
  /** The largest offset that was acknowledged, by partition. */
  readonly #acknowledged: number[]
  /** Commits whose answer was lost: they may still arrive, behind later ones of another connection. */
  readonly #uncertain = new Set<number>()
  #lastOffset = 0

  constructor(world: World, topic: string, partitions: number) {
    this.world = world
    this.topic = topic
    this.partitions = partitions
    this.#acknowledged = Array.from({ length: partitions }, () => -1)
  }

  /** Whether everybody is in one generation and every slot has its owner. */
  get settled(): boolean {
    const generation = this.members[0]?.generation ?? -1
    const slots = this.members.flatMap((member) => member.slots)
    return generation >= 0 && slots.length === SLOTS && this.members.every((member) => member.generation === generation)
  }

  nextOffset(): number {
    const offset = ++this.#lastOffset
    this.#uncertain.add(offset)
    return offset
  }

  given(generation: number, slots: readonly number[], owner: string): void {
    for (const slot of slots) {
      const key = `${generation}/${slot}`
      const before = this.#owners.get(key) ?? owner
      if (before !== owner) this.world.violate(`generation ${generation} gave slot ${slot} to ${before} and to ${owner}`)
      this.#owners.set(key, owner)
    }
  }

  acknowledged(partition: number, offset: number): void {
    this.#uncertain.delete(offset)
    this.#acknowledged[partition] = Math.max(this.#acknowledged[partition] ?? -1, offset)
    this.world.count('group commits acknowledged')
  }

  /** Reads what is committed; whatever was acknowledged before is there. Rejects where nobody answered. */
  async check(client: KafkaClient): Promise<void> {
    const due = [...this.#acknowledged]
    const topics = [{ name: this.topic, topicId: ZERO_UUID, partitionIndexes: due.map((_, index) => index) }]
    const request = { groupId: '', topics: null, groups: [{ groupId: GROUP, topics }], requireStable: true }
    const { groups } = await client.request(OffsetFetchRequest, OffsetFetchResponse, 8, request)
    due.forEach((offset, partition) => {
      const found = groups[0]?.topics[0]?.partitions[partition]?.committedOffset ?? -1
      if (found < offset && !this.#uncertain.has(found))
        this.world.violate(`offset ${offset} of ${this.topic}-${partition} was acknowledged for the group, ${found} is committed`)
      if (found > this.#lastOffset) this.world.violate(`offset ${found} of ${this.topic}-${partition} is committed, nobody said so`)
    })
  }
}

/** After the last restart: the group's offsets are those that were acknowledged, or later ones. */
export async function verifyGroup(model: GroupModel): Promise<void> {
  for (;;) {
    const client = await KafkaClient.open(model.world)
    try {
      await model.check(client)
      return
    } catch {
      // Asked again.
    } finally {
      client.close()
    }
  }
}

/**
 * A consumer that joins, takes part, commits, and now and then leaves, loses its connection, or is killed and started again. A static
 * one comes back under its instance id.
 */
export class GroupMember {
  readonly name: string
  /** Of the assignment it works with; -1 while it has none. */
  generation = -1
  slots: readonly number[] = []
  idle = false
  readonly #model: GroupModel
  readonly #world: World
  readonly #instanceId: string | null
  #client: KafkaClient | null = null
  #memberId = ''
  #joined: { readonly generation: number; readonly memberIds: readonly string[]; readonly leads: boolean } | null = null

  constructor(model: GroupModel, name: string, isStatic: boolean) {
    this.#model = model
    this.#world = model.world
    this.name = `group member ${name}`
    this.#instanceId = isStatic ? name : null
    model.members.push(this)
  }

  /** Why it is not idle. */
  why(): string {
    return `it is in generation ${this.generation}`
  }

  async run(): Promise<void> {
    const world = this.#world
    for (;;) {
      if (world.stopping && this.#model.settled) break
      try {
        this.#client ??= await KafkaClient.open(world)
        await this.#step(this.#client)
      } catch {
        this.#client?.close()
        this.#client = null
      }
      await world.sleep(world.random.below(300))
      if (!world.stopping) this.#misfortune()
    }
    this.idle = true
    this.#client?.close()
  }

  async #step(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    if (this.#joined === null) await this.#join(client)
    else if (this.generation < 0) await this.#sync(client, this.#joined)
    else if (random.chance(0.3)) await this.#commit(client, this.generation, this.slots)
    else if (random.chance(0.1)) await this.#model.check(client)
    else if (random.chance(0.03) && !this.#world.stopping) await this.#leave(client)
    else await this.#heartbeat(client, this.generation)
  }

  async #join(client: KafkaClient): Promise<void> {
    const version = this.#world.random.pick([5, 9])
    const answer = await client.request(JoinGroupRequest, JoinGroupResponse, version, {
      groupId: GROUP,
      sessionTimeoutMs: SESSION_TIMEOUT_MS,
      rebalanceTimeoutMs: REBALANCE_TIMEOUT_MS,
      memberId: this.#memberId,
      groupInstanceId: this.#instanceId,
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    })
    if (answer.errorCode === MEMBER_ID_REQUIRED || answer.errorCode === 0) this.#memberId = answer.memberId
    if (answer.errorCode !== 0) {
      this.#refused('JoinGroup', answer.errorCode)
      return
    }
    const leads = answer.leader === answer.memberId && !answer.skipAssignment
    this.#joined = { generation: answer.generationId, memberIds: answer.members.map(({ memberId }) => memberId), leads }
  }

  async #sync(client: KafkaClient, joined: { readonly generation: number; readonly memberIds: readonly string[]; readonly leads: boolean }): Promise<void> {
    const assignments = joined.leads ? joined.memberIds.map((memberId, index) => ({ memberId, assignment: share(index, joined.memberIds.length) })) : []
    const answer = await client.request(SyncGroupRequest, SyncGroupResponse, 4, {
      groupId: GROUP,
      generationId: joined.generation,
      memberId: this.#memberId,
      groupInstanceId: this.#instanceId,
      assignments,
    })
    if (answer.errorCode !== 0) {
      this.#refused('SyncGroup', answer.errorCode)
      return
    }
    this.generation = joined.generation
    this.slots = [...answer.assignment]
    this.#model.given(this.generation, this.slots, this.#instanceId ?? this.#memberId)
    this.#world.count('group assignments')
  }

  async #heartbeat(client: KafkaClient, generationId: number): Promise<void> {
    const request = { groupId: GROUP, generationId, memberId: this.#memberId, groupInstanceId: this.#instanceId }
    const { errorCode } = await client.request(HeartbeatRequest, HeartbeatResponse, 4, request)
    if (errorCode !== 0) this.#refused('Heartbeat', errorCode)
  }

  /** Of a partition whose slot is its own: nobody else commits it in this generation. */
  async #commit(client: KafkaClient, generation: number, slots: readonly number[]): Promise<void> {
    const own = slots.filter((slot) => slot < this.#model.partitions)
    if (own.length === 0) return
    const partition = this.#world.random.pick(own)
    const offset = this.#model.nextOffset()
    const committed = { partitionIndex: partition, committedOffset: offset, committedMetadata: `${offset}` }
    const answer = await client.request(OffsetCommitRequest, OffsetCommitResponse, 8, {
      groupId: GROUP,
      generationIdOrMemberEpoch: generation,
      memberId: this.#memberId,
      groupInstanceId: this.#instanceId,
      topics: [{ name: this.#model.topic, topicId: ZERO_UUID, partitions: [committed] }],
    })
    const error = answer.topics[0]?.partitions[0]?.errorCode ?? -1
    if (error === 0) this.#model.acknowledged(partition, offset)
    else this.#refused('OffsetCommit', error)
  }

  async #leave(client: KafkaClient): Promise<void> {
    const members = [{ memberId: this.#memberId, groupInstanceId: this.#instanceId }]
    await client.request(LeaveGroupRequest, LeaveGroupResponse, 4, { groupId: GROUP, memberId: '', members })
    this.#forget()
  }

  #refused(api: string, error: number): void {
    this.#joined = null
    this.generation = -1
    this.slots = []
    if (error === UNKNOWN_MEMBER_ID || error === FENCED_INSTANCE_ID) this.#memberId = ''
    else if (error !== MEMBER_ID_REQUIRED && !JOIN_AGAIN.has(error) && !this.#world.diskFails) this.#world.violate(`${this.name}: ${api} answered ${error}`)
  }

  #misfortune(): void {
    const { random } = this.#world
    if (random.chance(0.02)) {
      // The connection breaks; the member goes on with another one.
      this.#client?.close()
      this.#client = null
    } else if (random.chance(0.01)) {
      this.#client?.close()
      this.#client = null
      this.#forget()
    }
  }

  /** As a new process: it knows nothing of what it was. */
  #forget(): void {
    this.#memberId = ''
    this.#joined = null
    this.generation = -1
    this.slots = []
  }
}

/** The slots of one of several members, a byte each. */
function share(index: number, members: number): Uint8Array {
  return Uint8Array.from(Array.from({ length: SLOTS }, (_, slot) => slot).filter((slot) => slot % members === index))
}
