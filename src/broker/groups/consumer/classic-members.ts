import { ERRORS, type ErrorRow, type Failure, isFailure } from '../../errors.ts'
import { copyProtocols } from '../classic/member.ts'
import { CONSUMER_PROTOCOL_TYPE } from '../classic/subscription.ts'
import { type ConsumerSubscription, readSubscription, writeAssignment } from '../consumer-protocol.ts'
import {
  type JoinRequest,
  type JoinResult,
  joinRefused,
  type LeavingMember,
  type MemberClaim,
  type MemberConnection,
  type Protocol,
  type SyncRequest,
  type SyncResult,
  syncRefused,
} from '../group-requests.ts'
import type { ConsumerGroup } from './consumer-group.ts'
import type { ConsumerGroupHost } from './consumer-group-host.ts'
import { BLANK_PROFILE, type ClassicProfile, type ConsumerMember, type MemberProfile } from './consumer-member.ts'
import { idsOf, namesOf } from './topic-names.ts'

/**
 * Members that speak the classic protocol in a group of KIP-848 (online migration): JoinGroup is their heartbeat with news,
 * SyncGroup gives them what they have, Heartbeat tells them to rejoin. Their generation is their member epoch; nobody leads.
 */

/** JoinGroup to a consumer group that has members; the session timeout was checked. */
export function joinAsClassic(group: ConsumerGroup, host: ConsumerGroupHost, request: JoinRequest): JoinResult {
  const refused = refuseJoin(group, host, request)
  if (refused !== null) return joinRefused(refused, request.memberId)
  const memberId = request.memberId === '' ? host.newConsumerMemberId() : request.memberId
  if (request.memberId === '' && request.instanceId === null && request.requiresKnownMemberId) return joinRefused(ERRORS.memberIdRequired, memberId)
  const subscription = readSubscription((request.protocols[0] as Protocol).metadata)
  // Kafka's answer.
  if (subscription === null) return joinRefused(ERRORS.unknownServerError, request.memberId)

  const holder = group.roster.holder(request.instanceId)
  const staysKnown = request.instanceId !== null && request.memberId !== ''
  const member = staysKnown ? group.find(memberId, request.instanceId) : (holder ?? group.roster.get(memberId) ?? null)
  if (isFailure(member)) return joinRefused(member.error, request.memberId)
  const full = group.checkBytes(member, toProfile(member?.profile ?? BLANK_PROFILE, request, subscription))
  if (full !== null) return joinRefused(full.error, request.memberId)
  const others = holder === undefined || holder.usesClassicProtocol ? null : new Set([holder])
  const becomesClassic = others !== null && group.mayBecomeClassic(others, group.roster.size)
  const joined = member === null || member.id !== memberId ? group.admit(memberId, member) : member
  step(group, host, joined, { request, subscription, becomesClassic })
  return answer(joined)
}

/** SyncGroup. */
export function syncAsClassic(group: ConsumerGroup, host: ConsumerGroupHost, request: SyncRequest): SyncResult {
  const member = findClassic(group, request)
  if (isFailure(member)) return syncRefused(member.error)
  const refused = refuseSync(group, member, request)
  if (refused !== null) return syncRefused(refused)
  member.sync.cancel()
  group.heard(member, request.connection)
  const { protocolType, protocolName } = request
  const version = readSubscription((member.profile.classic as ClassicProfile).protocols[0]?.metadata ?? new Uint8Array(0))?.version ?? 0
  return { error: null, protocolType, protocolName, assignment: writeAssignment(version, namesOf(member.current.assigned, host.topics)) }
}

/** Heartbeat: REBALANCE_IN_PROGRESS where the member shall join anew. */
export function heartbeatAsClassic(group: ConsumerGroup, claim: MemberClaim, connection: MemberConnection | null): ErrorRow | null {
  const member = findClassic(group, claim)
  if (isFailure(member)) return member.error
  if (member.epoch !== claim.generation) return ERRORS.illegalGeneration
  group.heard(member, connection)
  if (!hasNews(group, member)) return null
  expectRejoin(member)
  return ERRORS.rebalanceInProgress
}

/** LeaveGroup: an error or null for each, in order; members of either protocol may be removed so. */
export function leaveAsClassic(group: ConsumerGroup, leaving: readonly LeavingMember[]): (ErrorRow | null)[] {
  const gone = new Set<ConsumerMember>()
  const errors = leaving.map(({ memberId, instanceId }) => {
    const holder = group.roster.holder(instanceId)
    // An administrator names static members by their instance ids alone.
    const member = memberId === '' && holder !== undefined ? holder : group.find(memberId, instanceId)
    if (isFailure(member)) return member.error
    gone.add(member)
    return null
  })
  group.remove(gone, 'members left')
  return errors
}

