import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import { CONFIG_RESOURCES } from '../config-target.ts'
import type { Handler } from '../handler.ts'
import type { AlterConfigsRequest, AlterConfigsResponse } from '../messages/alter-configs.ts'
import type { Input } from '../wire/message.ts'
import { alterResources } from './alter-resources.ts'

type Resource = AlterConfigsRequest['resources'][number]

/** AlterConfigs (33): replaces all configs of a topic, the broker or a group: what is not named goes back to its default. kafkajs knows no other way. */
export const alterConfigs: Handler<AlterConfigsRequest, Input<typeof AlterConfigsResponse>> = async (request, context) => ({
  responses: await alterResources(request.resources, request.validateOnly, context, replacement),
})

function replacement({ resourceType, configs }: Resource): Map<string, string> | Failure {
  // As in Kafka: the levels of loggers are changed one by one.
  if (resourceType === CONFIG_RESOURCES.brokerLogger) return failure(ERRORS.invalidRequest, 'levels of loggers are altered incrementally')
  const next = new Map<string, string>()
  for (const { name, value } of configs) {
    if (value === null) return failure(ERRORS.invalidRequest, `the config "${name}" has no value`)
    next.set(name, value)
  }
  return next
}
