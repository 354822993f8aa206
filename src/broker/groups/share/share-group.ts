import { ERRORS, type ErrorRow, type Failure, failure, isFailure } from '../../errors.ts'
import type { ShareStart } from '../../shares/ports.ts'
import { sameNames } from '../consumer/consumer-member.ts'
import { type ChangeSource, GroupJournal } from '../consumer/group-journal.ts'
import { encodeEpochs, encodeTarget, type PartChange, type PartId, type PartKind } from '../consumer/group-parts.ts'
import { listPartitions, NO_PARTITIONS, type Partitions, samePartitions } from '../consumer/partitions.ts'
import { Subscriptions } from '../consumer/subscriptions.ts'
import type { ShareGroupHost, ShareStarts } from './share-group-host.ts'
import type { SavedShareGroup } from './share-group-store.ts'
import type { ShareHeartbeat, ShareHeartbeatAnswer } from './share-heartbeat.ts'
import { NEW_SHARE_MEMBER, type SavedShareMember, ShareMember, type ShareProfile, sameShareProfile } from './share-member.ts'
import { encodeShareAssignment, encodeShareProfile } from './share-parts.ts'
import { assignSimply } from './simple-assignor.ts'

/** Kafka's names, as ShareGroupDescribe and ListGroups say them. */
export type ShareGroupState = 'Empty' | 'Stable'

/** Of a group that nobody was in yet: the first member meets epoch 2, as in Kafka 4.4. */
const FIRST_EPOCH = 1

/** About what a member takes beside the names it is subscribed to. */
const MEMBER_OVERHEAD_BYTES = 64

/**
 * A share group (KIP-932), one method per event. As in a group of KIP-848 the group epoch rises when members or topics change,
 * and a target is computed for it; but members share partitions, so nobody waits for another: by its next heartbeat each has
 * what it shall have. Changes hold at once; whoever is told of them waits for `journal`.
 */
export class ShareGroup implements ChangeSource {
  readonly type = 'share'
  readonly id: string
  readonly subscriptions: Subscriptions
  readonly journal: GroupJournal
  readonly #host: ShareGroupHost
  readonly #members = new Map<string, ShareMember>()
  readonly #changed = new Map<string, PartId>()
  #first: ShareStarts['first'] = []
  #altered: readonly ShareStart[] = []
  #epoch: number
  #targetEpoch: number
  #targetComputedAtMs: number
  #fingerprint: string
  #topicsChanged: boolean
  #bytes = 0

