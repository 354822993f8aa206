/**
 * The words message tables are written with. A table is at once the schema, the TypeScript type, the codec and the
 * documentation of a message:
 *
 *     { topicId: since(13, uuid), name: until(12, string), partitions: array({ index: int32, records: nullable(records) }) }
 *
 * Wrappers change one property of a field and can be nested in any order, except that whatever follows `tagged(n, …)` or
 * `since(n, …)` inside belongs to the same field: `tagged(0, since(12, nullable(string)))`.
 */

/** How a value looks on the wire. `records` is a byte view when decoded; see `recordSlices` for the list. */
export type WireType =
  | 'bool'
  | 'int8'
  | 'int16'
  | 'int32'
  | 'int64'
  | 'uint16'
  | 'float64'
  | 'uuid'
  | 'string'
  | 'bytes'
  | 'records'
  | 'recordSlices'
  | 'array'
  | 'struct'

declare const phantom: unique symbol

/**
 * One field of a table. `Out` is what decoding gives, `In` is what encoding takes, `Optional` says that `In` may leave it
 * out (then its default is written).
 */
export interface Field<Out = unknown, In = unknown, Optional extends boolean = boolean> {
  readonly type: WireType
  /** First and last version that has the field. */
  readonly since: number
  readonly until: number
  /** First and last version in which it may be null; `nullSince` is Infinity for never. */
  readonly nullSince: number
  readonly nullUntil: number
  /** Written when left out, read in versions that lack the field. Undefined: the zero of its type. */
  readonly fallback: unknown
  /** A tagged field (KIP-482), left out on the wire while it has its default; null for an ordinary one. */
  readonly tag: number | null
  /** Elements of an array. */
  readonly element: Field | null
  /** Fields of a struct, in wire order. */
  readonly shape: Shape | null
  readonly [phantom]?: { out: Out; in: In; optional: Optional }
}

/** The fields of a struct or message, in wire order. */
export interface Shape {
  readonly [name: string]: Field
}

type OutOf<F> = F extends Field<infer Out, unknown, boolean> ? Out : never
type InOf<F> = F extends Field<unknown, infer In, boolean> ? In : never
type OptionalKeys<S extends Shape> = { [K in keyof S]: S[K] extends Field<unknown, unknown, true> ? K : never }[keyof S]
type Flat<T> = { [K in keyof T]: T[K] }

/** What decoding a struct of these fields gives: every field, in every version. */
export type OutOfShape<S extends Shape> = { readonly [K in keyof S]: OutOf<S[K]> }
/** What encoding takes: fields with a default of their own may be left out. */
export type InOfShape<S extends Shape> = Flat<
  { readonly [K in Exclude<keyof S, OptionalKeys<S>>]: InOf<S[K]> } & { readonly [K in OptionalKeys<S>]?: InOf<S[K]> | undefined }
>

function scalar<T>(type: WireType): Field<T, T, false> {
  return {
    type,
    since: 0,
    until: Infinity,
    nullSince: Infinity,
    nullUntil: Infinity,
    fallback: undefined,
    tag: null,
    element: null,
    shape: null,
  }
}

export const bool = scalar<boolean>('bool')
export const int8 = scalar<number>('int8')
export const int16 = scalar<number>('int16')
export const int32 = scalar<number>('int32')
/**
 * A number. What lies beyond ±(2^53 - 1) is read as that bound, and the bounds are written as the largest and the smallest
 * int64: `Long.MAX_VALUE`, which clients send for "no limit", keeps its meaning and its bytes.
 */
export const int64 = scalar<number>('int64')
export const uint16 = scalar<number>('uint16')
export const float64 = scalar<number>('float64')
/** 22 characters of URL-safe base64, as Kafka prints it. */
export const uuid = scalar<string>('uuid')
export const string = scalar<string>('string')
/** A view into the decoded buffer, not a copy. */
export const bytes = scalar<Uint8Array>('bytes')
/** Record batches of a request: a view into the decoded buffer, not a copy. */
export const records = scalar<Uint8Array>('records')
/** Record batches of a response: slices that are written one after the other without being copied. Decoding gives one slice, or none. */
export const recordSlices = scalar<readonly Uint8Array[]>('recordSlices')

/** A struct of its own within a table. */
export function struct<S extends Shape>(shape: S): Field<OutOfShape<S>, InOfShape<S>, false> {
  return { ...scalar<never>('struct'), shape }
}

/** An array of fields, or of structs with the given shape. */
export function array<Out, In>(element: Field<Out, In, boolean>): Field<readonly Out[], readonly In[], false>
export function array<S extends Shape>(element: S): Field<readonly OutOfShape<S>[], readonly InOfShape<S>[], false>
export function array(element: Field | Shape): Field<never, never, false> {
  return { ...scalar('array'), element: isField(element) ? element : struct(element) }
}

function isField(value: Field | Shape): value is Field {
  return typeof value.type === 'string'
}

/** May be null in all versions. */
export function nullable<Out, In, Optional extends boolean>(field: Field<Out, In, Optional>): Field<Out | null, In | null, Optional> {
  return nullableBetween(0, Infinity, field)
}
/** May be null from version `since` on. */
export function nullableSince<Out, In, Optional extends boolean>(since: number, field: Field<Out, In, Optional>): Field<Out | null, In | null, Optional> {
  return nullableBetween(since, Infinity, field)
}
/** May be null from version `since` to version `until`. */
export function nullableBetween<Out, In, Optional extends boolean>(
  since: number,
  until: number,
  field: Field<Out, In, Optional>,
): Field<Out | null, In | null, Optional> {
  return { ...field, nullSince: since, nullUntil: until } as Field<Out | null, In | null, Optional>
}

/** In version `first` and above. With a default it may be left out of what is encoded. */
export function since<Out, In, Optional extends boolean>(first: number, field: Field<Out, In, Optional>): Field<Out, In, Optional>
export function since<Out, In>(first: number, field: Field<Out, In, boolean>, fallback: NoInfer<Out>): Field<Out, In, true>
export function since(first: number, field: Field, fallback?: unknown): Field {
  return restrict(first, field.until, field, fallback)
}
/** In version `last` and below. */
export function until<Out, In, Optional extends boolean>(last: number, field: Field<Out, In, Optional>): Field<Out, In, Optional>
export function until<Out, In>(last: number, field: Field<Out, In, boolean>, fallback: NoInfer<Out>): Field<Out, In, true>
export function until(last: number, field: Field, fallback?: unknown): Field {
  return restrict(field.since, last, field, fallback)
}
/** In versions `first` to `last`. */
export function between<Out, In, Optional extends boolean>(first: number, last: number, field: Field<Out, In, Optional>): Field<Out, In, Optional>
export function between<Out, In>(first: number, last: number, field: Field<Out, In, boolean>, fallback: NoInfer<Out>): Field<Out, In, true>
export function between(first: number, last: number, field: Field, fallback?: unknown): Field {
  return restrict(first, last, field, fallback)
}

/** Has a default that is not the zero of its type, or that spares callers from writing it. */
export function withDefault<Out, In>(field: Field<Out, In, boolean>, fallback: NoInfer<Out>): Field<Out, In, true> {
  return { ...field, fallback } as Field<Out, In, true>
}

/** A tagged field: only in flexible versions, only on the wire when it differs from its default. */
export function tagged<Out, In>(tag: number, field: Field<Out, In, boolean>): Field<Out, In, true> {
  return { ...field, tag } as Field<Out, In, true>
}

function restrict(first: number, last: number, field: Field, fallback: unknown): Field {
  return { ...field, since: first, until: last, fallback: fallback === undefined ? field.fallback : fallback }
}
