import { array, bytes, int16, int32, nullable, string } from '../../../src/kafka/wire/fields.ts'
import { decode, encode, message } from '../../../src/kafka/wire/message.ts'

/** ConsumerProtocolSubscription with what a member holds (KIP-429). */
const Subscription = message(
  { key: -1, name: 'ConsumerProtocolSubscription', versions: [1, 1] },
  { version: int16, topics: array(string), userData: nullable(bytes), ownedPartitions: array({ topic: string, partitions: array(int32) }) },
)

export function encodeHeld(topic: string, partitions: readonly number[]): Uint8Array {
  return Buffer.concat(encode(Subscription, 1, { version: 1, topics: [topic], userData: null, ownedPartitions: [{ topic, partitions }] }))
}

function decodeHeld(metadata: Uint8Array): readonly number[] {
  return decode(Subscription, 1, metadata).ownedPartitions.flatMap(({ partitions }) => partitions)
}

/**
 * Who gets what of one topic: members keep what they hold up to an equal share; what a member must give away is given to nobody in this
 * generation, so that it is free in the next.
 */
export function cooperativeAssign(members: readonly { readonly memberId: string; readonly metadata: Uint8Array }[], partitions: number): Map<string, number[]> {
  const share = Math.ceil(partitions / members.length)
  const holders = new Map<number, string>()
  const assigned = new Map<string, number[]>()
  for (const { memberId, metadata } of members) {
    const held = decodeHeld(metadata).filter((index) => index < partitions)
    for (const index of held) holders.set(index, memberId)
    assigned.set(memberId, held.slice(0, share))
  }
  for (let index = 0; index < partitions; index++) {
    if (holders.has(index)) continue
    const poorest = [...assigned.values()].reduce((left, right) => (right.length < left.length ? right : left))
    poorest.push(index)
  }
  return assigned
}
