import type { Clock } from '../../../runtime/clock.ts'
import { ConnectionWatch } from '../connection-watch.ts'
import { Deadline } from '../deadline.ts'
import { type JoinResult, NO_ASSIGNMENT, type Protocol, type Respond, type SyncResult } from '../group-requests.ts'

/** Who a member is and what it asked for. */
export interface MemberProfile {
  readonly id: string
  /** Null for a dynamic member. */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly protocols: readonly Protocol[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
}

/** One member of a group, with the answers it waits for and the end of its session. */
export class Member {
  readonly id: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Ends the session; moved by every sign of life. */
  readonly session: Deadline
  protocols: readonly Protocol[]
  sessionTimeoutMs: number
  rebalanceTimeoutMs: number
  assignment: Uint8Array = NO_ASSIGNMENT
  /** Its first JoinGroup is not answered yet: it knows no id, so it cannot heartbeat, and can expire although it is parked. */
  isNew = false
  readonly connection = new ConnectionWatch()
  /** Parked JoinGroup. Only `Membership` changes it: it counts them. */
  awaitingJoin: Respond<JoinResult> | null = null
  /** Parked SyncGroup. */
  awaitingSync: Respond<SyncResult> | null = null

  constructor(profile: MemberProfile, clock: Clock, onSessionEnd: (member: Member) => void) {
    this.id = profile.id
    this.instanceId = profile.instanceId
    this.clientId = profile.clientId
    this.clientHost = profile.clientHost
    this.protocols = profile.protocols
    this.sessionTimeoutMs = profile.sessionTimeoutMs
    this.rebalanceTimeoutMs = profile.rebalanceTimeoutMs
    this.session = new Deadline(clock, () => onSessionEnd(this))
  }

  /** Whether it needs no heartbeat now: whoever is parked cannot send one on the same connection. */
  get satisfiesHeartbeat(): boolean {
    if (this.isNew || this.connection.isLost) return false
    return this.awaitingJoin !== null || this.awaitingSync !== null
  }

  /** Whether it joins with exactly what the group knows of it: a lost answer, no news. */
  matches(protocols: readonly Protocol[]): boolean {
    if (protocols.length !== this.protocols.length) return false
    return this.protocols.every((own, index) => {
      const other = protocols[index] as Protocol
      return own.name === other.name && Buffer.compare(own.metadata, other.metadata) === 0
    })
  }

  /** What it tells the leader for a protocol; undefined where it does not support it. */
  metadataFor(protocolName: string | null): Uint8Array | undefined {
    return this.protocols.find((protocol) => protocol.name === protocolName)?.metadata
  }

  /** Its first choice among the candidates; undefined where it supports none. */
  vote(candidates: ReadonlySet<string>): string | undefined {
    return this.protocols.find((protocol) => candidates.has(protocol.name))?.name
  }
}

/** What is kept beyond the request must not keep the request's frame alive. */
export function copyProtocols(protocols: readonly Protocol[]): Protocol[] {
  return protocols.map(({ name, metadata }) => ({ name, metadata: new Uint8Array(metadata) }))
}
