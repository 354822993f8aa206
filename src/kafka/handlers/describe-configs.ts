import { isFailure } from '../../broker/errors.ts'
import { configTarget } from '../config-target.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DescribeConfigsRequest, DescribeConfigsResponse } from '../messages/describe-configs.ts'
import type { Input } from '../wire/message.ts'
import { configEntry } from './config-entries.ts'

type Result = Input<typeof DescribeConfigsResponse>['results'][number]
type Resource = DescribeConfigsRequest['resources'][number]

/**
 * DescribeConfigs (32): all configs of topics, of this broker, of all brokers, of groups, the level of its logger, with where
 * they came from (rule 8).
 *
 * v1: sources and synonyms. v3: types and documentation. Client metrics (KIP-714), which are not served, get 42.
 */
export const describeConfigs: Handler<DescribeConfigsRequest, Input<typeof DescribeConfigsResponse>> = (request, context) => ({
  results: request.resources.map((resource) => describeResource(resource, request, context)),
})

function describeResource(resource: Resource, request: DescribeConfigsRequest, context: RequestContext): Result {
  const { resourceType, resourceName, configurationKeys } = resource
  const target = configTarget(resource, 'describe-configs', context)
  const failed = isFailure(target) ? target : target.missing
  if (isFailure(target) || failed !== null) {
    return { errorCode: failed?.error.kafka ?? 0, errorMessage: failed?.message ?? null, resourceType, resourceName, configs: [] }
  }
  const wanted = configurationKeys === null || configurationKeys.length === 0 ? null : new Set(configurationKeys)
  const found = target.describe().filter(({ name }) => wanted === null || wanted.has(name))
  return { errorCode: 0, errorMessage: null, resourceType, resourceName, configs: found.map((config) => configEntry(config, request)) }
}
