import type { Timer } from '../../runtime/clock.ts'
import { type Logger, silentLogger } from '../../telemetry/logger.ts'
import type { BrokerContext } from '../broker.ts'
import { ERRORS, type ErrorRow, type Failure, failure, isFailure } from '../errors.ts'
import type { ShareOffsets } from '../shares/ports.ts'
import type { Topic } from '../topics/topic.ts'
import { type AnyGroup, isEmpty } from './any-group.ts'
import { ClassicGroup } from './classic/classic-group.ts'
import { heartbeatAsClassic, joinAsClassic, leaveAsClassic, syncAsClassic } from './consumer/classic-members.ts'
import { ConsumerGroup } from './consumer/consumer-group.ts'
import { checkHeartbeat, type HeartbeatAnswer, type HeartbeatRequest, leaves } from './consumer/heartbeat-request.ts'
import {
  type ConsumerGroupDescription,
  describeClassicGroup,
  describeConsumerGroup,
  type GroupDescription,
  type GroupListing,
  listGroup,
} from './group-description.ts'
import { GroupRegistry } from './group-registry.ts'
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
import { brokerTimings, type GroupSettings, type GroupTimings } from './group-settings.ts'
import { refuseUpgrade, upgrade } from './migration.ts'
import { type CommitRequest, type CommitResult, OffsetCommits, type OffsetDeletion } from './offset-commits.ts'
import type { CommittedOffset } from './offset-record.ts'
import type { OffsetChange, StagedChange } from './offsets.ts'
import { NO_SHARE_OFFSETS } from './share/no-share-offsets.ts'
import { ShareGroups } from './share/share-groups.ts'

/** Heartbeat of the classic protocol. */
export interface ClassicHeartbeat extends MemberClaim {
  readonly groupId: string
  readonly connection: MemberConnection | null
}

/** Which groups ListGroups wants; empty lists want all. Kafka compares states without regard to case. */
export interface GroupFilter {
  readonly states: readonly string[]
  readonly types: readonly string[]
}

/**
 * All groups of this broker, of the classic protocol, of KIP-848 and of KIP-932, and their committed offsets. Registers its state
 * machines with the log, so it is made before `LogStore.open`; `open` comes after the topics were opened. What is answered is durable.
 */
export class GroupCoordinator {
  readonly #context: BrokerContext
  readonly #registry: GroupRegistry
  readonly #commits: OffsetCommits
  readonly share: ShareGroups
  #cleanUpTimer: Timer | null = null