  /** A new group, or the one that was saved. */
  constructor(id: string, host: ShareGroupHost, saved: SavedShareGroup | null) {
    this.id = id
    this.#host = host
    this.subscriptions = new Subscriptions(host.topics)
    this.#epoch = saved?.epochs.groupEpoch ?? FIRST_EPOCH
    this.#targetEpoch = saved?.epochs.targetEpoch ?? FIRST_EPOCH
    this.#targetComputedAtMs = saved?.epochs.targetComputedAtMs ?? 0
    this.#fingerprint = saved?.epochs.fingerprint ?? ''
    // They may have changed since it was saved.
    this.#topicsChanged = saved !== null
    if (saved === null) this.#change('group', '')
    this.journal = new GroupJournal(
      this,
      (changes, onDone) => host.saveShareParts(id, changes, this.#takeStarts(), onDone),
      () => host.lostShareGroup(this),
    )
    for (const member of saved?.members ?? []) this.#extendSession(this.#add(member))
  }

  get epoch(): number {
    return this.#epoch
  }

  get targetEpoch(): number {
    return this.#targetEpoch
  }

  get size(): number {
    return this.#members.size
  }

  get state(): ShareGroupState {
    return this.#members.size === 0 ? 'Empty' : 'Stable'
  }

  /** In order of joining. */
  members(): IterableIterator<ShareMember> {
    return this.#members.values()
  }

  // ---- events

  /** A heartbeat of a member that stays or joins; it was checked (`checkShareHeartbeat`). */
  heartbeat(request: ShareHeartbeat): ShareHeartbeatAnswer | Failure {
    const known = this.#claim(request)
    if (isFailure(known)) return known
    const profile = toProfile(known?.profile ?? NEW_SHARE_MEMBER.profile, request)
    const full = this.#checkBytes(known, profile)
    if (full !== null) return full
    const member = known ?? this.#add({ ...NEW_SHARE_MEMBER, id: request.memberId })
    const before = member.current.assigned
    const isNews = this.#setProfile(member, profile)
    if (isNews || this.#topicsChanged) this.#refresh(isNews, `member ${member.id} has other wishes`)
    this.#retarget()
    this.#advance(member, isNews)
    this.#heard(member, request)
    const { epoch, assigned } = member.current
    const tells = request.memberEpoch === 0 || request.topicNames !== null || !samePartitions(before, assigned)
    return {
      memberId: member.id,
      memberEpoch: epoch,
      heartbeatIntervalMs: this.#host.timings.number(this.id, 'share.heartbeat.interval.ms'),
      assignment: tells ? listPartitions(assigned) : null,
    }
  }

  /** A heartbeat with epoch -1. */
  leave({ memberId, memberEpoch }: ShareHeartbeat): ShareHeartbeatAnswer | Failure {
    const member = this.#members.get(memberId)
    if (member === undefined) return this.#unknown(memberId)
    this.#remove(member, `member ${memberId} left`)
    return { memberId, memberEpoch, heartbeatIntervalMs: 0, assignment: null }
  }

  /** Share partitions begin somewhere else: nobody is in it, and its journal saves it. */
  start(starts: readonly ShareStart[]): void {
    this.#altered = [...this.#altered, ...starts]
  }

  /** A topic came, grew or went: the next heartbeat looks what that means. */
  topicChanged(topicName: string): void {
    if (this.subscriptions.topicChanged(topicName)) this.#topicsChanged = true
  }

  /** A member gets its answer now and can speak again: its session begins anew. False where it is none any more. */
  answered(memberId: string): boolean {
    const member = this.#members.get(memberId)
    if (member !== undefined) this.#extendSession(member)
    return member !== undefined
  }

  /** Ends it; nobody is told anything but `error` any more. */
  die(error: ErrorRow): void {
    this.journal.stop(error)
    for (const member of this.#members.values()) member.release()
  }

  // ---- ChangeSource

  get hasChanges(): boolean {
    return this.#changed.size > 0 || this.#first.length > 0 || this.#altered.length > 0
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

  // ----

  /** The member that a heartbeat speaks for; null for one to be admitted. */
  #claim({ memberId, memberEpoch }: ShareHeartbeat): ShareMember | null | Failure {
    const member = this.#members.get(memberId)
    const { maxShareGroupSize } = this.#host.settings
    if (member === undefined && this.#members.size >= maxShareGroupSize) {
      return failure(ERRORS.groupMaxSizeReached, `The share group has reached its maximum capacity of ${maxShareGroupSize} members.`)
    }
    if (memberEpoch === 0) return member ?? null
    return member === undefined ? this.#unknown(memberId) : (checkEpoch(member, memberEpoch) ?? member)
  }

  #unknown(memberId: string): Failure {
    return failure(ERRORS.unknownMemberId, `Member ${memberId} is not a member of group ${this.id}.`)
  }

  /** GROUP_MAX_SIZE_REACHED where the members' wishes would take too much. */
  #checkBytes(known: ShareMember | null, profile: ShareProfile): Failure | null {
    const { maxStateBytes } = this.#host.settings
    const bytes = this.#bytes - (known === null ? 0 : sizeOf(known.profile)) + sizeOf(profile)
    if (bytes <= maxStateBytes) return null
    return failure(ERRORS.groupMaxSizeReached, `The subscriptions of the group's members would take more than ${maxStateBytes} bytes.`)
  }

  #add(saved: SavedShareMember): ShareMember {
    const member = new ShareMember(saved, this.#host.clock, (late) => this.#late(late))
    this.#members.set(member.id, member)
    this.subscriptions.add(member.subscription)
    this.#bytes += sizeOf(member.profile)
    return member
  }

  /** Whether it wants other topics now. */
  #setProfile(member: ShareMember, profile: ShareProfile): boolean {
    const before = member.profile
    if (sameShareProfile(before, profile)) return false
    const { subscription } = member
    member.profile = profile
    this.subscriptions.add(member.subscription)
    this.subscriptions.remove(subscription)
    this.#bytes += sizeOf(profile) - sizeOf(before)
    this.#change('profile', member.id)
    return !sameNames(before.topicNames, profile.topicNames)
  }

  #remove(member: ShareMember, reason: string): void {
    this.#members.delete(member.id)
    this.subscriptions.remove(member.subscription)
    this.#bytes -= sizeOf(member.profile)
    member.release()
    for (const kind of ['profile', 'target', 'current'] as const) this.#change(kind, member.id)
    this.#fingerprint = this.subscriptions.fingerprint()
    this.#bump(reason)
    if (this.#members.size > 0) return
    // Nobody shall have anything.
    this.#targetEpoch = this.#epoch
  }

  #late(member: ShareMember): void {
    if (this.#members.get(member.id) !== member) return
    this.#remove(member, `member ${member.id} is out: ${member.connection.isLost ? 'it lost its connection' : 'its session ended'}`)
    this.journal.whenSaved(() => undefined)
  }

