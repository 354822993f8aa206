import type { Random } from '../../runtime/random.ts'

/** A member id as Kafka makes them: `prefix-xxxxxxxx-xxxx-4xxx-yxxx-xxxxxxxxxxxx`, with a random UUID of version 4. */
export function newMemberId(prefix: string, random: Random): string {
  const bytes = random.bytes(16)
  bytes[6] = ((bytes[6] as number) & 0x0f) | 0x40
  bytes[8] = ((bytes[8] as number) & 0x3f) | 0x80
  const hex = Buffer.from(bytes.buffer, bytes.byteOffset, 16).toString('hex')
  return `${prefix}-${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`
}
