import type { RecordHeader } from '../log/record-batch.ts'
import { usageError } from './command.ts'

/** A record as `consume` shows it. */
export interface ShownRecord {
  readonly topic: string
  readonly partition: number
  readonly offset: number
  readonly timestampMs: number
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/** What the help of `-f` says. */
export const FORMAT_LANGUAGE =
  '%t topic, %p partition, %o offset, %d timestamp in ms (%d{iso} as a date), %k key, %v value, %h{%k=%v } headers, %K %V bytes of key and value, %% a percent sign; ' +
  '%k{hex}, %k{base64} (and %v) encode; \\n, \\t, \\r, \\0, \\xNN, \\\\ as usual'

type Encoding = 'utf8' | 'hex' | 'base64'

/** A piece of a format: fixed bytes, or something of the record. */
export type FormatPart =
  | { readonly kind: 'text'; readonly bytes: Buffer }
  | { readonly kind: 'key' | 'value'; readonly encoding: Encoding }
  | { readonly kind: 'headers'; readonly parts: readonly FormatPart[] }
  | { readonly kind: 'topic' | 'partition' | 'offset' | 'timestamp' | 'iso' | 'keyBytes' | 'valueBytes' }

const FIELDS: Readonly<Record<string, 'topic' | 'partition' | 'offset' | 'keyBytes' | 'valueBytes'>> = {
  t: 'topic',
  p: 'partition',
  o: 'offset',
  K: 'keyBytes',
  V: 'valueBytes',
}

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', '0': '\0', '\\': '\\' }

/** Reads the words of `-f`; throws `usageError`. */
export function parseFormat(format: string): readonly FormatPart[] {
  const parts: FormatPart[] = []
  let text: Buffer[] = []
  const push = (part: FormatPart): void => {
    if (text.length > 0) parts.push({ kind: 'text', bytes: Buffer.concat(text) })
    text = []
    parts.push(part)
  }
  for (let at = 0; at < format.length; ) {
    const letter = format[at] ?? ''
    if (letter === '\\') {
      const { bytes, length } = parseEscape(format.slice(at))
      text.push(bytes)
      at += length
    } else if (letter === '%' && format[at + 1] === '%') {
      text.push(Buffer.from('%'))
      at += 2
    } else if (letter === '%') {
      const { part, length } = parseField(format.slice(at))
      push(part)
      at += length
    } else {
      const whole = String.fromCodePoint(format.codePointAt(at) ?? 0)
      text.push(Buffer.from(whole))
      at += whole.length
    }
  }
  if (text.length > 0) parts.push({ kind: 'text', bytes: Buffer.concat(text) })
  return parts
}

function parseEscape(rest: string): { bytes: Buffer; length: number } {
  const hex = /^\\x([0-9a-fA-F]{2})/.exec(rest)
  if (hex !== null) return { bytes: Buffer.from(hex[1] ?? '', 'hex'), length: 4 }
  const plain = ESCAPES[rest[1] ?? '']
  if (plain === undefined) throw usageError(`--format: there is no escape "${rest.slice(0, 2)}"`)
  return { bytes: Buffer.from(plain), length: 2 }
}

function parseField(rest: string): { part: FormatPart; length: number } {
  const letter = rest[1] ?? ''
  const braces = bracesAt(rest, 2)
  const length = 2 + (braces === null ? 0 : braces.length + 2)
  switch (letter) {
    case 'k':
    case 'v':
      return { part: { kind: letter === 'k' ? 'key' : 'value', encoding: parseEncoding(braces) }, length }
    case 'd':
      if (braces !== null && braces !== 'iso') throw usageError(`--format: %d takes {iso}, not {${braces}}`)
      return { part: { kind: braces === null ? 'timestamp' : 'iso' }, length }
    case 'h':
      if (braces === null) throw usageError('--format: %h needs the format of a header in braces: %h{%k=%v }')
      return { part: { kind: 'headers', parts: parseFormat(braces) }, length }
    default: {
      const kind = FIELDS[letter]
      if (kind === undefined) throw usageError(`--format: there is no field "%${letter}"; there are ${FORMAT_LANGUAGE}`)
      return { part: { kind }, length: 2 }
    }
  }
}

/** What stands in the braces that begin at `at`, nested ones and all. */
function bracesAt(text: string, at: number): string | null {
  if (text[at] !== '{') return null
  let depth = 0
  for (let end = at; end < text.length; end++) {
    if (text[end] === '{') depth++
    else if (text[end] === '}' && --depth === 0) return text.slice(at + 1, end)
  }
  throw usageError('--format: a brace is not closed')
}

function parseEncoding(braces: string | null): Encoding {
  if (braces === null) return 'utf8'
  if (braces === 'hex' || braces === 'base64') return braces
  throw usageError(`--format: bytes are written plainly, as {hex} or as {base64}, not {${braces}}`)
}

/** A record in that format. Plain keys and values are their bytes, whatever they are; null ones are empty. */
export function formatRecord(parts: readonly FormatPart[], record: ShownRecord): Buffer {
  return Buffer.concat(parts.map((part) => formatPart(part, record)))
}

function formatPart(part: FormatPart, record: ShownRecord): Uint8Array {
  switch (part.kind) {
    case 'text':
      return part.bytes
    case 'key':
    case 'value':
      return encodeBytes(record[part.kind], part.encoding)
    case 'headers':
      return Buffer.concat(
        record.headers.map((header) => formatRecord(part.parts, { ...record, key: Buffer.from(header.key), value: header.value, headers: [] })),
      )
    case 'topic':
    case 'partition':
    case 'offset':
      return Buffer.from(String(record[part.kind]))
    case 'timestamp':
      return Buffer.from(String(record.timestampMs))
    case 'iso':
      return Buffer.from(new Date(record.timestampMs).toISOString())
    case 'keyBytes':
      return Buffer.from(String(record.key?.length ?? 0))
    case 'valueBytes':
      return Buffer.from(String(record.value?.length ?? 0))
  }
}

function encodeBytes(bytes: Uint8Array | null, encoding: Encoding): Uint8Array {
  if (bytes === null) return Buffer.alloc(0)
  if (encoding === 'utf8') return bytes
  return Buffer.from(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString(encoding))
}
