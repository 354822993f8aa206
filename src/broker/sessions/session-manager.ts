/** All sessions of this broker: who is connected, who may come back, and what becomes of them. */
import type { StateRecord } from '../../log/ports.ts'
import type { SessionGauges } from '../../telemetry/gauges.ts'
import { type Logger, silentLogger } from '../../telemetry/logger.ts'
import { type Decompress, decompress } from '../../util/compression.ts'
import { randomUuid } from '../../util/uuid.ts'
import type { BrokerContext } from '../broker.ts'
import { ERRORS, type Failure, failure } from '../errors.ts'
import { principalNamed } from '../security/principal-named.ts'
import { RecordReader } from '../topics/mapping/record-to-message.ts'
import type { TopicMapping } from '../topics/mapping/topic-mapping.ts'
import { TurnBatch } from '../topics/turn-batch.ts'
import { Attachment } from './attachment.ts'
import { CatchUpScheduler } from './catch-up-scheduler.ts'
import { ClientSession, type SessionServices } from './client-session.ts'
import { Deadlines } from './deadlines.ts'
import { DeliveryHub } from './delivery-hub.ts'
import { LogBlocks } from './log-blocks.ts'
import { Marks } from './marks.ts'
import { OfflineFilters } from './offline-filters.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { ConnectRequest, SessionClient, Sessions, Will } from './ports.ts'
import { Publisher } from './publisher.ts'
import { RetainedStore } from './retained-store.ts'
import { RouteTable } from './route-table.ts'
import type { SessionRecord } from './session-codec.ts'
import { SessionCounters } from './session-counters.ts'
import { SessionJournal } from './session-journal.ts'
import { SESSION_DEFAULTS, type SessionSettings } from './session-settings.ts'
import { SessionState } from './session-state.ts'
import { Wills } from './wills.ts'

/** DISCONNECT reasons. */
const SESSION_TAKEN_OVER = 0x8e
const SERVER_SHUTTING_DOWN = 0x8b

/** A session that never expires [MQTT 3.1.2.11.2]. */
const NEVER_S = 0xffff_ffff

type OnConnected = Parameters<Sessions['connect']>[2]

export class SessionManager implements Sessions {
  readonly counters = new SessionCounters()
  readonly retained: RetainedStore
  readonly hub: DeliveryHub
  readonly #context: BrokerContext
  readonly #settings: SessionSettings
  readonly #logger: Logger
  readonly #sessions = new Map<string, ClientSession>()
  readonly #attachments = new Map<ClientSession, Attachment>()
  readonly #offline = new OfflineFilters()
  readonly #marks = new Marks()
  readonly #journal: SessionJournal
  readonly #deadlines: Deadlines
  readonly #turn: TurnBatch
  readonly #blocks: LogBlocks
  readonly #routes: RouteTable
  readonly #state: SessionState
  readonly #wills: Wills
  readonly #services: SessionServices
  #closed = false

