import { ERRORS, type ErrorRow } from '../../errors.ts'
import { type JoinedMember, type JoinResult, joinRefused, type Protocol, type Respond, type SyncResult, syncRefused } from '../group-requests.ts'
import type { Member } from './member.ts'

/** Who is in a group, who leads it, and which protocols all of them support. Knows no states and no time. */
export class Membership {
  readonly #members = new Map<string, Member>()
  /** Instance id to member id. */
  readonly #instances = new Map<string, string>()
  /** How many members support a protocol. */
  readonly #supporters = new Map<string, number>()
  #leaderId: string | null = null
  #awaitingJoinCount = 0
  #protocolBytes = 0

  get size(): number {
    return this.#members.size
  }

  /** In order of joining; a static member that was replaced comes last. */
  all(): IterableIterator<Member> {
    return this.#members.values()
  }

  ids(): IterableIterator<string> {
    return this.#members.keys()
  }

  get(memberId: string): Member | undefined {
    return this.#members.get(memberId)
  }

  /** The member of that id, else the one that holds the instance id. */
  find(memberId: string, instanceId: string | null): Member | undefined {
    const holder = instanceId === null ? undefined : this.#instances.get(instanceId)
    return this.#members.get(memberId) ?? (holder === undefined ? undefined : this.#members.get(holder))
  }

  get leaderId(): string | null {
    return this.#leaderId
  }

  isLeader(memberId: string): boolean {
    return this.#leaderId === memberId
  }

  /** Bytes of what all members tell the leader. */
  get protocolBytes(): number {
    return this.#protocolBytes
  }

  get awaitingJoinCount(): number {
    return this.#awaitingJoinCount
  }

  get allAwaitJoin(): boolean {
    return this.#awaitingJoinCount === this.#members.size
  }

  /** The longest of all: how long a rebalance waits for members to rejoin. */
  get rebalanceTimeoutMs(): number {
    let longest = 0
    for (const member of this.#members.values()) longest = Math.max(longest, member.rebalanceTimeoutMs)
    return longest
  }

  /** Adds a member; the first one leads. */
  add(member: Member): void {
    this.#members.set(member.id, member)
    if (member.instanceId !== null) this.#instances.set(member.instanceId, member.id)
    this.#leaderId ??= member.id
    this.#countProtocols(member.protocols, 1)
  }

  /** For replay: who led when the group was saved. */
  restoreLeader(leaderId: string | null): void {
    if (leaderId !== null && this.#members.has(leaderId)) this.#leaderId = leaderId
  }

  remove(memberId: string): void {
    const member = this.#members.get(memberId)
    if (member === undefined) return
    this.#members.delete(memberId)
    this.#countProtocols(member.protocols, -1)
    if (member.awaitingJoin !== null) this.#awaitingJoinCount--
    if (member.instanceId !== null) this.#instances.delete(member.instanceId)
    if (this.#leaderId === memberId) this.#leaderId = this.#members.keys().next().value ?? null
    member.session.cancel()
    member.connection.forget()
  }

  /** Puts `next` in the place of the static member `old`, whose parked requests are fenced (KIP-345). */
  replace(old: Member, next: Member): void {
    this.answerJoin(old, joinRefused(ERRORS.fencedInstanceId, old.id))
    this.answerSync(old, syncRefused(ERRORS.fencedInstanceId))
    const led = this.#leaderId === old.id
    this.remove(old.id)
    this.add(next)
    if (led) this.#leaderId = next.id
  }

  setProtocols(member: Member, protocols: readonly Protocol[]): void {
    this.#countProtocols(member.protocols, -1)
    member.protocols = protocols
    this.#countProtocols(protocols, 1)
  }

  /**
   * Parks a JoinGroup. One that is parked already belongs to a connection the member has given up, and is answered so that
   * the answers behind it on that connection can leave.
   */
  parkJoin(member: Member, respond: Respond<JoinResult>): void {
    this.answerJoin(member, joinRefused(ERRORS.rebalanceInProgress, member.id))
    member.awaitingJoin = respond
    this.#awaitingJoinCount++
  }

  /** As `parkJoin`. */
  parkSync(member: Member, respond: Respond<SyncResult>): void {
    this.answerSync(member, syncRefused(ERRORS.rebalanceInProgress))
    member.awaitingSync = respond
  }

  /** Answers a parked JoinGroup; false where none is. */
  answerJoin(member: Member, result: JoinResult): boolean {
    const respond = member.awaitingJoin
    if (respond === null) return false
    member.awaitingJoin = null
    this.#awaitingJoinCount--
    respond(result)
    return true
  }

  /** Answers a parked SyncGroup; false where none is. */
  answerSync(member: Member, result: SyncResult): boolean {
    const respond = member.awaitingSync
    if (respond === null) return false
    member.awaitingSync = null
    respond(result)
    return true
  }

  /** Null where such a member exists and speaks for its instance id, else the error it gets (rules 20, 22). */
  check(memberId: string, instanceId: string | null): ErrorRow | null {
    if (instanceId !== null) {
      const holder = this.#instances.get(instanceId)
      if (holder === undefined) return ERRORS.unknownMemberId
      if (holder !== memberId) return ERRORS.fencedInstanceId
    }
    return this.#members.has(memberId) ? null : ERRORS.unknownMemberId
  }

  /** Whether at least one of the protocols is supported by every member. */
  supportsAnyOf(protocols: readonly Protocol[]): boolean {
    return protocols.some((protocol) => (this.#supporters.get(protocol.name) ?? 0) === this.#members.size)
  }

  /** The protocol with most votes among those that all members support; the earliest vote wins a tie. Needs a member. */
  electProtocol(): string {
    const candidates = new Set<string>()
    for (const [name, count] of this.#supporters) if (count === this.#members.size) candidates.add(name)
    const votes = new Map<string, number>()
    for (const member of this.#members.values()) {
      const vote = member.vote(candidates)
      if (vote !== undefined) votes.set(vote, (votes.get(vote) ?? 0) + 1)
    }
    let winner: string | undefined
    for (const [name, count] of votes) if (winner === undefined || count > (votes.get(winner) as number)) winner = name
    if (winner === undefined) throw new Error('a group let in members that have no protocol in common')
    return winner
  }

  /** Sees to it that a leader is among those who rejoined; false where nobody did. */
  electLeader(): boolean {
    const leader = this.#leaderId === null ? undefined : this.#members.get(this.#leaderId)
    if (leader === undefined) return false
    if (leader.awaitingJoin !== null) return true
    for (const member of this.#members.values()) {
      if (member.awaitingJoin === null) continue
      this.#leaderId = member.id
      return true
    }
    return false
  }

  /** What the leader is told. */
  joinedMembers(protocolName: string | null): JoinedMember[] {
    return [...this.#members.values()].map((member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      metadata: member.metadataFor(protocolName) ?? new Uint8Array(0),
    }))
  }

  #countProtocols(protocols: readonly Protocol[], change: 1 | -1): void {
    this.#protocolBytes += change * protocolBytes(protocols)
    for (const name of new Set(protocols.map((protocol) => protocol.name))) {
      const count = (this.#supporters.get(name) ?? 0) + change
      if (count === 0) this.#supporters.delete(name)
      else this.#supporters.set(name, count)
    }
  }
}

/** Bytes that a member's protocols take. */
export function protocolBytes(protocols: readonly Protocol[]): number {
  return protocols.reduce((bytes, { name, metadata }) => bytes + name.length + metadata.length, 0)
}
