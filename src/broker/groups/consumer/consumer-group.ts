import { ERRORS, type ErrorRow, type Failure, failure, isFailure } from '../../errors.ts'
import type { MemberConnection } from '../group-requests.ts'
import { isAssignorName } from './assignors/assignors.ts'
import type { ConsumerGroupHost } from './consumer-group-host.ts'
import type { SavedConsumerGroup } from './consumer-group-store.ts'
import { BLANK_PROFILE, ConsumerMember, LEFT_FOR_A_WHILE, type MemberProfile, sameNames, sameProfile } from './consumer-member.ts'
import { type ChangeSource, GroupJournal } from './group-journal.ts'
import { encodeCurrent, encodeEpochs, encodeProfile, encodeTarget, type PartChange, type PartId, type PartKind } from './group-parts.ts'
import type { HeartbeatAnswer, HeartbeatRequest } from './heartbeat-request.ts'
import { atEpoch, includesAll, listPartitions, NO_EPOCHED_PARTITIONS, NO_PARTITIONS, sameEpochedPartitions, type TopicPartitions } from './partitions.ts'
import { isReconciledTo, reconcile } from './reconcile.ts'
import { Roster, sizeOfProfile } from './roster.ts'
import type { MayDescribe } from './subscriptions.ts'
import { Target } from './target.ts'

/** Kafka's names, as ConsumerGroupDescribe and ListGroups say them. */
export type ConsumerGroupState =
  /** No members. */
  | 'Empty'
  /** The members changed and nobody has said yet who shall have what. */
  | 'Assigning'
  /** Members are on their way to what they shall have. */
  | 'Reconciling'
  /** Everybody has what it shall have. */
  | 'Stable'

/** Of a group that nobody was in yet: the first member meets epoch 2. */
const FIRST_EPOCH = 1

/** When a member that came with a new expression shall ask for what it matches. */
const MATCH_WITHIN_MS = 500

/** What a member says that takes its next step. */
interface Step {
  readonly profile: MemberProfile
  readonly owned: readonly TopicPartitions[] | null
  readonly mayDescribe: MayDescribe
}

/**
 * A consumer group of KIP-848, one method per event. The group epoch rises when members or topics change; a target
 * assignment is computed for it; every member comes to the target at its own pace, by its heartbeats, and has its own epoch.
 * Changes hold at once; whoever is told of them waits for `journal`.
 */
export class ConsumerGroup implements ChangeSource {
  readonly type = 'consumer'
  readonly id: string
  readonly roster: Roster
  readonly target: Target
  readonly journal: GroupJournal
  readonly #host: ConsumerGroupHost
  readonly #changed = new Map<string, PartId>()
  #epoch: number
  #fingerprint: string
  #topicsChanged = false

  /** A new group, or the one that was saved. */
  constructor(id: string, host: ConsumerGroupHost, saved: SavedConsumerGroup | null) {
    this.id = id
    this.#host = host
    this.roster = new Roster(host.topics)
    this.#epoch = saved?.epochs.groupEpoch ?? FIRST_EPOCH
    this.target = new Target(saved?.epochs.targetEpoch ?? FIRST_EPOCH, saved?.epochs.targetComputedAtMs ?? 0)
    if (saved === null) this.#change('group', '')
    this.journal = new GroupJournal(
      this,
      (changes, onDone) => host.saveParts(id, changes, onDone),
      () => host.lost(this),
    )
    for (const { id: memberId, profile, current, target } of saved?.members ?? []) {
      const member = this.#newMember({ id: memberId, profile, ...(current === null ? {} : { current }) })
      this.roster.add(member)
      this.target.set(memberId, target ?? NO_PARTITIONS)
      this.#extendSession(member)
      this.#watchRevocation(member)
    }
    this.roster.subscriptions.markRestored()
    this.#fingerprint = saved?.epochs.fingerprint ?? this.roster.subscriptions.fingerprint()
    // They may have changed since it was saved.
    this.#topicsChanged = saved?.epochs.fingerprint != null
  }

  get epoch(): number {
    return this.#epoch
  }

