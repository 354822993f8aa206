import type { ChunkWriter } from './chunk-writer.ts'
import type { FieldLayout } from './layout.ts'
import { fixedBytes } from './layout.ts'
import * as write from './write.ts'

/**
 * Compiles a layout to one straight-line function that writes it: room is made once for each run of fields of known size.
 * Tagged fields are written behind one free byte for their length, which is nearly always enough.
 */

/** Throws RangeError where the value does not fit the table (a bug of the caller). */
export type Encoder = (writer: ChunkWriter, value: unknown) => void

export function compileEncoder(name: string, fields: readonly FieldLayout[], flexible: boolean): Encoder {
  const code = new EncoderCode(name, flexible)
  code.struct(fields, 'value', '')
  const source = [
    '"use strict"',
    `return function encode${name}(w, value) {`,
    'let b = w.buffer, p = w.position, n = 0',
    ...code.lines,
    'w.position = p',
    '}',
  ].join('\n')
  const names = Object.keys(write)
  return new Function(...names, source)(...Object.values(write)) as Encoder
}

class EncoderCode {
  readonly lines: string[] = []
  readonly #name: string
  readonly #flexible: boolean
  #variables = 0
  /** Bytes of room behind `p` that are made already. */
  #room = 0

  constructor(name: string, flexible: boolean) {
    this.#name = name
    this.#flexible = flexible
  }

  struct(fields: readonly FieldLayout[], value: string, path: string): void {
    const ordinary = fields.filter((field) => field.present && field.tag === null)
    ordinary.forEach((field, index) => {
      this.#makeRoomForRun(ordinary, index)
      this.#ordinaryField(field, `${value}.${field.name}`, `${path}${field.name}`)
    })
    if (this.#flexible) this.#taggedFields(fields, value, path)
  }

  #makeRoomForRun(fields: readonly FieldLayout[], index: number): void {
    if (this.#room > 0) return
    let run = 0
    for (const field of fields.slice(index)) {
      const size = fixedBytes(field.type)
      if (size === 0) break
      run += size
    }
    if (run > 0) this.#makeRoom(String(run))
    this.#room = run
  }

  #makeRoom(bytes: string): void {
    this.lines.push(`if (p + ${bytes} > b.length) b = w.grow(p, ${bytes})`)
  }

