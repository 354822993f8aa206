import type { BrokerContext } from '../../../../src/broker/broker.ts'
import { type Failure, isFailure } from '../../../../src/broker/errors.ts'
import type { HeartbeatAnswer, HeartbeatRequest } from '../../../../src/broker/groups/consumer/heartbeat-request.ts'
import { GroupCoordinator } from '../../../../src/broker/groups/group-coordinator.ts'
import type { JoinRequest, JoinResult, LeavingMember, MemberConnection, SyncResult } from '../../../../src/broker/groups/group-requests.ts'
import { DEFAULT_GROUP_SETTINGS, type GroupSettings } from '../../../../src/broker/groups/group-settings.ts'
import type { CommitResult } from '../../../../src/broker/groups/offset-commits.ts'
import type { Principal, Security } from '../../../../src/broker/security/ports.ts'
import { SharePartitions } from '../../../../src/broker/shares/share-partitions.ts'
import type { Topic } from '../../../../src/broker/topics/topic.ts'
import { TopicRegistry } from '../../../../src/broker/topics/topic-registry.ts'
import type { StateRecord } from '../../../../src/log/ports.ts'
import { ManualClock } from '../../../../src/testing/manual-clock.ts'
import { SeededRandom } from '../../../../src/testing/seeded-random.ts'
import { sharePolicy } from '../../shares/policy.ts'
import { StateLog } from './state-log.ts'

/** A request that may be answered later: `result` is undefined until then. */
export interface Waiting<T> {
  result: T | undefined
}

/** A connection a test closes. */
export class TestConnection implements MemberConnection {
  closed = false
  readonly #listeners = new Set<() => void>()

  onClose(run: () => void): () => void {
    this.#listeners.add(run)
    return () => void this.#listeners.delete(run)
  }

