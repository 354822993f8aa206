import { randomBytes, randomInt } from 'node:crypto'

/** Randomness, as the broker sees it. The real one is `systemRandom`; tests and the simulation own another. */
export interface Random {
  /** `length` random bytes, good enough for salts and nonces. */
  bytes(length: number): Uint8Array
  /** An integer from 0 up to, not including, `bound` (1..2^48-1). */
  below(bound: number): number
}

/** The machine's cryptographic source. */
export const systemRandom: Random = {
  bytes: (length) => randomBytes(length),
  below: (bound) => randomInt(bound),
}
