import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import { topicConfigRow } from '../../broker/topics/topic-config.ts'
import type { Handler } from '../handler.ts'
import type { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../messages/incremental-alter-configs.ts'
import type { Input } from '../wire/message.ts'
import { alterResources } from './alter-topic-configs.ts'

type Resource = IncrementalAlterConfigsRequest['resources'][number]

const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

/** IncrementalAlterConfigs (44, KIP-339): sets, deletes, and adds to or takes from lists; all changes of a topic or none (rule 8). */
export const incrementalAlterConfigs: Handler<IncrementalAlterConfigsRequest, Input<typeof IncrementalAlterConfigsResponse>> = async (request, context) => ({
  responses: await alterResources(request.resources, request.validateOnly, context, changed),
})

function changed({ configs }: Resource, topic: Topic): Map<string, string> | Failure {
  const next = new Map(topic.configs)
  for (const { name, configOperation, value } of configs) {
    if (configOperation === DELETE) {
      next.delete(name)
      continue
    }
    if (value === null) return failure(ERRORS.invalidRequest, `the config "${name}" has no value`)
    const row = topicConfigRow(name)
    if (row === undefined) return failure(ERRORS.invalidConfig, `unknown topic config "${name}"`)
    switch (configOperation) {
      case SET:
        next.set(name, value)
        break
      case APPEND:
      case SUBTRACT: {
        if (row.type !== 'list') return failure(ERRORS.invalidConfig, `"${name}" is no list: it can be set and deleted only`)
        next.set(name, changeList(next.get(name) ?? row.default, value, configOperation === APPEND))
        break
      }
      default:
        return failure(ERRORS.invalidRequest, `there is no config operation ${configOperation}`)
    }
  }
  return next
}

function changeList(before: string, value: string, append: boolean): string {
  const words = before === '' ? [] : before.split(',')
  const given = value.split(',')
  return (append ? [...new Set([...words, ...given])] : words.filter((word) => !given.includes(word))).join(',')
}