  close(): void {
    this.closed = true
    for (const run of [...this.#listeners]) run()
  }

  get listenerCount(): number {
    return this.#listeners.size
  }
}

export const ANYBODY: Principal = { name: 'User:ANONYMOUS', isAdministrator: true }

/** Lets everybody do everything but what `denied` names as `operation type name`. */
export function openSecurity(denied: ReadonlySet<string> = new Set()): Security {
  const security: Pick<Security, 'hasUsers' | 'anonymous' | 'authorize' | 'authorizeAny'> = {
    hasUsers: false,
    anonymous: ANYBODY,
    authorize: (_, operation, type, name) => !denied.has(`${operation} ${type} ${name}`),
    authorizeAny: (_, operation, type) => ![...denied].some((words) => words.startsWith(`${operation} ${type} `)),
  }
  return security as Security
}

export type JoinWords = Partial<JoinRequest>

/** A group coordinator on a manual clock and a log that commits when told. */
export class World {
  readonly clock: ManualClock
  readonly log: StateLog
  readonly context: BrokerContext
  readonly topics: TopicRegistry
  readonly shares: SharePartitions
  readonly groups: GroupCoordinator
  readonly settings: GroupSettings
  /** What the coordinator logs: `PreparingRebalance: member … joined`. */
  readonly lines: string[] = []

  constructor(settings: Partial<GroupSettings> = {}, durable?: ReadonlyMap<string, StateRecord>, clock = new ManualClock(), seed = 1) {
    this.settings = { ...DEFAULT_GROUP_SETTINGS, ...settings }
    this.clock = clock
    this.log = new StateLog(durable)
    const random = new SeededRandom(seed)
    this.topics = new TopicRegistry(this.log, random, { numPartitions: 4, maxPartitions: 10_000 })
    this.context = { clock, random, log: this.log, topics: this.topics, security: openSecurity() }
    const line = (fields: object) =>
      void this.lines.push('state' in fields && 'reason' in fields ? `${fields.state}: ${fields.reason}` : JSON.stringify(fields))
    this.shares = new SharePartitions(this.context, sharePolicy())
    this.groups = new GroupCoordinator(this.context, this.settings, { debug: line, info: line, warn: line, error: line }, undefined, this.shares)
  }

  /** Replays and opens. */
  async open(): Promise<this> {
    this.log.replay()
    await this.topics.open()
    this.shares.open()
    this.groups.open()
    return this
  }

  /** A crash and a start over what is durable; `kept` appends had reached the disk unseen. */
  async restart(kept = 0, seed = 1): Promise<World> {
    this.log.crash(kept)
    this.groups.close()
    return new World(this.settings, this.log.durable, this.clock, seed).open()
  }

  topic(name: string, partitions = 4): Topic {
    const known = this.topics.get(name)
    if (known !== undefined) return known
    const made = this.topics.create({ name, partitions }, () => undefined)
    if (isFailure(made)) throw new Error(made.message)
    this.log.commit()
    return made
  }

  join(words: JoinWords = {}): Waiting<JoinResult> {
    const waiting: Waiting<JoinResult> = { result: undefined }
    this.groups.join(joinRequest(words), (result) => answer(waiting, result))
    return waiting
  }

  sync(
    joined: JoinResult | undefined,
    assignments: Record<string, string> = {},
    words: { groupId?: string; instanceId?: string | null } = {},
  ): Waiting<SyncResult> {
    const waiting: Waiting<SyncResult> = { result: undefined }
    this.groups.sync(
      {
        groupId: words.groupId ?? 'g',
        generation: joined?.generation ?? -1,
        memberId: joined?.memberId ?? '',
        instanceId: words.instanceId ?? null,
        connection: null,
        protocolType: null,
        protocolName: null,
        assignments: Object.entries(assignments).map(([memberId, text]) => ({ memberId, assignment: Buffer.from(text) })),
      },
      (result) => answer(waiting, result),
    )
    return waiting
  }

  /** LeaveGroup: the name of the error for all, or of each member's. */
  leave(members: readonly LeavingMember[], groupId = 'g'): Waiting<string | string[]> {
    const waiting: Waiting<string | string[]> = { result: undefined }
    this.groups.leave(groupId, members, (result) => answer(waiting, 'kafka' in result ? result.name : result.map((error) => error?.name ?? 'NONE')))
    return waiting
  }

  /** ConsumerGroupHeartbeat (KIP-848); without words of its own it joins with `t`. */
  beat(words: Partial<HeartbeatRequest> = {}): Waiting<HeartbeatAnswer | Failure> {
    const waiting: Waiting<HeartbeatAnswer | Failure> = { result: undefined }
    this.groups.consumerHeartbeat(heartbeatRequest(words), (result) => answer(waiting, result))
    return waiting
  }

  heartbeat(joined: JoinResult | undefined, words: { groupId?: string; instanceId?: string | null; connection?: MemberConnection } = {}): string {
    const error = this.groups.heartbeat({
      groupId: words.groupId ?? 'g',
      memberId: joined?.memberId ?? '',
      generation: joined?.generation ?? -1,
      instanceId: words.instanceId ?? null,
      connection: words.connection ?? null,
    })
    return error?.name ?? 'NONE'
  }

  commit(words: CommitWords): Waiting<CommitResult> {
    const waiting: Waiting<CommitResult> = { result: undefined }
    this.groups.commit(
      {
        groupId: words.groupId ?? 'g',
        memberId: words.by?.memberId ?? '',
        generation: words.by?.generation ?? -1,
        instanceId: words.instanceId ?? null,
        connection: null,
        knowsGroupIdNotFound: words.knowsGroupIdNotFound ?? true,
        retentionMs: words.retentionMs ?? -1,
        offsets: [
          {
            topic: this.topic(words.topic ?? 't'),
            partition: words.partition ?? 0,
            offset: words.offset,
            leaderEpoch: words.leaderEpoch ?? -1,
            metadata: words.metadata ?? '',
          },
        ],
      },
      (result) => answer(waiting, result),
    )
    return waiting
  }

  /** The committed offset that a fetch sees; -1 for none. */
  committed(topicName = 't', partition = 0, groupId = 'g'): number {
    return this.groups.offset(groupId, topicName, partition)?.offset ?? -1
  }

  state(groupId = 'g'): string {
    return this.groups.describe(groupId)?.state ?? 'none'
  }

  /** A dynamic member that joined for good: id, then JoinGroup with it. */
  joinDynamic(words: JoinWords = {}): Waiting<JoinResult> {
    const first = this.join({ requiresKnownMemberId: true, ...words })
    if (first.result === undefined) throw new Error('a first JoinGroup was parked')
    return this.join({ ...words, memberId: first.result.memberId })
  }

  /** Members in a stable group: the first leads, each is assigned `p0`, `p1`, …. */
  stable(...members: JoinWords[]): JoinResult[] {
    const waiting = members.map((words) => this.join(words))
    this.clock.advance(this.settings.initialRebalanceDelayMs * members.length)
    const joined = waiting.map(({ result }) => {
      if (result === undefined || result.error !== null) throw new Error(`JoinGroup was not answered: ${result?.error?.name}`)
      return result
    })
    this.syncAll(joined, members[0]?.groupId)
    return joined
  }

  /** The leader assigns `p0`, `p1`, … in the order given, everybody syncs. */
  syncAll(joined: readonly JoinResult[], groupId = 'g'): string[] {
    const assignments = Object.fromEntries(joined.map(({ memberId }, index) => [memberId, `p${index}`]))
    const synced = joined.map((result) => this.sync(result, result.leader === result.memberId ? assignments : {}, { groupId }))
    this.log.commit()
    return synced.map(({ result }) => textOf(result))
  }
}

export interface CommitWords {
  readonly groupId?: string
  readonly by?: JoinResult
  readonly instanceId?: string
  readonly topic?: string
  readonly partition?: number
  readonly offset: number
  readonly leaderEpoch?: number
  readonly metadata?: string
  readonly retentionMs?: number
  readonly knowsGroupIdNotFound?: boolean
}

/** A JoinGroup with everything filled in. */
export function joinRequest(words: JoinWords = {}): JoinRequest {
  return {
    groupId: 'g',
    memberId: '',
    instanceId: null,
    clientId: 'client',
    clientHost: '/127.0.0.1',
    connection: null,
    protocolType: 'consumer',
    protocols: [protocol('range', ['t'])],
    sessionTimeoutMs: 10_000,
    rebalanceTimeoutMs: 60_000,
    requiresKnownMemberId: false,
    canSkipAssignment: false,
    ...words,
  }
}

/** A first heartbeat with everything filled in; with another epoch one that says nothing new. */
export function heartbeatRequest(words: Partial<HeartbeatRequest> = {}): HeartbeatRequest {
  const joins = (words.memberEpoch ?? 0) === 0
  return {
    groupId: 'g',
    memberId: 'm1',
    memberEpoch: 0,
    instanceId: null,
    rackId: null,
    rebalanceTimeoutMs: joins ? 60_000 : -1,
    topicNames: joins ? ['t'] : null,
    topicRegex: null,
    assignor: null,
    owned: joins ? [] : null,
    clientId: 'client',
    clientHost: '/127.0.0.1',
    connection: null,
    makesOwnMemberId: true,
    mayDescribe: () => true,
    ...words,
  }
}

/** A consumer's protocol: version 0 of ConsumerProtocolSubscription with some topics and user data. */
export function protocol(name: string, topics: readonly string[], userData = ''): { name: string; metadata: Uint8Array } {
  const parts: Buffer[] = [Buffer.from([0, 0, 0, 0, 0, topics.length])]
  for (const topic of topics) parts.push(Buffer.from([0, topic.length]), Buffer.from(topic))
  parts.push(Buffer.from([0, 0, 0, userData.length]), Buffer.from(userData))
  return { name, metadata: Buffer.concat(parts) }
}

/** `p0`, or the name of the error; `waiting` while there is no answer. */
export function textOf(result: SyncResult | undefined): string {
  if (result === undefined) return 'waiting'
  return result.error?.name ?? Buffer.from(result.assignment).toString()
}

/** `NONE`, the name of the error, or `waiting`. */
export function errorOf(waiting: Waiting<{ readonly error: { readonly name: string } | null }>): string {
  if (waiting.result === undefined) return 'waiting'
  return waiting.result.error?.name ?? 'NONE'
}

/** The error of the one offset, or of the commit. */
export function commitErrorOf(waiting: Waiting<CommitResult>): string {
  if (waiting.result === undefined) return 'waiting'
  if ('kafka' in waiting.result) return waiting.result.name
  return waiting.result[0]?.name ?? 'NONE'
}

function answer<T>(waiting: Waiting<T>, result: T): void {
  if (waiting.result !== undefined) throw new Error('a request was answered twice')
  waiting.result = result
}
