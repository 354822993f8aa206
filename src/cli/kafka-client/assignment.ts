import { array, bytes, int16, int32, nullable, string } from '../../kafka/wire/fields.ts'
import { decode, encode, message } from '../../kafka/wire/message.ts'

/** A topic and some of its partitions. */
export interface TopicPartitions {
  readonly topic: string
  readonly partitions: readonly number[]
}

/** What consumers say to each other within the bytes of JoinGroup and SyncGroup (`ConsumerProtocolSubscription`, `…Assignment`, version 0). */
const Subscription = message(
  { key: -1, name: 'ConsumerProtocolSubscription', versions: [0, 0] },
  { version: int16, topics: array(string), userData: nullable(bytes) },
)
const Assignment = message(
  { key: -1, name: 'ConsumerProtocolAssignment', versions: [0, 0] },
  { version: int16, assignedPartitions: array({ topic: string, partitions: array(int32) }), userData: nullable(bytes) },
)

export function encodeSubscription(topics: readonly string[]): Uint8Array {
  return Buffer.concat(encode(Subscription, 0, { version: 0, topics, userData: null }))
}

/** Later versions only add fields behind these. */
export function decodeSubscription(metadata: Uint8Array): readonly string[] {
  return decode(Subscription, 0, metadata).topics
}

export function encodeAssignment(assignedPartitions: readonly TopicPartitions[]): Uint8Array {
  return Buffer.concat(encode(Assignment, 0, { version: 0, assignedPartitions, userData: null }))
}

/** An empty assignment is that of a member with nothing to do. */
export function decodeAssignment(assignment: Uint8Array): TopicPartitions[] {
  return assignment.length === 0 ? [] : [...decode(Assignment, 0, assignment).assignedPartitions]
}

/** Kafka's range assignor: of each topic, its members in order of their ids get equal ranges, the first ones one partition more. */
export function rangeAssign(
  members: readonly { readonly memberId: string; readonly topics: readonly string[] }[],
  topics: readonly TopicPartitions[],
): Map<string, TopicPartitions[]> {
  const assigned = new Map<string, TopicPartitions[]>(members.map(({ memberId }) => [memberId, []]))
  for (const { topic, partitions } of topics) {
    const takers = members.filter((member) => member.topics.includes(topic)).sort((left, right) => (left.memberId < right.memberId ? -1 : 1))
    const share = Math.floor(partitions.length / takers.length)
    const more = partitions.length % takers.length
    takers.forEach(({ memberId }, place) => {
      const first = place * share + Math.min(place, more)
      const range = partitions.slice(first, first + share + (place < more ? 1 : 0))
      if (range.length > 0) assigned.get(memberId)?.push({ topic, partitions: range })
    })
  }
  return assigned
}
