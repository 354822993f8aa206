import type { TopicRegistry } from '../../topics/topic-registry.ts'
import { type DescribedPartitions, describePartitions } from '../group-description.ts'
import type { ShareGroup, ShareGroupState } from './share-group.ts'

/** A group as ShareGroupDescribe shows it. */
export interface ShareGroupDescription {
  readonly groupId: string
  readonly state: ShareGroupState
  readonly groupEpoch: number
  readonly targetEpoch: number
  readonly members: readonly ShareMemberDescription[]
}

interface ShareMemberDescription {
  readonly memberId: string
  readonly rackId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly topicNames: readonly string[]
  readonly assigned: readonly DescribedPartitions[]
}

export function describeShareGroup(group: ShareGroup, topics: TopicRegistry): ShareGroupDescription {
  return {
    groupId: group.id,
    state: group.state,
    groupEpoch: group.epoch,
    targetEpoch: group.targetEpoch,
    members: [...group.members()].map(({ id, profile, current }) => ({
      memberId: id,
      rackId: profile.rackId,
      memberEpoch: current.epoch,
      clientId: profile.clientId,
      clientHost: profile.clientHost,
      topicNames: profile.topicNames,
      assigned: describePartitions(current.assigned, topics),
    })),
  }
}
