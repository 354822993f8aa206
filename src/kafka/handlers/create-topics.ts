import { describeTopicConfigs } from '../../broker/configs/topic-configs.ts'
import { ERRORS, type Failure, failure, isFailure } from '../../broker/errors.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import type { NewTopic } from '../../broker/topics/topic-registry.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { CreateTopicsRequest, CreateTopicsResponse } from '../messages/create-topics.ts'
import { MutationCharge } from '../request-charge.ts'
import type { Input } from '../wire/message.ts'
import { CONFIG_SOURCES } from './config-entries.ts'

type Response = Input<typeof CreateTopicsResponse>
type TopicResponse = Response['topics'][number]
type AskedTopic = CreateTopicsRequest['topics'][number]

const BROKER_DEFAULT = -1
/** KIP-599. */
const FIRST_STRICT = 6
const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'

/**
 * CreateTopics (19): makes topics, and answers when they are durable (rule 8).
 *
 * v4: -1 stands for the broker's number of partitions and replicas (here, as in Kafka, also in v2 and v3).
 * v5: the answer holds partitions and configs. v7: and the topic's id.
 * Who may not describe its configs is told neither them nor the numbers of partitions and replicas.
 * A replication factor other than 1 is refused: there is one broker.
 */
export const createTopics: Handler<CreateTopicsRequest, Response> = async (request, context) => {
  const counts = new Map<string, number>()
  for (const { name } of request.topics) counts.set(name, (counts.get(name) ?? 0) + 1)
  const asked = request.topics.filter(({ name }) => counts.get(name) === 1)
  const repeated = [...counts].filter(([, count]) => count > 1).map(([name]) => failed(name, failure(ERRORS.invalidRequest, `topic "${name}" is named twice`)))
  const charge = new MutationCharge(context, FIRST_STRICT)
  const topics = await Promise.all(asked.map((topic) => createTopic(topic, request.validateOnly, charge, context)))
  return { throttleTimeMs: charge.throttleTimeMs, topics: [...topics, ...repeated] }
}

function createTopic(asked: AskedTopic, validateOnly: boolean, charge: MutationCharge, context: RequestContext): TopicResponse | Promise<TopicResponse> {
  const { topics, security } = context.broker
  const { principal } = context.connection
  const allowed = security.authorize(principal, 'create', 'cluster', CLUSTER_RESOURCE) || security.authorize(principal, 'create', 'topic', asked.name)
  if (!allowed) return failed(asked.name, failure(ERRORS.topicAuthorizationFailed))
  const wanted = newTopic(asked, context)
  if (isFailure(wanted)) return failed(asked.name, wanted)
  if (validateOnly) {
    const wrong = topics.check(wanted)
    return wrong === null
      ? described(asked.name, NO_ID, wanted.partitions ?? topics.defaultPartitions, wanted.configs ?? new Map(), context)
      : failed(asked.name, wrong)
  }
  const refused = topics.check(wanted)
  if (refused !== null) return failed(asked.name, refused)
  if (!charge.allows(wanted.partitions ?? topics.defaultPartitions)) return failed(asked.name, failure(ERRORS.throttlingQuotaExceeded))
  return new Promise((resolve) => {
    const topic: Topic | Failure = topics.create(wanted, (failure) =>
      resolve(failure === null ? describeTopic(topic as Topic, context) : failed(asked.name, failure)),
    )
    if (isFailure(topic)) resolve(failed(asked.name, topic))
  })
}

function newTopic(asked: AskedTopic, context: RequestContext): NewTopic | Failure {
  const { nodeId } = context.broker.identity
  const configs = new Map<string, string>()
  for (const { name, value } of asked.configs) {
    if (value === null) return failure(ERRORS.invalidConfig, `the config "${name}" has no value`)
    configs.set(name, value)
  }
  if (asked.assignments.length > 0) {
    const wrong = checkAssignments(asked, nodeId)
    return wrong ?? { name: asked.name, partitions: asked.assignments.length, configs }
  }
  if (asked.replicationFactor !== BROKER_DEFAULT && asked.replicationFactor !== 1) {
    return failure(ERRORS.invalidReplicationFactor, `the replication factor is 1 with one broker, not ${asked.replicationFactor}`)
  }
  return asked.numPartitions === BROKER_DEFAULT ? { name: asked.name, configs } : { name: asked.name, partitions: asked.numPartitions, configs }
}

function checkAssignments({ assignments, numPartitions, replicationFactor }: AskedTopic, nodeId: number): Failure | null {
  if (numPartitions !== BROKER_DEFAULT || replicationFactor !== BROKER_DEFAULT) {
    return failure(ERRORS.invalidRequest, 'with an assignment of replicas, partitions and replication factor are -1')
  }
  const indexes = assignments.map(({ partitionIndex }) => partitionIndex).sort((left, right) => left - right)
  if (indexes.some((index, place) => index !== place)) return failure(ERRORS.invalidReplicaAssignment, 'partitions are numbered from 0 without a gap')
  const wrong = assignments.find(({ brokerIds }) => brokerIds.length !== 1 || brokerIds[0] !== nodeId)
  return wrong === undefined ? null : failure(ERRORS.invalidReplicaAssignment, `the only broker is ${nodeId}, not ${wrong.brokerIds.join(', ')}`)
}

function describeTopic(topic: Topic, context: RequestContext): TopicResponse {
  return described(topic.name, topic.id, topic.partitions.length, topic.configs, context)
}

function described(name: string, topicId: string, numPartitions: number, configs: ReadonlyMap<string, string>, context: RequestContext): TopicResponse {
  if (!context.broker.security.authorize(context.connection.principal, 'describe-configs', 'topic', name)) {
    const topicConfigErrorCode = ERRORS.topicAuthorizationFailed.kafka
    return { name, topicId, errorCode: 0, errorMessage: null, topicConfigErrorCode, configs: [] }
  }
  return {
    name,
    topicId,
    errorCode: 0,
    errorMessage: null,
    numPartitions,
    replicationFactor: 1,
    configs: describeTopicConfigs(configs, context.broker.brokerConfigs).map((config) => ({
      name: config.name,
      value: config.value,
      readOnly: config.isReadOnly,
      configSource: CONFIG_SOURCES[config.source],
      isSensitive: config.isSensitive,
    })),
  }
}

function failed(name: string, { error, message }: Failure): TopicResponse {
  return { name, topicId: NO_ID, errorCode: error.kafka, errorMessage: message, configs: [] }
}
