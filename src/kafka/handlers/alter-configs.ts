import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { AlterConfigsRequest, AlterConfigsResponse } from '../messages/alter-configs.ts'
import type { Input } from '../wire/message.ts'
import { alterResources } from './alter-resources.ts'

type Resource = AlterConfigsRequest['resources'][number]

/** AlterConfigs (33): replaces all configs of a topic, the broker or a group: what is not named goes back to its default. kafkajs knows no other way. */
export const alterConfigs: Handler<AlterConfigsRequest, Input<typeof AlterConfigsResponse>> = async (request, context) => ({
  responses: await alterResources(request.resources, request.validateOnly, context, replacement),
})

function replacement({ configs }: Resource): Map<string, string> | Failure {
  const next = new Map<string, string>()
  for (const { name, value } of configs) {
    if (value === null) return failure(ERRORS.invalidRequest, `the config "${name}" has no value`)
    next.set(name, value)
  }
  return next
}
