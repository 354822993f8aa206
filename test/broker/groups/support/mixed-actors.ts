import assert from 'node:assert/strict'
import { type Failure, isFailure } from '../../../../src/broker/errors.ts'
import type { HeartbeatAnswer } from '../../../../src/broker/groups/consumer/heartbeat-request.ts'
import { readAssignment, readSubscription, writeAssignment } from '../../../../src/broker/groups/consumer-protocol.ts'
import type { JoinResult, SyncResult } from '../../../../src/broker/groups/group-requests.ts'
import { heartbeatRequest, joinRequest, type World } from './world.ts'

export const SESSION_MS = 6_000
export const TOPICS = { t: 6, u: 3 } as const
export const ALL = Object.entries(TOPICS).flatMap(([topic, count]) => Array.from({ length: count }, (_, partition) => `${topic}-${partition}`))

/** A member of either protocol that does what clients do, one thing per step. */
export interface MixedActor {
  readonly name: string
  readonly instanceId: string | null
  /** What it consumes, as far as it knows. */
  readonly owned: Set<string>
  /** When the coordinator heard of it last and found it in order. */
  heardMs: number
  step(world: World): void
  leave(world: World): void
  /** The broker or the connection is gone: no answer comes. */
  disconnected(): void
  /** Whether it waits for nothing. */
  readonly isCalm: boolean
}

/** An answer that comes when it comes. Read later than a session after that, it says nothing any more: clients have given up by then. */
class Answer<T> {
  #value: T | undefined
  #atMs = 0

  give(world: World, value: T): void {
    assert.equal(this.#value, undefined, 'a request was answered twice')
    this.#value = value
    this.#atMs = world.clock.monotonicMs()
  }

  /** Undefined while there is none. */
  read(world: World): T | 'stale' | undefined {
    return this.#value !== undefined && world.clock.monotonicMs() - this.#atMs >= SESSION_MS ? 'stale' : this.#value
  }
}

/** Who has what, by what was answered: nobody is given what another still has who was heard of within its session. */
export class Ownership {
  readonly actors = new Set<MixedActor>()

  given(actor: MixedActor, partition: string, nowMs: number): void {
    for (const other of this.actors) {
      if (other === actor || !other.owned.has(partition)) continue
      assert.ok(nowMs - other.heardMs >= SESSION_MS, `${partition} was given to ${actor.name}, but ${other.name} has it`)
    }
    actor.owned.add(partition)
  }
}

export class NewActor implements MixedActor {
  readonly name: string
  readonly owned = new Set<string>()
  heardMs = Number.NEGATIVE_INFINITY
  readonly #ownership: Ownership
  readonly instanceId: string | null
  #epoch = 0
  #saysAll = true
  #waiting: Answer<HeartbeatAnswer | Failure> | null = null
  #sentMs = 0

  constructor(name: string, ownership: Ownership, instanceId: string | null) {
    this.name = name
    this.#ownership = ownership
    this.instanceId = instanceId
  }

  get isCalm(): boolean {
    return this.#waiting === null && this.#epoch > 0
  }

  step(world: World): void {
    if (this.#waiting === null) {
      this.#speak(world)
      return
    }
    const result = this.#waiting.read(world)
    if (result === undefined) return
    this.#waiting = null
    if (result === 'stale') this.#saysAll = true
    else if (isFailure(result)) this.#refused(result)
    else this.#heard(world, result)
  }

  leave(world: World): void {
    this.owned.clear()
    world.beat({ memberId: this.name, memberEpoch: this.instanceId !== null ? -2 : -1, instanceId: this.instanceId })
  }

  disconnected(): void {
    this.#waiting = null
    this.#saysAll = true
  }

