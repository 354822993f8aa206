import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { failureOf } from './failure.ts'
import { minimised } from './minimise.ts'
import { type Mutation, mutated, randomMutations } from './mutations.ts'
import type { FuzzCase, Meta, Target } from './target.ts'

/** Something that does not hold, with the smallest input that shows it. */
export interface Finding {
  readonly target: string
  readonly seed: number
  readonly message: string
  readonly mutations: readonly Mutation[]
  readonly meta: Meta
  readonly parts: readonly Buffer[]
}

export interface RunResult {
  /** Checks that were made, valid inputs and damaged ones. */
  readonly cases: number
  readonly findings: readonly Finding[]
}

/** One seed: a valid input and its damaged variants. Ends at the first thing that is wrong. */
export async function runSeed(target: Target, seed: number): Promise<RunResult> {
  const random = new SeededRandom(seed)
  let valid: FuzzCase
  try {
    valid = await target.generate(random)
  } catch (error) {
    const message = `valid input could not be made: ${error instanceof Error ? error.stack : String(error)}`
    return { cases: 1, findings: [{ target: target.name, seed, message, mutations: [], meta: {}, parts: [] }] }
  }
  const wrong = await failureOf(target, valid.meta, valid.parts, true)
  if (wrong !== null) return { cases: 1, findings: [{ ...valid, target: target.name, seed, message: wrong, mutations: [] }] }
  for (let variant = 1; variant <= target.variants; variant++) {
    const mutations = randomMutations(random, target, valid)
    const message = await failureOf(target, valid.meta, mutated(target, valid.meta, valid.parts, mutations), false)
    if (message !== null) return { cases: 1 + variant, findings: [await describe(target, seed, valid, mutations, message)] }
  }
  return { cases: 1 + target.variants, findings: [] }
}

async function describe(target: Target, seed: number, { meta, parts }: FuzzCase, mutations: readonly Mutation[], message: string): Promise<Finding> {
  const smallest = await minimised({ target, meta, parts, mutations }, message)
  // What is written may come to look otherwise; a find's file goes on saying what was damaged in it.
  const touched = smallest.mutations.flatMap((mutation) => ('part' in mutation ? [mutation.part % parts.length] : []))
  return { target: target.name, seed, meta: target.keepsBytes ? { ...meta, touched } : meta, ...smallest }
}
