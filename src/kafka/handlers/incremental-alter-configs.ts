import { itemsOf } from '../../broker/configs/config-row.ts'
import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import { CONFIG_RESOURCES, type ConfigTarget } from '../config-target.ts'
import type { Handler } from '../handler.ts'
import { ROOT_LOGGER } from '../log-levels.ts'
import type { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../messages/incremental-alter-configs.ts'
import type { Input } from '../wire/message.ts'
import { alterResources } from './alter-resources.ts'

type Resource = IncrementalAlterConfigsRequest['resources'][number]

const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3

/** IncrementalAlterConfigs (44, KIP-339): sets, deletes, and adds to or takes from lists; all changes of a resource or none (rule 8). */
export const incrementalAlterConfigs: Handler<IncrementalAlterConfigsRequest, Input<typeof IncrementalAlterConfigsResponse>> = async (request, context) => ({
  responses: await alterResources(request.resources, request.validateOnly, context, changed),
})

function changed({ resourceType, configs }: Resource, target: ConfigTarget): Map<string, string> | Failure {
  if (resourceType === CONFIG_RESOURCES.brokerLogger) return changedLevels(configs)
  const next = new Map(target.own)
  for (const { name, configOperation, value } of configs) {
    if (configOperation === DELETE) {
      next.delete(name)
      continue
    }
    if (value === null) return failure(ERRORS.invalidRequest, `the config "${name}" has no value`)
    switch (configOperation) {
      case SET:
        next.set(name, value)
        break
      case APPEND:
      case SUBTRACT: {
        const row = target.row(name)
        if (row === undefined || row.type !== 'list') return failure(ERRORS.invalidConfig, `"${name}" is no list: it can be set and deleted only`)
        next.set(name, changeList(next.get(name) ?? row.default ?? '', value, configOperation === APPEND))
        break
      }
      default:
        // As Kafka answers: it meets an exception.
        return failure(ERRORS.unknownServerError, `there is no config operation ${configOperation}`)
    }
  }
  return next
}

/** Of a logger the level is set; taking one away gives it that of the root logger, which itself has to have one. */
function changedLevels(configs: Resource['configs']): Map<string, string> | Failure {
  const next = new Map<string, string>()
  for (const { name, configOperation, value } of configs) {
    if (configOperation === SET && value === null) return failure(ERRORS.invalidRequest, `the logger "${name}" has no level`)
    if (configOperation !== SET && configOperation !== DELETE)
      return failure(ERRORS.invalidRequest, `levels of loggers are set or deleted, not ${configOperation}`)
    if (configOperation === DELETE && name === ROOT_LOGGER) return failure(ERRORS.invalidRequest, 'the root logger has a level')
    next.set(name, value ?? '')
  }
  return next
}

/** As Kafka: what is appended is kept as it is, so that an item that is none is found afterwards. */
function changeList(before: string, value: string, append: boolean): string {
  const words = itemsOf(before)
  const given = value === '' ? [''] : itemsOf(value)
  return (append ? [...new Set([...words, ...given])] : words.filter((word) => !given.includes(word))).join(',')
}
