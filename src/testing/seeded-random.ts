import type { Random } from '../runtime/random.ts'

/** Random numbers that a seed decides, the same on every machine (sfc32). Good for tests, not for secrets. */
export class SeededRandom implements Random {
  #a: number
  #b: number
  #c = 0x9e37_79b9
  #counter = 1
  readonly #seed: number

  /** `seed`: an integer from 0 to 2^53-1. */
  constructor(seed: number) {
    this.#seed = seed
    this.#a = seed >>> 0
    this.#b = Math.floor(seed / 0x1_0000_0000) >>> 0
    for (let i = 0; i < 16; i++) this.#next()
  }

  bytes(length: number): Uint8Array {
    const bytes = Buffer.alloc(length)
    for (let i = 0; i < length; i++) bytes[i] = this.#next() & 0xff
    return bytes
  }

  below(bound: number): number {
    return Math.floor(this.fraction() * bound)
  }

  /** From 0 up to, not including, 1; 48 random bits. */
  fraction(): number {
    return (this.#next() * 0x1_0000 + (this.#next() & 0xffff)) / 0x1_0000_0000_0000
  }

  /** An integer from `low` to `high`, both included. */
  between(low: number, high: number): number {
    return low + this.below(high - low + 1)
  }

  /** True with this probability, 0..1. */
  chance(probability: number): boolean {
    return this.fraction() < probability
  }

  pick<T>(choices: readonly T[]): T {
    return choices[this.below(choices.length)] as T
  }

  /** A source of its own: what is drawn from one does not change what the other gives. */
  fork(): SeededRandom {
    return new SeededRandom(this.below(Number.MAX_SAFE_INTEGER))
  }

  /** A source of its own that only the seed and `name` decide, whatever was drawn from this one. */
  named(name: string): SeededRandom {
    const low = fnv1a(name, this.#seed >>> 0)
    const high = fnv1a(name, (low ^ Math.floor(this.#seed / 0x1_0000_0000)) >>> 0)
    return new SeededRandom((high & 0x1f_ffff) * 0x1_0000_0000 + low)
  }

  #next(): number {
    const sum = (this.#a + this.#b + this.#counter) >>> 0
    this.#counter = (this.#counter + 1) >>> 0
    this.#a = (this.#b ^ (this.#b >>> 9)) >>> 0
    this.#b = (this.#c + (this.#c << 3)) >>> 0
    this.#c = (((this.#c << 21) | (this.#c >>> 11)) + sum) >>> 0
    return sum
  }
}

/** A 32-bit hash (FNV-1a) that begins from `basis`. */
function fnv1a(text: string, basis: number): number {
  let hash = (basis ^ 0x811c_9dc5) >>> 0
  for (let i = 0; i < text.length; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x0100_0193) >>> 0
  return hash
}
