import { isDeepStrictEqual } from 'node:util'
import type { WireType } from '../../../src/kafka/wire/fields.ts'
import type { FieldLayout } from '../../../src/kafka/wire/layout.ts'
import { fallbackOf } from './kafka-values.ts'
import type { Spot } from './target.ts'

/**
 * Kafka's encoding once more, written from the protocol guide and KIP-482 without a thought of speed: an oracle for the
 * compiled encoders, and the one that knows where lengths and counts stand.
 */
export class ReferenceEncoder {
  readonly spots: Spot[] = []
  readonly #flexible: boolean
  #parts: Buffer[] = []
  #length = 0

  constructor(flexible: boolean) {
    this.#flexible = flexible
  }

  bytes(): Buffer {
    return Buffer.concat(this.#parts)
  }

  /** `unknownTag`: a tagged field that no reader knows. */
  struct(fields: readonly FieldLayout[], value: Record<string, unknown>, unknownTag: { tag: number; bytes: Buffer } | null = null): void {
    for (const field of fields) if (field.present && field.tag === null) this.#field(field, value[field.name])
    if (!this.#flexible) return
    const tagged = fields
      .filter((field) => field.tag !== null && !isDeepStrictEqual(plain(value[field.name]), plain(fallbackOf(field))))
      .sort((a, b) => (a.tag as number) - (b.tag as number))
    this.#varint(tagged.length + (unknownTag === null ? 0 : 1), true)
    for (const field of tagged) {
      const inner = new ReferenceEncoder(true)
      inner.#field({ ...field, tag: null }, value[field.name])
      this.#varint(field.tag as number, true)
      this.#varint(inner.#length, true)
      for (const spot of inner.spots) this.spots.push({ ...spot, at: spot.at + this.#length })
      this.#push(inner.bytes())
    }
    if (unknownTag === null) return
    this.#varint(unknownTag.tag, true)
    this.#varint(unknownTag.bytes.length, true)
    this.#push(unknownTag.bytes)
  }

  #field(field: FieldLayout, value: unknown): void {
    const width = INTEGER_BYTES[field.type]
    if (width !== undefined) this.#integer(integerOf(value as number | boolean), width)
    else if (field.type === 'float64') this.#double(value as number)
    else if (field.type === 'uuid') this.#push(Buffer.from(value as string, 'base64url'))
    else if (field.type === 'string') this.#blob(value === null ? null : Buffer.from(value as string), 2)
    else if (field.type === 'bytes' || field.type === 'records') this.#blob(value as Buffer | null, 4)
    else if (field.type === 'recordSlices') this.#blob(value === null ? null : Buffer.concat(value as Buffer[]), 4)
    else if (field.type === 'array') this.#array(field.element as FieldLayout, value as unknown[] | null)
    else {
      if (field.nullable) this.#push(Buffer.of(value === null ? 0xff : 1))
      if (value !== null) this.struct(field.fields ?? [], value as Record<string, unknown>)
    }
  }

  #array(element: FieldLayout, values: unknown[] | null): void {
    this.#count(values === null ? -1 : values.length, 4)
    for (const value of values ?? []) this.#field(element, value)
  }

  #blob(bytes: Buffer | null, width: 2 | 4): void {
    this.#count(bytes === null ? -1 : bytes.length, width)
    if (bytes !== null) this.#push(bytes)
  }

  #count(count: number, width: 2 | 4): void {
    if (this.#flexible) {
      this.#varint(count + 1, true)
      return
    }
    this.spots.push({ at: this.#length, bytes: width })
    this.#integer(BigInt(count), width)
  }

  #varint(value: number, isSpot: boolean): void {
    if (isSpot) this.spots.push({ at: this.#length, bytes: 0 })
    const bytes: number[] = []
    for (; value > 0x7f; value = Math.floor(value / 128)) bytes.push((value & 0x7f) | 0x80)
    this.#push(Buffer.of(...bytes, value))
  }

  #integer(value: bigint, width: number): void {
    const bytes = Buffer.alloc(width)
    for (let i = width - 1, rest = BigInt.asUintN(8 * width, value); i >= 0; i--, rest >>= 8n) bytes[i] = Number(rest & 0xffn)
    this.#push(bytes)
  }

  #double(value: number): void {
    const bytes = Buffer.alloc(8)
    bytes.writeDoubleBE(value)
    this.#push(bytes)
  }

  #push(bytes: Buffer): void {
    this.#parts.push(bytes)
    this.#length += bytes.length
  }
}

const INTEGER_BYTES: Partial<Record<WireType, number>> = { bool: 1, int8: 1, int16: 2, uint16: 2, int32: 4, int64: 8 }

/** The bounds of safe integers stand for those of int64. */
function integerOf(value: number | boolean): bigint {
  if (value === Number.MAX_SAFE_INTEGER) return 0x7fff_ffff_ffff_ffffn
  return value === Number.MIN_SAFE_INTEGER ? -0x8000_0000_0000_0000n : BigInt(value)
}

/** Slices are equal where their bytes are. */
function plain(value: unknown): unknown {
  return Array.isArray(value) && value.every((element) => element instanceof Uint8Array) ? Buffer.concat(value) : value
}
