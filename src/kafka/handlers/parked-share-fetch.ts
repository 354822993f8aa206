import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { ShareSlot, ShareWatcher } from '../../broker/shares/share-slot.ts'
import type { Timer } from '../../runtime/clock.ts'
import type { RequestContext } from '../handler.ts'
import type { ShareFetchRequest, ShareFetchResponse } from '../messages/share-fetch.ts'
import type { ShareMember, SharePlace, ShareScope } from '../share-sessions.ts'
import type { Input } from '../wire/message.ts'
import { readShare, type ShareRead, takeShare } from './share-read.ts'

export type SharePartitionResponse = Input<typeof ShareFetchResponse>['responses'][number]['partitions'][number]

/** The answer of one place of the session. */
export interface PlaceAnswer {
  readonly place: SharePlace
  readonly response: SharePartitionResponse
}

/** What became of the places of a session in one look at them. */
interface Found {
  readonly errors: PlaceAnswer[]
  readonly ready: (readonly [SharePlace, ShareSlot])[]
  /** Some are not in memory yet. */
  isLoading: boolean
  /** Some are gone that were there. */
  hasEnded: boolean
}

const EXACT = 1

/**
 * A ShareFetch that takes records as soon as there are enough of them, or its time is over. Nothing is taken before it can be answered: it
 * first reads, and takes what is there then. It waits for records, for those that others give back, for the end of a partition.
 */
export class ParkedShareFetch implements ShareWatcher {
  readonly result: Promise<PlaceAnswer[] | null>
  readonly #request: ShareFetchRequest
  readonly #member: ShareMember
  readonly #scope: ShareScope
  readonly #context: RequestContext
  readonly #readCommitted: boolean
  /** It only wants to know what is wrong. */
  readonly #takesNothing: boolean
  readonly #maxBytes: number
  readonly #minBytes: number
  readonly #slots = new Map<SharePlace, ShareSlot>()
  #resolve: (answers: PlaceAnswer[] | null) => void = () => {}
  #reject: (error: unknown) => void = () => {}
  #timer: Timer | null = null
  #forgetClose: () => void = () => {}
  #heldBytes = 0
  /** What the last reading found, and what became visible since. */
  #knownBytes = 0
  #evaluating = false
  /** Something happened while the disk was read. */
  #stale = false
  #expired: boolean
  #done = false

  constructor(request: ShareFetchRequest, member: ShareMember, scope: ShareScope, context: RequestContext) {
    this.#request = request
    this.#member = member
    this.#scope = scope
    this.#context = context
    this.#readCommitted = context.broker.shares.configsOf(member.groupId).readCommitted
    this.#maxBytes = Math.min(Math.max(request.maxBytes, 0), context.broker.settings.maxFetchBytes)
    this.#minBytes = Math.min(request.minBytes, this.#maxBytes)
    this.#takesNothing = request.maxRecords <= 0 || request.maxBytes === 0
    this.#expired = request.maxWaitMs <= 0
    this.result = new Promise((resolve, reject) => {
      this.#resolve = resolve
      this.#reject = reject
    })
    this.#forgetClose = context.connection.onClose(() => this.#finish(null))
    this.#start()
  }

