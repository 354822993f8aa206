import { ERRORS, type ErrorRow } from '../errors.ts'
import type { Topic } from '../topics/topic.ts'
import { isDeserted, isEmpty, isSubscribedTo } from './any-group.ts'
import { checkConsumerCommit } from './consumer/check-commit.ts'
import type { GroupRegistry } from './group-registry.ts'
import type { MemberClaim, MemberConnection, Respond } from './group-requests.ts'
import { isExpired, offsetRetention } from './offset-expiry.ts'
import type { CommittedOffset } from './offset-record.ts'
import type { OffsetChange, StagedChange } from './offsets.ts'

/** Offsets a client commits for partitions that exist and that it may read. */
export interface CommitRequest extends MemberClaim {
  readonly groupId: string
  readonly connection: MemberConnection | null
  /** OffsetCommit v9 and later: the first that members of KIP-848 may send, with a better word for a group that is not there. */
  readonly knowsGroupIdNotFound: boolean
  /** OffsetCommit v2 to v4; -1 for the broker's retention. */
  readonly retentionMs: number
  readonly offsets: readonly OffsetToCommit[]
}

export interface OffsetToCommit {
  readonly topic: Topic
  readonly partition: number
  readonly offset: number
  readonly leaderEpoch: number
  readonly metadata: string
}

/** An error for all, or one (or null) for each offset in order. */
export type CommitResult = ErrorRow | readonly (ErrorRow | null)[]

export interface OffsetDeletion {
  readonly topicName: string
  readonly partition: number
}

/** OffsetCommit, OffsetDelete and the expiry of offsets, for groups of either protocol. */
export class OffsetCommits {
  readonly #registry: GroupRegistry

  constructor(registry: GroupRegistry) {
    this.#registry = registry
  }

  commit(request: CommitRequest, respond: Respond<CommitResult>): void {
    const refused = this.#checkClaim(request)
    if (refused !== null) {
      respond(refused)
      return
    }
    const errors = this.#checkOffsets(request)
    const changes = this.changesOf(request, errors)
    if (changes.length === 0) respond(errors)
    else this.#registry.append([this.stage(request.groupId, changes)], (failed) => respond(failed ?? errors))
  }

