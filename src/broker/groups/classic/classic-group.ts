import { ERRORS, type ErrorRow } from '../../errors.ts'
import {
  type JoinRequest,
  type JoinResult,
  joinRefused,
  type LeavingMember,
  type MemberClaim,
  type MemberConnection,
  NO_ASSIGNMENT,
  type Respond,
  type SyncRequest,
  type SyncResult,
  syncRefused,
} from '../group-requests.ts'
import { refuseEntry } from './admission.ts'
import { ExpectedMembers } from './expected-members.ts'
import { Generation } from './generation.ts'
import type { GroupHost } from './group-host.ts'
import { type GroupRecord, groupRecord } from './group-record.ts'
import { type GroupState, mayEnter } from './group-state.ts'
import { JoinWindow } from './join-window.ts'
import { copyProtocols, Member } from './member.ts'
import { Membership } from './membership.ts'
import { SyncWindow } from './sync-window.ts'

/**
 * A classic consumer group: Kafka's state machine (rules 16 to 22; KIP-345, KIP-394, KIP-814), one method per event. It
 * knows neither the wire nor the log.
 */
export class ClassicGroup {
  readonly type = 'classic'
  readonly id: string
  readonly members = new Membership()
  readonly generation: Generation
  readonly #host: GroupHost
  #state: GroupState
  #stateSinceMs: number
  readonly #expected: ExpectedMembers
  readonly #joinWindow: JoinWindow
  readonly #syncWindow: SyncWindow
  readonly #mustRebalance: boolean
  /** A new group, or the one of a record. */
  constructor(id: string, host: GroupHost, record: GroupRecord | null) {
    this.id = id
    this.#host = host
    this.generation = new Generation(record?.generation ?? 0, record?.protocolType ?? null, record?.protocolName ?? null)
    this.#expected = new ExpectedMembers(host.clock, () => this.#maybeCompleteJoin())
    this.#joinWindow = new JoinWindow(host.clock, () => this.#completeJoin())
    this.#syncWindow = new SyncWindow(host.clock, (memberIds) => this.#neverSynced(memberIds))
    this.#mustRebalance = record?.mustRebalance ?? false
    this.#stateSinceMs = record?.stateSinceMs ?? host.clock.now()
    this.#state = record === null || record.members.length === 0 ? 'Empty' : 'Stable'
    if (record !== null) this.#restore(record)
  }

  get state(): GroupState {
    return this.#state
  }

  /** Milliseconds since the epoch. */
  get stateSinceMs(): number {
    return this.#stateSinceMs
  }

  /** Nobody is in it or on the way into it. */
  get isDeserted(): boolean {
    return this.#state === 'Empty' && this.#expected.size === 0
  }