  get state(): ConsumerGroupState {
    if (this.roster.size === 0) return 'Empty'
    if (this.#epoch > this.target.epoch) return 'Assigning'
    for (const member of this.roster.all()) if (!isReconciledTo(member.current, this.target.epoch)) return 'Reconciling'
    return 'Stable'
  }

  // ---- events

  /** A heartbeat of a member that stays or joins; it was checked (`checkHeartbeat`). */
  heartbeat(request: HeartbeatRequest): HeartbeatAnswer | Failure {
    const found = this.#claim(request)
    if (isFailure(found)) return found
    const topicRegex = request.topicRegex === '' ? null : request.topicRegex
    const wrong = this.roster.subscriptions.checkRegex(topicRegex)
    if (wrong !== null) return failure(ERRORS.invalidRegularExpression, `SubscribedTopicRegex \`${topicRegex}\` is not a valid regular expression: ${wrong}.`)
    const known = found instanceof ConsumerMember ? found : found.replaces
    const profile = toProfile(known?.profile ?? BLANK_PROFILE, request)
    const full = this.checkBytes(known, profile)
    if (full !== null) return full
    const member = found instanceof ConsumerMember ? found : this.admit(found.memberId, found.replaces)
    const before = member.current
    this.advance(member, { profile, owned: request.owned, mayDescribe: request.mayDescribe })
    this.heard(member, request.connection)
    const isFull = request.rebalanceTimeoutMs !== -1 && (request.topicNames ?? request.topicRegex) !== null && request.owned !== null
    const tells = request.memberEpoch === 0 || isFull || !sameEpochedPartitions(before.assigned, member.current.assigned)
    return {
      memberId: member.id,
      memberEpoch: member.epoch,
      heartbeatIntervalMs: this.#heartbeatIntervalMs(member),
      assignment: tells ? listPartitions(member.current.assigned) : null,
    }
  }

  /** A heartbeat with epoch -1 or -2. */
  leave({ memberId, instanceId, memberEpoch }: HeartbeatRequest): HeartbeatAnswer | Failure {
    const member = this.find(memberId, instanceId)
    if (isFailure(member)) return member
    if (memberEpoch === LEFT_FOR_A_WHILE) this.#leaveForAWhile(member)
    else this.remove(new Set([member]), `member ${member.id} left`)
    return { memberId: member.id, memberEpoch, heartbeatIntervalMs: 0, assignment: null }
  }

  /** A topic came, grew or went: the next heartbeat looks what that means. */
  topicChanged(topicName: string): void {
    if (this.roster.subscriptions.topicChanged(topicName)) this.#topicsChanged = true
  }

  /** Ends it; nobody is told anything but `error` any more. */
  die(error: ErrorRow): void {
    this.journal.stop(error)
    for (const member of this.roster.all()) member.release()
  }

  /** OffsetFetch of a member, or of nobody in particular. */
  checkFetch(memberId: string | null, memberEpoch: number): ErrorRow | null {
    // As Kafka answers an epoch without a member: it meets an exception.
    if (memberId === null) return memberEpoch < 0 ? null : ERRORS.unknownServerError
    const member = this.roster.get(memberId)
    if (member === undefined) return ERRORS.unknownMemberId
    if (member.epoch === memberEpoch) return null
    return member.usesClassicProtocol ? ERRORS.illegalGeneration : ERRORS.staleMemberEpoch
  }

  // ---- steps, for both protocols

  /** The member of that id, which must hold its instance id. */
  find(memberId: string, instanceId: string | null): ConsumerMember | Failure {
    if (instanceId === null) {
      return this.roster.get(memberId) ?? failure(ERRORS.unknownMemberId, `Member ${memberId} is not a member of group ${this.id}.`)
    }
    const holder = this.roster.holder(instanceId)
    if (holder === undefined) return failure(ERRORS.unknownMemberId, `Instance id ${instanceId} is unknown.`)
    if (holder.id === memberId) return holder
    return failure(ERRORS.fencedInstanceId, `Static member ${memberId} with instance id ${instanceId} was fenced by member ${holder.id}.`)
  }

  /** GROUP_MAX_SIZE_REACHED for somebody who is not in it yet. */
  checkRoom(memberId: string, instanceId: string | null): Failure | null {
    const { maxConsumerGroupSize } = this.#host.settings
    if (this.roster.size < maxConsumerGroupSize || this.roster.get(memberId) !== undefined || this.roster.holder(instanceId) !== undefined) return null
    return failure(ERRORS.groupMaxSizeReached, `The consumer group has reached its maximum capacity of ${maxConsumerGroupSize} members.`)
  }

  /** GROUP_MAX_SIZE_REACHED where the members' wishes would take too much. `known` has `profile` in place of its own. */
  checkBytes(known: ConsumerMember | null, profile: MemberProfile): Failure | null {
    const { maxStateBytes } = this.#host.settings
    const bytes = this.roster.profileBytes - (known === null ? 0 : sizeOfProfile(known.profile)) + sizeOfProfile(profile)
    return bytes <= maxStateBytes
      ? null
      : failure(ERRORS.groupMaxSizeReached, `The subscriptions of the group's members would take more than ${maxStateBytes} bytes.`)
  }

  /** A new member, or one that takes over what a static member had. */
  admit(memberId: string, replaces: ConsumerMember | null): ConsumerMember {
    if (replaces === null) {
      const member = this.#newMember({ id: memberId, profile: BLANK_PROFILE })
      this.roster.add(member)
      this.#change('profile', memberId)
      return member
    }
    const { profile, current } = replaces
    const part = this.target.of(replaces.id)
    this.#drop(replaces)
    const member = this.#newMember({ id: memberId, profile, current: { ...current, epoch: 0, previousEpoch: 0 } })
    this.roster.add(member)
    this.target.set(memberId, part)
    for (const kind of ['profile', 'target', 'current'] as const) this.#change(kind, memberId)
    return member
  }

  /** Takes over what a member wants, brings the target up to date, and the member a step nearer to it. */
  advance(member: ConsumerMember, { profile, owned, mayDescribe }: Step): void {
    const subscriptionChanged = this.updateProfile(member, profile, mayDescribe)
    this.#retarget()
    this.#reconcile(member, subscriptionChanged, owned)
  }

  /** The first part of `advance`; whether the member wants other topics now. */
  updateProfile(member: ConsumerMember, profile: MemberProfile, mayDescribe: MayDescribe): boolean {
    const { roster } = this
    const { subscriptions } = roster
    const before = member.profile
    const assignorBefore = roster.assignor
    // A new expression is matched by the next heartbeat only: Java's consumers before 4.4 may never look up a topic that they do
    // not know by name and that they are given before their first Metadata is answered.
    const matchesChanged = subscriptions.match(this.#host.clock.now(), this.#host.settings.regexRefreshIntervalMs, mayDescribe)
    if (!sameProfile(before, profile)) {
      roster.setProfile(member, profile)
      this.#change('profile', member.id)
    }
    const regexChanged = before.topicRegex !== profile.topicRegex
    const namesChanged = !sameNames(before.topicNames, profile.topicNames)
    const bumps = namesChanged || (regexChanged && !subscriptions.awaitsMatch(profile.topicRegex)) || roster.assignor !== assignorBefore || matchesChanged
    if (bumps || this.#topicsChanged) this.#refresh(bumps, `member ${member.id} has other wishes`)
    const subscriptionChanged = namesChanged || regexChanged
    return subscriptionChanged
  }

  /** Takes members out (any number of them), unless that leaves classic members only: then it becomes a classic group. */
  remove(leaving: ReadonlySet<ConsumerMember>, reason: string): void {
    if (leaving.size === 0) return
    if (leaving.size < this.roster.size && this.mayBecomeClassic(leaving, this.roster.size - leaving.size)) {
      this.#host.becomeClassic(this, { leaving, rebalance: reason })
      return
    }
    for (const member of leaving) this.#drop(member)
    this.#fingerprint = this.roster.subscriptions.fingerprint()
    this.#bump(reason)
    // Nobody shall have anything.
    if (this.roster.size === 0) this.target.epoch = this.#epoch
  }

  /** Whether it shall be a classic group once some members are gone and `memberCount` are left. */
  mayBecomeClassic(leaving: ReadonlySet<ConsumerMember>, memberCount: number): boolean {
    const { migrationPolicy, maxSize } = this.#host.settings
    const allowed = migrationPolicy === 'downgrade' || migrationPolicy === 'bidirectional'
    return allowed && memberCount <= maxSize && this.roster.isClassicWithout(leaving)
  }

  /** A member gets its answer now and can speak again: its session begins anew. False where it is none any more. */
  answered(memberId: string): boolean {
    const member = this.roster.get(memberId)
    if (member !== undefined) this.#extendSession(member)
    return member !== undefined
  }

  /** It is alive. A static member that loses its connection is expected back within its session: nobody watches its connection. */
  heard(member: ConsumerMember, connection: MemberConnection | null): void {
    const { disconnectGraceMs } = this.#host.settings
    if (disconnectGraceMs !== null && member.profile.instanceId === null) member.connection.seen(connection, () => member.session.atLatestIn(disconnectGraceMs))
    this.#extendSession(member)
  }

  // ---- ChangeSource

  get hasChanges(): boolean {
    return this.#changed.size > 0
  }

  takeChanges(): PartChange[] {
    const changes = [...this.#changed.values()].map((part) => ({ ...part, value: this.#encode(part) }))
    this.#changed.clear()
    return changes
  }

  /** What is saved under its id is of a former group: whatever it has itself is written over it, the rest is deleted. */
  overwrite(parts: readonly PartId[]): void {
    for (const { kind, memberId } of parts) this.#change(kind, memberId)
  }

  /** Everything must be saved: it was made of a classic group. */
  changeEverything(): void {
    this.#change('group', '')
    for (const { id } of this.roster.all()) for (const kind of ['profile', 'target', 'current'] as const) this.#change(kind, id)
  }

  // ----

  /** Who a heartbeat speaks for: a member, or one to be admitted. */
  #claim(request: HeartbeatRequest): ConsumerMember | { readonly memberId: string; readonly replaces: ConsumerMember | null } | Failure {
    const { instanceId, memberEpoch } = request
    const full = this.checkRoom(request.memberId, instanceId)
    if (full !== null) return full
    const memberId = request.memberId === '' ? this.#host.newConsumerMemberId() : request.memberId
    if (memberEpoch === 0) {
      const holder = this.roster.holder(instanceId)
      if (holder === undefined) return this.roster.get(memberId) ?? { memberId, replaces: null }
      if (holder.usesClassicProtocol || holder.epoch === LEFT_FOR_A_WHILE) return { memberId, replaces: holder }
      const words = `Static member ${memberId} with instance id ${instanceId} cannot join the group because the instance id is owned by ${holder.id} member.`
      return failure(ERRORS.unreleasedInstanceId, words)
    }
    const member = this.find(memberId, instanceId)
    return isFailure(member) ? member : (checkEpoch(member, request) ?? member)
  }

  /** Whoever waits for its expression to be matched shall not wait long. */
  #heartbeatIntervalMs({ profile }: ConsumerMember): number {
    const intervalMs = this.#host.timings.number(this.id, 'consumer.heartbeat.interval.ms')
    return this.roster.subscriptions.awaitsMatch(profile.topicRegex) ? Math.min(intervalMs, MATCH_WITHIN_MS) : intervalMs
  }

  #leaveForAWhile(member: ConsumerMember): void {
    const { current } = member
    member.revocation.cancel()
    // Whoever comes back may commit for all it had.
    this.roster.setCurrent(member, { ...current, epoch: LEFT_FOR_A_WHILE, assigned: atEpoch(current.assigned, 0), pendingRevocation: NO_EPOCHED_PARTITIONS })
    this.#change('current', member.id)
  }

  #extendSession(member: ConsumerMember): void {
    if (member.connection.isLost) return
    member.session.in(member.profile.classic?.sessionTimeoutMs ?? this.#host.timings.number(this.id, 'consumer.session.timeout.ms'))
  }

  #newMember(words: ConstructorParameters<typeof ConsumerMember>[0]): ConsumerMember {
    return new ConsumerMember(words, this.#host.clock, (member, reason) => this.#late(member, reason))
  }

  #late(member: ConsumerMember, reason: string): void {
    if (this.roster.get(member.id) !== member) return
    this.remove(new Set([member]), `member ${member.id} is out: ${member.connection.isLost ? 'it lost its connection' : reason}`)
    this.journal.whenSaved(() => undefined)
  }

