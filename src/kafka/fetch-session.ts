import type { FetchRequest, FetchResponse } from './messages/fetch.ts'
import type { Input } from './wire/message.ts'

type AskedTopic = FetchRequest['topics'][number]
type AskedPartition = AskedTopic['partitions'][number]
type ForgottenTopic = FetchRequest['forgottenTopicsData'][number]
type PartitionResponse = Input<typeof FetchResponse>['responses'][number]['partitions'][number]

/** A partition of a session: what the client asked of it last, and what it was told last. */
export interface SessionPartition {
  readonly topicId: string
  /** '' where the client gives ids and the topic was never there. */
  topic: string
  asked: AskedPartition
  /** -1: to be told whatever it is. */
  highWatermark: number
  logStartOffset: number
}

const MAX_EPOCH = 0x7fff_ffff

/** What one consumer reads, remembered between its requests (KIP-227): it sends changes only, and is told changes only. */
export class FetchSession {
  readonly id: number
  /** Whether it began with topic ids (v13 and above): names and ids do not mix. */
  readonly byTopicId: boolean
  readonly createdAtMs: number
  lastUsedMs: number
  #epoch = 1
  /** In the order of reading: one that gave records goes to the end, so that all get their turn. */
  readonly #partitions: Map<string, SessionPartition>

  constructor(id: number, byTopicId: boolean, partitions: Map<string, SessionPartition>, nowMs: number) {
    this.id = id
    this.byTopicId = byTopicId
    this.createdAtMs = nowMs
    this.lastUsedMs = nowMs
    this.#partitions = partitions
  }

  /** What the next request must say. */
  get epoch(): number {
    return this.#epoch
  }

  get size(): number {
    return this.#partitions.size
  }

  partitions(): IterableIterator<SessionPartition> {
    return this.#partitions.values()
  }

  /** The epochs go on at 1 where they end: 0 begins a session. */
  advance(): void {
    this.#epoch = this.#epoch === MAX_EPOCH ? 1 : this.#epoch + 1
  }

  /** Takes a request's changes over: partitions that are new or read from another place, then those that leave. */
  update(topics: readonly AskedTopic[], forgotten: readonly ForgottenTopic[]): void {
    for (const { topic, topicId, partitions } of topics) {
      for (const asked of partitions) {
        const key = keyOf(this.byTopicId, topic, topicId, asked.partition)
        const known = this.#partitions.get(key)
        if (known === undefined) this.#partitions.set(key, newPartition(topic, topicId, asked))
        else known.asked = asked
      }
    }
    for (const { topic, topicId, partitions } of forgotten) {
      for (const index of partitions) this.#partitions.delete(keyOf(this.byTopicId, topic, topicId, index))
    }
  }

  /** Whether the client must be told of this answer; what it is told is remembered. */
  tell(place: SessionPartition, answer: PartitionResponse): boolean {
    const failed = answer.errorCode !== 0 || answer.divergingEpoch !== undefined
    const logStartOffset = answer.logStartOffset ?? -1
    if (!failed && !hasRecords(answer) && answer.highWatermark === place.highWatermark && logStartOffset === place.logStartOffset) return false
    // Told again as soon as it can be read again.
    place.highWatermark = failed ? -1 : answer.highWatermark
    place.logStartOffset = logStartOffset
    return true
  }

  /** Its turn is over: the others come first next time. */
  moveLast(place: SessionPartition): void {
    const key = keyOf(this.byTopicId, place.topic, place.topicId, place.asked.partition)
    if (this.#partitions.delete(key)) this.#partitions.set(key, place)
  }
}

export function hasRecords(answer: PartitionResponse): boolean {
  return answer.records !== null && answer.records.length > 0
}

/** The partitions of a request by what names them; of one that is named twice the last wish counts, in the place of the first. */
export function partitionsByKey(byTopicId: boolean, topics: readonly AskedTopic[]): Map<string, SessionPartition> {
  const partitions = new Map<string, SessionPartition>()
  for (const { topic, topicId, partitions: all } of topics) {
    for (const asked of all) partitions.set(keyOf(byTopicId, topic, topicId, asked.partition), newPartition(topic, topicId, asked))
  }
  return partitions
}

/** The same in the order asked for, without names: the requests of clients without sessions are worth it. */
export function partitionsInOrder(byTopicId: boolean, topics: readonly AskedTopic[]): Iterable<SessionPartition> {
  const places: SessionPartition[] = []
  const names = new Set<string>()
  for (const { topic, topicId, partitions } of topics) {
    names.add(byTopicId ? topicId : topic)
    for (const asked of partitions) places.push(newPartition(topic, topicId, asked))
  }
  const isRepeated = names.size < topics.length || topics.some(({ partitions }) => repeats(partitions))
  return isRepeated ? partitionsByKey(byTopicId, topics).values() : places
}

function repeats(partitions: readonly AskedPartition[]): boolean {
  return partitions.length > 1 && new Set(partitions.map(({ partition }) => partition)).size < partitions.length
}

function newPartition(topic: string, topicId: string, asked: AskedPartition): SessionPartition {
  return { topic, topicId, asked, highWatermark: -1, logStartOffset: -1 }
}

function keyOf(byTopicId: boolean, topic: string, topicId: string, index: number): string {
  return `${byTopicId ? topicId : topic}/${index}`
}
