import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Partition } from '../../broker/topics/partition.ts'
import { rowOfLogFailure } from '../../broker/topics/produce.ts'
import type { Topic } from '../../broker/topics/topic.ts'
import { batchBaseOffset, batchOffsetCount } from '../../log/record-batch.ts'
import type { SessionPartition } from '../fetch-session.ts'
import type { FetchScope } from '../fetch-sessions.ts'
import type { RequestContext } from '../handler.ts'
import type { FetchRequest, FetchResponse } from '../messages/fetch.ts'
import type { Input } from '../wire/message.ts'
import { leaderEpochFault } from './leader-epoch.ts'

type Response = Input<typeof FetchResponse>
type PartitionResponse = Response['responses'][number]['partitions'][number]
type AskedPartition = FetchRequest['topics'][number]['partitions'][number]

const FIRST_WITH_TOPIC_ID = 13
const READ_UNCOMMITTED = 0
const READ_COMMITTED = 1

/** One partition of the request, or of its session. */
interface Place {
  readonly asked: AskedPartition
  /** Null where there is none; `answer` then says why. */
  readonly partition: Partition | null
  /** Fixed before anything is read: an error or a diverging epoch. */
  readonly answer: PartitionResponse | null
}

/**
 * What one Fetch asks for, and the reading of it. Where more records came, `readAgain` reads the partitions they came to: views of what
 * was read before are cheap, and the offsets of one partition in the answer must fit together.
 */
export class FetchPlan {
  readonly #request: FetchRequest
  readonly #context: RequestContext
  readonly #scope: FetchScope
  /** All partitions to read, in order, what each is in the session, and what was found. */
  readonly #places: Place[] = []
  readonly #sessionPlaces: SessionPartition[] = []
  #answers: PartitionResponse[] = []
  readonly #maxBytes: number
  #readBytes = 0
  /** By place: bytes that came from the disk and count as memory of ours. */
  #heldBytes: number[] = []
  #hasError = false
  /** Something was left out for want of memory. */
  #cutShort = false

  constructor(request: FetchRequest, scope: FetchScope, context: RequestContext) {
    this.#request = request
    this.#scope = scope
    this.#context = context
    this.#maxBytes = Math.min(Math.max(request.maxBytes, 0), context.broker.settings.maxFetchBytes)
    this.#addPlaces()
  }

  /** The partitions that may bring more records. */
  *partitions(): Iterable<Partition> {
    for (const { partition, answer } of this.#places) if (partition !== null && answer === null) yield partition
  }

  /** There is something to read, for an isolation level that is none: records of open transactions must not be shown for it. */
  get hasNoIsolation(): boolean {
    const { isolationLevel } = this.#request
    return isolationLevel !== READ_UNCOMMITTED && isolationLevel !== READ_COMMITTED && this.#places.some(({ answer }) => answer === null)
  }

  /** Bytes of batches in the answer so far. */
  get readBytes(): number {
    return this.#readBytes
  }

  /**
   * Reads what there is. True: there is enough to answer now (the bytes asked for, an error, no time to wait, nothing to wait
   * for). A promise only where the disk must be asked.
   */
  read(): boolean | Promise<boolean> {
    this.release()
    this.#answers = []
    this.#readBytes = 0
    this.#hasError = false
    this.#cutShort = false
    return this.#readFrom(0, null)
  }

  /** The same after a `read` that was not enough, of partitions where something happened since; the rest is what it was. */
  readAgain(changed: ReadonlySet<Partition>): boolean | Promise<boolean> {
    return this.#readFrom(0, changed)
  }

  /** Gives up what was read, or has handed it over. */
  release(): void {
    for (const bytes of this.#heldBytes) if (bytes > 0) this.#context.fetchMemory.release(bytes)
    this.#heldBytes = []
  }

  response(): Response {
    this.release()
    return this.#scope.respond(this.#sessionPlaces, this.#answers)
  }

  #addPlaces(): void {
    const { topics, security } = this.#context.broker
    const byId = this.#byId
    const { principal } = this.#context.connection
    // Neighbours are mostly of one topic.
    let last: SessionPartition | undefined
    let topic: Topic | undefined
    let allowed = false
    for (const place of this.#scope.partitions()) {
      if (last === undefined || (byId ? place.topicId !== last.topicId : place.topic !== last.topic)) {
        topic = byId ? topics.getById(place.topicId) : topics.get(place.topic)
        const name = topic?.name ?? place.topic
        allowed = name === '' || security.authorize(principal, 'read', 'topic', name)
        last = place
      }
      const partition = topic?.partitions[place.asked.partition] ?? null
      const fault = allowed ? this.#missing(place, topic, partition) : ERRORS.topicAuthorizationFailed
      // A session remembers the name of an id, so that it can tell what became of it.
      if (byId && topic !== undefined) place.topic = topic.name
      this.#sessionPlaces.push(place)
      this.#places.push({ asked: place.asked, partition, answer: fault === null ? null : { ...errorAnswer(place.asked, fault), abortedTransactions: [] } })
    }
  }

  get #byId(): boolean {
    return this.#context.version >= FIRST_WITH_TOPIC_ID
  }

