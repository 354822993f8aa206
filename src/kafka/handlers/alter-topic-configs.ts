import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import { checkTopicConfig } from '../../broker/topics/topic-config.ts'
import { checkTopicName } from '../../broker/topics/topic-name.ts'
import type { RequestContext } from '../handler.ts'

/** What AlterConfigs and IncrementalAlterConfigs have in common: resources, and configs that are changed together. */
export interface AlteredResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly { readonly name: string }[]
}

export interface AlterResult {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
}

const TOPIC = 2
const BROKER = 4

/**
 * Changes each topic to the configs that `next` makes of its own, all or none, and answers when that is durable. The broker's
 * settings are fixed while it runs. A resource that is named twice is answered with 42, each time.
 */
export async function alterResources<R extends AlteredResource>(
  resources: readonly R[],
  validateOnly: boolean,
  context: RequestContext,
  next: (resource: R, topic: Topic) => Map<string, string> | Failure,
): Promise<AlterResult[]> {
  const counts = new Map<string, number>()
  const keyOf = ({ resourceType, resourceName }: R) => `${resourceType}/${resourceName}`
  for (const resource of resources) counts.set(keyOf(resource), (counts.get(keyOf(resource)) ?? 0) + 1)
  return Promise.all(
    resources.map(async (resource) => {
      const repeated = counts.get(keyOf(resource)) !== 1
      const failed = repeated ? failure(ERRORS.invalidRequest, 'the resource is named twice') : await alter(resource, validateOnly, context, next)
      const { resourceType, resourceName } = resource
      return { errorCode: failed?.error.kafka ?? 0, errorMessage: failed?.message ?? null, resourceType, resourceName }
    }),
  )
}

function alter<R extends AlteredResource>(
  resource: R,
  validateOnly: boolean,
  context: RequestContext,
  next: (resource: R, topic: Topic) => Map<string, string> | Failure,
): Failure | null | Promise<Failure | null> {
  const topic = findTopic(resource, context)
  if ('error' in topic) return topic
  if (new Set(resource.configs.map(({ name }) => name)).size < resource.configs.length) return failure(ERRORS.invalidRequest, 'a config is named twice')
  const configs = next(resource, topic)
  if ('error' in configs) return configs
  for (const [key, value] of configs) {
    const wrong = checkTopicConfig(key, value)
    if (wrong !== null) return failure(ERRORS.invalidConfig, wrong)
  }
  if (validateOnly) return null
  return new Promise((resolve) => context.broker.topics.alterConfigs(topic, configs, resolve))
}

function findTopic({ resourceType, resourceName }: AlteredResource, context: RequestContext): Topic | Failure {
  if (resourceType === BROKER) return failure(ERRORS.invalidRequest, 'the settings of the broker are fixed while it runs')
  if (resourceType !== TOPIC) return failure(ERRORS.invalidRequest, `configs of resource type ${resourceType} are not served`)
  if (resourceName === '') return failure(ERRORS.invalidRequest, 'there are no configs of all topics; the settings of the broker are their defaults')
  if (!context.broker.security.authorize(context.connection.principal, 'alter-configs', 'topic', resourceName)) {
    return failure(ERRORS.topicAuthorizationFailed)
  }
  const wrongName = checkTopicName(resourceName)
  if (wrongName !== null) return failure(ERRORS.invalidTopic, wrongName)
  return context.broker.topics.get(resourceName) ?? failure(ERRORS.unknownTopicOrPartition)
}
