import { ERRORS, type Failure, failure } from '../../errors.ts'
import type { TopicPartitions } from '../consumer/partitions.ts'
import type { MemberConnection } from '../group-requests.ts'

/** A ShareGroupHeartbeat; null is what has not changed since the last one. */
export interface ShareHeartbeat {
  readonly groupId: string
  /** Made by the member. */
  readonly memberId: string
  /** 0 to join, -1 to leave. */
  readonly memberEpoch: number
  readonly rackId: string | null
  readonly topicNames: readonly string[] | null
  readonly clientId: string
  readonly clientHost: string
  readonly connection: MemberConnection | null
}

export interface ShareHeartbeatAnswer {
  readonly memberId: string
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  /** What the member may fetch; null where that did not change. */
  readonly assignment: readonly TopicPartitions[] | null
}

const JOINS = 0
const LEAVES = -1

export function leavesShareGroup({ memberEpoch }: ShareHeartbeat): boolean {
  return memberEpoch === LEAVES
}

/** What is wrong with a heartbeat whatever the group, else null. */
export function checkShareHeartbeat(request: ShareHeartbeat): Failure | null {
  const wrong = wrongWords(request)
  return wrong === null ? null : failure(ERRORS.invalidRequest, wrong)
}

function wrongWords({ groupId, memberId, memberEpoch, rackId, topicNames }: ShareHeartbeat): string | null {
  if (memberId.trim() === '') return "MemberId can't be empty."
  if (groupId.trim() === '') return "GroupId can't be empty."
  if (rackId?.trim() === '') return "RackId can't be empty."
  if (memberEpoch === JOINS && (topicNames === null || topicNames.length === 0)) return 'SubscribedTopicNames must be set in first request.'
  return memberEpoch < LEAVES ? 'MemberEpoch is invalid.' : null
}