  #missing({ topic: name }: SessionPartition, topic: Topic | undefined, partition: Partition | null): ErrorRow | null {
    if (topic === undefined && this.#byId) {
      if (name === '') return ERRORS.unknownTopicId
      return this.#context.broker.topics.get(name) === undefined ? ERRORS.unknownTopicOrPartition : ERRORS.inconsistentTopicId
    }
    return partition === null ? ERRORS.unknownTopicOrPartition : null
  }

  /** `changed`: null for all of them. */
  #readFrom(first: number, changed: ReadonlySet<Partition> | null): boolean | Promise<boolean> {
    const places = this.#places
    for (let index = first; index < places.length; index++) {
      const { partition } = places[index] as Place
      if (changed !== null) {
        if (partition === null || !changed.has(partition)) continue
        this.#drop(index)
      }
      const answer = this.#readPlace(index)
      if (answer instanceof Promise) {
        return answer.then((read) => {
          this.#take(index, read)
          return this.#readFrom(index + 1, changed)
        })
      }
      this.#take(index, answer)
    }
    return this.#hasError || this.#cutShort || places.length === 0 || this.#request.maxWaitMs <= 0 || this.#readBytes >= this.#request.minBytes
  }

  #take(index: number, answer: PartitionResponse): void {
    this.#answers[index] = answer
    if (answer.errorCode !== 0 || answer.divergingEpoch !== undefined) this.#hasError = true
    for (const batch of answer.records ?? []) this.#readBytes += batch.length
  }

  /** What was read of a place gives way to what is read now. */
  #drop(index: number): void {
    for (const batch of this.#answers[index]?.records ?? []) this.#readBytes -= batch.length
    this.#context.fetchMemory.release(this.#heldBytes[index] ?? 0)
    this.#heldBytes[index] = 0
  }

  #readPlace(index: number): PartitionResponse | Promise<PartitionResponse> {
    const place = this.#places[index] as Place
    const { asked, partition } = place
    if (partition === null) return place.answer as PartitionResponse
    if (place.answer !== null) return place.answer
    const fault = this.#checkPlace(asked, partition)
    if (fault !== null) return fault
    const { log } = partition
    const endOffset = this.#request.isolationLevel === READ_COMMITTED ? log.lastStableOffset : log.highWatermark
    if (asked.fetchOffset >= endOffset) return this.#found(asked, partition, [])
    // As Kafka answers: it meets an exception.
    if (asked.partitionMaxBytes < 0 || (index === 0 && this.#request.maxBytes < 0)) return errorAnswer(asked, ERRORS.unknownServerError)
    const left = this.#maxBytes - this.#readBytes
    const nothingYet = this.#readBytes === 0
    if (left <= 0 && !nothingYet) return this.#found(asked, partition, [])
    const maxBytes = Math.max(0, Math.min(asked.partitionMaxBytes, left))
    const tail = log.readTail(asked.fetchOffset, { maxBytes, atLeastOne: nothingYet, endOffset })
    return tail === undefined ? this.#readDisk(index, partition, maxBytes, endOffset) : this.#found(asked, partition, tail.batches)
  }

  async #readDisk(index: number, partition: Partition, wantedBytes: number, endOffset: number): Promise<PartitionResponse> {
    const { asked } = this.#places[index] as Place
    const { fetchMemory } = this.#context
    const maxBytes = Math.min(wantedBytes, fetchMemory.allowanceBytes)
    if (maxBytes < wantedBytes) this.#cutShort = true
    fetchMemory.reserve(maxBytes)
    const read = await partition.log.read(asked.fetchOffset, { maxBytes, atLeastOne: this.#readBytes === 0, endOffset })
    fetchMemory.release(maxBytes)
    if ('code' in read) return errorAnswer(asked, rowOfLogFailure(read))
    fetchMemory.reserve(read.sizeBytes)
    this.#heldBytes[index] = read.sizeBytes
    return this.#found(asked, partition, read.batches)
  }

  /** Null where the offset can be read. */
  #checkPlace(asked: AskedPartition, partition: Partition): PartitionResponse | null {
    if (partition.deleted) return errorAnswer(asked, this.#byId ? ERRORS.unknownTopicId : ERRORS.unknownTopicOrPartition)
    const { log } = partition
    const epochFault = leaderEpochFault(Math.max(asked.currentLeaderEpoch, -1), log.leaderEpoch)
    if (epochFault !== null) return errorAnswer(asked, epochFault)
    if (asked.lastFetchedEpoch >= 0) {
      const diverging = divergence(asked, partition)
      if (diverging !== null) return diverging
    }
    if (asked.fetchOffset < log.logStartOffset || asked.fetchOffset > log.logEndOffset) return errorAnswer(asked, ERRORS.offsetOutOfRange)
    return null
  }

  #found(asked: AskedPartition, partition: Partition, records: readonly Uint8Array[]): PartitionResponse {
    const { log } = partition
    const readCommitted = this.#request.isolationLevel === READ_COMMITTED
    const aborted = readCommitted && records.length > 0 ? log.abortedTransactions(asked.fetchOffset, endOf(records)) : []
    return {
      partitionIndex: asked.partition,
      errorCode: 0,
      highWatermark: log.highWatermark,
      lastStableOffset: log.lastStableOffset,
      logStartOffset: log.logStartOffset,
      abortedTransactions: readCommitted ? aborted : null,
      records,
    }
  }
}

/** The first offset behind batches. */
function endOf(records: readonly Uint8Array[]): number {
  const last = records.at(-1)
  return last === undefined ? 0 : batchBaseOffset(last) + batchOffsetCount(last)
}

/** KIP-595, KIP-320: what the client read last was written in an epoch that ended before its offset here. */
function divergence(asked: AskedPartition, { log }: Partition): PartitionResponse | null {
  const end = log.endOfEpoch(asked.lastFetchedEpoch)
  if (end === null) return errorAnswer(asked, ERRORS.offsetOutOfRange)
  if (end.leaderEpoch >= asked.lastFetchedEpoch && end.endOffset >= asked.fetchOffset) return null
  return {
    partitionIndex: asked.partition,
    errorCode: 0,
    highWatermark: log.highWatermark,
    lastStableOffset: log.lastStableOffset,
    logStartOffset: log.logStartOffset,
    divergingEpoch: { epoch: end.leaderEpoch, endOffset: end.endOffset },
    abortedTransactions: null,
    records: [],
  }
}

function errorAnswer(asked: AskedPartition, error: ErrorRow): PartitionResponse {
  return { partitionIndex: asked.partition, errorCode: error.kafka, highWatermark: -1, abortedTransactions: null, records: [] }
}
