import { DiskWatch } from '../disk-watch.ts'
import type { World } from '../world.ts'

/** What a CONNECT asked for, as far as the session's existence goes. */
export interface Attempt {
  readonly cleanStart: boolean
  readonly sessionExpiryS: number
}

/** After a goodbye was heard, until it is on disk. */
const KEPT_AFTER_MS = 2_000

interface Moment {
  readonly ms: number
  readonly jumps: number
}

/**
 * Whether the broker must, may or must not have a session: it lives for its expiry after its last connection ended, by a clock that
 * may jump, and the client does not always know when the broker noticed the end.
 */
export class SessionPresence {
  readonly #world: World
  #exists = false
  /** What the session lives on for without a connection: the least and the most it can be. */
  #expiryS = { least: 0, most: 0 }
  /** The last moment at which the broker surely had the client connected. */
  #attachedAt: Moment
  /** The moment from which on the broker surely counts; null where that is not known. */
  #endedAt: Moment | null = null
  /** Clock jumps until DISCONNECT was sent. */
  #jumpsAtGoodbye = 0
  /** CONNECTs without an answer since the last one with it. */
  #unanswered: Attempt[] = []

  constructor(world: World) {
    this.#world = world
    this.#attachedAt = this.#now()
  }

  /** CONNACK came; `sentAtMs`: when the CONNECT left. Answers what is wrong with it, in words, and whether the session can be another than the client's. */
  connected(attempt: Attempt, sentAtMs: number, sessionPresent: boolean): { readonly wrong: string | null; readonly certain: boolean } {
    const wrong = this.#judge(attempt, sentAtMs, sessionPresent)
    // A session that cannot have ended between attempts that did not end it.
    const certain = this.#unanswered.length === 0 || (this.#expiryS.least > LONG_S && !this.#unanswered.some(({ cleanStart }) => cleanStart))
    this.#exists = true
    this.#expiryS = { least: attempt.sessionExpiryS, most: attempt.sessionExpiryS }
    this.#attachedAt = { ms: sentAtMs, jumps: this.#now().jumps }
    this.#endedAt = null
    this.#unanswered = []
    return { wrong, certain }
  }

  /** A CONNECT without an answer: it may have done its work. */
  failed(attempt: Attempt): void {
    this.#unanswered.push(attempt)
    this.#endedAt = null
    this.#expiryS = { least: Math.min(this.#expiryS.least, attempt.sessionExpiryS), most: Math.max(this.#expiryS.most, attempt.sessionExpiryS) }
  }

  /** The broker answered what was sent at this moment. */
  answered(sentAtMs: number): void {
    this.#attachedAt = { ms: Math.max(this.#attachedAt.ms, sentAtMs), jumps: this.#now().jumps }
  }

  /** DISCONNECT was sent, with another expiry where it is given. */
  saidGoodbye(sessionExpiryS: number | undefined): void {
    this.#jumpsAtGoodbye = this.#now().jumps
    if (sessionExpiryS === undefined || this.#expiryS.most === 0) return
    this.#expiryS = { least: Math.min(this.#expiryS.least, sessionExpiryS), most: Math.max(this.#expiryS.most, sessionExpiryS) }
  }

  /** The broker ended the connection in order after that: it heard it. */
  goodbyeHeard(sessionExpiryS: number | undefined): void {
    const world = this.#world
    const expiryS = sessionExpiryS ?? this.#expiryS.most
    const { boots } = world
    const disk = new DiskWatch(world)
    const at = this.#now()
    // The broker may have counted from before a jump of the clock that came before its answer.
    if (at.jumps !== this.#jumpsAtGoodbye) return
    const attached = this.#attachedAt
    world.time.after(KEPT_AFTER_MS, null, () => {
      // Another connection came meanwhile, or a crash forgot the moment.
      if (this.#attachedAt !== attached || this.#unanswered.length > 0 || world.boots !== boots || !world.up || disk.failed) return
      this.#endedAt = at
      this.#expiryS = { least: expiryS, most: expiryS }
    })
  }

  #judge({ cleanStart }: Attempt, sentAtMs: number, present: boolean): string | null {
    if (cleanStart) return present ? 'asked for a clean start and got a session' : null
    const { least, most } = this.#expiryS
    const { jumps } = this.#now()
    if (present) {
      if (!this.#exists && this.#unanswered.length === 0) return 'got a session, but never had one'
      if (most === 0) return 'got a session that ended with its connection'
      const ended = this.#endedAt
      if (ended !== null && ended.jumps === jumps && sentAtMs - ended.ms > most * 1000) {
        return `got a session ${Math.round(sentAtMs - ended.ms)} ms after its end, it lives for ${most} s`
      }
      return null
    }
    if (!this.#exists || least === 0 || this.#unanswered.some((attempt) => attempt.cleanStart)) return null
    const attached = this.#attachedAt
    const elapsedMs = this.#world.time.nowMs - attached.ms
    // An hour back and forth again is nothing to sessions that live for a day.
    if (elapsedMs < least * 1000 && (attached.jumps === jumps || least > LONG_S))
      return `has lost its session after ${Math.round(elapsedMs)} ms, it lives for ${least} s`
    return null
  }

  #now(): Moment {
    return { ms: this.#world.time.nowMs, jumps: this.#world.counts.get('clock jumps') ?? 0 }
  }
}

/** No sum of a run's clock jumps is longer. */
const LONG_S = 90_000