  onRecords(bytes: number): void {
    this.#knownBytes += bytes
    if (this.#knownBytes >= this.#minBytes) this.#evaluateSoon()
  }

  onChange(): void {
    this.#evaluateSoon()
  }

  #start(): void {
    this.#evaluate()
    if (this.#done || this.#expired) return
    this.#timer = this.#context.broker.clock.after(this.#request.maxWaitMs, () => {
      this.#expired = true
      this.#evaluateSoon()
    })
  }

  /** Reads again at the end of this turn. */
  #evaluateSoon(): void {
    if (this.#done) return
    this.#stale = true
    if (this.#evaluating) return
    this.#evaluating = true
    this.#context.broker.clock.endOfTurn(() => this.#evaluate())
  }

  #evaluate(): void {
    if (this.#done) return
    this.#evaluating = true
    this.#stale = false
    this.#release()
    const found = this.#findSlots()
    const reads = this.#readFrom(found.ready, 0, [])
    if (reads instanceof Promise) reads.then((all) => this.#judge(found, all)).catch(this.#reject)
    else this.#judge(found, reads)
  }

  /** What cannot be read is answered; the rest is watched, and read where it is loaded. */
  #findSlots(): Found {
    const found: Found = { errors: [], ready: [], isLoading: false, hasEnded: false }
    for (const place of this.#scope.places) {
      const before = this.#slots.get(place)
      const partition = this.#partitionOf(place)
      const error = 'kafka' in partition ? partition : (before?.fault ?? null)
      if (error !== null || 'kafka' in partition) {
        found.errors.push({ place, response: errorAnswer(place, error ?? ERRORS.unknownServerError) })
        found.hasEnded ||= before !== undefined
        before?.unwatch(this)
        continue
      }
      if (this.#takesNothing) continue
      const slot = this.#context.broker.shares.slot(this.#member.groupId, partition)
      if (before !== slot) {
        before?.unwatch(this)
        slot.watch(this)
        this.#slots.set(place, slot)
      }
      if (slot.share !== null) found.ready.push([place, slot])
      else found.isLoading = true
    }
    return found
  }

  #partitionOf({ topicId, partition: index }: SharePlace) {
    const { topics, security, shares } = this.#context.broker
    const topic = topics.getById(topicId)
    if (topic === undefined) return ERRORS.unknownTopicId
    if (!security.authorize(this.#context.connection.principal, 'read', 'topic', topic.name)) return ERRORS.topicAuthorizationFailed
    const partition = topic.partitions[index]
    if (partition === undefined) return ERRORS.unknownTopicOrPartition
    // Nobody of the group was ever told to fetch from it: what became of its records would be nobody's. As Kafka answers.
    if (!shares.isKnown({ groupId: this.#member.groupId, topicId, partition: index })) return ERRORS.unknownServerError
    return partition
  }

  /** One after the other, as they share the bytes. */
  #readFrom(
    ready: readonly (readonly [SharePlace, ShareSlot])[],
    first: number,
    found: (ShareRead | ErrorRow | null)[],
  ): (ShareRead | ErrorRow | null)[] | Promise<(ShareRead | ErrorRow | null)[]> {
    // Each may bring an equal part, as in Kafka.
    const maxBytes = Math.max(1, Math.floor(this.#maxBytes / Math.max(1, ready.length)))
    for (let index = first; index < ready.length; index++) {
      const [, slot] = ready[index] as readonly [SharePlace, ShareSlot]
      const limits = { maxBytes, maxRecords: this.#request.maxRecords, atLeastOne: !found.some(hasBatches), readCommitted: this.#readCommitted }
      const read = readShare(slot, this, limits, this.#context.fetchMemory)
      if (read instanceof Promise) {
        return read.then((one) => {
          this.#hold(one)
          return this.#readFrom(ready, index + 1, [...found, one])
        })
      }
      found.push(read)
    }
    return found
  }

  #hold(read: ShareRead | ErrorRow | null): void {
    if (read !== null && 'heldBytes' in read) this.#heldBytes += read.heldBytes
  }

  #judge(found: Found, reads: readonly (ShareRead | ErrorRow | null)[]): void {
    this.#evaluating = false
    if (this.#done) {
      this.#release()
      return
    }
    this.#knownBytes = 0
    let mustAnswer = found.hasEnded || (found.ready.length === 0 && !found.isLoading)
    let isReadable = false
    let isFull = false
    for (const read of reads) {
      if (read === null) continue
      if ('kafka' in read) mustAnswer = true
      else isReadable = true
      if ('isFull' in read) isFull ||= read.isFull
      if ('batches' in read) for (const batch of read.batches) this.#knownBytes += batch.length
    }
    // Where its time is over before all is loaded, which takes no time to speak of, it hears what is there nevertheless.
    mustAnswer ||= this.#expired && !found.isLoading
    const isEnough = isFull || (isReadable && this.#knownBytes >= this.#minBytes)
    if (isEnough || mustAnswer) {
      const taken = this.#take(found.ready, reads)
      if (mustAnswer || this.#minBytes <= 0 || taken.some(({ response }) => response.records.length > 0)) {
        this.#finish([...found.errors, ...taken])
        return
      }
      // Others were faster, or all of it was aborted: there may be more behind it.
      if (reads.some((read) => hasBatches(read) && read.share.nextOffset() !== read.fromOffset)) this.#stale = true
    }
    if (this.#stale) this.#evaluateSoon()
  }

  #take(ready: readonly (readonly [SharePlace, ShareSlot])[], reads: readonly (ShareRead | ErrorRow | null)[]): PlaceAnswer[] {
    const { maxRecords, batchSize, shareAcquireMode } = this.#request
    let left = maxRecords
    const taken: PlaceAnswer[] = []
    for (const [index, [place, slot]] of ready.entries()) {
      const read = reads[index] ?? null
      if (read === null) continue
      if ('kafka' in read) {
        taken.push({ place, response: errorAnswer(place, read) })
        continue
      }
      const request = { member: this.#member.memberId, maxRecords: left, batchSize, exact: shareAcquireMode === EXACT }
      const { ranges, batches, count } = takeShare(read, slot, request, this.#readCommitted)
      left -= count
      taken.push({
        place,
        response: {
          partitionIndex: place.partition,
          errorCode: 0,
          records: batches,
          acquiredRecords: ranges.map((range) => ({ firstOffset: range.first, lastOffset: range.last, deliveryCount: range.deliveryCount })),
        },
      })
    }
    return taken
  }

  #release(): void {
    this.#context.fetchMemory.release(this.#heldBytes)
    this.#heldBytes = 0
  }

  #finish(answers: PlaceAnswer[] | null): void {
    if (this.#done) return
    this.#done = true
    this.#timer?.cancel()
    this.#forgetClose()
    for (const slot of this.#slots.values()) slot.unwatch(this)
    this.#release()
    this.#resolve(answers)
  }
}

function errorAnswer(place: SharePlace, error: ErrorRow): SharePartitionResponse {
  return { partitionIndex: place.partition, errorCode: error.kafka, records: [], acquiredRecords: [] }
}

function hasBatches(read: ShareRead | ErrorRow | null): read is ShareRead {
  return read !== null && 'batches' in read && read.batches.length > 0
}
