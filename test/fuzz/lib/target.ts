import type { SeededRandom } from '../../../src/testing/seeded-random.ts'

/** Where in the bytes a number stands that says how much of something follows: mutations prefer these places. */
export interface Spot {
  readonly at: number
  /** Width of the number; 0 for a varint. */
  readonly bytes: number
}

/** What the oracle must know beside the bytes; goes into a find's file as JSON. */
export type Meta = { readonly [name: string]: string | number | boolean | null | readonly string[] | readonly number[] }

/** Valid input: packets, frames or files, and what is known of them. */
export interface FuzzCase {
  readonly meta: Meta
  readonly parts: readonly Buffer[]
  /** By part. */
  readonly spots?: readonly (readonly Spot[])[]
}

/** Something that reads bytes which others wrote. */
export interface Target {
  readonly name: string
  /** One line: what is fuzzed, and what must hold. */
  readonly about: string
  /** Valid input, decided by the random source alone. */
  generate(random: SeededRandom): FuzzCase | Promise<FuzzCase>
  /** Damaged variants of each valid input. */
  readonly variants: number
  /** Mutations of one variant are at most this many. */
  readonly maxMutations: number
  /** Computes checksums anew, so that a mutation gets behind them. */
  repair?(meta: Meta, parts: readonly Buffer[]): readonly Buffer[]
  /** The oracle: throws where something is wrong. `valid`: the parts are as generated. */
  check(meta: Meta, parts: readonly Buffer[], valid: boolean): void | Promise<void>
  /** A check that takes longer, three times in a row, hangs. */
  readonly slowMs: number
  /** Checks that minimising a failure may cost. */
  readonly minimiseChecks: number
  /** Kinds of mutation that would make another valid input. */
  readonly without?: readonly string[]
  /** Minimising leaves out mutations only: without some of its bytes the input is another. */
  readonly keepsBytes?: boolean
}
