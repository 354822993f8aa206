import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { OffsetToCommit } from '../../broker/groups/offset-commits.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { OffsetCommitRequest, OffsetCommitResponse } from '../messages/offset-commit.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof OffsetCommitResponse>
type RequestTopic = OffsetCommitRequest['topics'][number]

const FIRST_WITH_GROUP_ID_NOT_FOUND = 9
const FIRST_WITH_TOPIC_ID = 10

/**
 * OffsetCommit (8): keeps a group's offsets, answered when they are durable (rule 23).
 *
 * v2-v4: the client may say how long they are kept. v6: leader epochs. v7: static members. v9: 69 for a group that is not
 * there; members of KIP-848 (rule 26), whose epoch stands for the generation. v10: topics by id.
 */
export const offsetCommit: Handler<OffsetCommitRequest, Response> = (request, context) => {
  const { connection, broker } = context
  if (!broker.security.authorize(connection.principal, 'read', 'group', request.groupId)) {
    return toResponse(request, () => ERRORS.groupAuthorizationFailed)
  }
  const { errors, offsets, places } = sort(request, context)
  const answer = () => toResponse(request, (topic, partition) => errors[topic]?.[partition] ?? null)
  if (offsets.length === 0) return answer()
  return new Promise((resolve) => {
    broker.groups.commit(
      {
        groupId: request.groupId,
        memberId: request.memberId,
        instanceId: request.groupInstanceId,
        generation: request.generationIdOrMemberEpoch,
        connection,
        knowsGroupIdNotFound: context.version >= FIRST_WITH_GROUP_ID_NOT_FOUND,
        retentionMs: request.retentionTimeMs,
        offsets,
      },
      (result) => {
        places.forEach(([topic, partition], index) => {
          const ofTopic = errors[topic] as (ErrorRow | null)[]
          ofTopic[partition] = 'kafka' in result ? result : (result[index] ?? null)
        })
        resolve(answer())
      },
    )
  })
}

/** What can be committed, where each of it stands in the request, and the errors of the rest by position. */
function sort(request: OffsetCommitRequest, context: RequestContext) {
  const errors: (ErrorRow | null)[][] = []
  const offsets: OffsetToCommit[] = []
  const places: (readonly [topic: number, partition: number])[] = []
  request.topics.forEach((requested, topicIndex) => {
    const topic = findTopic(requested, context)
    errors.push(
      requested.partitions.map((partition, partitionIndex) => {
        if ('kafka' in topic) return topic
        if (topic.partitions[partition.partitionIndex] === undefined) return ERRORS.unknownTopicOrPartition
        offsets.push({
          topic,
          partition: partition.partitionIndex,
          offset: partition.committedOffset,
          leaderEpoch: partition.committedLeaderEpoch,
          metadata: partition.committedMetadata ?? '',
        })
        places.push([topicIndex, partitionIndex])
        return null
      }),
    )
  })
  return { errors, offsets, places }
}

function findTopic(requested: RequestTopic, context: RequestContext): Topic | ErrorRow {
  const { topics, security } = context.broker
  const byId = context.version >= FIRST_WITH_TOPIC_ID
  const topic = byId ? topics.getById(requested.topicId) : topics.get(requested.name)
  if (byId && topic === undefined) return ERRORS.unknownTopicId
  if (!security.authorize(context.connection.principal, 'read', 'topic', topic?.name ?? requested.name)) return ERRORS.topicAuthorizationFailed
  return topic ?? ERRORS.unknownTopicOrPartition
}

function toResponse(request: OffsetCommitRequest, errorOf: (topic: number, partition: number) => ErrorRow | null): Response {
  return {
    topics: request.topics.map(({ name, topicId, partitions }, topic) => ({
      name,
      topicId,
      partitions: partitions.map(({ partitionIndex }, index) => ({ partitionIndex, errorCode: errorOf(topic, index)?.kafka ?? 0 })),
    })),
  }
}