  #speak(world: World): void {
    const saysAll = this.#saysAll || this.#epoch === 0
    this.#saysAll = true
    this.#sentMs = world.clock.monotonicMs()
    const words = saysAll ? { rebalanceTimeoutMs: 600_000, topicNames: Object.keys(TOPICS) } : { rebalanceTimeoutMs: -1, topicNames: null }
    const waiting = new Answer<HeartbeatAnswer | Failure>()
    this.#waiting = waiting
    const request = { memberId: this.name, memberEpoch: this.#epoch, instanceId: this.instanceId, owned: this.#listed(world), ...words }
    world.groups.consumerHeartbeat(heartbeatRequest(request), (result) => waiting.give(world, result))
  }

  #listed(world: World) {
    return Object.keys(TOPICS).flatMap((topic) => {
      const partitions = [...this.owned].filter((one) => one.startsWith(`${topic}-`)).map((one) => Number(one.slice(2)))
      return partitions.length === 0 ? [] : [{ topicId: world.topic(topic).id, partitions }]
    })
  }

  #heard(world: World, answer: HeartbeatAnswer): void {
    this.heardMs = Math.max(this.heardMs, this.#sentMs)
    this.#saysAll = false
    this.#epoch = answer.memberEpoch
    if (answer.assignment === null) return
    const mine = answer.assignment.flatMap(({ topicId, partitions }) => partitions.map((partition) => `${world.topics.getById(topicId)?.name}-${partition}`))
    for (const partition of [...this.owned]) if (!mine.includes(partition)) this.owned.delete(partition)
    for (const partition of mine) if (!this.owned.has(partition)) this.#ownership.given(this, partition, world.clock.monotonicMs())
  }

  #refused({ error }: Failure): void {
    switch (error.name) {
      case 'NOT_COORDINATOR':
      case 'UNRELEASED_INSTANCE_ID':
        return
      case 'FENCED_MEMBER_EPOCH':
      case 'UNKNOWN_MEMBER_ID':
      case 'GROUP_ID_NOT_FOUND':
        this.owned.clear()
        this.#epoch = 0
        return
      default:
        assert.fail(`${this.name} was refused with ${error.name}`)
    }
  }
}

/** Gives all up before it joins anew, as eager assignors do. */
export class ClassicActor implements MixedActor {
  readonly name: string
  readonly instanceId = null
  readonly owned = new Set<string>()
  heardMs = Number.NEGATIVE_INFINITY
  readonly #ownership: Ownership
  #memberId = ''
  #generation = -1
  #isLeader = false
  #members: JoinResult['members'] = []
  #phase: 'join' | 'joining' | 'sync' | 'syncing' | 'in' = 'join'
  #joining: Answer<JoinResult> | null = null
  #syncing: Answer<SyncResult> | null = null
  #sentMs = 0

  constructor(name: string, ownership: Ownership) {
    this.name = name
    this.#ownership = ownership
  }

  get isCalm(): boolean {
    return this.#phase === 'in'
  }

  step(world: World): void {
    switch (this.#phase) {
      case 'join':
        this.owned.clear()
        this.#phase = 'joining'
        this.#sentMs = world.clock.monotonicMs()
        this.#joining = this.#join(world)
        return
      case 'joining':
        this.#joined(this.#joining?.read(world))
        return
      case 'sync':
        this.#phase = 'syncing'
        this.#sentMs = world.clock.monotonicMs()
        this.#syncing = this.#sync(world)
        return
      case 'syncing':
        this.#synced(world, this.#syncing?.read(world))
        return
      case 'in':
        this.#heartbeat(world)
        return
      default:
        this.#phase satisfies never
    }
  }

