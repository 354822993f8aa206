import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/kafka/messages/create-topics.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../../src/kafka/messages/list-offsets.ts'
import { ProduceRequest, ProduceResponse } from '../../../../src/kafka/messages/produce.ts'
import { ZERO_UUID } from '../../../../src/util/uuid.ts'
import { batchOf } from '../../../kafka/lib/batches.ts'
import type { Peer } from '../question.ts'

/** A topic that questions are about. */
export interface AskedTopic {
  readonly name: string
  readonly id: string
}

export interface AskedTopicOptions {
  readonly partitions?: number
  readonly configs?: Readonly<Record<string, string>>
}

const READY_TRIES = 200

export const versions = (first: number, last: number): number[] => Array.from({ length: last - first + 1 }, (_, index) => first + index)

/** Makes a topic; its partitions have leaders when it resolves. */
export async function makeTopic(peer: Peer, { partitions = 1, configs = {} }: AskedTopicOptions = {}, name = peer.name('asked')): Promise<AskedTopic> {
  const rows = Object.entries(configs).map(([key, value]) => ({ name: key, value }))
  const topics = [{ name, numPartitions: partitions, replicationFactor: 1, assignments: [], configs: rows }]
  const made = (await peer.ask([CreateTopicsRequest, CreateTopicsResponse], 7, { topics })).topics[0]
  if (made?.errorCode !== 0) throw new Error(`${name}: ${made?.errorCode} ${made?.errorMessage}`)
  await ready(peer, name, partitions)
  return { name, id: made.topicId }
}

async function ready(peer: Peer, name: string, partitions: number): Promise<void> {
  const asked = Array.from({ length: partitions }, (_, partitionIndex) => ({ partitionIndex, timestamp: -1 }))
  for (let tries = 0; tries < READY_TRIES; tries++) {
    const answer = await peer.ask([ListOffsetsRequest, ListOffsetsResponse], 5, {
      replicaId: -1,
      isolationLevel: 0,
      timeoutMs: 5_000,
      topics: [{ name, partitions: asked }],
    })
    if (answer.topics[0]?.partitions.every(({ errorCode }) => errorCode === 0)) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error(`${name} does not come`)
}

export async function produceTo(peer: Peer, { name }: AskedTopic, index: number, records: Uint8Array): Promise<number> {
  const topicData = [{ name, topicId: ZERO_UUID, partitionData: [{ index, records }] }]
  const answer = await peer.ask([ProduceRequest, ProduceResponse], 9, { acks: -1, timeoutMs: 5_000, topicData })
  const part = answer.responses[0]?.partitionResponses[0]
  if (part?.errorCode !== 0) throw new Error(`${name}-${index}: ${part?.errorCode}`)
  return part.baseOffset
}

/** Something that is made once for a broker, by whichever question comes first. */
export function oncePerPeer<T>(make: (peer: Peer) => Promise<T>): (peer: Peer) => Promise<T> {
  const made = new WeakMap<Peer, Promise<T>>()
  return (peer) => {
    const known = made.get(peer) ?? make(peer)
    made.set(peer, known)
    return known
  }
}

export const T0 = 1_700_000_000_000

/** Partition 0 has batches of 2, 1 and 3 records at T0, T0 + 1000 and T0 + 500; partition 1 has none. */
export const filledTopic = oncePerPeer(async (peer) => {
  const topic = await makeTopic(peer, { partitions: 2 })
  await produceTo(peer, topic, 0, batchOf(['a', 'b'], { timestampMs: T0 }))
  await produceTo(peer, topic, 0, batchOf(['c'], { timestampMs: T0 + 1_000 }))
  await produceTo(peer, topic, 0, batchOf(['d', 'e', 'f'], { timestampMs: T0 + 500 }))
  return topic
})

/** A topic without records. */
export const emptyTopic = oncePerPeer((peer) => makeTopic(peer, { partitions: 2 }))
