import type { Assignor } from './assignor.ts'
import { assignRanges } from './range.ts'
import { assignUniform } from './uniform.ts'

/** What `group.consumer.assignors` may name, in Kafka's order: a group whose members ask for none uses the first. */
export const ASSIGNORS = { uniform: assignUniform, range: assignRanges } as const satisfies Record<string, Assignor>

export type AssignorName = keyof typeof ASSIGNORS

export const DEFAULT_ASSIGNOR: AssignorName = 'uniform'

export function isAssignorName(name: string): name is AssignorName {
  return Object.hasOwn(ASSIGNORS, name)
}
