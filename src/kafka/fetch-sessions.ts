import { ERRORS, type ErrorRow } from '../broker/errors.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Random } from '../runtime/random.ts'
import { FetchSession, hasRecords, partitionsByKey, partitionsInOrder, type SessionPartition } from './fetch-session.ts'
import type { FetchRequest, FetchResponse } from './messages/fetch.ts'
import type { Input } from './wire/message.ts'

type Response = Input<typeof FetchResponse>
type PartitionResponse = Response['responses'][number]['partitions'][number]

export interface FetchSessionSettings {
  /** `max.incremental.fetch.session.cache.slots`: sessions of all clients. A client that gets none sends all partitions each time. */
  readonly maxSessions: number
  /** Partitions over all sessions; at the bound no session is made, and one that grows ends. */
  readonly maxPartitions: number
  /** A session that was not used for so long gives way to any other; one that is so old, to one with more partitions. */
  readonly evictionMs: number
}

export const DEFAULT_FETCH_SESSION_SETTINGS: FetchSessionSettings = { maxSessions: 1_000, maxPartitions: 1_000_000, evictionMs: 120_000 }

/** Epochs of a request that names all its partitions (KIP-227): the first makes a session, the other none. */
const INITIAL_EPOCH = 0
const FINAL_EPOCH = -1

const NO_SESSION = 0
const MAX_SESSION_ID = 0x7fff_ffff

/** What one Fetch reads, and how it is answered. */
export interface FetchScope {
  /** In the order of reading. */
  partitions(): Iterable<SessionPartition>
  /** `answers` belong to `places`, one each. */
  respond(places: readonly SessionPartition[], answers: readonly PartitionResponse[]): Response
}

/** The fetch sessions of all consumers of this broker: in memory only, a client whose session is gone begins another. */
export class FetchSessions {
  readonly #clock: Clock
  readonly #random: Random
  readonly #settings: FetchSessionSettings
  readonly #sessions = new Map<number, FetchSession>()
  #partitionCount = 0

  constructor(clock: Clock, random: Random, settings: FetchSessionSettings = DEFAULT_FETCH_SESSION_SETTINGS) {
    this.#clock = clock
    this.#random = random
    this.#settings = settings
  }

  get size(): number {
    return this.#sessions.size
  }

  /** Partitions over all sessions. */
  get partitionCount(): number {
    return this.#partitionCount
  }

  /** What a request is about, once its changes are in its session; or why it is refused, and the session goes on as it was. */
  begin(request: FetchRequest, byTopicId: boolean): FetchScope | ErrorRow {
    const { sessionId, sessionEpoch } = request
    if (sessionEpoch === INITIAL_EPOCH || sessionEpoch === FINAL_EPOCH) {
      this.#remove(sessionId)
      return sessionEpoch === FINAL_EPOCH ? withoutSession(byTopicId, request) : this.#withNewSession(byTopicId, request)
    }
    const session = this.#sessions.get(sessionId)
    if (session === undefined) return ERRORS.fetchSessionIdNotFound
    if (session.epoch !== sessionEpoch) return ERRORS.invalidFetchSessionEpoch
    if (session.byTopicId !== byTopicId) return ERRORS.fetchSessionTopicIdError
    const sizeBefore = session.size
    session.update(request.topics, request.forgottenTopicsData)
    this.#partitionCount += session.size - sizeBefore
    if (session.size === 0) {
      this.#remove(session.id)
      return withoutSession(byTopicId, request)
    }
    if (session.size > sizeBefore && this.#partitionCount > this.#settings.maxPartitions) {
      this.#remove(session.id)
      return ERRORS.fetchSessionIdNotFound
    }
    session.lastUsedMs = this.#clock.monotonicMs()
    session.advance()
    return new IncrementalScope(session)
  }

