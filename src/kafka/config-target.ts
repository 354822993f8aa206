import type { BrokerConfigScope } from '../broker/configs/broker-configs.ts'
import { ConfigProblem, type ConfigRow } from '../broker/configs/config-row.ts'
import type { ResolvedConfig } from '../broker/configs/resolved-config.ts'
import { describeTopicConfigs } from '../broker/configs/topic-configs.ts'
import { ERRORS, type Failure, failure } from '../broker/errors.ts'
import type { Operation } from '../broker/security/ports.ts'
import type { Topic } from '../broker/topics/topic.ts'
import { parseTopicConfigs, topicConfigRow } from '../broker/topics/topic-config.ts'
import { checkTopicName } from '../broker/topics/topic-name.ts'
import { CLUSTER_RESOURCE } from './cluster-resource.ts'
import type { RequestContext } from './handler.ts'
import { kafkaLevel, LOG_LEVELS, ROOT_LOGGER } from './log-levels.ts'

/** Kafka's types of resources that have configs. */
export const CONFIG_RESOURCES = { topic: 2, broker: 4, brokerLogger: 8, clientMetrics: 16, group: 32 } as const

type Configs = ReadonlyMap<string, string>

/** What has configs: the APIs that describe and alter them treat all alike. */
export interface ConfigTarget {
  /** Only what it has set itself. */
  readonly own: Configs
  /** Null, or why there is nothing to describe or change; told after what is wrong with the configs. */
  readonly missing: Failure | null
  /** Undefined for a key that it does not have. */
  row(key: string): ConfigRow | undefined
  /** The configs as they would be kept, or what is wrong with them. */
  parse(configs: Configs): Configs | Failure
  /** Replaces its own configs; calls back when that is durable. */
  set(configs: Configs, onDone: (failed: Failure | null) => void): void
  describe(): readonly ResolvedConfig[]
}

interface Resource {
  readonly resourceType: number
  readonly resourceName: string
}

type ConfigOperation = Operation & ('describe-configs' | 'alter-configs')

/** What a request names, if the client may do that with it. */
export function configTarget({ resourceType, resourceName }: Resource, operation: ConfigOperation, context: RequestContext): ConfigTarget | Failure {
  switch (resourceType) {
    case CONFIG_RESOURCES.topic:
      return topicTarget(resourceName, operation, context)
    case CONFIG_RESOURCES.broker:
      return brokerTarget(resourceName, operation, context)
    case CONFIG_RESOURCES.group:
      return groupTarget(resourceName, operation, context)
    case CONFIG_RESOURCES.brokerLogger:
      return loggerTarget(resourceName, operation, context)
    case CONFIG_RESOURCES.clientMetrics:
      return failure(ERRORS.invalidRequest, 'metrics of clients (KIP-714) are not served')
    default:
      return failure(ERRORS.invalidRequest, `there are no configs of resource type ${resourceType}`)
  }
}

function topicTarget(name: string, operation: ConfigOperation, context: RequestContext): ConfigTarget | Failure {
  const { topics, security, brokerConfigs } = context.broker
  if (!security.authorize(context.connection.principal, operation, 'topic', name)) return failure(ERRORS.topicAuthorizationFailed)
  if (name === '' && operation === 'alter-configs') return failure(ERRORS.invalidRequest, 'defaults of all topics are configs of the broker')
  const wrongName = checkTopicName(name)
  if (wrongName !== null) return failure(ERRORS.invalidTopic, wrongName)
  const topic = topics.get(name)
  return {
    own: topic?.configs ?? new Map(),
    missing: topic === undefined ? failure(ERRORS.unknownTopicOrPartition) : null,
    row: topicConfigRow,
    parse: (configs) => {
      const parsed = parseTopicConfigs(configs)
      return parsed instanceof ConfigProblem ? failure(ERRORS.invalidConfig, parsed.message) : parsed
    },
    set: (configs, onDone) => topics.alterConfigs(topic as Topic, configs, onDone),
    describe: () => describeTopicConfigs(topic?.configs ?? new Map(), brokerConfigs),
  }
}

function brokerTarget(name: string, operation: ConfigOperation, context: RequestContext): ConfigTarget | Failure {
  const { security, identity, brokerConfigs } = context.broker
  if (!security.authorize(context.connection.principal, operation, 'cluster', CLUSTER_RESOURCE)) return failure(ERRORS.clusterAuthorizationFailed)
  if (name !== '' && name !== `${identity.nodeId}`) return failure(ERRORS.invalidRequest, `the only broker is ${identity.nodeId}, not "${name}"`)
  const scope: BrokerConfigScope = name === '' ? 'cluster' : 'broker'
  return {
    own: brokerConfigs.changed(scope),
    missing: null,
    row: (key) => brokerConfigs.row(key),
    parse: (configs) => brokerConfigs.parse(scope, configs),
    set: (configs, onDone) => brokerConfigs.set(scope, configs, onDone),
    describe: () => brokerConfigs.describe(scope),
  }
}

function loggerTarget(name: string, operation: ConfigOperation, context: RequestContext): ConfigTarget | Failure {
  const { security, identity, logLevels } = context.broker
  if (!security.authorize(context.connection.principal, operation, 'cluster', CLUSTER_RESOURCE)) return failure(ERRORS.clusterAuthorizationFailed)
  if (name !== `${identity.nodeId}`) return failure(ERRORS.invalidRequest, `the only broker is ${identity.nodeId}, not "${name}"`)
  const value = kafkaLevel(logLevels.level)
  return {
    own: new Map(),
    missing: null,
    row: () => undefined,
    parse: (levels) => {
      for (const [logger, level] of levels) {
        if (logger !== ROOT_LOGGER) return failure(ERRORS.invalidConfig, `there is no logger "${logger}", only "${ROOT_LOGGER}"`)
        if (LOG_LEVELS.get(level) === undefined)
          return failure(ERRORS.invalidConfig, `there is no log level "${level}", only ${[...LOG_LEVELS.keys()].join(', ')}`)
      }
      return levels
    },
    set: (levels, onDone) => {
      const level = LOG_LEVELS.get(levels.get(ROOT_LOGGER) ?? '')
      if (level !== undefined) logLevels.setLevel(level)
      onDone(null)
    },
    describe: () => [{ name: ROOT_LOGGER, value, source: 'logger', isReadOnly: false, isSensitive: false, type: null, doc: '', synonyms: [] }],
  }
}

function groupTarget(groupId: string, operation: ConfigOperation, context: RequestContext): ConfigTarget | Failure {
  const { security, groupConfigs } = context.broker
  if (!security.authorize(context.connection.principal, operation, 'group', groupId)) return failure(ERRORS.groupAuthorizationFailed)
  if (groupId === '') return failure(ERRORS.invalidRequest, 'a group has a name')
  return {
    own: groupConfigs.own(groupId),
    missing: null,
    row: (key) => groupConfigs.row(key),
    parse: (configs) => groupConfigs.parse(groupId, configs),
    set: (configs, onDone) => groupConfigs.set(groupId, configs, onDone),
    describe: () => groupConfigs.describe(groupId),
  }
}