  /** It is alive. */
  #heard(member: ShareMember, { connection }: ShareHeartbeat): void {
    const { disconnectGraceMs } = this.#host.settings
    if (disconnectGraceMs !== null) member.connection.seen(connection, () => member.session.atLatestIn(disconnectGraceMs))
    this.#extendSession(member)
  }

  #extendSession(member: ShareMember): void {
    if (!member.connection.isLost) member.session.in(this.#host.timings.number(this.id, 'share.session.timeout.ms'))
  }

  #refresh(isNews: boolean, reason: string): void {
    const fingerprint = this.subscriptions.fingerprint()
    this.#topicsChanged = false
    if (fingerprint === this.#fingerprint && !isNews) return
    this.#fingerprint = fingerprint
    this.#bump(isNews ? reason : 'its topics changed')
    this.#startAll()
  }

  #bump(reason: string): void {
    this.#epoch++
    this.#change('group', '')
    this.#host.happenedToShareGroup(this, reason)
  }

  /** Share partitions are known from the moment on when somebody is subscribed to them (Kafka: InitializeShareGroupState). */
  #startAll(): void {
    const topicIds = new Set([...this.#members.values()].flatMap((member) => [...this.subscriptions.topicIdsOf(member.subscription)]))
    this.#first = [...topicIds].flatMap((topicId) => Array.from({ length: this.#partitionCount(topicId) }, (_, partition) => ({ topicId, partition })))
  }

  #takeStarts(): ShareStarts {
    const starts = { first: this.#first, altered: this.#altered }
    this.#first = []
    this.#altered = []
    return starts
  }

  #retarget(): void {
    if (this.#targetEpoch >= this.#epoch) return
    const nowMs = this.#host.clock.now()
    const sinceMs = nowMs - this.#targetComputedAtMs
    // A clock that was set back must not hold it up.
    if (sinceMs >= 0 && sinceMs < this.#host.timings.number(this.id, 'share.assignment.interval.ms')) return
    const members = [...this.#members.values()]
    const parts = assignSimply({
      members: members.map((member) => ({ id: member.id, topicIds: this.subscriptions.topicIdsOf(member.subscription), current: member.target })),
      homogeneous: this.subscriptions.areAlike(members.length),
      partitionCount: (topicId) => this.#partitionCount(topicId),
    })
    for (const member of members) {
      const part = parts.get(member.id) ?? NO_PARTITIONS
      if (samePartitions(part, member.target)) continue
      member.target = part
      this.#change('target', member.id)
    }
    this.#targetEpoch = this.#epoch
    this.#targetComputedAtMs = nowMs
    this.#change('group', '')
  }

  #partitionCount(topicId: string): number {
    return this.#host.topics.getById(topicId)?.partitions.length ?? 0
  }

  /** A member has what it shall have, of the topics that it wants now. */
  #advance(member: ShareMember, subscriptionChanged: boolean): void {
    const { epoch } = member.current
    if (epoch === this.#targetEpoch && !subscriptionChanged) return
    const topicIds = this.subscriptions.topicIdsOf(member.subscription)
    const assigned: Partitions = new Map([...member.target].filter(([topicId]) => topicIds.has(topicId)))
    const previousEpoch = epoch === this.#targetEpoch ? member.current.previousEpoch : epoch
    member.current = { epoch: this.#targetEpoch, previousEpoch, assigned }
    this.#change('current', member.id)
  }

  #change(kind: PartKind, memberId: string): void {
    this.#changed.set(`${kind} ${memberId}`, { kind, memberId })
  }

  #encode({ kind, memberId }: PartId): Uint8Array | null {
    if (kind === 'group') {
      return encodeEpochs({
        groupEpoch: this.#epoch,
        targetEpoch: this.#targetEpoch,
        targetComputedAtMs: this.#targetComputedAtMs,
        fingerprint: this.#fingerprint,
      })
    }
    const member = this.#members.get(memberId)
    if (member === undefined) return null
    switch (kind) {
      case 'profile':
        return encodeShareProfile(member.profile)
      case 'target':
        return encodeTarget(member.target)
      case 'current':
        return encodeShareAssignment(member.current)
      default:
        return kind satisfies never
    }
  }
}

/** FENCED_MEMBER_EPOCH, unless the member may have missed the answer that raised its epoch. */
function checkEpoch({ current: { epoch, previousEpoch } }: ShareMember, memberEpoch: number): Failure | null {
  if (memberEpoch === epoch || (memberEpoch < epoch && memberEpoch === previousEpoch)) return null
  const isGreater = memberEpoch > epoch
  const rest = isGreater ? '' : `, and it does not match the previous member epoch (${previousEpoch})`
  const words = `The share group member has a ${isGreater ? 'greater' : 'smaller'} member epoch (${memberEpoch}) than the one known by the group coordinator (${epoch})${rest}. The member must abandon all its partitions and rejoin.`
  return failure(ERRORS.fencedMemberEpoch, words)
}

/** What a heartbeat does not say stays. Copies: the group outlives the request's frame. */
function toProfile(before: ShareProfile, request: ShareHeartbeat): ShareProfile {
  return {
    rackId: request.rackId ?? before.rackId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    topicNames: request.topicNames === null ? before.topicNames : [...new Set(request.topicNames)],
  }
}

/** About the bytes that a member's wishes take, in memory and on disk. */
function sizeOf({ topicNames, clientId, clientHost, rackId }: ShareProfile): number {
  return topicNames.reduce((sum, name) => sum + name.length + 2, MEMBER_OVERHEAD_BYTES + clientId.length + clientHost.length + (rackId?.length ?? 0))
}