  #ordinaryField(field: FieldLayout, access: string, path: string): void {
    const value = this.#variable()
    const fallback = this.#fallback(field)
    this.lines.push(fallback === null ? `const ${value} = ${access}` : `const ${value} = ${access} === undefined ? ${fallback} : ${access}`)
    this.#field(field, value, path)
  }

  /** What is written for undefined; null where there is no default, so that a forgotten field is found. */
  #fallback(field: FieldLayout): string | null {
    if (!field.optional) return null
    if (field.fallback === null) return 'null'
    return field.type === 'array' || field.type === 'recordSlices' ? '[]' : JSON.stringify(field.fallback)
  }

  #field(field: FieldLayout, value: string, path: string): void {
    const size = fixedBytes(field.type)
    if (size > 0) {
      this.#room -= size
      this.#fixed(field, value, path)
      return
    }
    this.#room = 0
    switch (field.type) {
      case 'string':
        this.#whenPresent(field, value, path, () => this.#string(value, path))
        break
      case 'bytes':
      case 'records':
        this.#whenPresent(field, value, path, () => this.#bytes(field, value, path))
        break
      case 'recordSlices':
        this.#whenPresent(field, value, path, () => this.#slices(value, path))
        break
      case 'array':
        this.#whenPresent(field, value, path, () => this.#array(field, value, path))
        break
      default:
        this.#struct(field, value, path)
    }
    this.#room = 0
  }

  #fixed(field: FieldLayout, value: string, path: string): void {
    const name = JSON.stringify(`${this.#name}.${path}`)
    const writes: Record<string, string> = {
      bool: `if (typeof ${value} !== 'boolean') bad(${name}, ${value}); b[p] = ${value} ? 1 : 0`,
      int8: `if (${value} << 24 >> 24 !== ${value}) bad(${name}, ${value}); b[p] = ${value}`,
      int16: `if (${value} << 16 >> 16 !== ${value}) bad(${name}, ${value}); b[p] = ${value} >>> 8; b[p + 1] = ${value}`,
      int32: `if ((${value} | 0) !== ${value}) bad(${name}, ${value}); b[p] = ${value} >>> 24; b[p + 1] = ${value} >>> 16; b[p + 2] = ${value} >>> 8; b[p + 3] = ${value}`,
      int64: `writeInt64(b, p, ${value}, ${name})`,
      uint16: `if ((${value} & 0xffff) !== ${value}) bad(${name}, ${value}); b[p] = ${value} >>> 8; b[p + 1] = ${value}`,
      float64: `if (typeof ${value} !== 'number') bad(${name}, ${value}); b.writeDoubleBE(${value}, p)`,
      uuid: `writeUuid(b, p, ${value})`,
    }
    this.lines.push(`${writes[field.type]}; p += ${fixedBytes(field.type)}`)
  }

  #whenPresent(field: FieldLayout, value: string, path: string, emit: () => void): void {
    const name = JSON.stringify(`${this.#name}.${path}`)
    if (!field.nullable) {
      this.lines.push(`if (${value} === null || ${value} === undefined) bad(${name}, ${value})`)
      emit()
      return
    }
    const width = this.#flexible ? 1 : field.type === 'string' ? 2 : 4
    this.lines.push(`if (${value} === null) {`)
    this.#makeRoom(String(width))
    for (let at = 0; at < width; at++) this.lines.push(`b[p++] = ${this.#flexible ? 0 : 255}`)
    this.lines.push('} else {', `if (${value} === undefined) bad(${name}, ${value})`)
    emit()
    this.lines.push('}')
  }

  #string(value: string, path: string): void {
    const name = JSON.stringify(`${this.#name}.${path}`)
    this.lines.push(`if (typeof ${value} !== 'string') bad(${name}, ${value})`)
    this.#makeRoom(`${value}.length * 3 + 5`)
    this.lines.push(`p = ${this.#flexible ? 'writeCompactString' : 'writeString'}(b, p, ${value})`)
  }

  #writeLength(count: string): void {
    if (this.#flexible) {
      this.lines.push(`if (${count} < 127) b[p++] = ${count} + 1; else p = writeVarint(b, p, ${count} + 1)`)
      return
    }
    this.lines.push(`n = ${count}; b[p] = n >>> 24; b[p + 1] = n >>> 16; b[p + 2] = n >>> 8; b[p + 3] = n; p += 4`)
  }

  #bytes(field: FieldLayout, value: string, path: string): void {
    if (field.type === 'records') {
      this.#slices(`[${value}]`, path)
      return
    }
    this.#makeRoom(`${value}.length + 5`)
    this.#writeLength(`${value}.length`)
    this.lines.push(`b.set(${value}, p); p += ${value}.length`)
  }

  #slices(value: string, path: string): void {
    if (path.includes('<')) throw new Error(`${this.#name}.${path}: records within a tagged field are not supported`)
    const [slices, total] = [this.#variable(), this.#variable()]
    this.lines.push(`const ${slices} = ${value}, ${total} = bytesOf(${slices})`)
    this.#makeRoom('5')
    this.#writeLength(total)
    this.lines.push(`w.insert(p, ${slices})`)
  }

  #array(field: FieldLayout, value: string, path: string): void {
    const element = field.element as FieldLayout
    const [index, item] = [this.#variable(), this.#variable()]
    this.#makeRoom('5')
    this.#writeLength(`${value}.length`)
    this.lines.push(`for (let ${index} = 0; ${index} < ${value}.length; ${index}++) {`, `const ${item} = ${value}[${index}]`)
    this.#room = 0
    this.#makeRoomForRun([element], 0)
    this.#field(element, item, `${path}[]${element.fields === null ? '' : '.'}`)
    this.lines.push('}')
    this.#room = 0
  }

  #struct(field: FieldLayout, value: string, path: string): void {
    const inner = path.endsWith('.') ? path : `${path}.`
    if (!field.nullable) {
      this.struct(field.fields ?? [], value, inner)
      return
    }
    this.#makeRoom('1')
    this.lines.push(`if (${value} === null) b[p++] = 255`, 'else {', 'b[p++] = 1')
    this.struct(field.fields ?? [], value, inner)
    this.lines.push('}')
  }

  #taggedFields(fields: readonly FieldLayout[], value: string, path: string): void {
    const tagged = fields.filter((field) => field.tag !== null).sort((left, right) => (left.tag as number) - (right.tag as number))
    this.#room = 0
    this.#makeRoom('1')
    if (tagged.length === 0) {
      this.lines.push('b[p++] = 0')
      return
    }
    const count = this.#variable()
    this.lines.push(`const ${count} = p`, 'b[p++] = 0')
    for (const field of tagged) {
      const item = this.#variable()
      this.lines.push(`const ${item} = ${value}.${field.name}`, `if (${item} !== undefined && ${differs(field, item)}) {`, `b[${count}] += 1`)
      // Tag, one byte of length, and what closeTag may have to add to it.
      this.#makeRoom('10')
      const start = this.#variable()
      this.lines.push(`p = writeVarint(b, p, ${field.tag}) + 1`, `const ${start} = p`)
      this.#makeRoomForRun([field], 0)
      this.#field(field, item, `${path}<${field.tag}>${field.name}`)
      this.#makeRoom('4')
      this.lines.push(`p = closeTag(b, ${start}, p)`, '}')
      this.#room = 0
    }
  }

  #variable(): string {
    this.#variables += 1
    return `v${this.#variables}`
  }
}

/** The condition under which a tagged field is written: it is not what a reader assumes anyway. */
function differs(field: FieldLayout, value: string): string {
  if (field.fallback === null) return `${value} !== null`
  switch (field.type) {
    case 'array':
    case 'bytes':
      return `(${value} === null || ${value}.length > 0)`
    case 'struct': {
      const inner = (field.fields ?? []).map((part) => `(${value}.${part.name} !== undefined && ${differs(part, `${value}.${part.name}`)})`)
      return `(${inner.join(' || ')})`
    }
    default:
      return `${value} !== ${JSON.stringify(field.fallback)}`
  }
}
