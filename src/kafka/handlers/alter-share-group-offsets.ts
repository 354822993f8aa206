import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse } from '../messages/alter-share-group-offsets.ts'
import { whenAnswered } from '../when-answered.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof AlterShareGroupOffsetsResponse>
type AskedTopic = AlterShareGroupOffsetsRequest['topics'][number]

/** Where the group's configs say. */
const UNRESOLVED = -1
const NO_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * AlterShareGroupOffsets (91, KIP-932): lets a share group begin anew at offsets, -1 for where its configs say; there is such
 * a group from then on. A group with members is refused as a whole. Answered when it is durable.
 */
export const alterShareGroupOffsets: Handler<AlterShareGroupOffsetsRequest, Response> = (request, context) => {
  const { groupId } = request
  if (!context.broker.security.authorize(context.connection.principal, 'read', 'group', groupId)) return refused(ERRORS.groupAuthorizationFailed)
  const names = new Set(request.topics.map(({ topicName }) => topicName))
  const topics = [...names].map((topicName) => {
    const asked = request.topics.filter((topic) => topic.topicName === topicName)
    return checkTopic({ topicName, partitions: asked.flatMap(({ partitions }) => partitions) }, context)
  })
  return whenAnswered<Response>((respond) => {
    const starts = topics.flatMap(({ topicId, partitions }) =>
      partitions.flatMap(({ partitionIndex, startOffset, error }) => (error === null ? [{ topicId, partition: partitionIndex, startOffset }] : [])),
    )
    context.broker.groups.share.alterOffsets(groupId, starts, (failed) => {
      if (failed !== null) respond(refused(failed.error, failed.message))
      else
        respond({
          errorCode: 0,
          responses: topics.map(({ topicName, topicId, partitions }) => ({ topicName, topicId, partitions: partitions.map(toResponse) })),
        })
    })
  })
}

function checkTopic({ topicName, partitions }: AskedTopic, { broker, connection }: RequestContext) {
  const mayRead = broker.security.authorize(connection.principal, 'read', 'topic', topicName)
  const topic = broker.topics.get(topicName)
  const refusal = mayRead ? null : ERRORS.topicAuthorizationFailed
  return {
    topicName,
    topicId: topic?.id ?? NO_TOPIC_ID,
    partitions: partitions.map(({ partitionIndex, startOffset }) => ({
      partitionIndex,
      // Kafka takes any number; no record stands below 0, so that it is the earliest.
      startOffset: startOffset < UNRESOLVED ? 0 : startOffset,
      error: refusal ?? (topic?.partitions[partitionIndex] === undefined ? ERRORS.unknownTopicOrPartition : null),
    })),
  }
}

function toResponse({ partitionIndex, error }: { readonly partitionIndex: number; readonly error: ErrorRow | null }) {
  return { partitionIndex, errorCode: error?.kafka ?? 0, errorMessage: error?.message ?? null }
}

function refused(error: ErrorRow, message: string = error.message): Response {
  return { errorCode: error.kafka, errorMessage: message, responses: [] }
}
