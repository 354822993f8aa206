import { ERRORS, type Failure, failure } from '../../errors.ts'
import type { MemberConnection } from '../group-requests.ts'
import { ASSIGNORS, isAssignorName } from './assignors/assignors.ts'
import { LEFT_FOR_A_WHILE } from './consumer-member.ts'
import type { TopicPartitions } from './partitions.ts'
import type { MayDescribe } from './subscriptions.ts'

/** A ConsumerGroupHeartbeat; null (and -1) is what has not changed since the last one. */
export interface HeartbeatRequest {
  readonly groupId: string
  /** '' in version 0 for a member that has none yet. */
  readonly memberId: string
  /** 0 to join, -1 to leave, -2 for a static member that leaves to come back. */
  readonly memberEpoch: number
  readonly instanceId: string | null
  readonly rackId: string | null
  /** -1: unchanged. */
  readonly rebalanceTimeoutMs: number
  readonly topicNames: readonly string[] | null
  /** '' for none. */
  readonly topicRegex: string | null
  readonly assignor: string | null
  /** What the member has. */
  readonly owned: readonly TopicPartitions[] | null
  readonly clientId: string
  readonly clientHost: string
  readonly connection: MemberConnection | null
  /** Version 1 and later (KIP-1082). */
  readonly makesOwnMemberId: boolean
  readonly mayDescribe: MayDescribe
}

export interface HeartbeatAnswer {
  readonly memberId: string
  readonly memberEpoch: number
  readonly heartbeatIntervalMs: number
  /** What the member may consume; null where that did not change. */
  readonly assignment: readonly TopicPartitions[] | null
}

const JOINS = 0
const LEAVES = -1

export function leaves({ memberEpoch }: HeartbeatRequest): boolean {
  return memberEpoch === LEAVES || memberEpoch === LEFT_FOR_A_WHILE
}

/** What is wrong with a heartbeat whatever the group (rule 25), else null. */
export function checkHeartbeat(request: HeartbeatRequest): Failure | null {
  const wrong = wrongIds(request) ?? wrongEpoch(request)
  if (wrong !== null) return failure(ERRORS.invalidRequest, wrong)
  const { assignor } = request
  if (assignor === null || isAssignorName(assignor)) return null
  return failure(ERRORS.unsupportedAssignor, `ServerAssignor ${assignor} is not supported. Supported assignors: ${Object.keys(ASSIGNORS).join(', ')}.`)
}

function wrongIds(request: HeartbeatRequest): string | null {
  const { memberEpoch } = request
  const needsMemberId = request.makesOwnMemberId || memberEpoch > JOINS || memberEpoch === LEAVES
  if (needsMemberId && isBlank(request.memberId)) return "MemberId can't be empty."
  if (isBlank(request.groupId)) return "GroupId can't be empty."
  if (isBlank(request.instanceId)) return "InstanceId can't be empty."
  return isBlank(request.rackId) ? "RackId can't be empty." : null
}

function wrongEpoch(request: HeartbeatRequest): string | null {
  if (request.memberEpoch < LEFT_FOR_A_WHILE) return 'MemberEpoch is invalid.'
  if (request.memberEpoch === LEFT_FOR_A_WHILE) return request.instanceId === null ? "InstanceId can't be null." : null
  if (request.memberEpoch !== JOINS) return null
  if (request.rebalanceTimeoutMs === -1) return 'RebalanceTimeoutMs must be provided in first request.'
  if (request.owned === null || request.owned.length > 0) return 'TopicPartitions must be empty when (re-)joining.'
  if (request.topicNames === null && request.topicRegex === null) {
    return 'Either SubscribedTopicNames or SubscribedTopicRegex must be non-null when (re-)joining.'
  }
  return null
}

function isBlank(text: string | null): boolean {
  return text?.trim() === ''
}
