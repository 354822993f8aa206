import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../src/kafka/messages/consumer-group-heartbeat.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { KafkaClient, onConnections } from '../kafka-client.ts'
import { Holder, type OwnershipModel, REBALANCE_MS, SESSION_MS } from '../ownership-model.ts'
import type { World } from '../world.ts'
import { EXCUSED, fetchOnce } from './kafka-readers.ts'

const HEARTBEAT_MS = 1_500
const ERROR = { unknownMember: 25, groupIdNotFound: 69, fencedInstance: 82, fencedEpoch: 110, unreleasedInstance: 111, staleEpoch: 113 }
/** Answers to a heartbeat that end what a member has: it joins again. */
const REJOIN = new Set([ERROR.unknownMember, ERROR.groupIdNotFound, ERROR.fencedEpoch])
/** A commit that came too late, or with an epoch that is not the newest. */
const TOO_LATE = new Set([ERROR.unknownMember, ERROR.staleEpoch, ERROR.groupIdNotFound, ERROR.fencedInstance])

export interface NewMemberOptions {
  readonly name: string
  readonly instance: string | null
  /** What it may subscribe to, one after the other; the first is its first. */
  readonly wishes: readonly Wish[]
  /** Topic name to id. */
  readonly topicIds: ReadonlyMap<string, string>
  /** Once stopped it says goodbye, or not; where false, never. */
  readonly leavesAtEnd?: boolean
}

export interface Wish {
  readonly names?: readonly string[]
  readonly regex?: string
}

interface Position {
  readonly topic: string
  readonly index: number
  offset: number
  committed: number
}

/**
 * A consumer of KIP-848, as clients are: joins, reads what it is given, commits, gives up what it is asked for and says so. Now and then it
 * leaves, vanishes, falls silent for longer than its session, does not give up in time, or wants something else.
 */
export class NewMember {
  readonly #world: World
  readonly #model: OwnershipModel
  readonly #options: NewMemberOptions
  #lives = 0
  #memberId = ''
  #holder: Holder
  #epoch = 0
  #wish: Wish
  /** The next heartbeat must say everything: it is the first, or the broker may not have heard the last one, or its answer was lost. */
  #saysAll = true
  /** When the first heartbeat after the last answer was sent. */
  #unansweredSinceMs: number | null = null
  #positions = new Map<string, Position>()
  #heartbeatAtMs = 0
  #mustSpeak = true
  stopped = false

  constructor(world: World, model: OwnershipModel, options: NewMemberOptions) {
    this.#world = world
    this.#model = model
    this.#options = options
    this.#wish = options.wishes[0] as Wish
    this.#holder = this.#newLife()
  }

