import { usageError } from './command.ts'

/** Bytes in JSON: text where they are UTF-8, else `{"base64": "…"}`; null stays null. */
export type JsonBytes = string | null | { readonly base64: string }

export function bytesToJson(bytes: Uint8Array | null): JsonBytes {
  if (bytes === null) return null
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return { base64: Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('base64') }
  }
}

/** Text is its UTF-8; other JSON values are taken as the JSON they are, so that a line may hold the message itself. */
export function bytesFromJson(value: unknown, what: string): Uint8Array | null {
  if (value === null) return null
  if (typeof value === 'string') return Buffer.from(value)
  if (typeof value === 'object' && 'base64' in value && Object.keys(value).length === 1) {
    if (typeof value.base64 !== 'string') throw usageError(`${what}: base64 must be text`)
    return Buffer.from(value.base64, 'base64')
  }
  return Buffer.from(JSON.stringify(value))
}
