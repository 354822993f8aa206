import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { FuzzCase, Meta, Spot, Target } from './target.ts'

/** One change of the parts. Places are taken modulo what is there, so that each stays applicable when others are left out. */
export type Mutation =
  | { readonly op: 'flip'; readonly part: number; readonly at: number; readonly bit: number }
  | { readonly op: 'set'; readonly part: number; readonly at: number; readonly bytes: string }
  | { readonly op: 'insert'; readonly part: number; readonly at: number; readonly bytes: string }
  | { readonly op: 'remove'; readonly part: number; readonly at: number; readonly length: number }
  | { readonly op: 'repeat'; readonly part: number; readonly at: number; readonly length: number }
  | { readonly op: 'move'; readonly part: number; readonly at: number; readonly length: number; readonly to: number }
  | { readonly op: 'zero'; readonly part: number; readonly at: number; readonly length: number }
  | { readonly op: 'cut'; readonly part: number; readonly at: number }
  | { readonly op: 'swap-parts'; readonly part: number; readonly other: number }
  | { readonly op: 'drop-part'; readonly part: number }
  | { readonly op: 'repeat-part'; readonly part: number }
  | { readonly op: 'repair' }

/** Numbers that lengths and counts are set to. */
const EDGES = [0, 1, -1, -2, 2, 3, 7, 8, 0x7f, 0x80, 0xff, 0x100, 0x3fff, 0x4000, 0x7fff, 0x8000, 0xffff, 0x10000, 0x7fffffff, -0x80000000, 0x1000000]
const EDGE_BYTES = [0x00, 0x01, 0x7f, 0x80, 0xfe, 0xff]
/** Varints that are as long as they can be, or longer: of 0, of 2^31, of 2^32, of 2^63, without end. */
const LONG_VARINTS = [
  '8000',
  '80808000',
  'ffffffff07',
  'feffffff0f',
  'ffffffff0f',
  'ffffffffffffffff7f',
  'ffffffffffffffffff01',
  '80'.repeat(12),
  'ff'.repeat(20),
]
/** Bytes between two places that a disk takes for one. */
const SECTOR = 512

/** Between 1 and the target's most. */
export function randomMutations(random: SeededRandom, target: Target, { parts, spots }: FuzzCase): Mutation[] {
  const mutations: Mutation[] = []
  const count = random.chance(0.5) ? 1 : random.between(1, target.maxMutations)
  for (let i = 0; i < count; i++) {
    const part = random.below(parts.length)
    const length = (parts[part] as Buffer).length
    const mutation = random.chance(0.45) ? atSpot(random, part, length, spots?.[part] ?? []) : anywhere(random, part, length, parts.length)
    mutations.push(target.without?.includes(mutation.op) ? { op: 'flip', part, at: random.below(length + 1), bit: random.below(8) } : mutation)
  }
  if (target.repair !== undefined && random.chance(0.7)) mutations.push({ op: 'repair' })
  return mutations
}

/** A length or count that lies, in the width it has. */
function atSpot(random: SeededRandom, part: number, length: number, spots: readonly Spot[]): Mutation {
  const spot = spots.length === 0 ? { at: random.below(length + 1), bytes: random.pick([0, 2, 4, 8]) } : random.pick(spots)
  if (spot.bytes === 0) return random.chance(0.6) ? { op: 'insert', part, at: spot.at, bytes: random.pick(LONG_VARINTS) } : edgeByte(random, part, spot.at)
  return { op: 'set', part, at: spot.at, bytes: edge(random, spot.bytes) }
}

function edge(random: SeededRandom, width: number): string {
  const value = BigInt(random.pick(EDGES)) * (random.chance(0.1) ? 0x1_0000_0001n : 1n) + BigInt(random.between(-1, 1))
  return (value & ((1n << BigInt(8 * width)) - 1n)).toString(16).padStart(2 * width, '0')
}

function edgeByte(random: SeededRandom, part: number, at: number): Mutation {
  return { op: 'set', part, at, bytes: Buffer.of(random.pick(EDGE_BYTES)).toString('hex') }
}

function anywhere(random: SeededRandom, part: number, length: number, parts: number): Mutation {
  const at = random.below(length + 1)
  const some = random.chance(0.8) ? random.between(1, 16) : random.between(1, Math.max(1, length))
  switch (random.below(13)) {
    case 0:
    case 1:
    case 2:
      return { op: 'flip', part, at, bit: random.below(8) }
    case 3:
      return edgeByte(random, part, at)
    case 4:
      return { op: 'insert', part, at, bytes: Buffer.from(random.bytes(random.between(1, 8))).toString('hex') }
    case 5:
      return { op: 'remove', part, at, length: some }
    case 6:
      return { op: 'repeat', part, at, length: some }
    case 7:
      return { op: 'move', part, at, length: some, to: random.below(length + 1) }
    case 8:
      return { op: 'zero', part, at: at - (at % SECTOR), length: random.chance(0.5) ? SECTOR : some }
    case 9:
      return { op: 'cut', part, at }
    case 10:
      return { op: 'set', part, at, bytes: edge(random, random.pick([1, 2, 4, 8])) }
    case 11:
      return random.chance(0.5) ? { op: 'swap-parts', part, other: random.below(parts) } : { op: 'repeat-part', part }
    default:
      return random.chance(0.5) ? { op: 'drop-part', part } : { op: 'set', part, at, bytes: Buffer.from(random.bytes(random.between(1, 8))).toString('hex') }
  }
}

/** The parts after all mutations; the originals stay as they are. An absent part is empty. */
export function mutated(target: Target, meta: Meta, parts: readonly Buffer[], mutations: readonly Mutation[]): readonly Buffer[] {
  const changed = parts.map((part) => Buffer.from(part))
  for (const mutation of mutations) apply(changed, mutation)
  return mutations.some(({ op }) => op === 'repair') && target.repair !== undefined ? target.repair(meta, changed) : changed
}

function apply(parts: Buffer[], mutation: Mutation): void {
  if (mutation.op === 'repair') return
  const index = mutation.part % parts.length
  const bytes = parts[index] as Buffer
  const place = 'at' in mutation ? mutation.at % (bytes.length + 1) : 0
  const replace = (from: number, to: number, ...by: readonly Uint8Array[]): void => {
    parts[index] = Buffer.concat([bytes.subarray(0, from), ...by, bytes.subarray(to)])
  }
  switch (mutation.op) {
    case 'flip':
      if (place < bytes.length) bytes[place] = (bytes[place] as number) ^ (1 << mutation.bit)
      return
    case 'set':
      Buffer.from(mutation.bytes, 'hex').copy(bytes, place)
      return
    case 'insert':
      replace(place, place, Buffer.from(mutation.bytes, 'hex'))
      return
    case 'remove':
      replace(place, place + mutation.length)
      return
    case 'repeat':
      replace(place, place, bytes.subarray(place, place + mutation.length))
      return
    case 'move':
      bytes.copy(bytes, mutation.to % (bytes.length + 1), place, Math.min(bytes.length, place + mutation.length))
      return
    case 'zero':
      bytes.fill(0, place, Math.min(bytes.length, place + mutation.length))
      return
    case 'cut':
      parts[index] = bytes.subarray(0, place)
      return
    case 'swap-parts': {
      const other = mutation.other % parts.length
      parts[index] = parts[other] as Buffer
      parts[other] = bytes
      return
    }
    case 'drop-part':
      parts[index] = Buffer.alloc(0)
      return
    case 'repeat-part':
      replace(bytes.length, bytes.length, bytes)
  }
}
