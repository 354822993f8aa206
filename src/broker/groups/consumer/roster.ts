import type { TopicRegistry } from '../../topics/topic-registry.ts'
import { protocolBytes } from '../classic/membership.ts'
import { ASSIGNORS, type AssignorName, DEFAULT_ASSIGNOR } from './assignors/assignors.ts'
import type { ConsumerMember, MemberProfile } from './consumer-member.ts'
import { PartitionOwners } from './partition-owners.ts'
import { type CurrentAssignment, NO_CURRENT_ASSIGNMENT } from './reconcile.ts'
import { Subscriptions } from './subscriptions.ts'

/** Who is in a consumer group, what all of them want together, and which of them has what. Knows no time. */
export class Roster {
  readonly subscriptions: Subscriptions
  readonly owners = new PartitionOwners()
  readonly #members = new Map<string, ConsumerMember>()
  /** Instance id to member id. */
  readonly #instances = new Map<string, string>()
  /** How many members ask for an assignor. */
  readonly #votes = new Map<AssignorName, number>()
  /** How many classic members support a protocol. */
  readonly #protocols = new Map<string, number>()
  #classicCount = 0
  #profileBytes = 0

  constructor(topics: TopicRegistry) {
    this.subscriptions = new Subscriptions(topics)
  }

  get size(): number {
    return this.#members.size
  }

  /** Members that speak the classic protocol. */
  get classicCount(): number {
    return this.#classicCount
  }

  /** About what the members' wishes take. */
  get profileBytes(): number {
    return this.#profileBytes
  }

  /** In order of joining. */
  all(): IterableIterator<ConsumerMember> {
    return this.#members.values()
  }

  get(memberId: string): ConsumerMember | undefined {
    return this.#members.get(memberId)
  }

  /** The member that holds an instance id. */
  holder(instanceId: string | null): ConsumerMember | undefined {
    const memberId = instanceId === null ? undefined : this.#instances.get(instanceId)
    return memberId === undefined ? undefined : this.#members.get(memberId)
  }

  add(member: ConsumerMember): void {
    this.#members.set(member.id, member)
    this.#count(member.profile, 1)
    if (member.profile.instanceId !== null) this.#instances.set(member.profile.instanceId, member.id)
    this.owners.add(member.id, member.current)
  }

  remove(member: ConsumerMember): void {
    this.#members.delete(member.id)
    this.#count(member.profile, -1)
    const { instanceId } = member.profile
    if (instanceId !== null && this.#instances.get(instanceId) === member.id) this.#instances.delete(instanceId)
    this.owners.remove(member.id, member.current)
    member.current = NO_CURRENT_ASSIGNMENT
    member.release()
  }

  setProfile(member: ConsumerMember, profile: MemberProfile): void {
    // Added before it is removed: an expression that stays need not be matched anew.
    const before = member.profile
    this.#count(profile, 1)
    this.#count(before, -1)
    member.profile = profile
    if (profile.instanceId !== null) this.#instances.set(profile.instanceId, member.id)
  }

  setCurrent(member: ConsumerMember, current: CurrentAssignment): void {
    this.owners.remove(member.id, member.current)
    this.owners.add(member.id, current)
    member.current = current
  }

  /** The assignor that most members ask for. */
  get assignor(): AssignorName {
    let winner: AssignorName | null = null
    for (const name of Object.keys(ASSIGNORS) as AssignorName[]) {
      const votes = this.#votes.get(name) ?? 0
      if (votes > 0 && (winner === null || votes > (this.#votes.get(winner) as number))) winner = name
    }
    return winner ?? DEFAULT_ASSIGNOR
  }

  /** Whether every classic member supports at least one of the protocols. */
  supportsAnyOf(protocolNames: readonly string[]): boolean {
    return protocolNames.some((name) => (this.#protocols.get(name) ?? 0) === this.#classicCount)
  }

  /** Whether only classic members would be left without some. */
  isClassicWithout(leaving: ReadonlySet<ConsumerMember>): boolean {
    const stayingCount = this.size - leaving.size
    let classicStaying = this.#classicCount
    for (const member of leaving) if (member.usesClassicProtocol) classicStaying--
    return stayingCount === classicStaying
  }

  #count(profile: MemberProfile, change: 1 | -1): void {
    this.#profileBytes += change * sizeOfProfile(profile)
    if (change === 1) this.subscriptions.add(profile)
    else this.subscriptions.remove(profile)
    if (profile.assignor !== null) this.#votes.set(profile.assignor, (this.#votes.get(profile.assignor) ?? 0) + change)
    if (profile.classic === null) return
    this.#classicCount += change
    for (const name of new Set(profile.classic.protocols.map((protocol) => protocol.name))) {
      const count = (this.#protocols.get(name) ?? 0) + change
      if (count === 0) this.#protocols.delete(name)
      else this.#protocols.set(name, count)
    }
  }
}

/** About the bytes that a member's wishes take, in memory and on disk. */
export function sizeOfProfile({ topicNames, topicRegex, classic }: MemberProfile): number {
  const names = topicNames.reduce((sum, name) => sum + name.length + NAME_OVERHEAD_BYTES, topicRegex?.length ?? 0)
  return names + (classic === null ? 0 : protocolBytes(classic.protocols))
}

const NAME_OVERHEAD_BYTES = 2
