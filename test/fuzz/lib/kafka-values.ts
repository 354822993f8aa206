import type { FieldLayout } from '../../../src/kafka/wire/layout.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'

const TEXTS = ['', 'a', 'orders', 'group-1', '日本', 'ä', '__consumer_offsets', 'x'.repeat(41), 'x'.repeat(42), 'é'.repeat(70), 'y'.repeat(300)]
const WIDTHS = { int8: 8, int16: 16, int32: 32 } as const
/** Elements of an array, and structs within structs, stay few. */
const MOST_ELEMENTS = 3

type Values = Record<string, unknown>

/** A value of every field that this version has; the default of those it has not. */
export function randomStruct(random: SeededRandom, fields: readonly FieldLayout[]): Values {
  return Object.fromEntries(fields.map((field) => [field.name, field.present ? randomValue(random, field) : fallbackOf(field)]))
}

/** What decoding gives for a field that is not on the wire. */
export function fallbackOf(field: FieldLayout): unknown {
  if (field.fallback === null) return null
  switch (field.type) {
    case 'array':
    case 'recordSlices':
      return []
    case 'bytes':
    case 'records':
      return Buffer.alloc(0)
    case 'struct':
      return Object.fromEntries((field.fields ?? []).map((inner) => [inner.name, fallbackOf(inner)]))
    default:
      return field.fallback
  }
}

function randomValue(random: SeededRandom, field: FieldLayout): unknown {
  if (field.nullable && random.chance(0.2)) return null
  if (field.tag !== null && random.chance(0.4)) return fallbackOf(field)
  switch (field.type) {
    case 'bool':
      return random.chance(0.5)
    case 'int8':
    case 'int16':
    case 'int32':
      return integer(random, WIDTHS[field.type])
    case 'int64':
      return random.pick([0, 1, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 1_767_225_600_000, random.below(2 ** 50), -random.below(2 ** 50)])
    case 'uint16':
      return random.below(65_536)
    case 'float64':
      return random.pick([0, -0.5, 1e300, Number.MAX_VALUE, random.below(1_000)])
    case 'uuid':
      return Buffer.from(random.bytes(16)).toString('base64url')
    case 'string':
      return random.pick(TEXTS)
    case 'bytes':
    case 'records':
      return Buffer.from(random.bytes(random.below(80)))
    case 'recordSlices':
      return random.chance(0.3) ? [] : [Buffer.from(random.bytes(random.between(1, 80)))]
    case 'array':
      return Array.from({ length: random.below(MOST_ELEMENTS + 1) }, () => randomValue(random, field.element as FieldLayout))
    default:
      return randomStruct(random, field.fields ?? [])
  }
}

function integer(random: SeededRandom, bits: 8 | 16 | 32): number {
  const high = 2 ** (bits - 1) - 1
  return random.pick([0, 1, -1, high, -high - 1, random.below(high), -random.below(high)])
}
