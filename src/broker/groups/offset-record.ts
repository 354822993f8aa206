import { StateReader, StateWriter } from './state-codec.ts'

/** An offset as a group committed it. */
export interface CommittedOffset {
  /** The topic it belongs to; a new topic under the same name is another one. */
  readonly topicId: string
  /** What the client says, unchecked: Kafka takes a negative one too. */
  readonly offset: number
  /** -1 where the client named none. */
  readonly leaderEpoch: number
  /** The client's own words. */
  readonly metadata: string
  /** Milliseconds since the epoch. */
  readonly committedAtMs: number
  /** Milliseconds since the epoch where OffsetCommit v2 to v4 said so, else -1: then the broker's retention holds. */
  readonly expiresAtMs: number
}

/** Whose offset it is: the key of a `groupOffset` state record. */
export interface OffsetKey {
  readonly groupId: string
  readonly topicName: string
  readonly partition: number
}

/** `topic:partition:group`: a topic's name has no colon, so the group id may hold anything. */
export function printOffsetKey(key: OffsetKey): string {
  return `${key.topicName}:${key.partition}:${key.groupId}`
}

/** Throws a RangeError for what `printOffsetKey` did not print. */
export function parseOffsetKey(text: string): OffsetKey {
  const match = /^([^:]*):(\d+):(.*)$/s.exec(text)
  if (match === null) throw new RangeError(`${JSON.stringify(text)} is no key of a committed offset`)
  return { topicName: match[1] as string, partition: Number(match[2]), groupId: match[3] as string }
}

const VERSION = 1

/**
 * The value of a `groupOffset` state record (a string carries its length before it as an unsigned varint, numbers but the
 * version are int64s):
 *
 *     version=1 topicId offset leaderEpoch committedAtMs expiresAtMs metadata
 */
export function encodeOffset(value: CommittedOffset): Uint8Array {
  const writer = new StateWriter()
  writer.unsigned(VERSION)
  writer.string(value.topicId)
  writer.int64(value.offset)
  writer.int64(value.leaderEpoch)
  writer.int64(value.committedAtMs)
  writer.int64(value.expiresAtMs)
  writer.string(value.metadata)
  return writer.take()
}

/** Throws a RangeError for bytes that `encodeOffset` did not write. */
export function decodeOffset(bytes: Uint8Array): CommittedOffset {
  const reader = new StateReader(bytes)
  const version = reader.unsigned()
  if (version !== VERSION) throw new RangeError(`a committed offset has version ${version}; this broker reads version ${VERSION}`)
  return {
    topicId: reader.string(),
    offset: reader.int64(),
    leaderEpoch: reader.int64(),
    committedAtMs: reader.int64(),
    expiresAtMs: reader.int64(),
    metadata: reader.string(),
  }
}