  #drop(member: ConsumerMember): void {
    this.roster.remove(member)
    this.target.remove(member.id)
    for (const kind of ['profile', 'target', 'current'] as const) this.#change(kind, member.id)
  }

  #refresh(bumps: boolean, reason: string): void {
    const fingerprint = this.roster.subscriptions.fingerprint()
    this.#topicsChanged = false
    if (fingerprint === this.#fingerprint && !bumps) return
    this.#fingerprint = fingerprint
    this.#bump(bumps ? reason : 'its topics changed')
  }

  #bump(reason: string): void {
    this.#epoch++
    this.#change('group', '')
    this.#host.happened(this, reason)
  }

  #retarget(): void {
    if (this.target.epoch >= this.#epoch) return
    const nowMs = this.#host.clock.now()
    const sinceMs = nowMs - this.target.computedAtMs
    // A clock that was set back must not hold it up.
    if (sinceMs >= 0 && sinceMs < this.#host.timings.number(this.id, 'consumer.assignment.interval.ms')) return
    for (const memberId of this.target.compute(this.roster, (topicId) => this.#partitionCount(topicId))) this.#change('target', memberId)
    this.target.epoch = this.#epoch
    this.target.computedAtMs = nowMs
    this.#change('group', '')
  }

  #partitionCount(topicId: string): number {
    return this.#host.topics.getById(topicId)?.partitions.length ?? 0
  }

  #reconcile(member: ConsumerMember, subscriptionChanged: boolean, owned: readonly TopicPartitions[] | null): void {
    if (!subscriptionChanged && isReconciledTo(member.current, this.target.epoch)) return
    const topicIds = this.roster.subscriptions.topicIdsOf(member.profile)
    const next = reconcile(member.current, {
      target: this.target.of(member.id),
      targetEpoch: this.target.epoch,
      isSubscribed: (topicId) => topicIds.has(topicId),
      subscriptionChanged,
      isFree: (topicId, partition) => this.roster.owners.isFree(topicId, partition),
      owned,
    })
    if (next === member.current) return
    this.roster.setCurrent(member, next)
    this.#change('current', member.id)
    this.#watchRevocation(member)
  }

  /** Classic members have deadlines of their own. */
  #watchRevocation(member: ConsumerMember): void {
    if (member.usesClassicProtocol || member.current.state !== 'UnrevokedPartitions') member.revocation.cancel()
    else member.revocation.in(Math.max(0, member.profile.rebalanceTimeoutMs))
  }

  #change(kind: PartKind, memberId: string): void {
    this.#changed.set(`${kind} ${memberId}`, { kind, memberId })
  }

  #encode({ kind, memberId }: PartId): Uint8Array | null {
    if (kind === 'group') {
      const { epoch: targetEpoch, computedAtMs: targetComputedAtMs } = this.target
      return encodeEpochs({ groupEpoch: this.#epoch, targetEpoch, targetComputedAtMs, fingerprint: this.#fingerprint })
    }
    const member = this.roster.get(memberId)
    if (member === undefined) return null
    switch (kind) {
      case 'profile':
        return encodeProfile(member.profile)
      case 'target':
        return encodeTarget(this.target.of(memberId))
      case 'current':
        return encodeCurrent(member.current)
      default:
        return kind satisfies never
    }
  }
}