  /** Before `LogStore.open`. */
  constructor(
    context: BrokerContext,
    mapping: TopicMapping,
    settings: Partial<SessionSettings> = {},
    logger: Logger = silentLogger,
    inflate: Decompress = decompress,
  ) {
    const { clock, log, security, topics } = context
    this.#context = context
    this.#settings = { ...SESSION_DEFAULTS, ...settings }
    this.#logger = logger
    this.#deadlines = new Deadlines(clock)
    this.#turn = new TurnBatch(log, clock)
    this.retained = new RetainedStore(log, clock, this.#settings)
    const reader = new RecordReader(mapping)
    this.#blocks = new LogBlocks(
      (tail, record) => (this.retained.owns(tail) ? this.retained.read(reader, record) : reader.read(tail.topicName, record)),
      inflate,
      this.counters,
      this.#settings,
    )
    this.#journal = new SessionJournal(
      log,
      clock,
      this.#settings.ackFlushMs,
      (records) => this.#marks.tidy(records),
      (failed) => logger.error({ reason: failed.message }, 'state of MQTT sessions could not be kept'),
    )
    this.#routes = new RouteTable(this.#settings)
    const listener = { onChanged: (tail: PartitionTail) => this.#marks.changed(tail), onDeleted: (tail: PartitionTail) => this.#forget(tail) }
    this.hub = new DeliveryHub(topics, mapping, this.#routes, this.#blocks, clock, this.counters, listener, this.#settings)
    const publisher = new Publisher(mapping, this.#turn, this.hub, this.retained, this.#journal, security, clock, (topic) => this.#offline.matches(topic))
    this.#wills = new Wills(publisher, this.#journal, this.#deadlines, clock, () => this.#turn.flush())
    const scheduler = new CatchUpScheduler(clock, this.#settings.catchUpRecordsPerTurn)
    this.#services = {
      clock,
      blocks: this.#blocks,
      counters: this.counters,
      schedule: (outgoing) => scheduler.add(outgoing),
      overtaken: (clientId, tail, records) => this.#overtaken(clientId, tail, records),
      upgradeOutgoingQos: this.#settings.upgradeOutgoingQos,
      allowDuplicateMessages: this.#settings.allowDuplicateMessages,
      hub: this.hub,
      marks: this.#marks,
      journal: this.#journal,
      publisher,
      retained: this.retained,
      security,
      settings: this.#settings,
    }
    this.#state = new SessionState(log, this.#marks, () => this.#sessions.values(), this.#wills)
  }

  /** After `LogStore.open` and `TopicRegistry.open`, before `LogStore.start`. */
  async open(): Promise<void> {
    await this.retained.open()
    this.hub.open()
    this.#restore()
  }

  /** Somebody may do more, or less, than before: who receives what is found out anew. */
  rightsChanged(): void {
    this.hub.rightsChanged()
  }

  get connectedCount(): number {
    return this.#attachments.size
  }

  get sessionCount(): number {
    return this.#sessions.size
  }

  get(clientId: string): ClientSession | undefined {
    return this.#sessions.get(clientId)
  }

  connect(request: ConnectRequest, client: SessionClient, onDone: OnConnected): void {
    const refused = this.#checkConnect(request)
    if (refused !== null) {
      this.#context.clock.endOfTurn(() => onDone(refused))
      return
    }
    const records: StateRecord[] = []
    const clientId = request.clientId === '' ? this.#makeClientId() : request.clientId
    const before = this.#formerSession(clientId, request, records)
    const session = before ?? this.#make(clientId, request)
    session.expiresAtMs = null
    session.expiryTimer?.cancel()
    session.principal = request.principal
    session.expiryS = this.#grantedExpiryS(request.sessionExpiryS)
    const putWillBack = this.#wills.replace(session, request.will, records)
    session.attach(client, before !== undefined)
    const attachment = new Attachment(session, (options) => this.#detached(session, options))
    this.#attachments.set(session, attachment)
    if (session.isPersistent) records.push(session.record(), session.idsRecord())
    const done = (failed: Failure | null) => {
      if (!attachment.alive) return
      if (failed === null) onDone({ session: attachment, sessionPresent: before !== undefined, begin: () => attachment.alive && session.begin() })
      else {
        putWillBack()
        attachment.connectionLost()
        onDone(failed)
      }
    }
    this.#journal.save(records, done)
  }

  /** What sessions hold in memory now. */
  gauges(): SessionGauges {
    return {
      sessions: this.#sessions.size,
      retainedMessages: this.retained.count,
      routes: this.#routes.size,
      catchUpCacheBytes: this.#blocks.cachedBytes,
      waitingCatchUps: this.#blocks.waiting,
      marks: this.#marks.count,
    }
  }

  /** Ends all connections' sessions as a lost connection would, and keeps what they are; before `LogStore.close`. */
  async close(): Promise<void> {
    if (this.#closed) return
    this.#closed = true
    for (const [session, attachment] of [...this.#attachments]) {
      const { client } = session
      attachment.connectionLost()
      client?.close(SERVER_SHUTTING_DOWN, 'the broker is shutting down')
    }
    this.#turn.flush()
    await this.#journal.close()
    this.#wills.close()
    this.#deadlines.close()
    this.retained.close()
    this.hub.close()
    this.#blocks.close()
  }

  #checkConnect(request: ConnectRequest): Failure | null {
    if (request.clientId === '' && request.level < 5 && !request.cleanStart) {
      return failure(ERRORS.invalidClientId, 'an empty client id needs a clean session [MQTT-3.1.3-8]')
    }
    if (!this.#sessions.has(request.clientId) && this.#sessions.size >= this.#settings.maxSessions) {
      return failure(ERRORS.quotaExceeded, `the broker holds ${this.#settings.maxSessions} sessions, its limit`)
    }
    return null
  }

  /** The session to go on with; whoever was connected to it is not any more. Undefined where a new one begins. */
  #formerSession(clientId: string, request: ConnectRequest, records: StateRecord[]): ClientSession | undefined {
    const session = this.#sessions.get(clientId)
    if (session === undefined) return undefined
    // Nobody goes on with the session of another user.
    const resumes = !request.cleanStart && session.principal.name === request.principal.name
    if (session.client !== null) this.#takeOver(session, resumes)
    else this.#offline.remove(session)
    // Its time may be over before the timer had its turn.
    const isOver = session.expiresAtMs !== null && session.expiresAtMs <= this.#context.clock.now()
    if (!resumes || isOver || session.expiryS === 0) {
      this.#end(session, records)
      return undefined
    }
    return session
  }

  /** Parts the connected client from its session [MQTT-3.1.4-3]. */
  #takeOver(session: ClientSession, resumes: boolean): void {
    const { client } = session
    this.#attachments.get(session)?.kill()
    this.#attachments.delete(session)
    session.detach()
    client?.close(SESSION_TAKEN_OVER, 'another client connected with this client id')
    // A delayed will is void since the client is back in time; one without delay is not.
    const ends = !resumes || session.expiryS === 0
    if (ends || session.will?.delayS === 0) this.#wills.publish(session)
  }

  #make(clientId: string, request: ConnectRequest): ClientSession {
    const expiryS = this.#grantedExpiryS(request.sessionExpiryS)
    const session = new ClientSession({ clientId, principal: request.principal, expiryS, idFloor: 1, restored: false }, this.#services)
    this.#sessions.set(clientId, session)
    return session
  }

  #detached(session: ClientSession, options: { readonly sendWill: boolean; readonly sessionExpiryS: number | undefined }): void {
    this.#attachments.delete(session)
    const records: StateRecord[] = []
    // From 0 to anything else is a protocol error [MQTT 3.14.2.2.2], which the connection answers.
    if (options.sessionExpiryS !== undefined && session.expiryS > 0) session.expiryS = this.#grantedExpiryS(options.sessionExpiryS)
    session.detach()
    if (!options.sendWill) this.#wills.drop(session, records)
    if (session.expiryS === 0) {
      this.#end(session, records)
    } else {
      this.#wills.arm(session, records)
      session.expiresAtMs = session.expiryS === NEVER_S ? null : this.#context.clock.now() + session.expiryS * 1000
      this.#offline.add(session)
      this.#armExpiry(session)
      records.push(session.record())
    }
    if (records.length > 0) this.#journal.save(records, null)
  }

  #armExpiry(session: ClientSession): void {
    if (session.expiresAtMs === null) return
    session.expiryTimer = this.#deadlines.at(session.expiresAtMs, () => {
      const records: StateRecord[] = []
      this.#offline.remove(session)
      this.#end(session, records)
      this.#journal.save(records, null)
    })
  }

  /** The session is over; a will that waited for its delay is published now. */
  #end(session: ClientSession, records: StateRecord[]): void {
    this.#sessions.delete(session.clientId)
    this.#wills.publish(session)
    session.end(records)
  }

  #forget(tail: PartitionTail): void {
    this.#marks.forget(tail)
    for (const session of this.#sessions.values()) session.forgetTail(tail)
  }

  #restore(): void {
    const tails = new Map<string, PartitionTail>([[this.retained.tail.key, this.retained.tail]])
    for (const tail of this.hub.allTails()) tails.set(tail.key, tail)
    const records: StateRecord[] = []
    const options = {
      tails,
      clamp: (tail: PartitionTail, offset: number) => this.#clamp(tail, offset),
      make: (clientId: string, record: SessionRecord, idFloor: number) => this.#remake(clientId, record, idFloor),
    }
    const { orphanedWills } = this.#state.restore(options, records)
    for (const session of this.#sessions.values()) {
      this.#offline.add(session)
      this.#armExpiry(session)
      if (session.will !== null) this.#restoreWill(session, session.will, records)
      records.push(session.record())
    }
    if (records.length > 0) this.#journal.save(records, null)
    for (const { clientId, will, principal } of orphanedWills) {
      this.#wills.found(clientId, will)
      this.#wills.publishMessage(clientId, will, principalNamed(this.#context.security, principal))
    }
  }

  #remake(clientId: string, record: SessionRecord, idFloor: number): ClientSession {
    const principal = principalNamed(this.#context.security, record.principal)
    const session = new ClientSession({ clientId, principal, expiryS: record.expiryS, idFloor, restored: true }, this.#services)
    this.#sessions.set(clientId, session)
    // A crash took the moment its connection ended: now is the earliest that is never too early.
    const nowMs = this.#context.clock.now()
    if (record.expiryS !== NEVER_S) session.expiresAtMs = record.connected ? nowMs + record.expiryS * 1000 : record.expiresAtMs
    return session
  }

  #restoreWill(session: ClientSession, will: Will, records: StateRecord[]): void {
    this.#wills.found(session.clientId, will)
    if (session.willDueAtMs === null) this.#wills.arm(session, records)
    else this.#wills.restore(session, session.willDueAtMs)
  }

  #clamp(tail: PartitionTail, offset: number): number {
    const end = tail.partition.log.logEndOffset
    if (offset <= end) return offset
    this.counters.clamped++
    this.#logger.warn(
      { topic: tail.topicName, partition: tail.partition.index, position: offset, logEnd: end },
      'positions of MQTT sessions lay beyond the end of the log after an unclean start, and were moved back',
    )
    return end
  }

  #overtaken(clientId: string, tail: PartitionTail, records: number): void {
    this.counters.overtaken += records
    this.#logger.warn(
      { clientId, topic: tail.topicName, partition: tail.partition.index, records },
      'retention deleted records before an MQTT session had read them',
    )
  }

  #grantedExpiryS(askedS: number): number {
    return Math.min(askedS, this.#settings.maxSessionExpiryS)
  }

  #makeClientId(): string {
    for (;;) {
      const clientId = this.#settings.autoIdPrefix + randomUuid(this.#context.random)
      if (!this.#sessions.has(clientId)) return clientId
    }
  }
}
