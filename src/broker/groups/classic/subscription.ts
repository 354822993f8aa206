import { readInt16, readInt32 } from '../../../util/big-endian.ts'

/** The protocol type of consumers: only their metadata is understood here. */
export const CONSUMER_PROTOCOL_TYPE = 'consumer'

/**
 * The topics of a consumer's subscription (ConsumerProtocolSubscription: version, topics, …; every version begins as
 * version 0 does). Null where the bytes are no such thing.
 */
export function subscribedTopics(metadata: Uint8Array): string[] | null {
  if (metadata.length < 6 || readInt16(metadata, 0) < 0) return null
  const count = readInt32(metadata, 2)
  if (count < 0 || count > metadata.length) return null
  const bytes = Buffer.from(metadata.buffer, metadata.byteOffset, metadata.length)
  const topics: string[] = []
  let at = 6
  for (let index = 0; index < count; index++) {
    if (at + 2 > bytes.length) return null
    const length = readInt16(bytes, at)
    const end = at + 2 + length
    if (length < 0 || end > bytes.length) return null
    topics.push(bytes.toString('utf8', at + 2, end))
    at = end
  }
  return topics
}
