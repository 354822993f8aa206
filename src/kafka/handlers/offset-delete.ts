import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { OffsetDeletion } from '../../broker/groups/offset-commits.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { OffsetDeleteRequest, OffsetDeleteResponse } from '../messages/offset-delete.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof OffsetDeleteResponse>

/**
 * OffsetDelete (47, KIP-496): deletes committed offsets of topics that no member consumes; answered when that is durable.
 */
export const offsetDelete: Handler<OffsetDeleteRequest, Response> = (request, context) => {
  const { security, groups } = context.broker
  if (!security.authorize(context.connection.principal, 'delete', 'group', request.groupId)) {
    return { errorCode: ERRORS.groupAuthorizationFailed.kafka, topics: [] }
  }
  const named = request.topics.filter(({ partitions }) => partitions.length > 0)
  const refused = named.map((topic) => topic.partitions.map(({ partitionIndex }) => refuse(topic.name, partitionIndex, context)))
  const deletions: OffsetDeletion[] = []
  named.forEach((topic, topicIndex) => {
    topic.partitions.forEach(({ partitionIndex }, index) => {
      if (refused[topicIndex]?.[index] === null) deletions.push({ topicName: topic.name, partition: partitionIndex })
    })
  })
  return new Promise((resolve) => {
    groups.deleteOffsets(request.groupId, deletions, (result) => {
      if ('kafka' in result) {
        resolve({ errorCode: result.kafka, topics: [] })
        return
      }
      const errors = result.values()
      const topics = named.map((topic, topicIndex) => ({
        name: topic.name,
        partitions: topic.partitions.map(({ partitionIndex }, index) => {
          const error = refused[topicIndex]?.[index] ?? errors.next().value
          return { partitionIndex, errorCode: error?.kafka ?? 0 }
        }),
      }))
      resolve({ errorCode: 0, topics })
    })
  })
}

function refuse(topicName: string, partition: number, context: RequestContext): ErrorRow | null {
  const { security, topics } = context.broker
  if (!security.authorize(context.connection.principal, 'read', 'topic', topicName)) return ERRORS.topicAuthorizationFailed
  return topics.get(topicName)?.partitions[partition] === undefined ? ERRORS.unknownTopicOrPartition : null
}
