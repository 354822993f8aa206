import { ERRORS, type ErrorRow, isFailure } from '../../broker/errors.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse } from '../messages/delete-share-group-offsets.ts'
import { whenAnswered } from '../when-answered.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DeleteShareGroupOffsetsResponse>

const NO_TOPIC_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
const NOTHING_KEPT = 'There is no offset information to delete.'

/** DeleteShareGroupOffsets (92, KIP-932): a share group without members forgets topics; answered when that is durable. */
export const deleteShareGroupOffsets: Handler<DeleteShareGroupOffsetsRequest, Response> = (request, context) => {
  const { groupId } = request
  if (!context.broker.security.authorize(context.connection.principal, 'delete', 'group', groupId)) return refused(ERRORS.groupAuthorizationFailed)
  const topics = [...new Set(request.topics.map(({ topicName }) => topicName))].map((topicName) => checkTopic(topicName, context))
  const known = topics.filter(({ error }) => error === null)
  return whenAnswered<Response>((respond) => {
    context.broker.groups.share.deleteOffsets(
      groupId,
      known.map(({ topicId }) => topicId),
      (result) => {
        if (isFailure(result)) {
          respond(refused(result.error, result.message))
          return
        }
        const keptErrors = new Map(known.map((topic, index) => [topic, result[index] ?? null]))
        const responses = topics.map((topic) => {
          const kept = keptErrors.get(topic) ?? null
          if (kept !== null) return { topicName: topic.topicName, topicId: NO_TOPIC_ID, errorCode: kept.kafka, errorMessage: NOTHING_KEPT }
          return { ...topic, errorCode: topic.error?.kafka ?? 0, errorMessage: topic.error?.message ?? null }
        })
        respond({ errorCode: 0, responses })
      },
    )
  })
}

function checkTopic(topicName: string, { broker, connection }: RequestContext) {
  const mayRead = broker.security.authorize(connection.principal, 'read', 'topic', topicName)
  const topic = mayRead ? broker.topics.get(topicName) : undefined
  const error = mayRead ? (topic === undefined ? ERRORS.unknownTopicOrPartition : null) : ERRORS.topicAuthorizationFailed
  return { topicName, topicId: topic?.id ?? NO_TOPIC_ID, error }
}

function refused(error: ErrorRow, message: string = error.message): Response {
  return { errorCode: error.kafka, errorMessage: message, responses: [] }
}