  #withNewSession(byTopicId: boolean, request: FetchRequest): FetchScope {
    const partitions = partitionsByKey(byTopicId, request.topics)
    return {
      partitions: () => partitions.values(),
      // Made when it is answered: what nobody waits for any more takes no place.
      respond: (places, answers) => {
        const session = this.#create(byTopicId, partitions)
        for (const [index, place] of places.entries()) session?.tell(place, answers[index] as PartitionResponse)
        return responseOf(session?.id ?? NO_SESSION, places, answers)
      },
    }
  }

  #create(byTopicId: boolean, partitions: Map<string, SessionPartition>): FetchSession | null {
    const nowMs = this.#clock.monotonicMs()
    if (this.#partitionCount + partitions.size > this.#settings.maxPartitions) return null
    if (this.#sessions.size >= this.#settings.maxSessions && !this.#evict(partitions.size, nowMs)) return null
    const session = new FetchSession(this.#newId(), byTopicId, partitions, nowMs)
    this.#sessions.set(session.id, session)
    this.#partitionCount += session.size
    return session
  }

  #newId(): number {
    for (;;) {
      const id = 1 + this.#random.below(MAX_SESSION_ID)
      if (!this.#sessions.has(id)) return id
    }
  }

  /** Makes room for a session of so many partitions: by one nobody uses, else by an old one with fewer. False: there is none. */
  #evict(size: number, nowMs: number): boolean {
    const { evictionMs } = this.#settings
    let longestUnused: FetchSession | null = null
    let smallestOld: FetchSession | null = null
    for (const session of this.#sessions.values()) {
      if (longestUnused === null || session.lastUsedMs < longestUnused.lastUsedMs) longestUnused = session
      const isOld = session.lastUsedMs - session.createdAtMs > evictionMs
      if (isOld && (smallestOld === null || session.size < smallestOld.size)) smallestOld = session
    }
    if (longestUnused !== null && nowMs - longestUnused.lastUsedMs > evictionMs) return this.#remove(longestUnused.id)
    return smallestOld !== null && smallestOld.size < size && this.#remove(smallestOld.id)
  }

  #remove(id: number): boolean {
    const session = this.#sessions.get(id)
    if (session === undefined) return false
    this.#partitionCount -= session.size
    return this.#sessions.delete(id)
  }
}

function withoutSession(byTopicId: boolean, request: FetchRequest): FetchScope {
  return {
    partitions: () => partitionsInOrder(byTopicId, request.topics),
    respond: (places, answers) => responseOf(NO_SESSION, places, answers),
  }
}

/** A request of a session: only what changed is told. */
class IncrementalScope implements FetchScope {
  readonly #session: FetchSession
  readonly #epoch: number

  constructor(session: FetchSession) {
    this.#session = session
    this.#epoch = session.epoch
  }

  partitions(): Iterable<SessionPartition> {
    return this.#session.partitions()
  }

  respond(places: readonly SessionPartition[], answers: readonly PartitionResponse[]): Response {
    const session = this.#session
    // Another connection went on with it meanwhile.
    if (session.epoch !== this.#epoch) return { errorCode: ERRORS.invalidFetchSessionEpoch.kafka, sessionId: session.id, responses: [] }
    const toldPlaces: SessionPartition[] = []
    const toldAnswers: PartitionResponse[] = []
    for (const [index, place] of places.entries()) {
      const answer = answers[index] as PartitionResponse
      if (!session.tell(place, answer)) continue
      toldPlaces.push(place)
      toldAnswers.push(answer)
      if (hasRecords(answer)) session.moveLast(place)
    }
    return responseOf(session.id, toldPlaces, toldAnswers)
  }
}

/** Neighbours of one topic stand together. */
function responseOf(sessionId: number, places: readonly SessionPartition[], answers: readonly PartitionResponse[]): Response {
  const responses: { topic: string; topicId: string; partitions: PartitionResponse[] }[] = []
  let last: (typeof responses)[number] | undefined
  for (const [index, { topic, topicId }] of places.entries()) {
    if (last === undefined || last.topicId !== topicId || last.topic !== topic) {
      last = { topic, topicId, partitions: [] }
      responses.push(last)
    }
    last.partitions.push(answers[index] as PartitionResponse)
  }
  return { errorCode: 0, sessionId, responses }
}
