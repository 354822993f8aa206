import type { LogFailure, StateRecord } from '../../log/ports.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { type Logger, silentLogger } from '../../telemetry/logger.ts'
import type { BrokerContext } from '../broker.ts'
import { ERRORS, type ErrorRow } from '../errors.ts'
import type { Topic } from '../topics/topic.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import type { GroupChange, GroupHost } from './classic/group-host.ts'
import { encodeGroupRecord, type GroupRecord } from './classic/group-record.ts'
import { GroupStore } from './classic/group-store.ts'
import { describeGroup, type GroupDescription, type GroupListing, listGroup } from './group-description.ts'
import {
  type JoinRequest,
  type JoinResult,
  joinRefused,
  type LeavingMember,
  type MemberClaim,
  type MemberConnection,
  type Respond,
  type SyncRequest,
  type SyncResult,
  syncRefused,
} from './group-requests.ts'
import type { GroupSettings } from './group-settings.ts'
import { newMemberId } from './member-id.ts'
import { isExpired, offsetRetention } from './offset-expiry.ts'
import type { CommittedOffset } from './offset-record.ts'
import { type OffsetChange, Offsets, type StagedChange } from './offsets.ts'

export interface HeartbeatRequest extends MemberClaim {
  readonly groupId: string
  readonly connection: MemberConnection | null
}

/** Offsets a client commits for partitions that exist and that it may read. */
export interface CommitRequest extends MemberClaim {
  readonly groupId: string
  readonly connection: MemberConnection | null
  /** OffsetCommit v9 and later have a better word for a group that is not there. */
  readonly knowsGroupIdNotFound: boolean
  /** OffsetCommit v2 to v4; -1 for the broker's retention. */
  readonly retentionMs: number
  readonly offsets: readonly OffsetToCommit[]
}

export interface OffsetToCommit {
  readonly topic: Topic
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

/** An error for all, or one (or null) for each offset in order. */
export type CommitResult = ErrorRow | readonly (ErrorRow | null)[]

export interface OffsetDeletion {
  readonly topicName: string
  readonly partition: number
}

/** Which groups ListGroups wants; empty lists want all. Kafka compares states without regard to case. */
export interface GroupFilter {
  readonly states: readonly string[]
  readonly types: readonly string[]
}

/**
 * All classic groups and committed offsets of this broker. Registers its state machines with the log, so it is made before
 * `LogStore.open`; `open` comes after the topics were opened. Commits and deletions are answered when they are durable.
 */
export class GroupCoordinator implements GroupHost {
  readonly settings: GroupSettings
  readonly #context: BrokerContext
  readonly #logger: Logger
  readonly #groups = new Map<string, ClassicGroup>()
  readonly #store = new GroupStore()
  readonly #offsets = new Offsets()
  #cleanUpTimer: Timer | null = null
  #closed = false

