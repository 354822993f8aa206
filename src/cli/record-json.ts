import type { RecordHeader } from '../log/record-batch.ts'
import { usageError } from './command.ts'
import { bytesFromJson, bytesToJson } from './json-bytes.ts'
import type { ShownRecord } from './record-format.ts'

/** What a line of `produce` says. */
export interface GivenRecord {
  readonly key: Uint8Array | null
  readonly value: Uint8Array | null
  readonly headers: readonly RecordHeader[]
}

/** A record as one JSON line: `consume --json` prints it, `produce --json` reads it. */
export function recordToJson(record: ShownRecord): string {
  return JSON.stringify({
    topic: record.topic,
    partition: record.partition,
    offset: record.offset,
    timestamp: record.timestampMs,
    key: bytesToJson(record.key),
    value: bytesToJson(record.value),
    headers: record.headers.map(({ key, value }) => [key, bytesToJson(value)]),
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
  return { key: bytesFromJson(key, `${place}: "key"`), value: bytesFromJson(value, `${place}: "value"`), headers: headersFromJson(headers, place) }
}

function headersFromJson(headers: unknown, place: string): RecordHeader[] {
  const wrong = usageError(`${place}: "headers" must be a list of [name, value], or an object`)
  if (typeof headers !== 'object' || headers === null) throw wrong
  const pairs: unknown[] = Array.isArray(headers) ? headers : Object.entries(headers)
  return pairs.map((pair) => {
    if (!Array.isArray(pair) || pair.length !== 2 || typeof pair[0] !== 'string') throw wrong
    return { key: pair[0], value: bytesFromJson(pair[1], `${place}: header "${pair[0]}"`) }
  })
}
