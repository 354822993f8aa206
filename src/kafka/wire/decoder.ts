import type { FieldLayout } from './layout.ts'
import { fixedBytes } from './layout.ts'
import * as read from './read.ts'

/**
 * Compiles a layout to one straight-line function: no dispatch per field, one bounds check for each run of fields of
 * known size, positions in local variables. Names and numbers come from our own tables, never from a peer.
 */

/** Decodes at `offset`; `ended` of the target tells where the message ended. Throws MalformedMessage. */
export type Decoder = (buffer: Buffer, offset: number, target: { ended: number }) => unknown

export function compileDecoder(name: string, fields: readonly FieldLayout[], flexible: boolean): Decoder {
  const code = new DecoderCode(flexible)
  const value = code.struct(fields)
  const source = [
    '"use strict"',
    `return function decode${name}(b, p, target) {`,
    'let end = b.length, n = 0, t = 0, high = 0, room = MAX_ELEMENTS',
    ...code.lines,
    'target.ended = p',
    `return ${value}`,
    '}',
  ].join('\n')
  const names = Object.keys(read)
  return new Function(...names, source)(...Object.values(read)) as Decoder
}

class DecoderCode {
  readonly lines: string[] = []
  readonly #flexible: boolean
  #variables = 0
  /** Bytes ahead of `p` whose presence is checked already. */
  #checked = 0

  constructor(flexible: boolean) {
    this.#flexible = flexible
  }

  /** Emits the reading of a struct; gives the expression of its value. */
  struct(fields: readonly FieldLayout[]): string {
    const values = new Map<string, string>()
    const ordinary = fields.filter((field) => field.present && field.tag === null)
    ordinary.forEach((field, index) => {
      this.#checkRun(ordinary, index)
      values.set(field.name, this.#field(field))
    })
    if (this.#flexible) this.#taggedFields(fields, values)
    const properties = fields.map((field) => `${JSON.stringify(field.name)}: ${values.get(field.name) ?? defaultExpression(field)}`)
    return `{ ${properties.join(', ')} }`
  }

  /** One check for all fields of fixed size from `index` on. */
  #checkRun(fields: readonly FieldLayout[], index: number): void {
    if (this.#checked > 0) return
    let run = 0
    for (const field of fields.slice(index)) {
      const size = fixedBytes(field.type)
      if (size === 0) break
      run += size
    }
    if (run === 0) return
    this.lines.push(`if (p + ${run} > end) truncated()`)
    this.#checked = run
  }

  #field(field: FieldLayout): string {
    const size = fixedBytes(field.type)
    if (size > 0) {
      this.#checked -= size
      return this.#fixed(field)
    }
    this.#checked = 0
    switch (field.type) {
      case 'string':
        return this.#string(field)
      case 'bytes':
      case 'records':
      case 'recordSlices':
        return this.#bytes(field)
      case 'array':
        return this.#array(field)
      default:
        return field.nullable ? this.#nullableStruct(field) : this.#hoist(this.struct(field.fields ?? []))
    }
  }

  #fixed(field: FieldLayout): string {
    const value = this.#variable()
    const reads: Record<string, string> = {
      bool: `b[p] !== 0`,
      int8: `b[p] << 24 >> 24`,
      int16: `(b[p] << 24 | b[p + 1] << 16) >> 16`,
      int32: `b[p] << 24 | b[p + 1] << 16 | b[p + 2] << 8 | b[p + 3]`,
      uint16: `b[p] << 8 | b[p + 1]`,
      float64: `b.readDoubleBE(p)`,
      uuid: `readUuid(b, p)`,
    }
    if (field.type === 'int64') {
      this.lines.push(
        'high = b[p] << 24 | b[p + 1] << 16 | b[p + 2] << 8 | b[p + 3]',
        `const ${value} = high >= -0x200000 && high < 0x200000 ? high * 4294967296 + ((b[p + 4] << 24 | b[p + 5] << 16 | b[p + 6] << 8 | b[p + 7]) >>> 0) : saturated(high)`,
      )
    } else {
      this.lines.push(`const ${value} = ${reads[field.type]}`)
    }
    this.lines.push(`p += ${fixedBytes(field.type)}`)
    return value
  }