  constructor(context: BrokerContext, settings: GroupSettings, logger: Logger = silentLogger) {
    this.#context = context
    this.#logger = logger
    this.settings = settings
    context.log.register(this.#store)
    context.log.register(this.#offsets)
    context.topics.addListener({ onTopicDeleted: (topic) => this.#topicDeleted(topic) })
  }

  get clock(): Clock {
    return this.#context.clock
  }

  get groupCount(): number {
    return this.#groups.size
  }

  get offsetCount(): number {
    return this.#offsets.size
  }

  /** Brings the replayed groups to life: sessions run from now. Offsets of topics that are gone go. */
  open(): void {
    for (const [groupId, record] of this.#store.records()) this.#groups.set(groupId, new ClassicGroup(groupId, this, record))
    for (const groupId of this.#offsets.groupIds()) this.#getOrMake(groupId)
    for (const group of this.#groups.values()) group.opened()
    this.#deleteOffsets((topicName, offset) => this.#context.topics.get(topicName)?.id !== offset.topicId)
    this.#scheduleCleanUp()
  }

  /** Stops all timers; whoever waits is told to look for the coordinator again. */
  close(): void {
    this.#closed = true
    this.#cleanUpTimer?.cancel()
    for (const group of this.#groups.values()) group.die(ERRORS.coordinatorNotAvailable)
    this.#groups.clear()
  }

  /** JoinGroup. `respond` may be called within the call, or after other members came or time passed. */
  join(request: JoinRequest, respond: Respond<JoinResult>): void {
    const refused = this.#checkJoin(request)
    if (refused !== null) {
      respond(joinRefused(refused, request.memberId))
      return
    }
    const group = this.#getOrMake(request.groupId)
    group.join(request, respond)
    // What was refused leaves no new group behind.
    if (group.isDeserted && !this.#store.has(group.id) && !this.#offsets.hasAny(group.id)) this.#groups.delete(group.id)
  }

  /** SyncGroup. `respond` may be called within the call, or when the assignment is durable. */
  sync(request: SyncRequest, respond: Respond<SyncResult>): void {
    if (request.groupId === '') {
      respond(syncRefused(ERRORS.invalidGroupId))
      return
    }
    const group = this.#groups.get(request.groupId)
    if (group === undefined) respond(syncRefused(ERRORS.unknownMemberId))
    else group.sync(request, respond)
  }

  /** Heartbeat; null where all is well. */
  heartbeat(request: HeartbeatRequest): ErrorRow | null {
    if (request.groupId === '') return ERRORS.invalidGroupId
    const group = this.#groups.get(request.groupId)
    return group === undefined ? ERRORS.unknownMemberId : group.heartbeat(request, request.connection)
  }

  /** LeaveGroup: an error for all, or one (or null) for each member in order. */
  leave(groupId: string, members: readonly LeavingMember[]): ErrorRow | readonly (ErrorRow | null)[] {
    if (groupId === '') return ERRORS.invalidGroupId
    const group = this.#groups.get(groupId)
    return group === undefined ? members.map(() => ERRORS.unknownMemberId) : group.leave(members)
  }

  /** OffsetCommit. `respond` is called when the offsets are durable, or at once where none is accepted. */
  commit(request: CommitRequest, respond: Respond<CommitResult>): void {
    const refused = this.#checkCommit(request)
    if (refused !== null) {
      respond(refused)
      return
    }
    const errors = this.#checkOffsets(request)
    const changes = request.offsets.filter((_, index) => errors[index] === null).map((offset) => this.#toChange(request, offset))
    if (changes.length === 0) {
      respond(errors)
      return
    }
    this.#getOrMake(request.groupId)
    this.#append([this.#offsets.stage(request.groupId, changes)], (failed) => respond(failed ?? errors))
  }

  /** TxnOffsetCommit: what OffsetCommit would say, but that no generation at all is always fine; nothing is kept. */
  checkTransactionalCommit(request: CommitRequest): CommitResult {
    const group = this.#groups.get(request.groupId)
    if (this.#closed) return ERRORS.coordinatorNotAvailable
    const isPlain = request.generation < 0 && request.memberId === '' && request.instanceId === null
    if (group === undefined && request.generation >= 0) return ERRORS.illegalGeneration
    const refused = isPlain || group === undefined ? null : group.checkCommit(request, request.connection)
    if (refused !== null && refused !== ERRORS.rebalanceInProgress) return refused
    return this.#checkOffsets(request)
  }

  /** Offsets of a transaction that commits: appended by the caller, in the group of its markers. */
  stageOffsets(groupId: string, changes: readonly OffsetChange[]): StagedChange {
    this.#getOrMake(groupId)
    return this.#offsets.stage(groupId, changes)
  }

  /** OffsetFetch of one partition: what is durable; null where the group has committed none. */
  offset(groupId: string, topicName: string, partition: number): CommittedOffset | null {
    return this.#offsets.get(groupId, topicName, partition)
  }

  /** OffsetFetch of all partitions: what is durable. */
  allOffsets(groupId: string): Iterable<readonly [topicName: string, partition: number, value: CommittedOffset]> {
    return this.#offsets.of(groupId)
  }

  /** Calls `run` once every commit that was sent before is durable or lost; within the call where none is under way (RequireStable). */
  whenStable(groupId: string, run: () => void): void {
    this.#offsets.whenSettled(groupId, run)
  }

  /** Null where there is no such group. */
  describe(groupId: string): GroupDescription | null {
    const group = this.#groups.get(groupId)
    return group === undefined ? null : describeGroup(group)
  }

  list(filter: GroupFilter): GroupListing[] {
    const states = new Set(filter.states.map((state) => state.trim().toLowerCase()))
    const types = new Set(filter.types.map((type) => type.trim().toLowerCase()))
    const listings: GroupListing[] = []
    for (const group of this.#groups.values()) {
      const listing = listGroup(group)
      if (states.size > 0 && !states.has(listing.state.toLowerCase())) continue
      if (types.size > 0 && !types.has(listing.type)) continue
      listings.push(listing)
    }
    return listings
  }

  /** DeleteGroups: one error or null for each id in order, when the deletions are durable. */
  delete(groupIds: readonly string[], respond: Respond<readonly (ErrorRow | null)[]>): void {
    const doomed = new Map<string, ClassicGroup>()
    const errors = groupIds.map((groupId) => {
      const group = this.#groups.get(groupId)
      if (group === undefined) return doomed.has(groupId) ? null : ERRORS.groupIdNotFound
      if (group.state !== 'Empty') return ERRORS.nonEmptyGroup
      doomed.set(groupId, group)
      this.#groups.delete(groupId)
      return null
    })
    if (doomed.size === 0) {
      respond(errors)
      return
    }
    const staged = [...doomed.keys()].flatMap((groupId) => this.#stageDeletion(groupId))
    const records = new Map([...doomed].map(([groupId, group]) => [groupId, group.record()]))
    for (const group of doomed.values()) group.die(ERRORS.unknownMemberId)
    this.#append(staged, (failed) => {
      // Nothing was deleted: the groups are what they were.
      if (failed !== null) for (const [groupId, record] of records) this.#revive(groupId, record)
      respond(failed === null ? errors : errors.map((error) => error ?? failed))
    })
  }

  /** OffsetDelete (KIP-496): an error for all, or one (or null) for each in order, when durable. */
  deleteOffsets(groupId: string, deletions: readonly OffsetDeletion[], respond: Respond<CommitResult>): void {
    const group = this.#groups.get(groupId)
    const refused = groupId === '' ? ERRORS.invalidGroupId : group === undefined ? ERRORS.groupIdNotFound : refuseOffsetDelete(group)
    if (refused !== null || group === undefined) {
      respond(refused ?? ERRORS.groupIdNotFound)
      return
    }
    const errors = deletions.map(({ topicName }) => (group.generation.isSubscribedTo(topicName) ? ERRORS.groupSubscribedToTopic : null))
    const changes = deletions
      .filter(({ topicName, partition }, index) => errors[index] === null && this.#offsets.has(groupId, topicName, partition))
      .map(({ topicName, partition }): OffsetChange => ({ topicName, partition, value: null }))
    if (changes.length === 0) respond(errors)
    else this.#append([this.#offsets.stage(groupId, changes)], (failed) => respond(failed ?? errors))
  }

  // ---- GroupHost

  newMemberId(prefix: string): string {
    return newMemberId(prefix, this.#context.random)
  }

  save(groupId: string, record: GroupRecord, onDone: (failed: ErrorRow | null) => void): void {
    const value = encodeGroupRecord(record)
    if (value.length > this.settings.maxStateBytes) this.clock.endOfTurn(() => onDone(ERRORS.unknownServerError))
    else this.#append([this.#store.stage(groupId, value)], onDone)
  }

  entered(change: GroupChange): void {
    this.#logger.debug(change, 'a group changed its state')
  }

  // ----

  #checkJoin(request: JoinRequest): ErrorRow | null {
    const { minSessionTimeoutMs, maxSessionTimeoutMs, maxGroups } = this.settings
    if (this.#closed) return ERRORS.coordinatorNotAvailable
    if (request.groupId === '') return ERRORS.invalidGroupId
    if (request.sessionTimeoutMs < minSessionTimeoutMs || request.sessionTimeoutMs > maxSessionTimeoutMs) return ERRORS.invalidSessionTimeout
    if (this.#groups.has(request.groupId)) return null
    if (request.memberId !== '') return ERRORS.unknownMemberId
    return this.#groups.size < maxGroups ? null : ERRORS.policyViolation
  }

  #checkCommit(request: CommitRequest): ErrorRow | null {
    const group = this.#groups.get(request.groupId)
    if (this.#closed) return ERRORS.coordinatorNotAvailable
    if (group !== undefined) return group.checkCommit(request, request.connection)
    if (request.generation >= 0) return request.knowsGroupIdNotFound ? ERRORS.groupIdNotFound : ERRORS.illegalGeneration
    return this.#groups.size < this.settings.maxGroups ? null : ERRORS.policyViolation
  }

  #checkOffsets(request: CommitRequest): (ErrorRow | null)[] {
    const { maxOffsetMetadataLength, maxOffsets } = this.settings
    let room = maxOffsets - this.#offsets.size
    return request.offsets.map(({ topic, partition, metadata }) => {
      if (metadata.length > maxOffsetMetadataLength) return ERRORS.offsetMetadataTooLarge
      if (this.#offsets.has(request.groupId, topic.name, partition)) return null
      room--
      return room >= 0 ? null : ERRORS.policyViolation
    })
  }

  #toChange(request: CommitRequest, { topic, partition, offset, leaderEpoch, metadata }: OffsetToCommit): OffsetChange {
    const committedAtMs = this.clock.now()
    const expiresAtMs = request.retentionMs < 0 ? -1 : Math.min(committedAtMs + request.retentionMs, Number.MAX_SAFE_INTEGER)
    return { topicName: topic.name, partition, value: { topicId: topic.id, offset, leaderEpoch, metadata, committedAtMs, expiresAtMs } }
  }

  #getOrMake(groupId: string): ClassicGroup {
    const known = this.#groups.get(groupId)
    if (known !== undefined) return known
    const group = new ClassicGroup(groupId, this, null)
    this.#groups.set(groupId, group)
    return group
  }

  #revive(groupId: string, record: GroupRecord): void {
    if (!this.#groups.has(groupId) && !this.#closed) this.#groups.set(groupId, new ClassicGroup(groupId, this, record))
  }

  #stageDeletion(groupId: string): StagedChange[] {
    const staged = this.#store.has(groupId) ? [this.#store.stage(groupId, null)] : []
    const deletions = this.#offsets.deletions(groupId, () => true)
    return deletions.length === 0 ? staged : [...staged, this.#offsets.stage(groupId, deletions)]
  }

  /** In the turn's end: a crash must not leave the topic without its offsets, so the topic's own deletion is appended first. */
  #topicDeleted(topic: Topic): void {
    this.clock.endOfTurn(() => this.#deleteOffsets((topicName, offset) => topicName === topic.name && offset.topicId === topic.id))
  }

  #deleteOffsets(select: (topicName: string, offset: CommittedOffset) => boolean): void {
    const staged: StagedChange[] = []
    for (const groupId of [...this.#offsets.groupIds()]) {
      const changes = this.#offsets.deletions(groupId, select)
      if (changes.length > 0) staged.push(this.#offsets.stage(groupId, changes))
    }
    if (staged.length > 0) this.#append(staged, () => undefined)
  }

  #scheduleCleanUp(): void {
    this.#cleanUpTimer = this.clock.after(this.settings.offsetsRetentionCheckIntervalMs, () => {
      this.#cleanUp()
      this.#scheduleCleanUp()
    })
  }

  /** Deletes expired offsets, and groups that nobody is in and that have none (left). */
  #cleanUp(): void {
    const staged: StagedChange[] = []
    const nowMs = this.clock.now()
    for (const group of [...this.#groups.values()]) {
      const since = offsetRetention(group)
      const expired =
        since === null
          ? []
          : this.#offsets.deletions(group.id, (topicName, offset) => {
              return !group.generation.isSubscribedTo(topicName) && isExpired(offset, since(offset), nowMs, this.settings.offsetsRetentionMs)
            })
      if (expired.length > 0) staged.push(this.#offsets.stage(group.id, expired))
      if (group.isDeserted && !this.#offsets.hasAny(group.id)) {
        this.#groups.delete(group.id)
        if (this.#store.has(group.id)) staged.push(this.#store.stage(group.id, null))
        group.die(ERRORS.unknownMemberId)
      }
    }
    if (staged.length > 0) this.#append(staged, () => undefined)
  }

  /** Appends staged changes together; `onDone` after they are settled. */
  #append(staged: readonly StagedChange[], onDone: (failed: ErrorRow | null) => void): void {
    const state: StateRecord[] = staged.flatMap((change) => change.records)
    this.#context.log.append({
      batches: [],
      state,
      durability: 'durable',
      onDone: (failure: LogFailure | null) => {
        if (failure !== null) this.#logger.error({ reason: failure.message }, 'state of consumer groups could not be saved')
        for (const change of staged) change.settle(failure === null)
        // Kafka's word to clients for a failed disk of the coordinator: look for another one.
        onDone(failure === null ? null : ERRORS.notCoordinator)
      },
    })
  }
}

/** OffsetDelete is for consumers whose subscriptions can be read, and for groups without members. */
function refuseOffsetDelete(group: ClassicGroup): ErrorRow | null {
  return group.state === 'Empty' || group.generation.usesConsumerProtocol ? null : ERRORS.nonEmptyGroup
}