  /** After the state was replayed: what had to rebalance, or outgrew a lowered `group.max.size`, makes its members rejoin. */
  opened(): void {
    if (this.#state !== 'Stable') return
    if (this.#mustRebalance) this.#prepareRebalance('a restart came in between the protocols')
    else if (this.members.size > this.#host.settings.maxSize) this.#prepareRebalance('it is larger than group.max.size')
  }

  /** It was of KIP-848 a moment ago, and its members do not have yet what they shall have. */
  beginRebalance(reason: string): void {
    this.#prepareRebalance(reason)
  }

  /** JoinGroup; the session timeout was checked already. */
  join(request: JoinRequest, respond: Respond<JoinResult>): void {
    const { state, members } = this
    const door = { state, members, expectedCount: this.#expected.size, protocolType: this.generation.protocolType }
    const refused = refuseEntry(request, door, this.#host.settings)
    if (refused === ERRORS.groupMaxSizeReached) {
      this.#turnAway(request.memberId)
      respond(joinRefused(refused, ''))
    } else if (refused !== null) {
      respond(joinRefused(refused, request.memberId))
    } else if (request.memberId === '') {
      this.#joinNew(request, respond)
    } else if (this.#expected.has(request.memberId) && request.instanceId === null) {
      this.#add(request, request.memberId, respond)
    } else {
      this.#rejoin(request, respond)
    }
  }

  /** SyncGroup. */
  sync(request: SyncRequest, respond: Respond<SyncResult>): void {
    const refused = this.members.check(request.memberId, request.instanceId) ?? this.generation.check(request)
    if (refused !== null) {
      respond(syncRefused(refused))
      return
    }
    const member = this.members.get(request.memberId) as Member
    this.#seen(member, request.connection)
    switch (this.#state) {
      case 'PreparingRebalance':
        respond(syncRefused(ERRORS.rebalanceInProgress))
        return
      case 'CompletingRebalance':
        this.#syncWindow.settle(member.id)
        this.members.parkSync(member, respond)
        if (this.members.isLeader(member.id)) this.#saveAssignment(request)
        return
      case 'Stable':
        this.#syncWindow.settle(member.id)
        respond(this.generation.assigned(member))
        return
      case 'Empty':
      case 'Dead':
        // Neither has members, so the check has refused it.
        throw new Error(`group ${this.id} has a member in state ${this.#state}`)
      default:
        this.#state satisfies never
    }
  }

  /** Heartbeat (rule 20): null where all is well. */
  heartbeat(claim: MemberClaim, connection: MemberConnection | null): ErrorRow | null {
    return this.#hear(claim, connection) ?? (this.#state === 'PreparingRebalance' ? ERRORS.rebalanceInProgress : null)
  }

  /** LeaveGroup: an error or null for each, in order (rule 21). */
  leave(leaving: readonly LeavingMember[]): (ErrorRow | null)[] {
    const errors = leaving.map((member) => this.#leaveOne(member))
    if (errors.includes(null)) this.#membersWereRemoved('members left')
    return errors
  }

  /** Whether an offset commit by `claim` is in order (rule 23); keeps the session alive where it is. */
  checkCommit(claim: MemberClaim, connection: MemberConnection | null): ErrorRow | null {
    const { memberId, instanceId, generation } = claim
    if (generation < 0 && this.#state === 'Empty') return null
    if (generation < 0 && memberId === '' && instanceId === null) return ERRORS.unknownMemberId
    return this.#hear(claim, connection) ?? (this.#state === 'CompletingRebalance' ? ERRORS.rebalanceInProgress : null)
  }

  /** The same within a transaction (KIP-447): a claim may be missing, and a rebalance does not matter. */
  checkTransactionalCommit(claim: MemberClaim): ErrorRow | null {
    const { memberId, instanceId, generation } = claim
    if (generation < 0 && (this.#state === 'Empty' || (memberId === '' && instanceId === null))) return null
    const refused = this.members.check(memberId, instanceId)
    if (refused !== null) return refused
    return generation === this.generation.number ? null : ERRORS.illegalGeneration
  }

  /** Ends it: its parked requests are answered, its timers stop. */
  die(error: ErrorRow): void {
    this.#enter('Dead', error.message)
    this.#joinWindow.close()
    this.#syncWindow.close()
    this.#expected.clear()
    for (const member of [...this.members.all()]) {
      this.members.answerJoin(member, joinRefused(error, member.id))
      this.members.answerSync(member, syncRefused(error))
      this.members.remove(member.id)
    }
  }

  /** Its state as a record, with the assignments that are about to be given out. */
  record(assignmentOf: (member: Member) => Uint8Array = (member) => member.assignment): GroupRecord {
    return groupRecord(this.generation, this.members, this.#stateSinceMs, assignmentOf)
  }

  // ---- joining

  /** A member that has no place or room any more is out; the others do not wait for it. */
  #turnAway(memberId: string): void {
    const member = this.members.get(memberId)
    if (member === undefined) {
      this.#drop(memberId)
      this.#maybeCompleteJoin()
    } else {
      this.#expel(member)
      this.#membersWereRemoved(`member ${memberId} no longer fits in`)
    }
  }

  #joinNew(request: JoinRequest, respond: Respond<JoinResult>): void {
    const memberId = this.#host.newMemberId(request.instanceId ?? request.clientId)
    if (request.instanceId !== null) {
      const holder = this.members.find('', request.instanceId)
      if (holder === undefined) this.#add(request, memberId, respond)
      else this.#replaceStatic(request, holder, memberId, respond)
    } else if (request.requiresKnownMemberId) {
      this.#expected.expect(memberId, request.sessionTimeoutMs)
      respond(joinRefused(ERRORS.memberIdRequired, memberId))
    } else {
      this.#add(request, memberId, respond)
    }
  }

  #add(request: JoinRequest, memberId: string, respond: Respond<JoinResult>): void {
    this.#drop(memberId)
    if (this.members.size === 0) this.generation.setProtocolType(request.protocolType)
    const member = this.#newMember(request, memberId)
    member.isNew = true
    this.members.add(member)
    this.members.parkJoin(member, respond)
    this.#seen(member, request.connection)
    this.#joinWindow.memberCame()
    member.session.in(this.#host.settings.newMemberJoinTimeoutMs)
    this.#rebalance(`member ${memberId} joined`)
  }

  #rejoin(request: JoinRequest, respond: Respond<JoinResult>): void {
    const refused = this.members.check(request.memberId, request.instanceId)
    if (refused !== null) {
      respond(joinRefused(refused, request.memberId))
      return
    }
    const member = this.members.get(request.memberId) as Member
    this.#seen(member, request.connection)
    if (this.#isNoNews(member, request)) {
      this.#extendSession(member)
      respond(this.generation.joined(member, this.members))
      return
    }
    this.#update(member, request)
    this.members.parkJoin(member, respond)
    this.#rebalance(`member ${member.id} joined anew`)
  }

  /** Whether the answer that was already given still holds for a member that joins again (rule 18). */
  #isNoNews(member: Member, request: JoinRequest): boolean {
    if (this.#state === 'CompletingRebalance') return member.matches(request.protocols)
    // The leader rejoins to have changed what no metadata shows: the partitions of a topic.
    return this.#state === 'Stable' && !this.members.isLeader(member.id) && member.matches(request.protocols)
  }

  #update(member: Member, request: JoinRequest): void {
    this.members.setProtocols(member, copyProtocols(request.protocols))
    member.sessionTimeoutMs = request.sessionTimeoutMs
    member.rebalanceTimeoutMs = request.rebalanceTimeoutMs
  }

  /** A static member came back without its member id: the new id takes the old one's place (rule 22). */
  #replaceStatic(request: JoinRequest, old: Member, memberId: string, respond: Respond<JoinResult>): void {
    const leaderBefore = this.members.leaderId as string
    const member = this.#newMember(request, memberId)
    member.assignment = old.assignment
    this.#syncWindow.settle(old.id)
    this.members.replace(old, member)
    this.members.parkJoin(member, respond)
    this.#seen(member, request.connection)
    member.session.in(member.sessionTimeoutMs)
    if (this.#state === 'Stable' && this.members.electProtocol() === this.generation.protocolName) {
      this.#saveReplacement(request, old, member, leaderBefore)
    } else {
      // In CompletingRebalance too: the leader may be computing an assignment for the old id.
      this.#rebalance(`static member ${old.id} came back as ${memberId}`)
    }
  }

  #saveReplacement(request: JoinRequest, old: Member, member: Member, leaderBefore: string): void {
    const generation = this.generation.number
    this.#host.save(this.id, this.record(), (failed) => {
      // A rebalance that began meanwhile answers the parked JoinGroup itself.
      if (this.#state !== 'Stable' || this.generation.number !== generation || this.members.get(member.id) !== member) return
      if (failed !== null) {
        this.members.answerJoin(member, joinRefused(failed, ''))
        this.#undoReplacement(old, member)
        return
      }
      this.#extendSession(member)
      const joined = this.generation.joined(member, this.members)
      if (request.canSkipAssignment) this.members.answerJoin(member, { ...joined, skipAssignment: this.members.isLeader(member.id) })
      // Older clients would take a leader's answer for a request to assign: they are told that the old id leads.
      else this.members.answerJoin(member, { ...joined, leader: leaderBefore, members: [] })
    })
  }

  #undoReplacement(old: Member, member: Member): void {
    const led = this.members.isLeader(member.id)
    this.members.remove(member.id)
    this.members.add(old)
    if (led) this.members.restoreLeader(old.id)
    old.session.in(old.sessionTimeoutMs)
  }

  #newMember(request: JoinRequest, id: string): Member {
    const profile = { ...request, id, protocols: copyProtocols(request.protocols) }
    return new Member(profile, this.#host.clock, (member) => this.#sessionEnded(member))
  }

  // ---- rebalancing

  /** Something changed that needs a new generation: begins one, or lets the one that is forming go on. */
  #rebalance(reason: string): void {
    if (mayEnter('PreparingRebalance', this.#state)) this.#prepareRebalance(reason)
    else this.#maybeCompleteJoin()
  }

  #prepareRebalance(reason: string): void {
    if (this.#state === 'CompletingRebalance') {
      for (const member of this.members.all()) member.assignment = NO_ASSIGNMENT
      this.#answerSyncs(() => syncRefused(ERRORS.rebalanceInProgress))
    }
    this.#syncWindow.close()
    const isInitial = this.#state === 'Empty'
    this.#enter('PreparingRebalance', reason)
    if (isInitial) {
      this.#joinWindow.openForStrangers({ delayMs: this.#host.settings.initialRebalanceDelayMs, timeoutMs: this.members.rebalanceTimeoutMs })
    } else if (this.#everybodyJoined) {
      this.#completeJoin()
    } else {
      this.#joinWindow.open(this.members.rebalanceTimeoutMs)
    }
  }

  get #everybodyJoined(): boolean {
    return this.members.allAwaitJoin && this.#expected.size === 0
  }

  #maybeCompleteJoin(): void {
    if (this.#state === 'PreparingRebalance' && !this.#joinWindow.awaitsStrangers && this.#everybodyJoined) this.#completeJoin()
  }

  /** Everybody joined, or had the time to: the next generation begins, without the dynamic members that stayed away (rule 17). */
  #completeJoin(): void {
    this.#joinWindow.close()
    for (const member of [...this.members.all()]) {
      if (member.awaitingJoin === null && member.instanceId === null) this.members.remove(member.id)
    }
    if (this.members.size > 0 && !this.members.electLeader()) {
      // Only static members, none of which came back: wait until their sessions end.
      this.#joinWindow.open(this.members.rebalanceTimeoutMs)
      return
    }
    this.generation.next(this.members)
    if (this.members.size === 0) {
      this.#enter('Empty', 'nobody is left')
      // Nobody waits for this. If it is lost, the generation before comes back at a restart and its sessions end there.
      this.#host.save(this.id, this.record(), () => undefined)
      return
    }
    this.#enter('CompletingRebalance', 'all members joined, or had the time to')
    for (const member of this.members.all()) member.isNew = false
    this.#syncWindow.open(this.members.ids(), this.members.rebalanceTimeoutMs)
    for (const member of [...this.members.all()]) {
      if (this.members.answerJoin(member, this.generation.joined(member, this.members))) this.#extendSession(member)
    }
  }

