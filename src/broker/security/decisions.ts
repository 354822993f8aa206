import type { Operation, ResourceType } from './ports.ts'

/** Names remembered per principal, operation and type; at the bound they are forgotten, and decided anew. */
const MAX_NAMES = 4_096

const OPERATIONS: Readonly<Record<Operation, number>> = {
  read: 0,
  write: 1,
  create: 2,
  delete: 3,
  alter: 4,
  describe: 5,
  'cluster-action': 6,
  'describe-configs': 7,
  'alter-configs': 8,
  'idempotent-write': 9,
  'create-tokens': 10,
  'describe-tokens': 11,
  'two-phase-commit': 12,
}

const TYPES: Readonly<Record<ResourceType, number>> = {
  topic: 0,
  group: 1,
  cluster: 2,
  'transactional-id': 3,
  'delegation-token': 4,
  user: 5,
  'mqtt-topic': 6,
}
const TYPE_COUNT = 7

/**
 * What was decided for one principal, so that the check of every Produce and Fetch costs two look-ups. Whoever uses it says
 * which version of the rights it speaks of: what was decided under another one counts no more.
 */
export class Decisions {
  #version = -1
  #names: (Map<string, boolean> | undefined)[] = []

  get(version: number, operation: Operation, type: ResourceType, name: string): boolean | undefined {
    if (version !== this.#version) return undefined
    return this.#names[OPERATIONS[operation] * TYPE_COUNT + TYPES[type]]?.get(name)
  }

  set(version: number, operation: Operation, type: ResourceType, name: string, decision: boolean): void {
    if (version !== this.#version) {
      this.#version = version
      this.#names = []
    }
    const question = OPERATIONS[operation] * TYPE_COUNT + TYPES[type]
    let names = this.#names[question]
    if (names === undefined || names.size >= MAX_NAMES) {
      names = new Map()
      this.#names[question] = names
    }
    names.set(name, decision)
  }
}
