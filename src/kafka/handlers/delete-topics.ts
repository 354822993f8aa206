import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DeleteTopicsRequest, DeleteTopicsResponse } from '../messages/delete-topics.ts'
import type { Input } from '../wire/message.ts'

type TopicResponse = Input<typeof DeleteTopicsResponse>['responses'][number]

interface AskedTopic {
  readonly name: string | null
  readonly topicId: string
}

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
const FIRST_BY_TOPIC_ID = 6

/**
 * DeleteTopics (20): topics are gone at once, and for good when this is answered (rule 8).
 *
 * v5: error messages. v6: by name or by id.
 */
export const deleteTopics: Handler<DeleteTopicsRequest, Input<typeof DeleteTopicsResponse>> = async (request, context) => {
  const asked = context.version >= FIRST_BY_TOPIC_ID ? request.topics : request.topicNames.map((name) => ({ name, topicId: NO_ID }))
  const seen = new Set<Topic>()
  return { responses: await Promise.all(asked.map((topic) => deleteTopic(topic, seen, context))) }
}

function deleteTopic(asked: AskedTopic, seen: Set<Topic>, context: RequestContext): TopicResponse | Promise<TopicResponse> {
  const { topics, security } = context.broker
  if ((asked.name === null) === (asked.topicId === NO_ID)) return failed(asked, ERRORS.invalidRequest, 'a topic is named by its name or its id, not both')
  const topic = asked.name === null ? topics.getById(asked.topicId) : topics.get(asked.name)
  const name = topic?.name ?? asked.name
  if (name !== null && !security.authorize(context.connection.principal, 'delete', 'topic', name)) {
    // Whether an id exists is told to nobody who may not see its topic.
    return asked.name === null ? failed(asked, ERRORS.unknownTopicId) : failed(asked, ERRORS.topicAuthorizationFailed)
  }
  if (topic === undefined) return failed(asked, asked.name === null ? ERRORS.unknownTopicId : ERRORS.unknownTopicOrPartition)
  if (seen.has(topic)) return failed(asked, ERRORS.invalidRequest, `topic "${topic.name}" is named twice`)
  seen.add(topic)
  return new Promise((resolve) => {
    topics.delete(topic, (failure) => {
      if (failure === null) resolve({ name: topic.name, topicId: topic.id, errorCode: 0 })
      else resolve(failed(asked, failure.error, failure.message))
    })
  })
}

function failed({ name, topicId }: AskedTopic, error: ErrorRow, message: string = error.message): TopicResponse {
  return { name, topicId, errorCode: error.kafka, errorMessage: message }
}
