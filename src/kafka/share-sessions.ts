import { ERRORS, type ErrorRow } from '../broker/errors.ts'
import type { SharePartitions } from '../broker/shares/share-partitions.ts'
import type { ClientConnection } from './handler.ts'
import type { ShareFetchRequest } from './messages/share-fetch.ts'

/** Opens a share session; there is none before. */
const INITIAL_EPOCH = 0
/** Closes it. */
const FINAL_EPOCH = -1
const MAX_EPOCH = 0x7fff_ffff

/** Partitions over all share sessions; at the bound no session is made, and one that grows ends. */
const MAX_PLACES = 1_000_000

/** A partition in a share session. */
export interface SharePlace {
  readonly topicId: string
  readonly partition: number
  /** Its next answer is told whatever it says. */
  mustTell: boolean
}

/** What the member of a group fetches from this broker; it ends with its connection. */
export interface ShareSession {
  readonly groupId: string
  readonly memberId: string
  readonly connection: ClientConnection
  /** In the order in which they came; what brought records goes to the end. */
  readonly places: Map<string, SharePlace>
  /** That of the next request. */
  epoch: number
  /** Its connection's close is no affair of its any more. */
  forgetClose: () => void
}

/** What one ShareFetch reads. */
export interface ShareScope {
  /** Null where it is the last one. */
  readonly session: ShareSession | null
  /** In the order of reading. */
  readonly places: readonly SharePlace[]
  /** Whether all places are told of, or only those that have news. */
  readonly tellsAll: boolean
}

/** Whose session it is. */
export interface ShareMember {
  readonly groupId: string
  readonly memberId: string
}

/** The share sessions of all members (KIP-932), which die with their connections: what a member has is then given back. */
export class ShareSessions {
  readonly #shares: SharePartitions
  readonly #maxSessions: () => number
  readonly #maxPlaces: number
  /** Group id to member id. */
  readonly #groups = new Map<string, Map<string, ShareSession>>()
  #size = 0
  #placeCount = 0

  /** `maxSessions`: `group.share.max.share.sessions`; the next one waits in vain and is refused. */
  constructor(shares: SharePartitions, maxSessions: () => number, maxPlaces = MAX_PLACES) {
    this.#shares = shares
    this.#maxPlaces = maxPlaces
    this.#maxSessions = maxSessions
  }

  get size(): number {
    return this.#size
  }

  /** What a ShareFetch is about, once its changes are in its session; or why it is refused. */
  begin(member: ShareMember, request: ShareFetchRequest, connection: ClientConnection): ShareScope | ErrorRow {
    const { shareSessionEpoch: epoch } = request
    const session = this.#get(member)
    if (epoch === FINAL_EPOCH) return session === undefined ? ERRORS.shareSessionNotFound : { session: null, places: [], tellsAll: true }
    if (epoch === INITIAL_EPOCH) return this.#open(member, request, connection)
    const refused = this.#check(session, epoch)
    if (refused !== null || session === undefined) return refused ?? ERRORS.shareSessionNotFound
    const before = session.places.size
    for (const [key, place] of placesOf(request, true)) if (!session.places.has(key)) session.places.set(key, place)
    for (const { topicId, partitions } of request.forgottenTopicsData) for (const index of partitions) session.places.delete(keyOf(topicId, index))
    this.#placeCount += session.places.size - before
    if (session.places.size > before && this.#placeCount > this.#maxPlaces) {
      this.#end(session)
      return ERRORS.shareSessionNotFound
    }
    advance(session)
    return { session, places: rotated([...session.places.values()], epoch), tellsAll: false }
  }

  /** The epoch of a ShareAcknowledge; null where it is right, and the session goes on. */
  acknowledge(member: ShareMember, epoch: number): ErrorRow | null {
    if (epoch === INITIAL_EPOCH) return ERRORS.invalidShareSessionEpoch
    const session = this.#get(member)
    const refused = epoch === FINAL_EPOCH && session !== undefined ? null : this.#check(session, epoch)
    if (refused === null && session !== undefined && epoch !== FINAL_EPOCH) advance(session)
    return refused
  }

  /** After the request that closes a session: what its member has is given back. */
  closeIfLast(member: ShareMember, epoch: number): void {
    const session = this.#get(member)
    if (epoch === FINAL_EPOCH && session !== undefined) this.#end(session)
  }

  #check(session: ShareSession | undefined, epoch: number): ErrorRow | null {
    if (session === undefined) return ERRORS.shareSessionNotFound
    return session.epoch === epoch ? null : ERRORS.invalidShareSessionEpoch
  }

  #open(member: ShareMember, request: ShareFetchRequest, connection: ClientConnection): ShareScope | ErrorRow {
    if (hasAcknowledgements(request)) return ERRORS.invalidRequest
    // What the member has from its former session stays its own: it may have lost the connection only.
    this.#remove(member)
    const places = placesOf(request, false)
    if (this.#size >= this.#maxSessions() || this.#placeCount + places.size > this.#maxPlaces) return ERRORS.shareSessionLimitReached
    const session: ShareSession = { ...member, connection, places, epoch: INITIAL_EPOCH, forgetClose: () => {} }
    advance(session)
    const members = this.#groups.get(member.groupId) ?? new Map<string, ShareSession>()
    this.#groups.set(member.groupId, members)
    members.set(member.memberId, session)
    this.#size++
    this.#placeCount += places.size
    session.forgetClose = connection.onClose(() => this.#end(session))
    return { session, places: [...session.places.values()], tellsAll: true }
  }

  #get({ groupId, memberId }: ShareMember): ShareSession | undefined {
    return this.#groups.get(groupId)?.get(memberId)
  }

  #remove({ groupId, memberId }: ShareMember): void {
    const members = this.#groups.get(groupId)
    const session = members?.get(memberId)
    if (members === undefined || session === undefined) return
    session.forgetClose()
    members.delete(memberId)
    this.#size--
    this.#placeCount -= session.places.size
    if (members.size === 0) this.#groups.delete(groupId)
  }

  #end(session: ShareSession): void {
    this.#remove(session)
    if (this.#groups.has(session.groupId)) this.#shares.release(session.groupId, session.memberId)
    else this.#shares.releaseGroup(session.groupId)
  }
}

/** The next time others are read before it. */
export function moveToEnd({ places }: ShareSession, place: SharePlace): void {
  const key = keyOf(place.topicId, place.partition)
  if (places.get(key) !== place) return
  places.delete(key)
  places.set(key, place)
}

/** Whether any record of a ShareFetch is acknowledged. */
export function hasAcknowledgements({ topics }: ShareFetchRequest): boolean {
  return topics.some(({ partitions }) => partitions.some(({ acknowledgementBatches }) => acknowledgementBatches.length > 0))
}

function placesOf({ topics }: ShareFetchRequest, mustTell: boolean): Map<string, SharePlace> {
  const places = new Map<string, SharePlace>()
  for (const { topicId, partitions } of topics) {
    for (const { partitionIndex } of partitions) places.set(keyOf(topicId, partitionIndex), { topicId, partition: partitionIndex, mustTell })
  }
  return places
}

function keyOf(topicId: string, partition: number): string {
  return `${topicId}:${partition}`
}

function advance(session: ShareSession): void {
  session.epoch = session.epoch === MAX_EPOCH ? 1 : session.epoch + 1
}

/** Another one is first each time, lest the first ones have all there is to take. */
function rotated(places: readonly SharePlace[], epoch: number): readonly SharePlace[] {
  const cut = places.length === 0 ? 0 : epoch % places.length
  return cut === 0 ? places : [...places.slice(cut), ...places.slice(0, cut)]
}
