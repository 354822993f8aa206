import { ERRORS } from '../../broker/errors.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import { CONFIG_RESOURCES } from '../config-target.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { ListConfigResourcesRequest, ListConfigResourcesResponse } from '../messages/list-config-resources.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof ListConfigResourcesResponse>

/**
 * ListConfigResources (74): the names of what can have configs.
 *
 * v0: client metrics only, which are not served. v1: by type, all where none is named; a type that is none gets 35.
 */
export const listConfigResources: Handler<ListConfigResourcesRequest, Response> = (request, context) => {
  const { security } = context.broker
  if (!security.authorize(context.connection.principal, 'describe-configs', 'cluster', CLUSTER_RESOURCE)) {
    return { errorCode: ERRORS.clusterAuthorizationFailed.kafka, configResources: [] }
  }
  const all: readonly number[] = Object.values(CONFIG_RESOURCES)
  const asked = context.version === 0 ? [CONFIG_RESOURCES.clientMetrics] : request.resourceTypes.length === 0 ? all : [...new Set(request.resourceTypes)]
  if (asked.some((type) => !all.includes(type))) return { errorCode: ERRORS.unsupportedVersion.kafka, configResources: [] }
  return {
    errorCode: 0,
    configResources: asked.flatMap((resourceType) => namesOf(resourceType, context).map((resourceName) => ({ resourceName, resourceType }))),
  }
}

function namesOf(type: number, { broker }: RequestContext): string[] {
  switch (type) {
    case CONFIG_RESOURCES.topic:
      return [...broker.topics.all()].map(({ name }) => name)
    case CONFIG_RESOURCES.broker:
    case CONFIG_RESOURCES.brokerLogger:
      return [`${broker.identity.nodeId}`]
    case CONFIG_RESOURCES.group:
      return [...broker.groupConfigs.names()]
    default:
      return []
  }
}
