import { ERRORS, type ErrorRow } from '../../errors.ts'
import { type JoinResult, NO_ASSIGNMENT, type SyncRequest, type SyncResult } from '../group-requests.ts'
import type { Member } from './member.ts'
import type { Membership } from './membership.ts'
import { CONSUMER_PROTOCOL_TYPE, subscribedTopics } from './subscription.ts'

/** What the members of a group have agreed on: a number that rises with every rebalance, and how they assign. */
export class Generation {
  #number: number
  #protocolType: string | null
  #protocolName: string | null
  #subscribedTopics: ReadonlySet<string> | null = null

  constructor(number: number, protocolType: string | null, protocolName: string | null) {
    this.#number = number
    this.#protocolType = protocolType
    this.#protocolName = protocolName
  }

  get number(): number {
    return this.#number
  }

  /** Null for a simple group: one that only keeps offsets. */
  get protocolType(): string | null {
    return this.#protocolType
  }

  /** Null while there are no members. */
  get protocolName(): string | null {
    return this.#protocolName
  }

  get usesConsumerProtocol(): boolean {
    return this.#protocolType === CONSUMER_PROTOCOL_TYPE
  }

  /** Whether the members' subscriptions could be read. */
  get knowsSubscriptions(): boolean {
    return this.#subscribedTopics !== null
  }

  /** Whether a member consumes the topic; where that cannot be read, consumers are taken to. */
  isSubscribedTo(topicName: string): boolean {
    return this.#subscribedTopics?.has(topicName) ?? this.usesConsumerProtocol
  }

  /** The first member of an empty group says of which type the group is. */
  setProtocolType(protocolType: string): void {
    this.#protocolType = protocolType
  }

  /** The next generation, of these members; none is possible too. */
  next(members: Membership): void {
    this.#number++
    this.#protocolName = members.size === 0 ? null : members.electProtocol()
    this.readSubscriptions(members)
  }

  /** Looks up what the members consume. */
  readSubscriptions(members: Membership): void {
    this.#subscribedTopics = this.usesConsumerProtocol ? this.#topicsOf(members) : null
  }

  /** The answer to a JoinGroup of this generation: the leader gets the list of members, the others an empty one. */
  joined(member: Member, members: Membership): JoinResult {
    return {
      error: null,
      generation: this.#number,
      protocolType: this.#protocolType,
      protocolName: this.#protocolName,
      leader: members.leaderId ?? '',
      skipAssignment: false,
      memberId: member.id,
      members: members.isLeader(member.id) ? members.joinedMembers(this.#protocolName) : [],
    }
  }

  /** The answer to a SyncGroup of this generation. */
  assigned(member: Member): SyncResult {
    return { error: null, protocolType: this.#protocolType, protocolName: this.#protocolName, assignment: member.assignment }
  }

  /** Null where a SyncGroup means this generation and its protocol. */
  check(request: SyncRequest): ErrorRow | null {
    if (request.generation !== this.#number) return ERRORS.illegalGeneration
    if (differs(request.protocolType, this.#protocolType) || differs(request.protocolName, this.#protocolName)) return ERRORS.inconsistentGroupProtocol
    return null
  }

  #topicsOf(members: Membership): ReadonlySet<string> | null {
    const topics = new Set<string>()
    for (const member of members.all()) {
      const own = subscribedTopics(member.metadataFor(this.#protocolName) ?? NO_ASSIGNMENT)
      if (own === null) return null
      for (const topic of own) topics.add(topic)
    }
    return topics
  }
}

/** Null is "not said", by old clients. */
function differs(claimed: string | null, actual: string | null): boolean {
  return claimed !== null && actual !== null && claimed !== actual
}
