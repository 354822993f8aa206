import type { StateRecord } from '../../log/ports.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import { ERRORS } from '../errors.ts'
import type { Principal } from '../security/ports.ts'
import type { ClientSession } from './client-session.ts'
import type { Deadlines } from './deadlines.ts'
import type { Will } from './ports.ts'
import type { Publisher } from './publisher.ts'
import { messageRecord, willState } from './session-codec.ts'
import type { SessionJournal } from './session-journal.ts'

/** Milliseconds until a will that the disk refused is published again. */
const RETRY_MS = 1000

/**
 * Wills: kept on disk from CONNECT on, so that a crash of the broker does not lose them; published when the delay has
 * passed or the session ends, whichever is first, never earlier, and not at all where the client came back [MQTT-3.1.3-9]
 * or said goodbye (DISCONNECT 0x00). The record goes in the same group as the published message: once is once.
 */
export class Wills {
  readonly #publisher: Publisher
  readonly #journal: SessionJournal
  readonly #deadlines: Deadlines
  readonly #clock: Clock
  readonly #flush: () => void
  /** Whose will the record of a client id is: a newer one must not go with the publication of an older. */
  readonly #kept = new Map<string, Will>()
  /** Wills on their way to the log. */
  readonly #publishing = new Map<string, Will>()
  /** Wills that the disk refused, and one timer for all: not a deadline, for a wall clock that jumps back would hold them up. */
  #refused: { readonly clientId: string; readonly will: Will; readonly principal: Principal }[] = []
  #retry: Timer | null = null
  #closed = false

  /** `flush` appends what was published in this turn. */
  constructor(publisher: Publisher, journal: SessionJournal, deadlines: Deadlines, clock: Clock, flush: () => void) {
    this.#publisher = publisher
    this.#flush = flush
    this.#journal = journal
    this.#deadlines = deadlines
    this.#clock = clock
  }

  /**
   * CONNECT: what was pending is void, `will` is kept from now on. Answers what puts all that back where the connection is
   * refused after all: only one that is accepted has a will [MQTT-3.1.2-8] and voids a pending one.
   */
  replace(session: ClientSession, will: Will | null, records: StateRecord[]): () => void {
    const { will: willBefore, willDueAtMs, clientId } = session
    const keptBefore = this.#kept.get(clientId)
    const had = willBefore !== null
    this.#disarm(session)
    session.will = will === null ? null : { message: keep(will), delayS: will.delayS }
    // One that is still on its way takes its record along: before this one is written.
    if (this.#publishing.has(session.clientId)) this.#flush()
    if (session.will !== null) this.#kept.set(session.clientId, session.will)
    else this.#kept.delete(session.clientId)
    if (had || will !== null) records.push(this.record(session))
    const own = session.will
    return () => {
      if (session.will !== own) return
      session.will = willBefore
      if (keptBefore === undefined) this.#kept.delete(clientId)
      else this.#kept.set(clientId, keptBefore)
      session.willDueAtMs = willDueAtMs
      this.#schedule(session)
      // A disk that failed may have kept the other all the same.
      if (willBefore !== null) this.#journal.takeBack(this.record(session))
      else if (own !== null && keptBefore === undefined) this.#journal.save([willState(clientId, null)], null)
    }
  }

  /** The connection ended in a way that the will is for. */
  arm(session: ClientSession, records: StateRecord[]): void {
    const { will } = session
    if (will === null) return
    // Where a connection was refused, that of before still waits.
    if (session.willDueAtMs !== null) return
    const delayS = Math.min(will.delayS, session.expiryS)
    if (delayS === 0) {
      this.publish(session)
      return
    }
    session.willDueAtMs = this.#clock.now() + delayS * 1000
    records.push(this.record(session))
    this.#schedule(session)
  }

  /** After a restart: the record that was found. */
  found(clientId: string, will: Will): void {
    this.#kept.set(clientId, will)
  }

  /** After a restart. */
  restore(session: ClientSession, dueAtMs: number): void {
    session.willDueAtMs = dueAtMs
    this.#schedule(session)
  }

  /** Publishes the will of a session now, and forgets it. */
  publish(session: ClientSession): void {
    const { will } = session
    if (will === null) return
    this.#disarm(session)
    session.will = null
    this.publishMessage(session.clientId, will, session.principal)
  }

  publishMessage(clientId: string, will: Will, principal: Principal): void {
    const isKept = this.#kept.get(clientId) === will
    const gone = isKept ? [willState(clientId, null)] : []
    this.#publishing.set(clientId, will)
    this.#publisher.publish(will.message, { principal, publisher: clientId, clientId, state: gone }, (failed) => {
      if (this.#publishing.get(clientId) === will) this.#publishing.delete(clientId)
      if (failed?.error === ERRORS.kafkaStorageError) {
        this.#again(clientId, will, principal)
        return
      }
      if (this.#kept.get(clientId) !== will) return
      this.#kept.delete(clientId)
      if (failed !== null) this.#journal.save(gone, null)
    })
  }

  /** DISCONNECT 0x00: it will never be published [MQTT-3.14.4-3]. */
  drop(session: ClientSession, records: StateRecord[]): void {
    if (session.will === null) return
    this.#disarm(session)
    session.will = null
    this.#kept.delete(session.clientId)
    records.push(willState(session.clientId, null))
  }

  record(session: ClientSession): StateRecord {
    const { will, clientId } = session
    if (will === null) return willState(clientId, null)
    return willState(clientId, {
      message: messageRecord(will.message),
      delayS: will.delayS,
      dueAtMs: session.willDueAtMs,
      principal: session.principal.name,
    })
  }

  /** After the last connection ended. */
  close(): void {
    this.#closed = true
    this.#retry?.cancel()
  }

  #again(clientId: string, will: Will, principal: Principal): void {
    if (this.#closed) return
    this.#refused.push({ clientId, will, principal })
    this.#retry ??= this.#clock.after(RETRY_MS, () => {
      const refused = this.#refused
      this.#refused = []
      this.#retry = null
      for (const each of refused) this.publishMessage(each.clientId, each.will, each.principal)
    })
  }

  #schedule(session: ClientSession): void {
    if (session.willDueAtMs === null) return
    session.willTimer = this.#deadlines.at(session.willDueAtMs, () => this.publish(session))
  }

  #disarm(session: ClientSession): void {
    session.willTimer?.cancel()
    session.willTimer = null
    session.willDueAtMs = null
  }
}

/** The CONNECT packet's memory goes with its turn. */
function keep(will: Will): Will['message'] {
  const { message } = will
  const correlation = message.properties?.correlationData
  const properties = correlation === undefined ? message.properties : { ...message.properties, correlationData: Buffer.from(correlation) }
  return { ...message, payload: Buffer.from(message.payload), properties, packet: null }
}
