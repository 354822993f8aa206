/** The id that stands for "no id" on the wire: 16 zero bytes. */
export const ZERO_UUID = 'AAAAAAAAAAAAAAAAAAAAAA'

/** The second id Kafka reserves: 15 zero bytes and a one. */
const ONE_UUID = 'AAAAAAAAAAAAAAAAAAAAAQ'

/** A new random id as Kafka prints it: 22 characters of URL-safe base64 without padding, not beginning with `-`, never a reserved one. */
export function randomUuid(random: { bytes(length: number): Uint8Array }): string {
  for (;;) {
    const bytes = random.bytes(16)
    bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
    bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
    const text = uuidToString(bytes)
    if (!text.startsWith('-') && text !== ZERO_UUID && text !== ONE_UUID) return text
  }
}

/** 16 bytes as 22 characters of URL-safe base64. */
export function uuidToString(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('base64url')
}

/** Whether this is a printed id: 16 bytes as `uuidToString` gives them. */
export function isUuid(value: unknown): value is string {
  return typeof value === 'string' && /^[\w-]{22}$/.test(value)
}

/** The 16 bytes of a printed id; throws a RangeError where `text` is no printed id. */
export function uuidToBytes(text: string): Uint8Array {
  const bytes = Buffer.from(text, 'base64url')
  if (bytes.length !== 16) throw new RangeError(`"${text}" is no id: it must be 22 characters of URL-safe base64`)
  return bytes
}