  /** `timings` has what single groups were configured with; left out: the broker's settings hold for all. `shares` is the record side of share groups. */
  constructor(
    context: BrokerContext,
    settings: GroupSettings,
    logger: Logger = silentLogger,
    timings: GroupTimings = brokerTimings(settings),
    shares: ShareOffsets = NO_SHARE_OFFSETS,
  ) {
    this.#context = context
    this.#registry = new GroupRegistry(context, settings, timings, shares, logger)
    this.share = new ShareGroups(this.#registry)
    this.#commits = new OffsetCommits(this.#registry)
    context.topics.addListener({
      onTopicCreated: (topic) => this.#topicChanged(topic),
      onTopicGrown: (topic) => this.#topicChanged(topic),
      onTopicDeleted: (topic) => this.#topicDeleted(topic),
    })
  }

  get groupCount(): number {
    return this.#registry.size
  }

  get offsetCount(): number {
    return this.#registry.offsets.size
  }

  /** Brings the replayed groups to life: sessions run from now. Offsets of topics that are gone go. */
  open(): void {
    this.#registry.open()
    this.#commits.deleteWhere((topicName, offset) => this.#context.topics.get(topicName)?.id !== offset.topicId)
    this.#scheduleCleanUp()
  }

  /** Stops all timers; whoever waits is told to look for the coordinator again. */
  close(): void {
    this.#cleanUpTimer?.cancel()
    this.#registry.close()
  }

  // ---- KIP-848

  /** ConsumerGroupHeartbeat. `respond` is called when what it tells is durable, or at once where nothing changed. */
  consumerHeartbeat(request: HeartbeatRequest, respond: Respond<HeartbeatAnswer | Failure>): void {
    const answer = this.#registry.isClosed ? failure(ERRORS.coordinatorNotAvailable) : (checkHeartbeat(request) ?? this.#consumerHeartbeat(request))
    if (isFailure(answer)) respond(answer)
    else if (leaves(request)) this.#registry.whenSaved(request.groupId, (failed) => respond(failed === null ? answer : failure(failed)))
    else this.#whenSaved(request.groupId, answer.memberId, (failed) => respond(failed === null ? answer : failure(failed)))
  }

  /** ConsumerGroupDescribe. */
  describeConsumerGroup(groupId: string): ConsumerGroupDescription | Failure {
    const group = this.#registry.get(groupId)
    if (group === undefined) return failure(ERRORS.groupIdNotFound, `Group ${groupId} not found.`)
    if (group.type !== 'consumer') return failure(ERRORS.groupIdNotFound, `Group ${groupId} is not a consumer group.`)
    return describeConsumerGroup(group, this.#context.topics)
  }

  // ---- the classic protocol

  /** JoinGroup. `respond` may be called within the call, or after other members came or time passed. */
  join(request: JoinRequest, respond: Respond<JoinResult>): void {
    const refused = this.#checkJoin(request)
    if (refused !== null) {
      respond(joinRefused(refused, request.memberId))
      return
    }
    const group = this.#registry.get(request.groupId)
    if (group?.type === 'consumer' && !isEmpty(group)) {
      const joined = joinAsClassic(group, this.#registry, request)
      if (joined.error !== null) respond(joined)
      else this.#whenSaved(group.id, joined.memberId, (failed) => respond(failed === null ? joined : joinRefused(failed, request.memberId)))
    } else if (group?.type === 'classic') {
      group.join(request, respond)
    } else if (group?.type === 'share') {
      respond(joinRefused(ERRORS.inconsistentGroupProtocol, ''))
    } else {
      // What was refused leaves no new group behind, and an empty one of KIP-848 as it is.
      const classic = new ClassicGroup(request.groupId, this.#registry, null)
      classic.join(request, respond)
      if (!classic.isDeserted) this.#registry.put(classic, ERRORS.notCoordinator)
    }
  }

  /** SyncGroup. `respond` may be called within the call, or when the assignment is durable. */
  sync(request: SyncRequest, respond: Respond<SyncResult>): void {
    if (request.groupId === '') {
      respond(syncRefused(ERRORS.invalidGroupId))
      return
    }
    const group = this.#registry.get(request.groupId)
    if (group === undefined || group.type === 'share') {
      respond(syncRefused(ERRORS.unknownMemberId))
    } else if (group.type === 'classic') {
      group.sync(request, respond)
    } else {
      const synced = syncAsClassic(group, this.#registry, request)
      if (synced.error !== null) respond(synced)
      else this.#whenSaved(group.id, request.memberId, (failed) => respond(failed === null ? synced : syncRefused(failed)))
    }
  }

  /** Heartbeat; null where all is well. */
  heartbeat(request: ClassicHeartbeat): ErrorRow | null {
    if (request.groupId === '') return ERRORS.invalidGroupId
    const group = this.#registry.get(request.groupId)
    if (group === undefined || group.type === 'share') return ERRORS.unknownMemberId
    return group.type === 'classic' ? group.heartbeat(request, request.connection) : heartbeatAsClassic(group, request, request.connection)
  }

  /** LeaveGroup: an error for all, or one (or null) for each member in order; when it is durable, where the group is of KIP-848. */
  leave(groupId: string, members: readonly LeavingMember[], respond: Respond<ErrorRow | readonly (ErrorRow | null)[]>): void {
    const group = this.#registry.get(groupId)
    if (groupId === '') {
      respond(ERRORS.invalidGroupId)
    } else if (group === undefined || group.type === 'share') {
      respond(members.map(() => ERRORS.unknownMemberId))
    } else if (group.type === 'classic') {
      respond(group.leave(members))
    } else {
      const errors = leaveAsClassic(group, members)
      this.#registry.whenSaved(groupId, (failed) => respond(failed ?? errors))
    }
  }

  /** DescribeGroups; null where there is no such group of the classic protocol. */
  describe(groupId: string): GroupDescription | null {
    const group = this.#registry.get(groupId)
    return group?.type === 'classic' ? describeClassicGroup(group) : null
  }

  // ---- groups of any kind

  list(filter: GroupFilter): GroupListing[] {
    const states = new Set(filter.states.map((state) => state.trim().toLowerCase()))
    const types = new Set(filter.types.map((type) => type.trim().toLowerCase()))
    const listings: GroupListing[] = []
    for (const group of this.#registry.all()) {
      if (types.size > 0 && !types.has(group.type)) continue
      const listing = listGroup(group)
      if (states.size === 0 || states.has(listing.state.toLowerCase())) listings.push(listing)
    }
    return listings
  }

  /** What a group is: undefined where there is none. */
  typeOf(groupId: string): AnyGroup['type'] | undefined {
    return this.#registry.get(groupId)?.type
  }

  /** DeleteGroups: one error or null for each id in order, when the deletions are durable. */
  delete(groupIds: readonly string[], respond: Respond<readonly (ErrorRow | null)[]>): void {
    const doomed = new Set<string>()
    const staged: StagedChange[] = []
    const errors = groupIds.map((groupId) => {
      const group = this.#registry.get(groupId)
      if (group === undefined) return doomed.has(groupId) ? null : ERRORS.groupIdNotFound
      if (!isEmpty(group)) return ERRORS.nonEmptyGroup
      doomed.add(groupId)
      staged.push(...this.#registry.take(group))
      const offsets = this.#registry.offsets.deletions(groupId, () => true)
      if (offsets.length > 0) staged.push(this.#registry.offsets.stage(groupId, offsets))
      return null
    })
    // That a group is not there is said only while the disk works: after a failed sync it may hold a commit that was refused.
    if (doomed.size === 0 && !errors.includes(ERRORS.groupIdNotFound)) {
      respond(errors)
      return
    }
    this.#registry.append(staged, (failed) => {
      // Nothing was deleted: the groups are what they were, unless one of that name was made meanwhile.
      if (failed !== null) for (const groupId of doomed) this.#registry.reviveMissing(groupId)
      respond(failed === null ? errors : errors.map((error) => (error === null || error === ERRORS.groupIdNotFound ? failed : error)))
    })
  }

  // ---- offsets

  /** OffsetCommit. `respond` is called when the offsets are durable, or at once where none is accepted. */
  commit(request: CommitRequest, respond: Respond<CommitResult>): void {
    this.#commits.commit(request, respond)
  }

  /** What TxnOffsetCommit may not do, as `CommitResult`; nothing is appended. `isPending`: an open transaction has offsets of the group. */
  checkTransactionalCommit(request: CommitRequest, isPending: boolean): CommitResult {
    return this.#commits.checkTransactional(request, isPending)
  }

  /** What a checked commit changes: the offsets whose error is null. */
  offsetChanges(request: CommitRequest, errors: readonly (ErrorRow | null)[]): OffsetChange[] {
    return this.#commits.changesOf(request, errors)
  }

  /** Takes changes in, to be appended by the caller (the end of a transaction); makes the group where there is none. */
  stageOffsets(groupId: string, changes: readonly OffsetChange[]): StagedChange {
    return this.#commits.stage(groupId, changes)
  }

  /** Whether OffsetFetch may go on for a member of KIP-848 (v9 and later); null id and -1 for nobody in particular. */
  checkOffsetFetch(groupId: string, memberId: string | null, memberEpoch: number): ErrorRow | null {
    const group = this.#registry.get(groupId)
    return group?.type === 'consumer' ? group.checkFetch(memberId, memberEpoch) : null
  }

  /** OffsetFetch of one partition: what is durable; null where the group has committed none. */
  offset(groupId: string, topicName: string, partition: number): CommittedOffset | null {
    return this.#registry.offsets.get(groupId, topicName, partition)
  }

  /** OffsetFetch of all partitions: what is durable. */
  allOffsets(groupId: string): Iterable<readonly [topicName: string, partition: number, value: CommittedOffset]> {
    return this.#registry.offsets.of(groupId)
  }

  /** Calls `run` once every commit that was sent before is durable or lost; within the call where none is under way (RequireStable). */
  whenStable(groupId: string, run: () => void): void {
    this.#registry.offsets.whenSettled(groupId, run)
  }

  /** OffsetDelete (KIP-496): an error for all, or one (or null) for each in order, when durable. */
  deleteOffsets(groupId: string, deletions: readonly OffsetDeletion[], respond: Respond<CommitResult>): void {
    this.#commits.delete(groupId, deletions, respond)
  }

  // ----

  #consumerHeartbeat(request: HeartbeatRequest): HeartbeatAnswer | Failure {
    const group = this.#registry.get(request.groupId)
    if (group?.type === 'consumer') return leaves(request) ? group.leave(request) : group.heartbeat(request)
    if (request.memberEpoch !== 0 || group?.type === 'share') {
      const words = group === undefined ? `Group ${request.groupId} not found.` : `Group ${request.groupId} is not a consumer group.`
      return failure(ERRORS.groupIdNotFound, words)
    }
    if (group === undefined || isEmpty(group)) return this.#foundConsumerGroup(request)
    return group.type === 'classic' ? this.#upgrade(group, request) : failure(ERRORS.groupIdNotFound)
  }

  /** Calls `run` when what a member is told is on disk. It may be out by then: a disk that is slower than its session. */
  #whenSaved(groupId: string, memberId: string, run: (failed: ErrorRow | null) => void): void {
    this.#registry.whenSaved(groupId, (failed) => {
      const group = this.#registry.get(groupId)
      const isIn = group?.type === 'classic' ? group.members.get(memberId) !== undefined : group?.answered(memberId) === true
      run(failed ?? (isIn ? null : ERRORS.unknownMemberId))
    })
  }

  /** The first member of a new group, or of one that has none. */
  #foundConsumerGroup(request: HeartbeatRequest): HeartbeatAnswer | Failure {
    if (this.#registry.get(request.groupId) === undefined && this.#registry.isFull) return failure(ERRORS.policyViolation)
    const group = new ConsumerGroup(request.groupId, this.#registry, null)
    const answer = group.heartbeat(request)
    if (!isFailure(answer)) this.#registry.put(group, ERRORS.unknownMemberId)
    return answer
  }

  /** Classic members stay in it; they are told to rejoin, one after the other. */
  #upgrade(classic: ClassicGroup, request: HeartbeatRequest): HeartbeatAnswer | Failure {
    const saved = refuseUpgrade(classic, this.#registry.settings) ?? upgrade(classic, this.#context.topics)
    if (isFailure(saved)) return saved
    const group = new ConsumerGroup(classic.id, this.#registry, saved)
    const answer = group.heartbeat(request)
    if (isFailure(answer)) {
      group.die(ERRORS.notCoordinator)
      return answer
    }
    group.changeEverything()
    this.#registry.put(group, ERRORS.rebalanceInProgress)
    return answer
  }

  #checkJoin(request: JoinRequest): ErrorRow | null {
    const { minSessionTimeoutMs, maxSessionTimeoutMs } = this.#registry.settings
    if (this.#registry.isClosed) return ERRORS.coordinatorNotAvailable
    if (request.groupId === '') return ERRORS.invalidGroupId
    if (request.sessionTimeoutMs < minSessionTimeoutMs || request.sessionTimeoutMs > maxSessionTimeoutMs) return ERRORS.invalidSessionTimeout
    if (this.#registry.get(request.groupId) !== undefined) return null
    if (request.memberId !== '') return ERRORS.unknownMemberId
    return this.#registry.isFull ? ERRORS.policyViolation : null
  }

  #topicChanged(topic: Topic): void {
    for (const group of this.#registry.all()) if (group.type !== 'classic') group.topicChanged(topic.name)
  }

  /** In the turn's end: a crash must not leave the topic without its offsets, so the topic's own deletion is appended first. */
  #topicDeleted(topic: Topic): void {
    this.#topicChanged(topic)
    this.#context.clock.endOfTurn(() => this.#commits.deleteWhere((topicName, offset) => topicName === topic.name && offset.topicId === topic.id))
  }

  #scheduleCleanUp(): void {
    this.#cleanUpTimer = this.#context.clock.after(this.#registry.settings.offsetsRetentionCheckIntervalMs, () => {
      this.#commits.cleanUp()
      this.#scheduleCleanUp()
    })
  }
}
