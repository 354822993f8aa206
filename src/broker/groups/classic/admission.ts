import { ERRORS, type ErrorRow } from '../../errors.ts'
import type { JoinRequest } from '../group-requests.ts'
import type { GroupSettings } from '../group-settings.ts'
import type { GroupState } from './group-state.ts'
import { type Membership, protocolBytes } from './membership.ts'

/** What decides whether a group lets a member in. */
export interface GroupDoor {
  readonly state: GroupState
  readonly members: Membership
  /** Members that were given an id and have not come with it yet. */
  readonly expectedCount: number
  /** Null where the group never had members. */
  readonly protocolType: string | null
}

/** Null where a JoinGroup may go on (rule 16), else GROUP_MAX_SIZE_REACHED or INCONSISTENT_GROUP_PROTOCOL. */
export function refuseEntry(request: JoinRequest, door: GroupDoor, settings: GroupSettings): ErrorRow | null {
  if (!hasPlaceFor(request, door, settings) || !hasRoomFor(request, door, settings)) return ERRORS.groupMaxSizeReached
  return supportsProtocols(request, door) ? null : ERRORS.inconsistentGroupProtocol
}

/** `group.max.size`: in a rebalance those who rejoined first have the places. */
function hasPlaceFor({ memberId, instanceId }: JoinRequest, { state, members, expectedCount }: GroupDoor, settings: GroupSettings): boolean {
  const known = members.find(memberId, instanceId)
  if (memberId === '' && expectedCount >= settings.maxPendingMembers) return false
  switch (state) {
    case 'Empty':
    case 'Dead':
      return true
    case 'PreparingRebalance':
      return known?.awaitingJoin != null || members.awaitingJoinCount < settings.maxSize
    case 'CompletingRebalance':
    case 'Stable':
      return known !== undefined || members.size < settings.maxSize
    default:
      return state satisfies never
  }
}

/** What members say of themselves must fit into the group's record, or no assignment could ever be saved. */
function hasRoomFor({ memberId, instanceId, protocols }: JoinRequest, { members }: GroupDoor, settings: GroupSettings): boolean {
  const others = members.protocolBytes - protocolBytes(members.find(memberId, instanceId)?.protocols ?? [])
  return others + protocolBytes(protocols) <= settings.maxStateBytes
}

/** The first member decides what kind of group it is; the others must share a protocol with everybody. */
function supportsProtocols(request: JoinRequest, { members, protocolType }: GroupDoor): boolean {
  if (members.size === 0) return request.protocolType !== '' && request.protocols.length > 0
  return request.protocolType === protocolType && members.supportsAnyOf(request.protocols)
}