  /**
   * TxnOffsetCommit, without appending anything: an error for all, or one (or null) for each. The claim is optional (KIP-447),
   * and a rebalance under way does not matter.
   */
  checkTransactional(request: CommitRequest, isPending: boolean): CommitResult {
    if (this.#registry.isClosed) return ERRORS.coordinatorNotAvailable
    return this.#checkTransactionalClaim(request, isPending) ?? this.#checkOffsets(request)
  }

  /** What a checked request changes: the offsets whose error is null. */
  changesOf(request: CommitRequest, errors: readonly (ErrorRow | null)[]): OffsetChange[] {
    return request.offsets.filter((_, index) => errors[index] === null).map((offset) => this.#toChange(request, offset))
  }

  /** Takes changes in, to be appended with others; makes the group where there is none. */
  stage(groupId: string, changes: readonly OffsetChange[]): StagedChange {
    this.#registry.getOrMake(groupId)
    return this.#registry.offsets.stage(groupId, changes)
  }

  delete(groupId: string, deletions: readonly OffsetDeletion[], respond: Respond<CommitResult>): void {
    const group = this.#registry.get(groupId)
    if (groupId === '') {
      respond(ERRORS.invalidGroupId)
      return
    }
    if (group === undefined || group.type === 'share') {
      // Said only while the disk works, as in DeleteGroups: a deletion that is under way may fail.
      this.#registry.append([], (failed) => respond(failed ?? ERRORS.groupIdNotFound))
      return
    }
    // For classic groups of consumers, whose subscriptions can be read, and for groups without members.
    if (group.type === 'classic' && !isEmpty(group) && !group.generation.usesConsumerProtocol) {
      respond(ERRORS.nonEmptyGroup)
      return
    }
    const errors = deletions.map(({ topicName }) => (isSubscribedTo(group, topicName) ? ERRORS.groupSubscribedToTopic : null))
    const changes = deletions
      .filter(({ topicName, partition }, index) => errors[index] === null && this.#registry.offsets.has(groupId, topicName, partition))
      .map(({ topicName, partition }): OffsetChange => ({ topicName, partition, value: null }))
    if (errors.every((error) => error !== null)) {
      respond(errors)
      return
    }
    // Also where nothing is there: after a failed sync the disk may still hold a commit that was refused.
    const staged = changes.length === 0 ? [] : [this.#registry.offsets.stage(groupId, changes)]
    this.#registry.append(staged, (failed) => respond(failed ?? errors))
  }

  /** Deletes what `select` says of all groups. */
  deleteWhere(select: (topicName: string, offset: CommittedOffset) => boolean): void {
    const { offsets } = this.#registry
    const staged: StagedChange[] = []
    for (const groupId of [...offsets.groupIds()]) {
      const changes = offsets.deletions(groupId, select)
      if (changes.length > 0) staged.push(offsets.stage(groupId, changes))
    }
    if (staged.length > 0) this.#registry.append(staged, () => undefined)
  }

  /** Deletes expired offsets, and groups that nobody is in and that have none (left). */
  cleanUp(): void {
    const { offsets, settings, clock } = this.#registry
    const staged: StagedChange[] = []
    const taken: string[] = []
    const nowMs = clock.now()
    for (const group of [...this.#registry.all()]) {
      const since = offsetRetention(group)
      const expired =
        since === null
          ? []
          : offsets.deletions(group.id, (topicName, offset) => {
              return !isSubscribedTo(group, topicName) && isExpired(offset, since(offset), nowMs, settings.offsetsRetentionMs)
            })
      if (expired.length > 0) staged.push(offsets.stage(group.id, expired))
      // A share group stays until it is deleted, as in Kafka.
      if (group.type === 'share' || !isDeserted(group) || offsets.hasAny(group.id)) continue
      taken.push(group.id)
      staged.push(...this.#registry.take(group))
    }
    if (staged.length === 0) return
    this.#registry.append(staged, (failed) => {
      // They are what they were, offsets and all, until the next look.
      if (failed !== null) for (const groupId of taken) this.#registry.reviveMissing(groupId)
    })
  }

  #checkClaim(request: CommitRequest): ErrorRow | null {
    const group = this.#registry.get(request.groupId)
    if (this.#registry.isClosed) return ERRORS.coordinatorNotAvailable
    if (group?.type === 'classic') return group.checkCommit(request, request.connection)
    if (group?.type === 'consumer') return checkConsumerCommit(group, request)
    if (group?.type === 'share') return ERRORS.groupIdNotFound
    if (request.generation >= 0) return request.knowsGroupIdNotFound ? ERRORS.groupIdNotFound : ERRORS.illegalGeneration
    return this.#registry.isFull ? ERRORS.policyViolation : null
  }

  #checkTransactionalClaim(request: CommitRequest, isPending: boolean): ErrorRow | null {
    const group = this.#registry.get(request.groupId)
    if (group?.type === 'classic') return group.checkTransactionalCommit(request)
    if (group?.type === 'share') return ERRORS.groupIdNotFound
    if (group?.type === 'consumer') {
      const claimsNothing = request.generation < 0 && request.memberId === '' && request.instanceId === null
      return claimsNothing ? null : checkConsumerCommit(group, { ...request, knowsGroupIdNotFound: true })
    }
    // For Kafka it is a group without members from its first offset on; here it is made when the transaction commits.
    if (request.generation >= 0) return isPending ? ERRORS.unknownMemberId : ERRORS.illegalGeneration
    return this.#registry.isFull ? ERRORS.policyViolation : null
  }

  #checkOffsets(request: CommitRequest): (ErrorRow | null)[] {
    const { maxOffsetMetadataLength, maxOffsets } = this.#registry.settings
    let room = maxOffsets - this.#registry.offsets.size
    return request.offsets.map(({ topic, partition, metadata }) => {
      if (metadata.length > maxOffsetMetadataLength) return ERRORS.offsetMetadataTooLarge
      if (this.#registry.offsets.has(request.groupId, topic.name, partition)) return null
      room--
      return room >= 0 ? null : ERRORS.policyViolation
    })
  }

  #toChange(request: CommitRequest, { topic, partition, offset, leaderEpoch, metadata }: OffsetToCommit): OffsetChange {
    const committedAtMs = this.#registry.clock.now()
    const expiresAtMs = request.retentionMs < 0 ? -1 : Math.min(committedAtMs + request.retentionMs, Number.MAX_SAFE_INTEGER)
    return { topicName: topic.name, partition, value: { topicId: topic.id, offset, leaderEpoch, metadata, committedAtMs, expiresAtMs } }
  }
}
