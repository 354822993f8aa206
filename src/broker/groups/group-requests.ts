import type { ErrorRow } from '../errors.ts'

/** A way to assign partitions that a member supports, with what it tells the leader for it; the broker relays the bytes untouched. */
export interface Protocol {
  readonly name: string
  readonly metadata: Uint8Array
}

/** The connection a member speaks through, as far as groups care: it closes once. */
export interface MemberConnection {
  readonly closed: boolean
  /** Calls `run` once, after the connection closed; returns how to take it back. */
  onClose(run: () => void): () => void
}

/** Called exactly once, at once or when the event came that the request waits for. */
export type Respond<Result> = (result: Result) => void

export interface JoinRequest {
  readonly groupId: string
  /** '' for a member that has no id yet. */
  readonly memberId: string
  /** Of a static member (KIP-345); null for a dynamic one. */
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  readonly connection: MemberConnection | null
  readonly protocolType: string
  /** In the member's order of preference. Views: the group copies them. */
  readonly protocols: readonly Protocol[]
  readonly sessionTimeoutMs: number
  readonly rebalanceTimeoutMs: number
  /** JoinGroup v4 and later: a dynamic member without id is given one and must join again with it (KIP-394). */
  readonly requiresKnownMemberId: boolean
  /** JoinGroup v9 and later: the leader can be told to leave the assignment as it is (KIP-814). */
  readonly canSkipAssignment: boolean
}

/** One member as the leader sees it. */
export interface JoinedMember {
  readonly memberId: string
  readonly instanceId: string | null
  readonly metadata: Uint8Array
}

export interface JoinResult {
  readonly error: ErrorRow | null
  /** -1 with an error. */
  readonly generation: number
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** The member id of the leader; '' with an error. */
  readonly leader: string
  readonly skipAssignment: boolean
  readonly memberId: string
  /** For the leader only; empty for the others. */
  readonly members: readonly JoinedMember[]
}

/** A refused JoinGroup. */
export function joinRefused(error: ErrorRow, memberId: string): JoinResult {
  return { error, generation: -1, protocolType: null, protocolName: null, leader: '', skipAssignment: false, memberId, members: [] }
}

export interface SyncRequest {
  readonly groupId: string
  readonly generation: number
  readonly memberId: string
  readonly instanceId: string | null
  readonly connection: MemberConnection | null
  /** Null before SyncGroup v5: not checked. */
  readonly protocolType: string | null
  readonly protocolName: string | null
  /** By member id; empty but for the leader. Views: the group copies them. */
  readonly assignments: readonly { readonly memberId: string; readonly assignment: Uint8Array }[]
}

export interface SyncResult {
  readonly error: ErrorRow | null
  readonly protocolType: string | null
  readonly protocolName: string | null
  readonly assignment: Uint8Array
}

export const NO_ASSIGNMENT = new Uint8Array(0)

/** A refused SyncGroup. */
export function syncRefused(error: ErrorRow): SyncResult {
  return { error, protocolType: null, protocolName: null, assignment: NO_ASSIGNMENT }
}

/** Who speaks in Heartbeat and OffsetCommit. */
export interface MemberClaim {
  /** '' where none is claimed. */
  readonly memberId: string
  readonly instanceId: string | null
  /** -1 where none is claimed. */
  readonly generation: number
}

export interface LeavingMember {
  /** '' for an administrator who removes a static member by its instance id. */
  readonly memberId: string
  readonly instanceId: string | null
}
