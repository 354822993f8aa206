import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { OffsetToCommit } from '../../broker/groups/offset-commits.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import type { RequestContext } from '../handler.ts'

/** A topic of OffsetCommit or TxnOffsetCommit. */
interface RequestTopic {
  readonly name: string
  readonly topicId: string
  readonly partitions: readonly {
    readonly partitionIndex: number
    readonly committedOffset: number
    readonly committedLeaderEpoch: number
    readonly committedMetadata: string | null
  }[]
}

/** The offsets of a request that can be committed, and where each of them stands in the answer. */
export class OffsetPlaces {
  readonly offsets: OffsetToCommit[] = []
  readonly #topics: readonly RequestTopic[]
  /** By position; the rest is for the coordinator. */
  readonly #errors: (ErrorRow | null)[][] = []
  readonly #places: (readonly [topic: number, partition: number])[] = []

  /** `byId`: the request names topics by their ids. */
  constructor(topics: readonly RequestTopic[], context: RequestContext, byId: boolean) {
    this.#topics = topics.filter(({ partitions }) => partitions.length > 0)
    this.#topics.forEach((requested, topicIndex) => {
      const topic = findTopic(requested, context, byId)
      this.#errors.push(requested.partitions.map((partition, index) => this.#take(topic, partition, [topicIndex, index])))
    })
  }

  /** The whole request is refused. */
  refuse(error: ErrorRow) {
    return this.#toResponse(() => error)
  }

  /** `result`: an error for all of `offsets`, or one (or null) for each. */
  answer(result: ErrorRow | readonly (ErrorRow | null)[]) {
    this.#places.forEach(([topic, partition], index) => {
      const ofTopic = this.#errors[topic] as (ErrorRow | null)[]
      ofTopic[partition] = 'kafka' in result ? result : (result[index] ?? null)
    })
    return this.#toResponse((topic, partition) => this.#errors[topic]?.[partition] ?? null)
  }

  #take(topic: Topic | ErrorRow, partition: RequestTopic['partitions'][number], place: readonly [number, number]): ErrorRow | null {
    if ('kafka' in topic) return topic
    if (topic.partitions[partition.partitionIndex] === undefined) return ERRORS.unknownTopicOrPartition
    this.offsets.push({
      topic,
      partition: partition.partitionIndex,
      offset: partition.committedOffset,
      leaderEpoch: partition.committedLeaderEpoch,
      metadata: partition.committedMetadata ?? '',
    })
    this.#places.push(place)
    return null
  }

  #toResponse(errorOf: (topic: number, partition: number) => ErrorRow | null) {
    return {
      topics: this.#topics.map(({ name, topicId, partitions }, topic) => ({
        name,
        topicId,
        partitions: partitions.map(({ partitionIndex }, index) => ({ partitionIndex, errorCode: errorOf(topic, index)?.kafka ?? 0 })),
      })),
    }
  }
}

function findTopic(requested: RequestTopic, context: RequestContext, byId: boolean): Topic | ErrorRow {
  const { topics, security } = context.broker
  const topic = byId ? topics.getById(requested.topicId) : topics.get(requested.name)
  if (byId && topic === undefined) return ERRORS.unknownTopicId
  if (!security.authorize(context.connection.principal, 'read', 'topic', topic?.name ?? requested.name)) return ERRORS.topicAuthorizationFailed
  return topic ?? ERRORS.unknownTopicOrPartition
}