  // ---- syncing

  /** The leader has spoken: its assignment is given out once it is durable. Members it left out get an empty one. */
  #saveAssignment(request: SyncRequest): void {
    const generation = this.generation.number
    const assignments = new Map(request.assignments.map(({ memberId, assignment }) => [memberId, new Uint8Array(assignment)]))
    const assignmentOf = (member: Member) => assignments.get(member.id) ?? NO_ASSIGNMENT
    this.#host.save(this.id, this.record(assignmentOf), (failed) => {
      if (this.#state !== 'CompletingRebalance' || this.generation.number !== generation) return
      if (failed !== null) this.#assignmentLost(failed)
      else this.#giveOut(assignmentOf)
    })
  }

  #giveOut(assignmentOf: (member: Member) => Uint8Array): void {
    this.#enter('Stable', 'the assignment is durable')
    for (const member of this.members.all()) member.assignment = assignmentOf(member)
    this.#answerSyncs((member) => this.generation.assigned(member))
  }

  #assignmentLost(failed: ErrorRow): void {
    this.#answerSyncs(() => syncRefused(failed))
    this.#rebalance('the assignment could not be saved')
  }

  /** Whoever was parked could not heartbeat: its session begins anew. */
  #answerSyncs(resultOf: (member: Member) => SyncResult): void {
    for (const member of [...this.members.all()]) {
      if (this.members.answerSync(member, resultOf(member))) this.#extendSession(member)
    }
  }

  /** Members that joined and never asked for their assignment are dead weight: out with them. */
  #neverSynced(memberIds: readonly string[]): void {
    if (this.#state !== 'CompletingRebalance' && this.#state !== 'Stable') return
    for (const memberId of memberIds) this.#drop(memberId)
    this.#prepareRebalance('members never asked for their assignment')
  }

  // ---- leaving and failing

  #leaveOne(leaving: LeavingMember): ErrorRow | null {
    if (leaving.memberId === '') {
      const holder = this.members.find('', leaving.instanceId)
      if (holder === undefined) return ERRORS.unknownMemberId
      this.#expel(holder)
      return null
    }
    if (this.#expected.has(leaving.memberId)) {
      this.#drop(leaving.memberId)
      return null
    }
    const refused = this.members.check(leaving.memberId, leaving.instanceId)
    if (refused !== null) return refused
    this.#expel(this.members.get(leaving.memberId) as Member)
    return null
  }

  #sessionEnded(member: Member): void {
    if (this.members.get(member.id) !== member || member.satisfiesHeartbeat) return
    this.#expel(member)
    this.#membersWereRemoved(member.connection.isLost ? `member ${member.id} lost its connection` : `the session of member ${member.id} ended`)
  }

  /** Takes a member out. What it has parked is answered so that it joins anew, should it still be alive. */
  #expel(member: Member): void {
    this.members.answerJoin(member, joinRefused(ERRORS.unknownMemberId, ''))
    this.members.answerSync(member, syncRefused(ERRORS.unknownMemberId))
    this.#drop(member.id)
  }

  #membersWereRemoved(reason: string): void {
    if (this.#state === 'Stable' || this.#state === 'CompletingRebalance') this.#prepareRebalance(reason)
    else this.#maybeCompleteJoin()
  }

  /** Forgets an id, member or expected one. */
  #drop(memberId: string): void {
    this.members.remove(memberId)
    this.#expected.forget(memberId)
    this.#syncWindow.settle(memberId)
  }

  /** A member spoke, and is alive; or what is wrong with its claim to be one. */
  #hear(claim: MemberClaim, connection: MemberConnection | null): ErrorRow | null {
    const refused = this.members.check(claim.memberId, claim.instanceId)
    if (refused !== null) return refused
    if (claim.generation !== this.generation.number) return ERRORS.illegalGeneration
    const member = this.members.get(claim.memberId) as Member
    this.#seen(member, connection)
    this.#extendSession(member)
    return null
  }

  /** A static member that loses its connection is expected back within its session: nobody watches its connection. */
  #seen(member: Member, connection: MemberConnection | null): void {
    const graceMs = this.#host.settings.disconnectGraceMs
    if (graceMs !== null && member.instanceId === null) member.connection.seen(connection, () => member.session.atLatestIn(graceMs))
  }

  #extendSession(member: Member): void {
    if (!member.connection.isLost) member.session.in(member.sessionTimeoutMs)
  }

  #enter(state: GroupState, reason: string): void {
    if (!mayEnter(state, this.#state)) throw new Error(`group ${this.id} cannot go from ${this.#state} to ${state}`)
    this.#state = state
    this.#stateSinceMs = this.#host.clock.now()
    this.#host.entered({ group: this.id, state, generation: this.generation.number, members: this.members.size, reason })
  }

  #restore(record: GroupRecord): void {
    for (const saved of record.members) {
      const member = new Member(saved, this.#host.clock, (ended) => this.#sessionEnded(ended))
      member.assignment = saved.assignment
      this.members.add(member)
      member.session.in(member.sessionTimeoutMs)
    }
    this.members.restoreLeader(record.leaderId)
    this.generation.readSubscriptions(this.members)
  }
}
