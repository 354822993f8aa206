import { ERRORS, type Failure, failure, isFailure } from '../../broker/errors.ts'
import { type ConfigTarget, configTarget } from '../config-target.ts'
import type { RequestContext } from '../handler.ts'

/** What AlterConfigs and IncrementalAlterConfigs have in common: resources, and configs that are changed together. */
interface AlteredResource {
  readonly resourceType: number
  readonly resourceName: string
  readonly configs: readonly { readonly name: string }[]
}

interface AlterResult {
  readonly errorCode: number
  readonly errorMessage: string | null
  readonly resourceType: number
  readonly resourceName: string
}

/**
 * Changes each resource to the configs that `next` makes of its own, all or none, and answers when that is durable. A
 * resource that is named twice is answered with 42, each time.
 */
export async function alterResources<R extends AlteredResource>(
  resources: readonly R[],
  validateOnly: boolean,
  context: RequestContext,
  next: (resource: R, target: ConfigTarget) => Map<string, string> | Failure,
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
  next: (resource: R, target: ConfigTarget) => Map<string, string> | Failure,
): Failure | null | Promise<Failure | null> {
  const target = configTarget(resource, 'alter-configs', context)
  if (isFailure(target)) return target
  if (new Set(resource.configs.map(({ name }) => name)).size < resource.configs.length) return failure(ERRORS.invalidRequest, 'a config is named twice')
  const configs = next(resource, target)
  if (isFailure(configs)) return configs
  const parsed = target.parse(configs)
  if (isFailure(parsed)) return parsed
  if (target.missing !== null || validateOnly) return target.missing
  return new Promise((resolve) => target.set(parsed, resolve))
}