function refuseJoin(group: ConsumerGroup, { settings }: ConsumerGroupHost, request: JoinRequest): ErrorRow | null {
  if (settings.migrationPolicy === 'disabled') return ERRORS.inconsistentGroupProtocol
  const full = group.checkRoom(request.memberId, request.instanceId)
  if (full !== null) return full.error
  const names = request.protocols.map(({ name }) => name)
  const fits = request.protocolType === CONSUMER_PROTOCOL_TYPE && names.length > 0 && group.roster.supportsAnyOf(names)
  return fits ? null : ERRORS.inconsistentGroupProtocol
}

interface ClassicStep {
  readonly request: JoinRequest
  readonly subscription: ConsumerSubscription
  readonly becomesClassic: boolean
}

function step(group: ConsumerGroup, host: ConsumerGroupHost, member: ConsumerMember, { request, subscription, becomesClassic }: ClassicStep): void {
  const profile = toProfile(member.profile, request, subscription)
  const owned = idsOf(subscription.owned, host.topics)
  const mayDescribe = () => true
  if (!becomesClassic) {
    group.advance(member, { profile, owned, mayDescribe })
    member.rejoin.cancel()
    member.mustRejoin = false
    group.heard(member, request.connection)
    member.sync.in(Math.max(0, request.rebalanceTimeoutMs))
    return
  }
  group.updateProfile(member, profile, mayDescribe)
  if (group.target.epoch === group.epoch) group.advance(member, { profile, owned, mayDescribe })
  const isBehind = group.state !== 'Stable'
  host.becomeClassic(group, { leaving: new Set(), rebalance: isBehind ? `static member ${member.id} came with the classic protocol` : null })
}

function toProfile(before: MemberProfile, request: JoinRequest, subscription: ConsumerSubscription): MemberProfile {
  return {
    instanceId: request.instanceId,
    rackId: subscription.rackId ?? before.rackId,
    clientId: request.clientId,
    clientHost: request.clientHost,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    topicNames: [...new Set(subscription.topics)],
    topicRegex: null,
    assignor: before.assignor,
    classic: { sessionTimeoutMs: request.sessionTimeoutMs, protocols: copyProtocols(request.protocols) },
  }
}

function answer(member: ConsumerMember): JoinResult {
  return {
    error: null,
    generation: member.epoch,
    protocolType: CONSUMER_PROTOCOL_TYPE,
    protocolName: (member.profile.classic as ClassicProfile).protocols[0]?.name ?? null,
    leader: '',
    skipAssignment: false,
    memberId: member.id,
    members: [],
  }
}

/** UNKNOWN_MEMBER_ID for a member of the other protocol too. */
function findClassic(group: ConsumerGroup, { memberId, instanceId }: Pick<MemberClaim, 'memberId' | 'instanceId'>): ConsumerMember | Failure {
  const member = group.find(memberId, instanceId)
  if (isFailure(member) || member.usesClassicProtocol) return member
  return { error: ERRORS.unknownMemberId, message: `Member ${memberId} does not use the classic protocol.` }
}

function refuseSync(group: ConsumerGroup, member: ConsumerMember, request: SyncRequest): ErrorRow | null {
  if (member.epoch !== request.generation) return ERRORS.illegalGeneration
  const protocolName = (member.profile.classic as ClassicProfile).protocols[0]?.name
  if (request.protocolType !== null && request.protocolType !== CONSUMER_PROTOCOL_TYPE) return ERRORS.inconsistentGroupProtocol
  if (request.protocolName !== null && request.protocolName !== protocolName) return ERRORS.inconsistentGroupProtocol
  // One that gives partitions up has rejoined already: it must finish first.
  if (group.epoch <= member.epoch || member.current.state === 'UnrevokedPartitions') return null
  expectRejoin(member)
  return ERRORS.rebalanceInProgress
}

/** Whether a JoinGroup would bring the member further. */
function hasNews(group: ConsumerGroup, member: ConsumerMember): boolean {
  if (member.epoch < group.target.epoch) return true
  switch (member.current.state) {
    case 'Stable':
      return false
    case 'UnrevokedPartitions':
      return true
    case 'UnreleasedPartitions':
      return !waitsForOthers(group, member)
    default:
      return member.current.state satisfies never
  }
}

function waitsForOthers(group: ConsumerGroup, member: ConsumerMember): boolean {
  for (const [topicId, partitions] of group.target.of(member.id)) {
    const assigned = member.current.assigned.get(topicId)
    for (const partition of partitions) if (!assigned?.has(partition) && !group.roster.owners.isFree(topicId, partition)) return true
  }
  return false
}

function expectRejoin(member: ConsumerMember): void {
  if (member.mustRejoin) return
  member.mustRejoin = true
  member.rejoin.in(Math.max(0, member.profile.rebalanceTimeoutMs))
}
