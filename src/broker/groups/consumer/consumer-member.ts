import type { Clock } from '../../../runtime/clock.ts'
import { ConnectionWatch } from '../connection-watch.ts'
import { Deadline } from '../deadline.ts'
import type { Protocol } from '../group-requests.ts'
import type { AssignorName } from './assignors/assignors.ts'
import { type CurrentAssignment, NO_CURRENT_ASSIGNMENT } from './reconcile.ts'
import type { Subscription } from './subscriptions.ts'

/** Who a member is and what it wants. */
export interface MemberProfile extends Subscription {
  /** Null for a dynamic member. */
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** How long it may take to give partitions up. */
  readonly rebalanceTimeoutMs: number
  /** The assignor it asks for; null where any will do. */
  readonly assignor: AssignorName | null
  /** For a member that speaks the classic protocol; null for one of KIP-848. */
  readonly classic: ClassicProfile | null
}

/** What a classic member says beside that. */
export interface ClassicProfile {
  readonly sessionTimeoutMs: number
  /** At least one. */
  readonly protocols: readonly Protocol[]
}

/** Of a member that is about to come. */
export const BLANK_PROFILE: MemberProfile = {
  instanceId: null,
  rackId: null,
  clientId: '',
  clientHost: '',
  rebalanceTimeoutMs: -1,
  topicNames: [],
  topicRegex: null,
  assignor: null,
  classic: null,
}

/** The member epoch of a static member that left to come back (KIP-848). */
export const LEFT_FOR_A_WHILE = -2

/** One member of a consumer group, with its deadlines. Only `Roster` changes profile and assignment: it counts them. */
export class ConsumerMember {
  readonly id: string
  profile: MemberProfile
  current: CurrentAssignment
  /** Moved by every sign of life. */
  readonly session: Deadline
  /** Runs while it has partitions to give up. */
  readonly revocation: Deadline
  /** Of a classic member that was told to rejoin. */
  readonly rejoin: Deadline
  /** Of a classic member that joined and has not asked for its assignment. */
  readonly sync: Deadline
  readonly connection = new ConnectionWatch()
  /** `rejoin` runs: it was told already. */
  mustRejoin = false

  constructor(
    { id, profile, current = NO_CURRENT_ASSIGNMENT }: { readonly id: string; readonly profile: MemberProfile; readonly current?: CurrentAssignment },
    clock: Clock,
    onLate: (member: ConsumerMember, reason: string) => void,
  ) {
    this.id = id
    this.profile = profile
    this.current = current
    this.session = new Deadline(clock, () => onLate(this, 'its session ended'))
    this.revocation = new Deadline(clock, () => onLate(this, `it did not give up its partitions within ${this.profile.rebalanceTimeoutMs} ms`))
    this.rejoin = new Deadline(clock, () => onLate(this, 'it did not rejoin within its rebalance timeout'))
    this.sync = new Deadline(clock, () => onLate(this, 'it did not ask for its assignment within its rebalance timeout'))
  }

  get epoch(): number {
    return this.current.epoch
  }

  get usesClassicProtocol(): boolean {
    return this.profile.classic !== null
  }

  /** It is out, or its group ends. */
  release(): void {
    this.connection.forget()
    this.session.cancel()
    this.revocation.cancel()
    this.rejoin.cancel()
    this.sync.cancel()
  }
}

export function sameProfile(left: MemberProfile, right: MemberProfile): boolean {
  return (
    left.instanceId === right.instanceId &&
    left.rackId === right.rackId &&
    left.clientId === right.clientId &&
    left.clientHost === right.clientHost &&
    left.rebalanceTimeoutMs === right.rebalanceTimeoutMs &&
    left.assignor === right.assignor &&
    left.topicRegex === right.topicRegex &&
    sameNames(left.topicNames, right.topicNames) &&
    sameClassic(left.classic, right.classic)
  )
}

/** In any order; neither has repeats. */
export function sameNames(left: readonly string[], right: readonly string[]): boolean {
  if (left === right) return true
  if (left.length !== right.length) return false
  if (left.every((name, index) => name === right[index])) return true
  const names = new Set(left)
  return right.every((name) => names.has(name))
}

function sameClassic(left: ClassicProfile | null, right: ClassicProfile | null): boolean {
  if (left === null || right === null) return left === right
  if (left.sessionTimeoutMs !== right.sessionTimeoutMs || left.protocols.length !== right.protocols.length) return false
  return left.protocols.every(({ name, metadata }, index) => {
    const other = right.protocols[index] as Protocol
    return name === other.name && Buffer.compare(metadata, other.metadata) === 0
  })
}
