import { ShareAcknowledgeRequest, ShareAcknowledgeResponse } from '../../../src/kafka/messages/share-acknowledge.ts'
import { ShareFetchRequest, ShareFetchResponse } from '../../../src/kafka/messages/share-fetch.ts'
import { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from '../../../src/kafka/messages/share-group-heartbeat.ts'
import type { OutOfShape } from '../../../src/kafka/wire/fields.ts'
import type { Input } from '../../../src/kafka/wire/message.ts'
import { KafkaClient, onConnections } from '../kafka-client.ts'
import type { LogModel } from '../log-model.ts'
import { SESSION_MS } from '../ownership-model.ts'
import { type GivenRecord, LOCK_MS, ShareLife, type ShareModel, type Verdict } from '../share-model.ts'
import type { World } from '../world.ts'
import { EXCUSED } from './kafka-readers.ts'
import { shareRecords } from './share-records.ts'

const HEARTBEAT_MS = 1_500
const ERROR = { unknownMember: 25, groupIdNotFound: 69, fencedEpoch: 110, invalidRecordState: 121 }
const REJOIN = new Set([ERROR.unknownMember, ERROR.groupIdNotFound, ERROR.fencedEpoch])
const TYPES: Readonly<Record<Verdict, number>> = { accept: 1, release: 2, reject: 3, renew: 4 }
/** Nobody can use one in so many records. */
const POISON = 37

export interface ShareMemberOptions {
  readonly name: string
  /** What it may subscribe to, one after the other; the first is its first. */
  readonly wishes: readonly (readonly string[])[]
  /** Topic name to id. */
  readonly topicIds: ReadonlyMap<string, string>
}

interface Said {
  readonly given: GivenRecord
  readonly verdict: Verdict
  readonly isSafe: boolean
}

type FetchTopics = Input<typeof ShareFetchRequest>['topics']
type FetchAnswer = OutOfShape<(typeof ShareFetchResponse)['shape']>

/**
 * A consumer of a share group, as clients are: joins, takes records of the partitions it is given, says what became of them, with the next fetch or
 * by itself, renews locks. Now and then it leaves, vanishes, sleeps longer than its locks or its session, or wants something else.
 */
export class ShareMember {
  readonly #world: World
  readonly #log: LogModel
  readonly #model: ShareModel
  readonly #options: ShareMemberOptions
  #lives = 0
  #memberId = ''
  #epoch = 0
  #wish: readonly string[]
  #saysAll = true
  #heartbeatAtMs = 0
  /** When the last heartbeat was sent that was answered without an error. */
  #heardMs = 0
  /** `topic-index` to both. */
  #assigned = new Map<string, { readonly topicId: string; readonly index: number }>()
  #life: ShareLife
  #sessionEpoch = 0
  /** What the session reads from. */
  #inSession = new Set<string>()
  #held: GivenRecord[] = []
  stopped = false

  constructor(world: World, log: LogModel, model: ShareModel, options: ShareMemberOptions) {
    this.#world = world
    this.#log = log
    this.#model = model
    this.#options = options
    this.#wish = options.wishes[0] as readonly string[]
    this.#life = this.#newMember()
  }

  async run(): Promise<void> {
    const world = this.#world
    await onConnections(world, 300, (client) => this.#once(client), { ends: () => this.stopped, opened: () => this.#newSession() })
    const client = await KafkaClient.open(world)
    await this.#leave(client).catch(() => {})
    client.close()
  }

  #newMember(): ShareLife {
    this.#memberId = `${this.#options.name}.${this.#lives++}`
    this.#epoch = 0
    this.#saysAll = true
    this.#heartbeatAtMs = 0
    this.#assigned.clear()
    return this.#newSession()
  }

  /** On a new connection, or where the old session is given up. What it had may be anybody's by now. */
  #newSession(): ShareLife {
    if (this.#life !== undefined) this.#life.ended = true
    this.#life = new ShareLife(this.#memberId, this.#world.boots)
    this.#sessionEpoch = 0
    this.#inSession = new Set()
    this.#held = []
    return this.#life
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    if (this.#saysAll || world.time.nowMs - this.#heartbeatAtMs > HEARTBEAT_MS) await this.#heartbeat(client)
    if (this.#assigned.size === 0 && this.#held.length === 0) {
      await world.sleep(200)
      return
    }
    if (this.#held.length > 0) await this.#work()
    const verdicts = this.#judge()
    const renewed = verdicts.filter(({ verdict }) => verdict === 'renew')
    const rest = verdicts.filter(({ verdict }) => verdict !== 'renew')
    if (renewed.length > 0) await this.#acknowledge(client, renewed)
    if (rest.length > 0 && (this.#sessionEpoch === 0 || random.chance(0.5))) {
      await this.#acknowledge(client, rest)
      await this.#fetch(client, [])
    } else {
      await this.#fetch(client, rest)
    }
    if (world.stopping) return
    if (random.chance(0.01)) await this.#leave(client)
    else if (random.chance(0.011)) this.#vanish(client)
    else if (random.chance(0.012)) this.#wantOther()
  }

  /** It takes its time, sometimes too much of it. */
  async #work(): Promise<void> {
    const { random } = this.#world
    const isSlow = !this.#world.stopping && random.chance(0.03)
    await this.#world.sleep(isSlow ? random.below(LOCK_MS * 2) : random.below(120))
  }

  #judge(): Said[] {
    const { random, stopping } = this.#world
    const kept: GivenRecord[] = []
    const said = this.#held.flatMap((given): Said[] => {
      const isPoison = given.offset % POISON === POISON - 1
      const dice = stopping ? 1 : random.fraction()
      const verdict: Verdict | null = isPoison || dice < 0.08 ? 'release' : dice < 0.12 ? 'reject' : dice < 0.14 ? 'renew' : dice < 0.15 ? null : 'accept'
      if (verdict === 'renew') kept.push(given)
      // Forgotten: its lock ends some time.
      if (verdict === null) return []
      return [{ given, verdict, isSafe: this.#model.acknowledging(this.#life, given, verdict) }]
    })
    this.#held = kept
    return said
  }

  #vanish(client: KafkaClient): void {
    this.#newMember()
    client.close()
  }

  #wantOther(): void {
    this.#wish = this.#world.random.pick(this.#options.wishes)
    this.#saysAll = true
  }

  async #leave(client: KafkaClient): Promise<void> {
    const { memberId } = { memberId: this.#memberId }
    const { groupId } = this.#model
    if (this.#sessionEpoch > 0) {
      this.#life.ended = true
      await client.request(ShareAcknowledgeRequest, ShareAcknowledgeResponse, 1, { groupId, memberId, shareSessionEpoch: -1, topics: [] })
    }
    this.#newMember()
    const { errorCode } = await client.request(ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, 1, { groupId, memberId, memberEpoch: -1 })
    this.#world.count('share members left')
    if (errorCode !== 0 && !EXCUSED.has(errorCode) && !REJOIN.has(errorCode)) this.#world.violate(`leaving of ${memberId} answered ${errorCode}`)
  }

  async #heartbeat(client: KafkaClient): Promise<void> {
    const world = this.#world
    const saysAll = this.#saysAll || this.#epoch === 0
    this.#saysAll = true
    this.#heartbeatAtMs = world.time.nowMs
    const answer = await client.request(ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, 1, {
      groupId: this.#model.groupId,
      memberId: this.#memberId,
      memberEpoch: this.#epoch,
      subscribedTopicNames: saysAll ? this.#wish : null,
    })
    world.count(`share heartbeats answered ${answer.errorCode}`)
    if (answer.errorCode !== 0) {
      if (REJOIN.has(answer.errorCode)) this.#rejoin(answer.errorCode)
      else if (!EXCUSED.has(answer.errorCode)) world.violate(`a share heartbeat of ${this.#memberId} answered ${answer.errorCode}`)
      await world.sleep(100)
      return
    }
    this.#saysAll = false
    this.#heardMs = this.#heartbeatAtMs
    if (answer.memberEpoch < this.#epoch) world.violate(`the epoch of ${this.#memberId} went from ${this.#epoch} back to ${answer.memberEpoch}`)
    this.#epoch = answer.memberEpoch
    if (answer.assignment !== null) this.#assign(answer.assignment.topicPartitions)
  }

  #rejoin(errorCode: number): void {
    // Two answers that were lost may have raised the epoch twice.
    const isForgotten = this.#epoch > 0 && errorCode !== ERROR.fencedEpoch
    if (isForgotten && this.#world.time.nowMs < this.#heardMs + SESSION_MS) {
      this.#world.violate(`a share heartbeat of ${this.#memberId}, which was heard of within its session, answered ${errorCode}`)
    }
    this.#epoch = 0
  }

  #assign(topics: readonly { readonly topicId: string; readonly partitions: readonly number[] }[]): void {
    this.#assigned = new Map()
    for (const { topicId, partitions } of topics) {
      const topic = this.#nameOf(topicId)
      if (topic === undefined) continue
      if (!this.#wish.includes(topic)) this.#world.violate(`${this.#memberId} was given ${topic}, which it does not want`)
      for (const index of partitions) this.#assigned.set(`${topic}-${index}`, { topicId, index })
    }
  }

  #nameOf(topicId: string): string | undefined {
    return [...this.#options.topicIds].find(([, id]) => id === topicId)?.[0]
  }

  async #fetch(client: KafkaClient, said: readonly Said[]): Promise<void> {
    const world = this.#world
    const { random } = world
    const life = this.#life
    const sentMs = world.time.nowMs
    const epoch = this.#sessionEpoch
    const wanted = new Set([...this.#assigned.keys(), ...said.map(({ given }) => given.partition)])
    const gone = [...this.#inSession].filter((partition) => !wanted.has(partition))
    const added = [...wanted].filter((partition) => !this.#inSession.has(partition))
    this.#inSession = wanted
    const version = random.chance(0.5) ? 2 : 1
    const request = {
      groupId: this.#model.groupId,
      memberId: this.#memberId,
      shareSessionEpoch: epoch,
      maxWaitMs: random.below(300),
      minBytes: 1,
      maxBytes: random.chance(0.1) ? 1_000 : 200_000,
      maxRecords: random.pick([1, 10, 100, 500]),
      batchSize: random.pick([1, 10, 500]),
      topics: this.#topics(added, said),
      forgottenTopicsData: this.#byTopic(gone).map(([topicId, partitions]) => ({ topicId, partitions: partitions.map(({ index }) => index) })),
    }
    let answer: FetchAnswer
    try {
      answer = await client.request(
        ShareFetchRequest,
        ShareFetchResponse,
        version,
        version === 2 && random.chance(0.5) ? { ...request, shareAcquireMode: 1 } : request,
      )
    } catch (error) {
      this.#model.fetchLost(wanted)
      throw error
    }
    world.count(`share fetches answered ${answer.errorCode}`)
    if (answer.errorCode !== 0) {
      this.#unanswered(said)
      if (!EXCUSED.has(answer.errorCode)) world.violate(`ShareFetch of ${this.#memberId} with epoch ${epoch} answered ${answer.errorCode}`)
      this.#newSession()
      await world.sleep(100)
      return
    }
    this.#sessionEpoch = epoch + 1
    this.#model.heard(life, sentMs)
    const errors = new Map<string, number>()
    for (const { topicId, partitions } of answer.responses) {
      const topic = this.#nameOf(topicId) as string
      for (const part of partitions) {
        errors.set(`${topic}-${part.partitionIndex}`, part.acknowledgeErrorCode)
        this.#take(topic, part, sentMs)
      }
    }
    this.#settle(life, said, sentMs, errors)
  }

  #take(topic: string, part: FetchAnswer['responses'][number]['partitions'][number], sentMs: number): void {
    const { partitionIndex: index, errorCode, acquiredRecords, records } = part
    const partition = `${topic}-${index}`
    if (errorCode !== 0) {
      if (!EXCUSED.has(errorCode)) this.#world.violate(`ShareFetch of ${partition} answered ${errorCode}`)
      return
    }
    const values = new Map(shareRecords(this.#world, { topic, index }, records).map(({ offset, value }) => [offset, value]))
    for (const { firstOffset, lastOffset, deliveryCount } of acquiredRecords) {
      for (let offset = firstOffset; offset <= lastOffset; offset++) {
        const value = values.get(offset)
        const sent = value === undefined ? undefined : this.#log.sent.get(value)
        if (value === undefined) this.#world.violate(`${partition} offset ${offset} was given without its record`)
        else if (sent === undefined) this.#world.violate(`${partition} offset ${offset} holds ${value}, which nobody sent`)
        else this.#log.note(topic, index, offset, value, sent.durable)
        const given = { partition, offset, deliveryCount, sentMs }
        this.#model.given(this.#life, given)
        this.#held.push(given)
      }
    }
  }

  async #acknowledge(client: KafkaClient, said: readonly Said[]): Promise<void> {
    const world = this.#world
    const life = this.#life
    if (this.#sessionEpoch === 0) {
      this.#unanswered(said)
      return
    }
    const sentMs = world.time.nowMs
    const isRenewAck = said.some(({ verdict }) => verdict === 'renew')
    const answer = await client.request(ShareAcknowledgeRequest, ShareAcknowledgeResponse, isRenewAck || world.random.chance(0.5) ? 2 : 1, {
      groupId: this.#model.groupId,
      memberId: this.#memberId,
      shareSessionEpoch: this.#sessionEpoch,
      ...(isRenewAck ? { isRenewAck } : {}),
      topics: this.#topics([], said),
    })
    world.count(`share acknowledgements answered ${answer.errorCode}`)
    if (answer.errorCode !== 0) {
      this.#unanswered(said)
      if (!EXCUSED.has(answer.errorCode)) world.violate(`ShareAcknowledge of ${this.#memberId} answered ${answer.errorCode}`)
      this.#newSession()
      return
    }
    this.#sessionEpoch++
    this.#model.heard(life, sentMs)
    const errors = new Map<string, number>()
    for (const { topicId, partitions } of answer.responses) {
      for (const { partitionIndex, errorCode } of partitions) errors.set(`${this.#nameOf(topicId)}-${partitionIndex}`, errorCode)
    }
    this.#settle(life, said, sentMs, errors)
  }

  /** What a partition's acknowledgements were answered: all of them hold, or none. */
  #settle(life: ShareLife, said: readonly Said[], sentMs: number, errors: ReadonlyMap<string, number>): void {
    const world = this.#world
    const byPartition = Map.groupBy(said, ({ given }) => given.partition)
    for (const [partition, all] of byPartition) {
      const errorCode = errors.get(partition)
      world.count(`shared records answered ${errorCode}`, all.length)
      if (errorCode === undefined) {
        world.violate(`acknowledgements of ${partition} were not answered`)
      } else if (errorCode === 0) {
        for (const { given, verdict } of all) this.#model.acknowledged(life, given, verdict, sentMs)
      } else if (errorCode === ERROR.invalidRecordState) {
        const isSafe = all.every(({ given, isSafe: wasSafe }) => wasSafe && world.time.nowMs < given.sentMs + LOCK_MS)
        if (isSafe && life.boot === world.boots) world.violate(`${this.#memberId} may not acknowledge ${partition}, all of which it has`)
        for (const { given } of all) this.#model.refused(life, given)
      } else if (!EXCUSED.has(errorCode)) {
        world.violate(`acknowledgements of ${partition} were answered ${errorCode}`)
      }
    }
  }

  /** Nobody knows what became of them; the model took that for granted. */
  #unanswered(said: readonly Said[]): void {
    this.#world.count('shared records in doubt', said.length)
  }

  #topics(added: readonly string[], said: readonly Said[]): FetchTopics {
    const byPartition = Map.groupBy(said, ({ given }) => given.partition)
    return this.#byTopic([...new Set([...added, ...byPartition.keys()])]).map(([topicId, partitions]) => ({
      topicId,
      partitions: partitions.map(({ partition, index }) => ({ partitionIndex: index, acknowledgementBatches: batchesOf(byPartition.get(partition) ?? []) })),
    }))
  }

  #byTopic(partitions: readonly string[]): [topicId: string, { partition: string; index: number }[]][] {
    const byTopic = new Map<string, { partition: string; index: number }[]>()
    for (const partition of partitions) {
      const dash = partition.lastIndexOf('-')
      const topicId = this.#options.topicIds.get(partition.slice(0, dash)) as string
      byTopic.set(topicId, [...(byTopic.get(topicId) ?? []), { partition, index: Number(partition.slice(dash + 1)) }])
    }
    return [...byTopic]
  }
}

/** Neighbours together, with a type for each, or one where all are alike. */
function batchesOf(said: readonly Said[]): { firstOffset: number; lastOffset: number; acknowledgeTypes: number[] }[] {
  const batches: { firstOffset: number; lastOffset: number; acknowledgeTypes: number[] }[] = []
  for (const { given, verdict } of [...said].sort((left, right) => left.given.offset - right.given.offset)) {
    const last = batches.at(-1)
    if (last !== undefined && last.lastOffset === given.offset - 1) {
      last.lastOffset = given.offset
      last.acknowledgeTypes.push(TYPES[verdict])
    } else {
      batches.push({ firstOffset: given.offset, lastOffset: given.offset, acknowledgeTypes: [TYPES[verdict]] })
    }
  }
  return batches.map((batch) => (new Set(batch.acknowledgeTypes).size === 1 ? { ...batch, acknowledgeTypes: batch.acknowledgeTypes.slice(0, 1) } : batch))
}
