import type { LogStore, StateMachine, StateRecord } from '../../log/ports.ts'
import { STATE_KINDS } from '../state-kinds.ts'
import type { ClientSession } from './client-session.ts'
import type { Marks } from './marks.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { Will } from './ports.ts'
import {
  decodeState,
  type ExchangeRecord,
  exchangeState,
  incomingState,
  messageOf,
  type PositionRecord,
  parseAckKey,
  parseQos2Key,
  parseSessionKey,
  type SessionRecord,
  type SubscriptionRecord,
  type WillRecord,
} from './session-codec.ts'
import type { Wills } from './wills.ts'

export interface RestoreOptions {
  readonly tails: ReadonlyMap<string, PartitionTail>
  /** An offset moved back to the log's end where it lies beyond. */
  readonly clamp: (tail: PartitionTail, offset: number) => number
  readonly make: (clientId: string, record: SessionRecord, idFloor: number) => ClientSession
}

export interface OrphanedWill {
  readonly clientId: string
  readonly will: Will
  readonly principal: string
}

/** The sessions' part of the coordinator's state: what is replayed at a start, and what a snapshot holds. */
export class SessionState {
  readonly #marks: Marks
  readonly #replayed: { readonly [Kind in 'session' | 'ack' | 'qos2' | 'will']: Map<string, Uint8Array> } = {
    session: new Map(),
    ack: new Map(),
    qos2: new Map(),
    will: new Map(),
  }

  constructor(log: LogStore, marks: Marks, sessions: () => Iterable<ClientSession>, wills: Wills) {
    this.#marks = marks
    const machine = (kind: number, replayed: Map<string, Uint8Array>, records: (session: ClientSession) => Iterable<StateRecord>): StateMachine => ({
      kind,
      apply: (key, value) => {
        if (value === null) replayed.delete(key)
        else replayed.set(key, value)
      },
      *entries() {
        for (const session of sessions()) {
          for (const { key, value } of records(session)) if (value !== null) yield [key, value] as const
        }
      },
    })
    log.register(marks)
    log.register(machine(STATE_KINDS.session, this.#replayed.session, persistent(sessionRecords)))
    log.register(machine(STATE_KINDS.sessionAck, this.#replayed.ack, persistent(ackRecords)))
    log.register(machine(STATE_KINDS.sessionQos2, this.#replayed.qos2, persistent(qos2Records)))
    log.register(machine(STATE_KINDS.will, this.#replayed.will, (session) => [wills.record(session)]))
  }

  /** Makes the sessions that were kept; what must be corrected on disk is added to `records`. Answers wills of sessions that ended with their connection, which a crash cut. */
  restore(options: RestoreOptions, records: StateRecord[]): { readonly orphanedWills: readonly OrphanedWill[] } {
    const { tails, clamp } = options
    this.#marks.open(tails, clamp)
    const tailOf = (key: string) => tails.get(key)
    const sessions = this.#restoreSessions(options, records)
    const exchanges: [ClientSession, ExchangeRecord][] = []
    for (const [key, value] of this.#replayed.ack) {
      const parsed = parseAckKey(key)
      const session = sessions.get(parsed.clientId)
      if (session === undefined) continue
      if (parsed.what === 'positions') session.restorePositions(decodeState<PositionRecord>(value), tailOf, clamp, records)
      else if (parsed.what === 'exchange') exchanges.push([session, decodeState<ExchangeRecord>(value)])
    }
    for (const [session, record] of exchanges) {
      if (!session.restoreExchange(record, tailOf)) records.push(exchangeState(session.clientId, record.id, null))
    }
    for (const key of this.#replayed.qos2.keys()) {
      const { clientId, packetId } = parseQos2Key(key)
      sessions.get(clientId)?.incoming.restore(packetId)
    }
    this.#marks.prune(records)
    const orphanedWills = this.#restoreWills(sessions)
    for (const replayed of Object.values(this.#replayed)) replayed.clear()
    return { orphanedWills }
  }

  #restoreSessions({ make, tails, clamp }: RestoreOptions, records: StateRecord[]): Map<string, ClientSession> {
    const sessions = new Map<string, ClientSession>()
    const floors = new Map<string, number>()
    for (const [key, value] of this.#replayed.ack) {
      const parsed = parseAckKey(key)
      if (parsed.what === 'ids') floors.set(parsed.clientId, decodeState<number>(value))
    }
    const subscriptions: [string, string, SubscriptionRecord][] = []
    for (const [key, value] of this.#replayed.session) {
      const parsed = parseSessionKey(key)
      if (parsed.what === 'subscription') subscriptions.push([parsed.clientId, parsed.filter, decodeState<SubscriptionRecord>(value)])
      else sessions.set(parsed.clientId, make(parsed.clientId, decodeState<SessionRecord>(value), floors.get(parsed.clientId) ?? 1))
    }
    for (const [clientId, filter, record] of subscriptions) sessions.get(clientId)?.restoreSubscription(filter, record, (key) => tails.get(key), clamp, records)
    return sessions
  }

  #restoreWills(sessions: ReadonlyMap<string, ClientSession>): OrphanedWill[] {
    const orphaned: OrphanedWill[] = []
    for (const [clientId, value] of this.#replayed.will) {
      const record = decodeState<WillRecord>(value)
      const will = { message: messageOf(record.message), delayS: record.delayS }
      const session = sessions.get(clientId)
      if (session === undefined) orphaned.push({ clientId, will, principal: record.principal })
      else {
        session.will = will
        session.willDueAtMs = record.dueAtMs
      }
    }
    return orphaned
  }
}

function persistent(records: (session: ClientSession) => Iterable<StateRecord>): (session: ClientSession) => Iterable<StateRecord> {
  return (session) => (session.isPersistent ? records(session) : [])
}

function* sessionRecords(session: ClientSession): Iterable<StateRecord> {
  yield session.record()
  yield* session.subscriptionRecords()
}

function* ackRecords(session: ClientSession): Iterable<StateRecord> {
  yield session.positionRecord()
  yield session.idsRecord()
  yield* session.exchangeRecords()
}

function* qos2Records(session: ClientSession): Iterable<StateRecord> {
  for (const packetId of session.incoming.packetIds()) yield incomingState(session.clientId, packetId, true)
}
