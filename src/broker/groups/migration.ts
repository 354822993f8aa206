import type { Clock } from '../../runtime/clock.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import type { TopicRegistry } from '../topics/topic-registry.ts'
import type { ClassicGroup } from './classic/classic-group.ts'
import type { GroupRecord } from './classic/group-record.ts'
import { Member } from './classic/member.ts'
import { Membership } from './classic/membership.ts'
import { CONSUMER_PROTOCOL_TYPE } from './classic/subscription.ts'
import type { ConsumerGroup } from './consumer/consumer-group.ts'
import type { Downgrade } from './consumer/consumer-group-host.ts'
import type { SavedConsumerGroup } from './consumer/consumer-group-store.ts'
import type { ClassicProfile, ConsumerMember, MemberProfile } from './consumer/consumer-member.ts'
import { atEpoch, type Partitions } from './consumer/partitions.ts'
import { type CurrentAssignment, ownedPartitions } from './consumer/reconcile.ts'
import { namesOf } from './consumer/topic-names.ts'
import { type NamedPartitions, readAssignment, readSubscription, writeAssignment } from './consumer-protocol.ts'
import type { GroupSettings } from './group-settings.ts'

/** Why a classic group cannot become one of KIP-848 (GROUP_ID_NOT_FOUND, as Kafka says it), else null. */
export function refuseUpgrade(group: ClassicGroup, { migrationPolicy, maxConsumerGroupSize }: GroupSettings): Failure | null {
  const refused = (because: string) => failure(ERRORS.groupIdNotFound, `Cannot upgrade classic group ${group.id} to consumer group because ${because}.`)
  if (migrationPolicy !== 'upgrade' && migrationPolicy !== 'bidirectional') return refused('online upgrade is disabled')
  if (!group.generation.usesConsumerProtocol) return refused('the group does not use the consumer embedded protocol')
  if (group.members.size > maxConsumerGroupSize) return refused('the group size exceeds the consumer group maximum size')
  return null
}

/**
 * A classic group with members as one of KIP-848, as it would have been saved: its members have what their leader gave them last,
 * and that is the target too. The member of the new protocol that comes now makes everybody rejoin.
 */
export function upgrade(group: ClassicGroup, topics: TopicRegistry): SavedConsumerGroup | Failure {
  const refused = (because: string) => failure(ERRORS.groupIdNotFound, `Cannot upgrade classic group ${group.id} to consumer group because ${because}.`)
  const epoch = group.generation.number
  const taken = new Set<string>()
  const members: SavedConsumerGroup['members'][number][] = []
  for (const member of group.members.all()) {
    const subscription = readSubscription(member.metadataFor(group.generation.protocolName) ?? member.protocols[0]?.metadata ?? new Uint8Array(0))
    const assignment = member.assignment.length === 0 ? { partitions: [], userData: null } : readAssignment(member.assignment)
    if (subscription === null || assignment === null) return refused('the embedded consumer protocol is malformed')
    if ((assignment.userData?.length ?? 0) > 0) {
      return refused(
        'an unsupported custom assignor is in use. Please refer to the documentation or switch to a default assignor before re-attempting the upgrade',
      )
    }
    const target = toPartitions(assignment.partitions, topics, taken)
    // Of what it said it has when it joined, it may have some still.
    const rest = toPartitions(subscription.owned, topics, taken)
    const owned = new Map([...target, ...[...rest].map(([topicId, own]) => [topicId, new Set([...(target.get(topicId) ?? []), ...own])] as const)])
    const profile: MemberProfile = {
      instanceId: member.instanceId,
      rackId: subscription.rackId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      rebalanceTimeoutMs: member.rebalanceTimeoutMs,
      topicNames: [...new Set(subscription.topics)],
      topicRegex: null,
      assignor: null,
      classic: { sessionTimeoutMs: member.sessionTimeoutMs, protocols: member.protocols },
    }
    const current: CurrentAssignment = { state: 'Stable', epoch, previousEpoch: epoch, assigned: atEpoch(owned, epoch), pendingRevocation: new Map() }
    members.push({ id: member.id, profile, target, current })
  }
  return { epochs: { groupEpoch: epoch, targetEpoch: epoch, targetComputedAtMs: 0, fingerprint: null }, members }
}

/**
 * The members that stay, all of them classic, as a classic group in state Stable. They have what they have, which may not be what
 * they shall have: Kafka takes the target, and were the group upgraded again at once, somebody could be given what another still has.
 */
export function downgrade(
  group: ConsumerGroup,
  { leaving, rebalance }: Downgrade,
  { topics, clock }: { readonly topics: TopicRegistry; readonly clock: Clock },
): GroupRecord {
  const staying = [...group.roster.all()]
    .filter((member) => !leaving.has(member))
    .map((member) => ({ member, classic: member.profile.classic as ClassicProfile }))
  const profiles = staying.map(({ member: { id, profile }, classic }) => ({ id, ...profile, ...classic }))
  const membership = new Membership()
  for (const profile of profiles) membership.add(new Member(profile, clock, () => undefined))
  const protocolName = membership.electProtocol()
  return {
    generation: group.epoch,
    protocolType: CONSUMER_PROTOCOL_TYPE,
    protocolName,
    leaderId: membership.leaderId,
    stateSinceMs: clock.now(),
    mustRebalance: rebalance !== null,
    members: profiles.map(({ id, instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols }) => {
      const metadata = protocols.find(({ name }) => name === protocolName)?.metadata ?? new Uint8Array(0)
      const assignment = writeAssignment(
        readSubscription(metadata)?.version ?? 0,
        namesOf(ownedPartitions((group.roster.get(id) as ConsumerMember).current), topics),
      )
      return { id, instanceId, clientId, clientHost, sessionTimeoutMs, rebalanceTimeoutMs, protocols, assignment }
    }),
  }
}

/** By id, of topics that exist. A leader may have given a partition to two members: the first one keeps it. */
function toPartitions(named: readonly NamedPartitions[], topics: TopicRegistry, taken: Set<string>): Partitions {
  const partitions = new Map<string, Set<number>>()
  for (const { topicName, partitions: indexes } of named) {
    const topic = topics.get(topicName)
    if (topic === undefined) continue
    const free = indexes.filter((partition) => topic.partitions[partition] !== undefined && !taken.has(`${partition}:${topic.id}`))
    for (const partition of free) taken.add(`${partition}:${topic.id}`)
    if (free.length > 0) partitions.set(topic.id, new Set([...(partitions.get(topic.id) ?? []), ...free]))
  }
  return partitions
}