  async run(): Promise<void> {
    const world = this.#world
    await onConnections(world, 300, (client) => this.#once(client), { ends: () => this.stopped })
    if (this.#options.leavesAtEnd !== true || world.random.chance(0.5)) return
    const client = await KafkaClient.open(world)
    await this.#leave(client).catch(() => {})
    client.close()
  }

  #newLife(): Holder {
    this.#memberId = `${this.#options.name}.${this.#lives++}`
    this.#epoch = 0
    this.#positions.clear()
    this.#mustSpeak = true
    this.#saysAll = true
    this.#unansweredSinceMs = null
    return new Holder(this.#memberId, this.#world.time.nowMs)
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    if (this.#mustSpeak || world.time.nowMs - this.#heartbeatAtMs > HEARTBEAT_MS) await this.#heartbeat(client)
    const position = this.#positions.size === 0 ? undefined : random.pick([...this.#positions.values()])
    if (position === undefined) await world.sleep(100)
    else await this.#consume(client, position)
    if (world.stopping) return
    if (random.chance(0.01)) await this.#leave(client)
    else if (random.chance(0.005)) this.#vanish(client)
    else if (random.chance(0.004)) await world.sleep(SESSION_MS + random.below(4_000))
    else if (random.chance(0.0101)) this.#wantOther()
    else await world.sleep(random.below(200))
  }

  /** Another process takes its place; the broker does not know yet. */
  #vanish(client: KafkaClient): void {
    this.#holder = this.#newLife()
    client.close()
  }

  #wantOther(): void {
    this.#wish = this.#world.random.pick(this.#options.wishes)
    this.#saysAll = true
    this.#mustSpeak = true
  }

  async #leave(client: KafkaClient): Promise<void> {
    const { instance } = this.#options
    const leaver = { memberId: this.#memberId, epoch: instance !== null && this.#world.random.chance(0.7) ? -2 : -1 }
    for (const partition of [...this.#positions.keys()]) this.#model.released(this.#holder, partition)
    this.#holder = this.#newLife()
    const { groupId } = this.#model
    const request = { groupId, memberId: leaver.memberId, memberEpoch: leaver.epoch, instanceId: instance }
    const { errorCode } = await client.request(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, request)
    this.#world.count(`leaves with ${leaver.epoch}`)
    if (errorCode !== 0 && !EXCUSED.has(errorCode) && !REJOIN.has(errorCode) && errorCode !== ERROR.fencedInstance) {
      this.#world.violate(`leaving of ${leaver.memberId} answered ${errorCode}`)
    }
  }

  async #heartbeat(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { nowMs: sentMs } = world.time
    const holder = this.#holder
    const saysAll = this.#saysAll || this.#epoch === 0
    this.#saysAll = true
    this.#mustSpeak = false
    this.#heartbeatAtMs = sentMs
    this.#unansweredSinceMs ??= sentMs
    const answer = await client.request(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, 1, {
      groupId: this.#model.groupId,
      memberId: this.#memberId,
      memberEpoch: this.#epoch,
      instanceId: this.#options.instance,
      rebalanceTimeoutMs: saysAll ? REBALANCE_MS : -1,
      subscribedTopicNames: saysAll ? (this.#wish.names ?? []) : null,
      subscribedTopicRegex: saysAll ? (this.#wish.regex ?? '') : null,
      topicPartitions: this.#owned(),
    })
    world.count(`heartbeats answered ${answer.errorCode}`)
    world.trace('heartbeat', `${this.#memberId} epoch ${this.#epoch} with ${[...this.#positions.keys()]}: ${JSON.stringify(answer)}`)
    if (answer.errorCode !== 0) {
      this.#refused(answer.errorCode)
      await world.sleep(100)
      return
    }
    this.#saysAll = false
    this.#model.heard(holder, sentMs)
    if (answer.memberEpoch < this.#epoch) world.violate(`the epoch of ${this.#memberId} went from ${this.#epoch} back to ${answer.memberEpoch}`)
    this.#epoch = answer.memberEpoch
    // It may have been asked by a heartbeat whose answer was lost.
    const askedMs = this.#unansweredSinceMs
    this.#unansweredSinceMs = null
    if (answer.assignment !== null) await this.#assigned(client, answer.assignment.topicPartitions, askedMs)
  }

  #owned() {
    const byTopic = new Map<string, number[]>()
    for (const { topic, index } of this.#positions.values()) byTopic.set(topic, [...(byTopic.get(topic) ?? []), index])
    return [...byTopic].map(([topic, partitions]) => ({ topicId: this.#options.topicIds.get(topic) as string, partitions }))
  }

  #refused(errorCode: number): void {
    if (EXCUSED.has(errorCode)) {
      this.#mustSpeak = true
      return
    }
    // Its former life is still in the group: it must wait for the end of that session.
    if (errorCode === ERROR.unreleasedInstance && this.#options.instance !== null && this.#epoch === 0) return
    if (errorCode === ERROR.fencedInstance && this.#options.instance !== null) {
      this.#giveUpAll()
      this.#holder = this.#newLife()
      return
    }
    if (!REJOIN.has(errorCode)) {
      this.#world.violate(`a heartbeat of ${this.#memberId} answered ${errorCode}`)
      return
    }
    this.#giveUpAll()
    this.#epoch = 0
    this.#mustSpeak = true
  }

  #giveUpAll(): void {
    for (const partition of [...this.#positions.keys()]) this.#model.released(this.#holder, partition)
    this.#positions.clear()
  }

  async #assigned(
    client: KafkaClient,
    topics: readonly { readonly topicId: string; readonly partitions: readonly number[] }[],
    askedMs: number,
  ): Promise<void> {
    const mine = new Map<string, { topic: string; index: number }>()
    for (const { topicId, partitions } of topics) {
      const topic = [...this.#options.topicIds].find(([, id]) => id === topicId)?.[0]
      if (topic === undefined) this.#world.violate(`${this.#memberId} was given a topic with the unknown id ${topicId}`)
      else for (const index of partitions) mine.set(`${topic}-${index}`, { topic, index })
    }
    // Given at once: whoever else has one of them is heard of later.
    const holder = this.#holder
    const added = [...mine].filter(([partition]) => !this.#positions.has(partition))
    for (const [partition] of added) this.#model.given(holder, partition)
    for (const [partition, { topic, index }] of added) this.#positions.set(partition, { topic, index, offset: -1, committed: -1 })
    this.#world.count('partitions given', added.length)
    const revoked = [...this.#positions.keys()].filter((partition) => !mine.has(partition))
    for (const partition of revoked) if (!holder.askedMs.has(partition)) holder.askedMs.set(partition, askedMs)
    this.#mustSpeak = true
    if (revoked.length > 0) await this.#giveUp(client, revoked)
  }

  async #giveUp(client: KafkaClient, revoked: readonly string[]): Promise<void> {
    const world = this.#world
    if (!world.stopping && world.random.chance(0.05)) await world.sleep(world.random.below(REBALANCE_MS + 4_000))
    for (const partition of revoked) {
      const position = this.#positions.get(partition)
      if (position !== undefined && position.offset > position.committed) await this.#commit(client, position)
    }
    for (const partition of revoked) {
      this.#positions.delete(partition)
      this.#model.released(this.#holder, partition)
      world.count('partitions given up')
    }
  }

  async #consume(client: KafkaClient, position: Position): Promise<void> {
    const { topic, index } = position
    if (position.offset < 0) {
      const partition = `${topic}-${index}`
      const floor = this.#model.committed(partition)
      const offset = await committedBy(this.#world, client, { groupId: this.#model.groupId, topic, index })
      if (offset === null) return
      this.#model.fetched(partition, offset, floor)
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
    const answer = await client.request(OffsetCommitRequest, OffsetCommitResponse, 9, {
      groupId: this.#model.groupId,
      generationIdOrMemberEpoch: this.#epoch,
      memberId: this.#memberId,
      groupInstanceId: this.#options.instance,
      topics: [{ name: topic, topicId: ZERO_UUID, partitions: [{ partitionIndex: index, committedOffset: offset, committedMetadata: null }] }],
    })
    const errorCode = answer.topics[0]?.partitions[0]?.errorCode ?? -1
    this.#world.count(`commits answered ${errorCode}`)
    if (errorCode === 0) {
      position.committed = offset
      this.#model.commitAccepted(holder, partition, offset, sent)
    } else if (TOO_LATE.has(errorCode)) {
      this.#mustSpeak = true
    } else if (!EXCUSED.has(errorCode)) {
      this.#world.violate(`OffsetCommit of ${this.#memberId} answered ${errorCode}`)
    }
  }
}

/** What OffsetFetch says; null where the broker cannot say now. Rejects with Disconnected. */
export async function committedBy(
  world: World,
  client: KafkaClient,
  { groupId, topic, index }: { readonly groupId: string; readonly topic: string; readonly index: number },
): Promise<number | null> {
  const topics = [{ name: topic, topicId: ZERO_UUID, partitionIndexes: [index] }]
  const answer = await client.request(OffsetFetchRequest, OffsetFetchResponse, 9, {
    groupId: '',
    topics: null,
    groups: [{ groupId, topics }],
    requireStable: true,
  })
  const group = answer.groups[0]
  const part = group?.topics[0]?.partitions[0]
  const errorCode = group?.errorCode !== 0 ? (group?.errorCode ?? -1) : (part?.errorCode ?? -1)
  if (errorCode === 0 && part !== undefined) return part.committedOffset
  if (!EXCUSED.has(errorCode)) world.violate(`OffsetFetch of ${groupId} answered ${errorCode}`)
  return null
}
