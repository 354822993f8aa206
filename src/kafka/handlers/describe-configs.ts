import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import { TOPIC_CONFIGS } from '../../broker/topics/topic-config.ts'
import { checkTopicName } from '../../broker/topics/topic-name.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { BrokerConfig, Handler, RequestContext } from '../handler.ts'
import type { DescribeConfigsRequest, DescribeConfigsResponse } from '../messages/describe-configs.ts'
import type { Input } from '../wire/message.ts'
import { brokerConfigEntry, type ConfigEntry, resolveTopicConfig, topicConfigEntry } from './config-entries.ts'

type Result = Input<typeof DescribeConfigsResponse>['results'][number]
type Resource = DescribeConfigsRequest['resources'][number]

const TOPIC = 2
const BROKER = 4

/**
 * DescribeConfigs (32): all configs of topics and of this broker, with their defaults (rule 8).
 *
 * v1: sources and synonyms. v3: types and documentation. Other resources (loggers, groups, client metrics) get 42.
 */
export const describeConfigs: Handler<DescribeConfigsRequest, Input<typeof DescribeConfigsResponse>> = (request, context) => ({
  results: request.resources.map((resource) => describeResource(resource, request, context)),
})

function describeResource(resource: Resource, request: DescribeConfigsRequest, context: RequestContext): Result {
  switch (resource.resourceType) {
    case TOPIC:
      return describeTopic(resource, request, context)
    case BROKER:
      return describeBroker(resource, request, context)
    default:
      return failed(resource, ERRORS.invalidRequest, `configs of resource type ${resource.resourceType} are not served`)
  }
}

function describeTopic(resource: Resource, request: DescribeConfigsRequest, context: RequestContext): Result {
  const { topics, security } = context.broker
  const name = resource.resourceName
  if (!security.authorize(context.connection.principal, 'describe-configs', 'topic', name)) return failed(resource, ERRORS.topicAuthorizationFailed)
  const wrongName = checkTopicName(name)
  if (wrongName !== null) return failed(resource, ERRORS.invalidTopic, wrongName)
  const topic = topics.get(name)
  if (topic === undefined) return failed(resource, ERRORS.unknownTopicOrPartition)
  return found(
    resource,
    TOPIC_CONFIGS.map((row) => topicConfigEntry(row, resolveTopicConfig(row, topic.configs.get(row.key), context.broker.brokerConfigs), request)),
  )
}

function describeBroker(resource: Resource, request: DescribeConfigsRequest, context: RequestContext): Result {
  const { security, identity, brokerConfigs } = context.broker
  if (!security.authorize(context.connection.principal, 'describe-configs', 'cluster', CLUSTER_RESOURCE)) {
    return failed(resource, ERRORS.clusterAuthorizationFailed)
  }
  // An empty name asks for the dynamic defaults of all brokers: there are none.
  if (resource.resourceName === '') return found(resource, [])
  if (resource.resourceName !== String(identity.nodeId)) {
    return failed(resource, ERRORS.invalidRequest, `the only broker is ${identity.nodeId}, not "${resource.resourceName}"`)
  }
  const configs = [...brokerConfigs, ...topicDefaults(brokerConfigs)]
  return found(
    resource,
    configs.map((config) => brokerConfigEntry(config, request)),
  )
}

/** The defaults of topic configs under their broker names, but those that are settings themselves. */
function topicDefaults(configs: readonly BrokerConfig[]): BrokerConfig[] {
  const known = new Set(configs.map(({ key }) => key))
  return TOPIC_CONFIGS.flatMap((row) =>
    row.synonym === null || known.has(row.synonym) ? [] : [{ key: row.synonym, value: row.default, type: row.type, isDefault: true, doc: row.doc }],
  )
}

function found({ resourceType, resourceName, configurationKeys }: Resource, entries: readonly ConfigEntry[]): Result {
  const wanted = configurationKeys === null || configurationKeys.length === 0 ? null : new Set(configurationKeys)
  const configs = wanted === null ? entries : entries.filter(({ name }) => wanted.has(name))
  return { errorCode: 0, errorMessage: null, resourceType, resourceName, configs }
}

function failed({ resourceType, resourceName }: Resource, error: ErrorRow, message: string = error.message): Result {
  return { errorCode: error.kafka, errorMessage: message, resourceType, resourceName, configs: [] }
}