  /** Leaves the announced length in `n`, negative for null (as in Kafka, any), checked against null not being allowed. */
  #length(field: FieldLayout, width: 2 | 4): void {
    if (this.#flexible) {
      this.#varint()
      this.lines.push('n = (n | 0) - 1')
    } else {
      this.lines.push(`if (p + ${width} > end) truncated()`)
      this.lines.push(width === 2 ? 'n = (b[p] << 24 | b[p + 1] << 16) >> 16' : 'n = b[p] << 24 | b[p + 1] << 16 | b[p + 2] << 8 | b[p + 3]')
      this.lines.push(`p += ${width}`)
    }
    if (!field.nullable) this.lines.push(`if (n < 0) fail("${field.name} has a negative length")`)
  }

  #varint(): void {
    this.lines.push('if (p >= end) truncated()', 'n = b[p++]', 'if (n > 127) { t = longVarint(b, p - 1, end); n = Math.floor(t / 8); p += t % 8 - 1 }')
  }

  #string(field: FieldLayout): string {
    this.#length(field, 2)
    const value = this.#variable()
    this.lines.push('if (n > end - p) truncated()')
    const text = 'readString(b, p, p + n)'
    this.lines.push(`const ${value} = ${field.nullable ? `n < 0 ? null : ${text}` : text}`)
    this.lines.push(field.nullable ? 'if (n > 0) p += n' : 'p += n')
    return value
  }

  #bytes(field: FieldLayout): string {
    this.#length(field, 4)
    const value = this.#variable()
    this.lines.push('if (n > end - p) truncated()')
    const view = field.type === 'recordSlices' ? '(n === 0 ? [] : [b.subarray(p, p + n)])' : 'b.subarray(p, p + n)'
    this.lines.push(`const ${value} = ${field.nullable ? `n < 0 ? null : ${view}` : view}`)
    this.lines.push(field.nullable ? 'if (n > 0) p += n' : 'p += n')
    return value
  }

  #array(field: FieldLayout): string {
    const element = field.element as FieldLayout
    this.#length(field, 4)
    const value = this.#variable()
    const index = this.#variable()
    const count = this.#variable()
    this.lines.push(
      `if (n * ${element.minBytes} > end - p) truncated()`,
      `if (n > 0 && (room -= n) < 0) fail("more than " + MAX_ELEMENTS + " array elements")`,
      `const ${count} = n`,
      `const ${value} = ${field.nullable ? `n < 0 ? null : []` : '[]'}`,
      `for (let ${index} = 0; ${index} < ${count}; ${index}++) {`,
    )
    const item = element.fields !== null && !element.nullable ? this.struct(element.fields) : this.#element(element)
    this.lines.push(`${value}.push(${item})`, '}')
    this.#checked = 0
    return value
  }

  #element(element: FieldLayout): string {
    this.#checkRun([element], 0)
    return this.#field(element)
  }

  /** KIP-893: one byte, -1 for null and 1 for a struct that follows. */
  #nullableStruct(field: FieldLayout): string {
    const value = this.#variable()
    this.lines.push('if (p >= end) truncated()', `let ${value} = null`, 'if (b[p++] < 128) {')
    const struct = this.struct(field.fields ?? [])
    this.lines.push(`${value} = ${struct}`, '}')
    this.#checked = 0
    return value
  }

  /** Known tags are read, unknown ones skipped (KIP-482). */
  #taggedFields(fields: readonly FieldLayout[], values: Map<string, string>): void {
    this.#checked = 0
    const tagged = fields.filter((field) => field.tag !== null)
    for (const field of tagged) {
      const value = this.#variable()
      values.set(field.name, value)
      this.lines.push(`let ${value} = ${defaultExpression(field)}`)
    }
    const [left, tag, outerEnd] = [this.#variable(), this.#variable(), this.#variable()]
    this.#varint()
    this.lines.push(`for (let ${left} = n; ${left} > 0; ${left}--) {`)
    this.#varint()
    this.lines.push(`const ${tag} = n`)
    this.#varint()
    this.lines.push('if (n > end - p) truncated()', `const ${outerEnd} = end`, 'end = p + n', `switch (${tag}) {`)
    for (const field of tagged) {
      this.lines.push(`case ${field.tag}: {`)
      this.#checkRun([field], 0)
      const item = this.#field(field)
      this.lines.push(`${values.get(field.name)} = ${item}`, 'break', '}')
      this.#checked = 0
    }
    this.lines.push('default: p = end', '}', `if (p !== end) fail("tag " + ${tag} + " has the wrong length")`, `end = ${outerEnd}`, '}')
  }

  #hoist(expression: string): string {
    const value = this.#variable()
    this.lines.push(`const ${value} = ${expression}`)
    return value
  }

  #variable(): string {
    this.#variables += 1
    return `v${this.#variables}`
  }
}

/** The expression of what a field is when it is not on the wire. */
function defaultExpression(field: FieldLayout): string {
  if (field.fallback === null) return 'null'
  switch (field.type) {
    case 'array':
    case 'recordSlices':
      return '[]'
    case 'bytes':
    case 'records':
      return 'b.subarray(0, 0)'
    case 'struct':
      return `{ ${(field.fields ?? []).map((inner) => `${JSON.stringify(inner.name)}: ${defaultExpression(inner)}`).join(', ')} }`
    default:
      return JSON.stringify(field.fallback)
  }
}
