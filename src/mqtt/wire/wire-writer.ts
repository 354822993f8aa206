import type { Properties } from './property-table.ts'
import { PROPERTIES, type PropertyRow } from './property-table.ts'

/** The longest string or binary data there is. */
export const MAX_FIELD_BYTES = 65_535

/** Writes fields behind each other; grows. */
export class WireWriter {
  #bytes: Buffer
  #length = 0

  constructor(capacity = 64) {
    this.#bytes = Buffer.allocUnsafe(capacity)
  }

  get length(): number {
    return this.#length
  }

  uint8(value: number): void {
    this.#reserve(1)
    this.#bytes[this.#length++] = value
  }

  uint16(value: number): void {
    this.#reserve(2)
    this.#bytes[this.#length++] = value >> 8
    this.#bytes[this.#length++] = value
  }

  uint32(value: number): void {
    this.#reserve(4)
    this.#length = this.#bytes.writeUInt32BE(value, this.#length)
  }

  varint(value: number): void {
    this.#reserve(4)
    let left = value
    while (left >= 0x80) {
      this.#bytes[this.#length++] = (left & 0x7f) | 0x80
      left >>>= 7
    }
    this.#bytes[this.#length++] = left
  }

  /** Throws a RangeError over 65,535 bytes: whoever makes strings longer than MQTT's is wrong. */
  string(value: string): void {
    const length = Buffer.byteLength(value)
    if (length > MAX_FIELD_BYTES) throw new RangeError(`a string of ${length} bytes does not fit MQTT`)
    this.uint16(length)
    this.#reserve(length)
    this.#length += this.#bytes.write(value, this.#length)
  }

  binary(value: Uint8Array): void {
    if (value.length > MAX_FIELD_BYTES) throw new RangeError(`binary data of ${value.length} bytes does not fit MQTT`)
    this.uint16(value.length)
    this.raw(value)
  }

  raw(value: Uint8Array): void {
    this.#reserve(value.length)
    this.#bytes.set(value, this.#length)
    this.#length += value.length
  }

  /** Their length, then each that is there, in the order of the table; user properties in their own. */
  properties(properties: Readonly<Properties>): void {
    const inner = new WireWriter()
    for (const property of PROPERTIES) {
      const value = properties[property.name]
      if (value !== undefined) writeProperty(inner, property, value)
    }
    this.varint(inner.length)
    this.raw(inner.bytes())
  }

  /** What was written, as a view. */
  bytes(): Buffer {
    return this.#bytes.subarray(0, this.#length)
  }

  #reserve(count: number): void {
    if (this.#length + count <= this.#bytes.length) return
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#length + count))
    this.#bytes.copy(grown, 0, 0, this.#length)
    this.#bytes = grown
  }
}

function writeProperty(writer: WireWriter, property: PropertyRow, value: NonNullable<Properties[keyof Properties]>): void {
  if (property.type === 'pair') {
    for (const [name, text] of value as readonly (readonly [string, string])[]) {
      writer.uint8(property.id)
      writer.string(name)
      writer.string(text)
    }
    return
  }
  if (property.type === 'varint') {
    for (const number of value as readonly number[]) {
      writer.uint8(property.id)
      writer.varint(number)
    }
    return
  }
  writer.uint8(property.id)
  writeValue(writer, property, value)
}

function writeValue(writer: WireWriter, property: PropertyRow, value: NonNullable<Properties[keyof Properties]>): void {
  switch (property.type) {
    case 'byte':
      writer.uint8(value as number)
      return
    case 'boolean':
      writer.uint8(value === true ? 1 : 0)
      return
    case 'uint16':
      writer.uint16(value as number)
      return
    case 'uint32':
      writer.uint32(value as number)
      return
    case 'string':
      writer.string(value as string)
      return
    case 'binary':
      writer.binary(value as Uint8Array)
      return
    default:
      throw new TypeError(`${property.name} is written elsewhere`)
  }
}
