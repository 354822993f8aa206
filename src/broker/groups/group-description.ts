import type { TopicRegistry } from '../topics/topic-registry.ts'
import type { AnyGroup } from './any-group.ts'
import type { ClassicGroup } from './classic/classic-group.ts'
import type { GroupState } from './classic/group-state.ts'
import { CONSUMER_PROTOCOL_TYPE } from './classic/subscription.ts'
import type { AssignorName } from './consumer/assignors/assignors.ts'
import type { ConsumerGroup, ConsumerGroupState } from './consumer/consumer-group.ts'
import { type EpochedPartitions, listPartitions, type Partitions, type TopicPartitions } from './consumer/partitions.ts'
import { ownedPartitions } from './consumer/reconcile.ts'
import { NO_ASSIGNMENT } from './group-requests.ts'
import type { ShareGroupState } from './share/share-group.ts'

/** A group as DescribeGroups shows it. */
export interface GroupDescription {
  readonly groupId: string
  readonly state: GroupState
  /** '' for a simple group. */
  readonly protocolType: string
  /** The elected protocol; '' unless Stable. */
  readonly protocolName: string
  readonly members: readonly MemberDescription[]
}

interface MemberDescription {
  readonly memberId: string
  readonly instanceId: string | null
  readonly clientId: string
  readonly clientHost: string
  /** Empty unless the group is Stable. */
  readonly metadata: Uint8Array
  readonly assignment: Uint8Array
}

/** A group as ConsumerGroupDescribe shows it. */
export interface ConsumerGroupDescription {
  readonly groupId: string
  readonly state: ConsumerGroupState
  readonly groupEpoch: number
  readonly targetEpoch: number
  readonly assignor: AssignorName
  readonly members: readonly ConsumerMemberDescription[]
}

interface ConsumerMemberDescription {
  readonly memberId: string
  readonly instanceId: string | null
  readonly rackId: string | null
  readonly memberEpoch: number
  readonly clientId: string
  readonly clientHost: string
  readonly topicNames: readonly string[]
  readonly topicRegex: string | null
  /** What it has, with what it is giving up. */
  readonly owned: readonly DescribedPartitions[]
  readonly target: readonly DescribedPartitions[]
  readonly usesClassicProtocol: boolean
}

export interface DescribedPartitions extends TopicPartitions {
  readonly topicName: string
}

/** A group as ListGroups shows it. */
export interface GroupListing {
  readonly groupId: string
  readonly state: GroupState | ConsumerGroupState | ShareGroupState
  readonly protocolType: string
  /** KIP-848's kinds. */
  readonly type: AnyGroup['type']
}

export function describeClassicGroup(group: ClassicGroup): GroupDescription {
  const protocolName = group.state === 'Stable' ? group.generation.protocolName : null
  return {
    groupId: group.id,
    state: group.state,
    protocolType: group.generation.protocolType ?? '',
    protocolName: protocolName ?? '',
    members: [...group.members.all()].map((member) => ({
      memberId: member.id,
      instanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      metadata: (protocolName === null ? undefined : member.metadataFor(protocolName)) ?? NO_ASSIGNMENT,
      assignment: member.assignment,
    })),
  }
}

export function describeConsumerGroup(group: ConsumerGroup, topics: TopicRegistry): ConsumerGroupDescription {
  return {
    groupId: group.id,
    state: group.state,
    groupEpoch: group.epoch,
    targetEpoch: group.target.epoch,
    assignor: group.roster.assignor,
    members: [...group.roster.all()].map(({ id, profile, current, usesClassicProtocol }) => ({
      memberId: id,
      instanceId: profile.instanceId,
      rackId: profile.rackId,
      memberEpoch: current.epoch,
      clientId: profile.clientId,
      clientHost: profile.clientHost,
      topicNames: profile.topicNames,
      topicRegex: profile.topicRegex,
      owned: describePartitions(ownedPartitions(current), topics),
      target: describePartitions(group.target.of(id), topics),
      usesClassicProtocol,
    })),
  }
}

export function listGroup(group: AnyGroup): GroupListing {
  return { groupId: group.id, state: group.state, protocolType: protocolTypeOf(group), type: group.type }
}

function protocolTypeOf(group: AnyGroup): string {
  switch (group.type) {
    case 'classic':
      return group.generation.protocolType ?? ''
    case 'consumer':
      return CONSUMER_PROTOCOL_TYPE
    case 'share':
      return 'share'
  }
}

/** Topics that are gone are left out. */
export function describePartitions(partitions: Partitions | EpochedPartitions, topics: TopicRegistry): DescribedPartitions[] {
  return listPartitions(partitions).flatMap((listed) => {
    const topic = topics.getById(listed.topicId)
    return topic === undefined ? [] : [{ ...listed, topicName: topic.name }]
  })
}
