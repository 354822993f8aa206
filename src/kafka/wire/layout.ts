import type { Field, Shape, WireType } from './fields.ts'

/** One field as it is in one version: what the compilers, the drift check and the docs walk. */
export interface FieldLayout {
  readonly name: string
  readonly type: WireType
  /** Whether this version has it; if not, decoding gives the default and encoding ignores the value. */
  readonly present: boolean
  readonly nullable: boolean
  readonly tag: number | null
  /** The value that stands for "left out": the explicit default or the zero of the type. Structs and arrays: undefined unless null. */
  readonly fallback: unknown
  /** Whether the table gives a default of its own, so that callers may leave the field out. */
  readonly optional: boolean
  readonly element: FieldLayout | null
  readonly fields: readonly FieldLayout[] | null
  /** Fewest bytes the value can take, for checking announced lengths before anything is allocated. */
  readonly minBytes: number
}

const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'

const ZEROS: Partial<Record<WireType, unknown>> = {
  bool: false,
  int8: 0,
  int16: 0,
  int32: 0,
  int64: 0,
  uint16: 0,
  float64: 0,
  uuid: ZERO_UUID,
  string: '',
}

const FIXED_BYTES: Partial<Record<WireType, number>> = { bool: 1, int8: 1, int16: 2, int32: 4, int64: 8, uint16: 2, float64: 8, uuid: 16 }

/** Bytes of a value of this type, or 0 where that depends on the value. */
export function fixedBytes(type: WireType): number {
  return FIXED_BYTES[type] ?? 0
}

/** The fields of a table as they are in `version`. Throws where the table cannot be (a bug). */
export function layoutOf(shape: Shape, version: number, flexible: boolean): readonly FieldLayout[] {
  return Object.entries(shape).map(([name, field]) => layoutOfField(name, field, version, flexible))
}

function layoutOfField(name: string, field: Field, version: number, flexible: boolean): FieldLayout {
  const present = version >= field.since && version <= field.until
  const nullable = version >= field.nullSince && version <= field.nullUntil
  const tag = present ? field.tag : null
  if (tag !== null && !flexible) throw new Error(`field ${name}: tag ${tag} in version ${version}, which is not flexible`)
  if (nullable && field.type === 'struct' && tag !== null) throw new Error(`field ${name}: tagged structs that may be null are not supported`)
  const element = field.element === null ? null : layoutOfField(`${name}[]`, field.element, version, flexible)
  const fields = field.shape === null ? null : layoutOf(field.shape, version, flexible)
  return {
    name,
    type: field.type,
    present,
    nullable,
    tag,
    fallback: field.fallback === undefined ? ZEROS[field.type] : field.fallback,
    optional: field.fallback !== undefined || field.tag !== null,
    element,
    fields,
    minBytes: minBytesOf(field.type, fields, nullable, flexible),
  }
}

function minBytesOf(type: WireType, fields: readonly FieldLayout[] | null, nullable: boolean, flexible: boolean): number {
  if (fields !== null) {
    if (nullable) return 1
    const ordinary = fields.filter((field) => field.present && field.tag === null)
    const sum = ordinary.reduce((total, field) => total + field.minBytes, flexible ? 1 : 0)
    if (sum === 0) throw new Error('a struct without fields has no bound on its count')
    return sum
  }
  const fixed = fixedBytes(type)
  if (fixed > 0) return fixed
  if (flexible) return 1
  return type === 'string' ? 2 : 4
}
