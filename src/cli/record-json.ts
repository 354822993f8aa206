import type { RecordHeader } from '../log/record-batch.ts'
import { usageError } from './command.ts'
import type { ShownRecord } from './record-format.ts'

/** What a line of `produce` says. */
export interface GivenRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/** Bytes in JSON: text where they are UTF-8, else `{"base64": "…"}`; null stays null. */
type JsonBytes = string | null | { readonly base64: string }

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A record as one JSON line: `consume --json` prints it, `produce --json` reads it. */
export function recordToJson(record: ShownRecord): string {
  return JSON.stringify({
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestampMs,
    key: toJson(record.key),
    value: toJson(record.value),
    headers: record.headers.map(({ key, value }) => [key, toJson(value)]),
  })
}

/** Reads a JSON line: `key`, `value` and `headers` count, all else is what the broker will say itself. Throws `usageError`. */
export function recordFromJson(line: string, place: string): GivenRecord {
  let parsed: unknown
  try {
    parsed = JSON.parse(line)
  } catch (error) {
    throw usageError(`${place}: no JSON: ${(error as Error).message}`)
  }
  if (typeof parsed !== 'object' || parsed === null || Array.isArray(parsed))
    throw usageError(`${place}: must be an object with "value", and perhaps "key" and "headers"`)
  const { key = null, value, headers = [] } = parsed as Record<string, unknown>
  if (value === undefined) throw usageError(`${place}: has no "value" (null is a tombstone)`)
  return { key: fromJson(key, `${place}: "key"`), value: fromJson(value, `${place}: "value"`), headers: headersFromJson(headers, place) }
}

function toJson(bytes: Uint8Array | null): JsonBytes {
  if (bytes === null) return null
  try {
    return utf8.decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') }
  }
}

/** Text is its UTF-8; other JSON values are taken as the JSON they are, so that a line may hold the message itself. */
function fromJson(value: unknown, what: string): Uint8Array | null {
  if (value === null) return null
  if (typeof value === 'string') return Buffer.from(value)
  if (typeof value === 'object' && 'base64' in value && Object.keys(value).length === 1) {
    if (typeof value.base64 !== 'string') throw usageError(`${what}: base64 must be text`)
    return Buffer.from(value.base64, 'base64')
  }
  return Buffer.from(JSON.stringify(value))
}

function headersFromJson(headers: unknown, place: string): RecordHeader[] {
  const wrong = usageError(`${place}: "headers" must be a list of [name, value], or an object`)
  if (typeof headers !== 'object' || headers === null) throw wrong
  const pairs: unknown[] = Array.isArray(headers) ? headers : Object.entries(headers)
  return pairs.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') throw wrong
    return { key: pair[0], value: fromJson(pair[1], `${place}: header "${pair[0]}"`) }
  })
}
