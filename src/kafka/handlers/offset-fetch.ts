import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { CommittedOffset } from '../../broker/groups/offset-record.ts'
import { ZERO_UUID } from '../../util/uuid.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { OffsetFetchRequest, OffsetFetchResponse } from '../messages/offset-fetch.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof OffsetFetchResponse>
type GroupResponse = Response['groups'][number]
type TopicResponse = GroupResponse['topics'][number]
type PartitionResponse = TopicResponse['partitions'][number]

/** What one group is asked for, in the words of v8 and later; topics null: all it has. */
type GroupRequest = OffsetFetchRequest['groups'][number]
type TopicRequest = NonNullable<GroupRequest['topics']>[number]

const FIRST_WITH_TOP_LEVEL_ERROR = 2
const FIRST_WITH_GROUPS = 8
const FIRST_WITH_TOPIC_ID = 10

/**
 * OffsetFetch (9): what groups have committed, as far as it is durable; -1 without an error where there is nothing (rule 24).
 *
 * v1: errors stand at each partition. v2: null topics are all topics. v7: RequireStable waits for commits that are under way, and
 * gives UNSTABLE_OFFSET_COMMIT where an open transaction may change the offset. v8: several groups. v9: KIP-848's member and epoch, which
 * must be the group's; not used by classic groups.
 * v10: topics by id.
 */
export const offsetFetch: Handler<OffsetFetchRequest, Response> = (request, context) => {
  const groups = context.version >= FIRST_WITH_GROUPS ? request.groups : [oldGroup(request)]
  const asking = { ...context, requireStable: request.requireStable }
  const respond = () =>
    toResponse(
      groups.map((group) => fetchGroup(group, asking)),
      context,
    )
  if (!request.requireStable) return respond()
  const settled = groups.map(({ groupId }) => new Promise<void>((resolve) => context.broker.groups.whenStable(groupId, resolve)))
  return Promise.all(settled).then(respond)
}

function oldGroup({ groupId, topics }: OffsetFetchRequest): GroupRequest {
  return { groupId, memberId: null, memberEpoch: -1, topics: topics?.map((topic) => ({ ...topic, topicId: ZERO_UUID })) ?? null }
}

interface Asking extends RequestContext {
  readonly requireStable: boolean
}

function fetchGroup(group: GroupRequest, context: Asking): GroupResponse {
  const { groupId, memberId, memberEpoch, topics } = group
  if (!mayDescribe(context, 'group', groupId)) return groupError(group, ERRORS.groupAuthorizationFailed, context)
  const refused = context.broker.groups.checkOffsetFetch(groupId, memberId, memberEpoch)
  if (refused !== null) return groupError(group, refused, context)
  return { groupId, topics: topics === null ? fetchAll(groupId, context) : topics.map((topic) => fetchTopic(groupId, topic, context)) }
}

/** All offsets of the topics that the client may see; by id, only of topics that exist. */
function fetchAll(groupId: string, context: Asking): TopicResponse[] {
  const found = new Map<string, TopicResponse & { partitions: PartitionResponse[] }>()
  for (const [name, partition, committed] of context.broker.groups.allOffsets(groupId)) {
    const topic = found.get(name) ?? { name, topicId: committed.topicId, partitions: [] }
    const unstable = isUnstable({ groupId, name, index: partition }, context)
    topic.partitions.push(unstable ? refusedPartition(partition, ERRORS.unstableOffsetCommit) : toPartition(partition, committed))
    found.set(name, topic)
  }
  return [...found.values()].filter((topic) => mayDescribe(context, 'topic', topic.name))
}

function fetchTopic(groupId: string, topic: TopicRequest, context: Asking): TopicResponse {
  const byId = context.version >= FIRST_WITH_TOPIC_ID
  const name = byId ? (context.broker.topics.getById(topic.topicId)?.name ?? '') : topic.name
  const answer = (partitionOf: (index: number) => PartitionResponse) => ({
    name,
    topicId: topic.topicId,
    partitions: topic.partitionIndexes.map(partitionOf),
  })
  if (byId && name === '') return answer((index) => refusedPartition(index, ERRORS.unknownTopicId))
  if (!mayDescribe(context, 'topic', name)) return answer((index) => refusedPartition(index, ERRORS.topicAuthorizationFailed))
  return answer((index) => {
    const committed = context.broker.groups.offset(groupId, name, index)
    if (isUnstable({ groupId, name, index }, context)) return refusedPartition(index, ERRORS.unstableOffsetCommit)
    // An offset of an earlier topic of the same name says nothing about this one.
    return toPartition(index, byId && committed?.topicId !== topic.topicId ? null : committed)
  })
}

function isUnstable(at: { readonly groupId: string; readonly name: string; readonly index: number }, { requireStable, broker }: Asking): boolean {
  return requireStable && broker.transactions.isPending(at.groupId, at.name, at.index)
}

function mayDescribe(context: RequestContext, type: 'group' | 'topic', name: string): boolean {
  return context.broker.security.authorize(context.connection.principal, 'describe', type, name)
}

function toPartition(partitionIndex: number, committed: CommittedOffset | null): PartitionResponse {
  if (committed === null) return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: 0 }
  const { offset, leaderEpoch, metadata } = committed
  return { partitionIndex, committedOffset: offset, committedLeaderEpoch: leaderEpoch, metadata, errorCode: 0 }
}

function refusedPartition(partitionIndex: number, error: ErrorRow): PartitionResponse {
  return { partitionIndex, committedOffset: -1, committedLeaderEpoch: -1, metadata: '', errorCode: error.kafka }
}

function groupError({ groupId, topics }: GroupRequest, error: ErrorRow, context: RequestContext): GroupResponse {
  if (context.version >= FIRST_WITH_TOP_LEVEL_ERROR) return { groupId, topics: [], errorCode: error.kafka }
  const refused = (topics ?? []).map(({ name, topicId, partitionIndexes }) => ({
    name,
    topicId,
    partitions: partitionIndexes.map((index) => refusedPartition(index, error)),
  }))
  return { groupId, topics: refused }
}

function toResponse(groups: readonly GroupResponse[], context: RequestContext): Response {
  if (context.version >= FIRST_WITH_GROUPS) return { topics: [], groups }
  return { topics: groups[0]?.topics ?? [], errorCode: groups[0]?.errorCode ?? 0, groups: [] }
}
