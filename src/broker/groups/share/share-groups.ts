import { ERRORS, type ErrorRow, type Failure, failure, isFailure } from '../../errors.ts'
import type { ShareStart, ShareSummary } from '../../shares/ports.ts'
import type { GroupRegistry } from '../group-registry.ts'
import type { Respond } from '../group-requests.ts'
import { ShareGroup } from './share-group.ts'
import { describeShareGroup, type ShareGroupDescription } from './share-group-description.ts'
import { checkShareHeartbeat, leavesShareGroup, type ShareHeartbeat, type ShareHeartbeatAnswer } from './share-heartbeat.ts'

/** Share groups (KIP-932) as the handlers see them: members, and where they begin in partitions. What is answered is durable. */
export class ShareGroups {
  readonly #registry: GroupRegistry

  constructor(registry: GroupRegistry) {
    this.#registry = registry
  }

  /** ShareGroupHeartbeat. `respond` is called when what it tells is durable, or at once where nothing changed. */
  heartbeat(request: ShareHeartbeat, respond: Respond<ShareHeartbeatAnswer | Failure>): void {
    const registry = this.#registry
    const answer = registry.isClosed ? failure(ERRORS.coordinatorNotAvailable) : (checkShareHeartbeat(request) ?? this.#heartbeat(request))
    if (isFailure(answer)) {
      respond(answer)
      return
    }
    registry.whenSaved(request.groupId, (failed) => {
      const group = registry.get(request.groupId)
      // It may be out by then: a disk that is slower than its session.
      const isGone = failed === null && !leavesShareGroup(request) && !(group?.type === 'share' && group.answered(answer.memberId))
      const error = isGone ? ERRORS.unknownMemberId : failed
      respond(error === null ? answer : failure(error))
    })
  }

  /** ShareGroupDescribe. */
  describe(groupId: string): ShareGroupDescription | Failure {
    const group = this.#find(groupId)
    return isFailure(group) ? group : describeShareGroup(group, this.#registry.topics)
  }

  /** DescribeShareGroupOffsets of one partition; null where nothing is kept of it. */
  summary(groupId: string, topicId: string, partition: number): ShareSummary | null {
    return this.#registry.shares.summary(groupId, topicId, partition)
  }

  /** DescribeShareGroupOffsets of all partitions: those of which anything is kept. */
  partitionsOf(groupId: string): Iterable<readonly [topicId: string, partitions: readonly number[]]> {
    return this.#registry.shares.partitionsOf(groupId)
  }

  /** AlterShareGroupOffsets of partitions that exist; makes the group where there is none. */
  alterOffsets(groupId: string, starts: readonly ShareStart[], respond: Respond<Failure | null>): void {
    const refused = this.#refuseAlter(groupId)
    if (refused !== null || starts.length === 0) {
      respond(refused)
      return
    }
    const known = this.#registry.get(groupId)
    const group = known?.type === 'share' ? known : new ShareGroup(groupId, this.#registry, null)
    if (known === undefined) this.#registry.put(group, ERRORS.notCoordinator)
    group.start(starts)
    this.#registry.whenSaved(groupId, (failed) => respond(failed === null ? null : failure(failed)))
  }

  /** DeleteShareGroupOffsets: one error or null for each topic in order. */
  deleteOffsets(groupId: string, topicIds: readonly string[], respond: Respond<Failure | readonly (ErrorRow | null)[]>): void {
    const group = groupId === '' ? failure(ERRORS.invalidGroupId, 'The group id is invalid.') : this.#find(groupId)
    if (isFailure(group) || group.size > 0) {
      respond(isFailure(group) ? group : NON_EMPTY)
      return
    }
    const kept = new Set([...this.partitionsOf(groupId)].map(([topicId]) => topicId))
    const errors = topicIds.map((topicId) => (kept.has(topicId) ? null : ERRORS.unknownTopicOrPartition))
    const doomed = topicIds.filter((topicId) => kept.has(topicId))
    if (doomed.length === 0) respond(errors)
    else this.#registry.append([this.#registry.shares.stageDeletion(groupId, doomed)], (failed) => respond(failed === null ? errors : failure(failed)))
  }

  // ----

  #heartbeat(request: ShareHeartbeat): ShareHeartbeatAnswer | Failure {
    const { groupId, memberEpoch } = request
    if (memberEpoch === 0 && this.#registry.get(groupId) === undefined) return this.#found(request)
    const group = this.#find(groupId)
    if (!isFailure(group)) return leavesShareGroup(request) ? group.leave(request) : group.heartbeat(request)
    const isMissing = this.#registry.get(groupId) === undefined && !leavesShareGroup(request)
    return isMissing ? failure(ERRORS.groupIdNotFound, `Share group ${groupId} not found.`) : group
  }

  /** The first member of a new group. */
  #found(request: ShareHeartbeat): ShareHeartbeatAnswer | Failure {
    if (this.#registry.isFull) return failure(ERRORS.policyViolation)
    const group = new ShareGroup(request.groupId, this.#registry, null)
    const answer = group.heartbeat(request)
    if (!isFailure(answer)) this.#registry.put(group, ERRORS.unknownMemberId)
    return answer
  }

  #find(groupId: string): ShareGroup | Failure {
    const group = this.#registry.get(groupId)
    if (group?.type === 'share') return group
    return failure(ERRORS.groupIdNotFound, `Group ${groupId} ${group === undefined ? 'not found' : 'is not a share group'}.`)
  }

  #refuseAlter(groupId: string): Failure | null {
    if (this.#registry.isClosed) return failure(ERRORS.coordinatorNotAvailable)
    if (groupId === '') return failure(ERRORS.invalidGroupId, 'The group id is invalid.')
    if (this.#registry.get(groupId) === undefined) return this.#registry.isFull ? failure(ERRORS.policyViolation) : null
    const group = this.#find(groupId)
    if (isFailure(group)) return group
    return group.size > 0 ? NON_EMPTY : null
  }
}

const NON_EMPTY = failure(ERRORS.nonEmptyGroup, 'The group is not empty.')