/** FENCED_MEMBER_EPOCH, unless the member may have missed the answer that raised its epoch (rule 25). */
function checkEpoch(member: ConsumerMember, { memberEpoch, owned }: HeartbeatRequest): Failure | null {
  const { epoch, previousEpoch, assigned } = member.current
  if (memberEpoch === epoch) return null
  const missedAnswer = memberEpoch === previousEpoch && owned !== null && includesAll(assigned, owned)
  if (memberEpoch < epoch && missedAnswer) return null
  const words = `The consumer group member has a ${memberEpoch > epoch ? 'greater' : 'smaller'} member epoch (${memberEpoch}) than the one known by the group coordinator (${epoch}). The member must abandon all its partitions and rejoin.`
  return failure(ERRORS.fencedMemberEpoch, words)
}

/** What a heartbeat does not say stays. Copies: the group outlives the request's frame. */
function toProfile(before: MemberProfile, request: HeartbeatRequest): MemberProfile {
  const { assignor } = request
  return {
    instanceId: request.instanceId ?? before.instanceId,
    rackId: request.rackId ?? before.rackId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs === -1 ? before.rebalanceTimeoutMs : request.rebalanceTimeoutMs,
    topicNames: request.topicNames === null ? before.topicNames : [...new Set(request.topicNames)],
    topicRegex: request.topicRegex === null ? before.topicRegex : request.topicRegex === '' ? null : request.topicRegex,
    assignor: assignor !== null && isAssignorName(assignor) ? assignor : before.assignor,
    classic: null,
  }
}
