import { failureOf } from './failure.ts'
import { type Mutation, mutated } from './mutations.ts'
import type { Meta, Target } from './target.ts'

interface Failing {
  readonly target: Target
  readonly meta: Meta
  readonly parts: readonly Buffer[]
  readonly mutations: readonly Mutation[]
}

interface Smallest {
  readonly message: string
  readonly mutations: readonly Mutation[]
  readonly parts: readonly Buffer[]
}

/** Delta debugging: leaves out mutations, then bytes, as long as the same thing goes wrong. */
export async function minimised({ target, meta, parts, mutations }: Failing, message: string): Promise<Smallest> {
  const wanted = kindOf(message)
  let checks = target.minimiseChecks
  let last = message
  const fails = async (candidate: readonly Buffer[]): Promise<boolean> => {
    if (checks-- <= 0) return false
    const found = await failureOf(target, meta, candidate, false)
    if (found === null || kindOf(found) !== wanted) return false
    last = found
    return true
  }
  const left = [...mutations]
  for (let i = left.length - 1; i >= 0 && left.length > 1; i--) {
    const without = left.toSpliced(i, 1)
    if (await fails(mutated(target, meta, parts, without))) left.splice(i, 1)
  }
  const smaller = [...mutated(target, meta, parts, left)]
  for (let index = 0; index < smaller.length && target.keepsBytes !== true; index++) {
    for (let piece = (smaller[index] as Buffer).length >>> 1; piece > 0; piece >>>= 1) {
      for (let at = 0; at + piece <= (smaller[index] as Buffer).length && checks > 0; ) {
        const whole = smaller[index] as Buffer
        const candidate = smaller.with(index, Buffer.concat([whole.subarray(0, at), whole.subarray(at + piece)]))
        if (await fails(candidate)) smaller[index] = candidate[index] as Buffer
        else at += piece
      }
    }
  }
  return { message: last, mutations: left, parts: smaller }
}

/** The first line without numbers: what went wrong, not where. */
function kindOf(message: string): string {
  return (message.split('\n')[0] ?? '').replace(/0x[0-9a-f]+|\d+/gi, 'N').slice(0, 80)
}
