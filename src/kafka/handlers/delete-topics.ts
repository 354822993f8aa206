import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DeleteTopicsRequest, DeleteTopicsResponse } from '../messages/delete-topics.ts'
import { MutationCharge } from '../request-charge.ts'
import type { Input } from '../wire/message.ts'

type TopicResponse = Input<typeof DeleteTopicsResponse>['responses'][number]

interface AskedTopic {
  readonly name: string | null
  readonly topicId: string
}

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
const FIRST_BY_TOPIC_ID = 6
/** KIP-599. */
const FIRST_STRICT = 5

/**
 * DeleteTopics (20): topics are gone at once, and for good when this is answered (rule 8).
 *
 * v5: error messages. v6: by name or by id.
 */
export const deleteTopics: Handler<DeleteTopicsRequest, Input<typeof DeleteTopicsResponse>> = async (request, context) => {
  const asked = context.version >= FIRST_BY_TOPIC_ID ? request.topics : request.topicNames.map((name) => ({ name, topicId: NO_ID }))
  const counts = new Map<string, number>()
  for (const topic of asked) counts.set(keyOf(topic, context), (counts.get(keyOf(topic, context)) ?? 0) + 1)
  const repeated = [...counts].filter(([, count]) => count > 1).map(([key]) => asked.filter((topic) => keyOf(topic, context) === key))
  const once = asked.filter((topic) => counts.get(keyOf(topic, context)) === 1)
  const refused = repeated.map((all) => failed(bothOf(all), ERRORS.invalidRequest, 'the topic is named twice'))
  const charge = new MutationCharge(context, FIRST_STRICT)
  const deleted = once.map((topic) => deleteTopic(topic, charge, context))
  return { throttleTimeMs: charge.throttleTimeMs, responses: [...(await Promise.all(deleted)), ...refused] }
}

/** The same for a topic named by its name and by its id. */
function keyOf({ name, topicId }: AskedTopic, context: RequestContext): string {
  return name ?? context.broker.topics.getById(topicId)?.name ?? topicId
}

/** Name and id of one topic, as far as they were said. */
function bothOf(asked: readonly AskedTopic[]): AskedTopic {
  return { name: asked.find(({ name }) => name !== null)?.name ?? null, topicId: asked.find(({ topicId }) => topicId !== NO_ID)?.topicId ?? NO_ID }
}

function deleteTopic(asked: AskedTopic, charge: MutationCharge, context: RequestContext): TopicResponse | Promise<TopicResponse> {
  const { topics, security } = context.broker
  if ((asked.name === null) === (asked.topicId === NO_ID)) return failed(asked, ERRORS.invalidRequest, 'a topic is named by its name or its id, not both')
  const topic = asked.name === null ? topics.getById(asked.topicId) : topics.get(asked.name)
  const name = topic?.name ?? asked.name
  const may = (operation: 'describe' | 'delete') =>
    name === null ||
    security.authorize(context.connection.principal, 'delete', 'cluster', CLUSTER_RESOURCE) ||
    security.authorize(context.connection.principal, operation, 'topic', name)
  // That an id exists is no secret, the name of its topic is; of a name, whether it exists.
  if (!may('describe') || (topic !== undefined && !may('delete'))) {
    return failed(may('describe') ? { ...asked, name } : asked, ERRORS.topicAuthorizationFailed)
  }
  if (topic === undefined) return failed(asked, asked.name === null ? ERRORS.unknownTopicId : ERRORS.unknownTopicOrPartition)
  if (!charge.allows(topic.partitions.length)) return failed(asked, ERRORS.throttlingQuotaExceeded)
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
