import type { ClassicGroup } from './classic/classic-group.ts'
import type { GroupState } from './classic/group-state.ts'
import { NO_ASSIGNMENT } from './group-requests.ts'

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

/** A group as ListGroups shows it. */
export interface GroupListing {
  readonly groupId: string
  readonly state: GroupState
  readonly protocolType: string
  /** KIP-848's kinds; there is only this one so far. */
  readonly type: 'classic'
}

export function describeGroup(group: ClassicGroup): GroupDescription {
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

export function listGroup(group: ClassicGroup): GroupListing {
  return { groupId: group.id, state: group.state, protocolType: group.generation.protocolType ?? '', type: 'classic' }
}