  leave(world: World): void {
    this.owned.clear()
    world.leave([{ memberId: this.#memberId, instanceId: null }])
  }

  disconnected(): void {
    if (this.#phase !== 'in') this.#phase = 'join'
  }

  #join(world: World): Answer<JoinResult> {
    const waiting = new Answer<JoinResult>()
    const request = joinRequest({
      memberId: this.#memberId,
      requiresKnownMemberId: true,
      sessionTimeoutMs: SESSION_MS,
      rebalanceTimeoutMs: 600_000,
      protocols: [{ name: 'range', metadata: subscription(Object.keys(TOPICS)) }],
    })
    world.groups.join(request, (result) => waiting.give(world, result))
    return waiting
  }

  #joined(result: JoinResult | 'stale' | undefined): void {
    if (result === undefined) return
    if (result === 'stale') {
      this.#phase = 'join'
      return
    }
    if (result.error?.name === 'MEMBER_ID_REQUIRED') this.#memberId = result.memberId
    if (result.error !== null) {
      this.#refused(result.error.name)
      return
    }
    this.heardMs = Math.max(this.heardMs, this.#sentMs)
    this.#memberId = result.memberId
    this.#generation = result.generation
    this.#isLeader = result.leader === result.memberId
    this.#members = result.members
    this.#phase = 'sync'
  }

  #sync(world: World): Answer<SyncResult> {
    const waiting = new Answer<SyncResult>()
    const assignments = this.#isLeader ? assign(this.#members) : []
    world.groups.sync(
      {
        groupId: 'g',
        generation: this.#generation,
        memberId: this.#memberId,
        instanceId: null,
        connection: null,
        protocolType: null,
        protocolName: null,
        assignments,
      },
      (result) => waiting.give(world, result),
    )
    return waiting
  }

  #synced(world: World, result: SyncResult | 'stale' | undefined): void {
    if (result === undefined) return
    if (result === 'stale') {
      this.#phase = 'join'
      return
    }
    if (result.error !== null) {
      this.#refused(result.error.name)
      return
    }
    this.heardMs = Math.max(this.heardMs, this.#sentMs)
    this.#phase = 'in'
    const assigned = result.assignment.length === 0 ? [] : (readAssignment(result.assignment)?.partitions ?? [])
    for (const { topicName, partitions } of assigned) {
      for (const partition of partitions) this.#ownership.given(this, `${topicName}-${partition}`, world.clock.monotonicMs())
    }
  }

  #heartbeat(world: World): void {
    const nowMs = world.clock.monotonicMs()
    const error = world.groups.heartbeat({ groupId: 'g', memberId: this.#memberId, generation: this.#generation, instanceId: null, connection: null })
    if (error === null || error.name === 'REBALANCE_IN_PROGRESS') this.heardMs = nowMs
    if (error !== null) this.#refused(error.name)
  }

  #refused(error: string): void {
    const known = ['MEMBER_ID_REQUIRED', 'REBALANCE_IN_PROGRESS', 'NOT_COORDINATOR', 'ILLEGAL_GENERATION', 'UNKNOWN_MEMBER_ID']
    assert.ok(known.includes(error), `${this.name} was refused with ${error}`)
    if (error === 'UNKNOWN_MEMBER_ID') this.#memberId = ''
    this.#phase = 'join'
  }
}

function subscription(topics: readonly string[]): Buffer {
  const names = topics.map((topic) => Buffer.concat([Buffer.from([0, topic.length]), Buffer.from(topic)]))
  const bytes = Buffer.concat([Buffer.from([0, 1, 0, 0, 0, topics.length]), ...names, Buffer.from([0xff, 0xff, 0xff, 0xff]), Buffer.from([0, 0, 0, 0])])
  assert.deepEqual(readSubscription(bytes)?.topics, topics)
  return bytes
}

/** Partition n goes to member n, around and around. */
function assign(members: JoinResult['members']) {
  return members.map(({ memberId }, index) => {
    const mine = ALL.filter((_, n) => n % members.length === index)
    const partitions = Object.keys(TOPICS).map((topicName) => ({
      topicName,
      partitions: mine.filter((one) => one.startsWith(`${topicName}-`)).map((one) => Number(one.slice(2))),
    }))
    return { memberId, assignment: writeAssignment(1, partitions) }
  })
}
