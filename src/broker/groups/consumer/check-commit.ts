import { ERRORS, type ErrorRow } from '../../errors.ts'
import type { MemberClaim } from '../group-requests.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerMember } from './consumer-member.ts'

/** As far as it matters here. */
export interface ConsumerCommit extends MemberClaim {
  /** OffsetCommit v9 and later. */
  readonly knowsGroupIdNotFound: boolean
  readonly offsets: readonly { readonly topic: { readonly id: string }; readonly partition: number }[]
}

/**
 * Whether a commit to a group of KIP-848 is in order (rule 26), as a whole: the epoch must be the member's, or at least the one
 * at which it was given the partition, which it still has (KIP-1251).
 */
export function checkConsumerCommit(group: ConsumerGroup, commit: ConsumerCommit): ErrorRow | null {
  if (commit.generation < 0 && group.roster.size === 0) return null
  const member = group.roster.get(commit.memberId)
  if (member === undefined) return ERRORS.unknownMemberId
  if (!member.usesClassicProtocol && !commit.knowsGroupIdNotFound) return ERRORS.unsupportedVersion
  if (commit.generation === member.epoch) return null
  const isOwn = commit.generation < member.epoch && commit.offsets.every(({ topic, partition }) => commit.generation >= epochOf(member, topic.id, partition))
  if (isOwn) return null
  return member.usesClassicProtocol ? ERRORS.illegalGeneration : ERRORS.staleMemberEpoch
}

/** At which the member was given a partition; Infinity for one that it does not have. */
function epochOf({ current }: ConsumerMember, topicId: string, partition: number): number {
  return current.assigned.get(topicId)?.get(partition) ?? current.pendingRevocation.get(topicId)?.get(partition) ?? Infinity
}
