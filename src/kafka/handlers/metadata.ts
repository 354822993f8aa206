import { ERRORS, type ErrorRow, isFailure } from '../../broker/errors.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import { isInternalTopic } from '../../broker/topics/topic-name.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import { CLUSTER_RESOURCE, OPERATIONS_NOT_ASKED } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { MetadataRequest, MetadataResponse } from '../messages/metadata.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof MetadataResponse>
type TopicResponse = Response['topics'][number]
type AskedTopic = NonNullable<MetadataRequest['topics']>[number]

/** 22 characters that stand for "no id". */
const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
/** First versions in which an empty list is none, topics have ids, and can be asked for by id (KIP-516). */
const FIRST_WITH_NONE = 1
const FIRST_WITH_TOPIC_ID = 10
const FIRST_BY_TOPIC_ID = 12
const FIRST_WITH_TOP_LEVEL_ERROR = 13

/**
 * Metadata (3): this broker, and topics with their partitions; makes a topic that does not exist (rule 7).
 *
 * v0: an empty list means all topics, there is no controller. v1: null means all. v0-v3 always create topics, v4 asks.
 * v8-v10: rights on the cluster; v8: rights on topics. v10: topic ids; v12: topics by id.
 * A topic is made at once and answered without an error, where Kafka says 3 or 5 first: the first message of a new topic
 * then needs no retry. v13's top-level error is for controllers.
 */
export const metadata: Handler<MetadataRequest, Response> = (request, context) => {
  const { identity } = context.broker
  const refused = refuse(request, context.version)
  if (refused !== null) return refused
  const { host, port } = context.connection.advertised
  return {
    brokers: [{ nodeId: identity.nodeId, host, port }],
    clusterId: identity.clusterId,
    controllerId: identity.nodeId,
    topics: topicsOf(request, context),
    clusterAuthorizedOperations: request.includeClusterAuthorizedOperations ? authorizedOperations(context, 'cluster', CLUSTER_RESOURCE) : OPERATIONS_NOT_ASKED,
    errorCode: 0,
  }
}

/**
 * A request that is refused as a whole: v10 and v11 have a place for an id, and no use for it; from v12 on, topics with neither name nor id
 * where none has an id are answered as Kafka does, which meets an exception.
 */
function refuse({ topics }: MetadataRequest, version: number): Response | null {
  if (topics === null || version < FIRST_WITH_TOPIC_ID) return null
  const [isUnnamed, hasId] = [topics.some(({ name }) => name === null), topics.some(({ topicId }) => topicId !== NO_ID)]
  if (version < FIRST_BY_TOPIC_ID) return isUnnamed || hasId ? refusal(topics, ERRORS.invalidRequest, version) : null
  return isUnnamed && !hasId ? refusal(topics, ERRORS.unknownServerError, version) : null
}

function refusal(topics: readonly AskedTopic[], error: ErrorRow, version: number): Response {
  const errorCode = version >= FIRST_WITH_TOP_LEVEL_ERROR ? error.kafka : 0
  return { brokers: [], topics: topics.map(({ name, topicId }) => missing(name ?? '', topicId, error)), errorCode }
}

function topicsOf(request: MetadataRequest, context: RequestContext): TopicResponse[] {
  const { version, broker, connection } = context
  if (request.topics === null || (version < FIRST_WITH_NONE && request.topics.length === 0)) {
    const all: TopicResponse[] = []
    for (const topic of broker.topics.all()) {
      if (broker.security.authorize(connection.principal, 'describe', 'topic', topic.name)) all.push(describe(topic, request, context))
    }
    return all
  }
  const answers = new Map<string, TopicResponse>()
  // As in Kafka: who asks for any topic by its id asks for none by its name.
  const byId = request.topics.filter(({ topicId }) => topicId !== NO_ID)
  for (const asked of byId.length > 0 ? byId : request.topics) {
    // Who asks by id may send a name that is null or empty.
    const key = asked.topicId === NO_ID ? `name ${asked.name}` : `id ${asked.topicId}`
    if (!answers.has(key)) answers.set(key, answerTopic(asked, request, context))
  }
  return [...answers.values()]
}

function answerTopic(asked: AskedTopic, request: MetadataRequest, context: RequestContext): TopicResponse {
  const byId = context.version >= FIRST_WITH_TOPIC_ID && (asked.name === null || asked.topicId !== NO_ID)
  if (!byId) return answerName(asked.name ?? '', request, context)
  const topic = context.broker.topics.getById(asked.topicId)
  if (topic === undefined) return missing(null, asked.topicId, ERRORS.unknownTopicId)
  // That an id exists is no secret, the name of its topic is.
  if (!allowed('describe', topic.name, context)) return missing(null, asked.topicId, ERRORS.topicAuthorizationFailed)
  return describe(topic, request, context)
}

function answerName(name: string, request: MetadataRequest, context: RequestContext): TopicResponse {
  const { topics, settings } = context.broker
  if (!allowed('describe', name, context)) return missing(name, NO_ID, ERRORS.topicAuthorizationFailed)
  const topic = topics.get(name)
  if (topic !== undefined) return describe(topic, request, context)
  const rights = { topicAuthorizedOperations: operationsOn(name, request, context) }
  const refused = topics.check({ name })
  if (refused?.error === ERRORS.invalidTopic) return { ...missing(name, NO_ID, ERRORS.invalidTopic), ...rights }
  // Before v4 nobody could say no; the codec's default says yes for them.
  if (!settings.autoCreateTopics || !request.allowAutoTopicCreation) return { ...missing(name, NO_ID, ERRORS.unknownTopicOrPartition), ...rights }
  if (!mayCreate(name, context)) return missing(name, NO_ID, ERRORS.topicAuthorizationFailed)
  const made = topics.create({ name }, () => {})
  return isFailure(made) ? missing(name, NO_ID, made.error) : describe(made, request, context)
}

function allowed(operation: 'describe' | 'create', name: string, context: RequestContext): boolean {
  return context.broker.security.authorize(context.connection.principal, operation, 'topic', name)
}

function mayCreate(name: string, context: RequestContext): boolean {
  const { broker, connection } = context
  return broker.security.authorize(connection.principal, 'create', 'cluster', CLUSTER_RESOURCE) || allowed('create', name, context)
}

function operationsOn(name: string, request: MetadataRequest, context: RequestContext): number {
  return request.includeTopicAuthorizedOperations ? authorizedOperations(context, 'topic', name) : OPERATIONS_NOT_ASKED
}

function describe(topic: Topic, request: MetadataRequest, context: RequestContext): TopicResponse {
  const { nodeId } = context.broker.identity
  const nodes = [nodeId]
  return {
    errorCode: 0,
    name: topic.name,
    topicId: topic.id,
    isInternal: isInternalTopic(topic.name),
    partitions: topic.partitions.map(({ index, log }) => ({
      errorCode: 0,
      partitionIndex: index,
      leaderId: nodeId,
      leaderEpoch: log.leaderEpoch,
      replicaNodes: nodes,
      isrNodes: nodes,
      offlineReplicas: [],
    })),
    topicAuthorizedOperations: operationsOn(topic.name, request, context),
  }
}

function missing(name: string | null, topicId: string, error: ErrorRow): TopicResponse {
  return { errorCode: error.kafka, name, topicId, partitions: [] }
}
