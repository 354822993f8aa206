/**
 * One client's session: subscriptions, positions, exchanges and will, which outlive the socket. The socket's half is a
 * `SessionClient`; it meets the session through an `Attachment`, which goes dead when the session is taken over.
 */
import type { StateRecord } from '../../log/ports.ts'
import type { Timer } from '../../runtime/clock.ts'
import type { Failure } from '../errors.ts'
import type { Principal, Security } from '../security/ports.ts'
import { checkSubscribe, type Wanted } from './check-subscribe.ts'
import type { DeliveryHub } from './delivery-hub.ts'
import type { ExchangeStore } from './exchanges.ts'
import type { InFlight } from './in-flight.ts'
import { Incoming } from './incoming.ts'
import type { Marks } from './marks.ts'
import { OrderedSaves } from './ordered-saves.ts'
import { Outgoing, type OutgoingServices } from './outgoing.ts'
import { PacketIds } from './packet-ids.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { Message, ProtocolLevel, QoS, SessionClient, SubscribeRequest, Will } from './ports.ts'
import { type Clamp, Positions, type TailOf } from './positions.ts'
import type { OnPublished, Publisher, PublishOptions } from './publisher.ts'
import { replayStarts } from './replay.ts'
import type { RetainedStore } from './retained-store.ts'
import { type Subscriber, type Target, targetsOf } from './route-table.ts'
import {
  type ExchangeRecord,
  exchangeState,
  idsState,
  incomingState,
  type PositionRecord,
  positionState,
  type SubscriptionRecord,
  sessionState,
  subscriptionState,
} from './session-codec.ts'
import type { LazyState, SessionJournal } from './session-journal.ts'
import { exchangeOf, exchangeRecord, packExchanges, subscriptionRecord, unpackExchanges } from './session-records.ts'
import type { SessionSettings } from './session-settings.ts'
import type { Subscription } from './subscription.ts'
import { filterMatches, parseTopicFilter, type ReplayFrom } from './topic-filter.ts'

export interface SessionServices extends OutgoingServices {
  readonly hub: DeliveryHub
  readonly marks: Marks
  readonly journal: SessionJournal
  readonly publisher: Publisher
  readonly retained: RetainedStore
  readonly security: Security
  readonly settings: SessionSettings
}

export interface SessionOptions {
  readonly clientId: string
  readonly principal: Principal
  /** 0: ends with its connection, and nothing of it is kept on disk. */
  readonly expiryS: number
  /** Where its packet ids go on; 1 for a new one. */
  readonly idFloor: number
  /** It is on disk already. */
  readonly restored: boolean
}

const NO_STATE: readonly StateRecord[] = []

export class ClientSession implements Subscriber, LazyState {
  readonly clientId: string
  readonly #services: SessionServices
  readonly #subscriptions = new Map<string, Subscription>()
  readonly #positions: Positions
  readonly #saves: OrderedSaves
  readonly outgoing: Outgoing
  readonly incoming = new Incoming()
  readonly #ids: PacketIds
  /** QoS 2 exchanges that are over and still on disk. */
  readonly #finished = new Map<number, InFlight>()
  /** Whether it was made to outlive its connection, and is kept on disk. */
  readonly isPersistent: boolean
  principal: Principal
  /** Seconds it lives on without a connection. */
  expiryS: number
  /** Wall-clock milliseconds at which it ends; null while connected, or never. */
  expiresAtMs: number | null = null
  expiryTimer: Timer | null = null
  will: Will | null = null
  /** Wall-clock milliseconds at which the will is published; null while connected. */
  willDueAtMs: number | null = null
  willTimer: Timer | null = null
  #client: SessionClient | null = null
  /** Whether its subscriptions count. */
  #begun = false
  #noLocal = 0
  /** Options of a plain publish, made once. */
  #plainPublish: PublishOptions
  #ended = false

  constructor(options: SessionOptions, services: SessionServices) {
    this.clientId = options.clientId
    this.principal = options.principal
    this.expiryS = options.expiryS
    this.isPersistent = options.restored || options.expiryS > 0
    this.#plainPublish = this.#publishOptions(null, NO_STATE)
    this.#services = services
    const { settings, hub, marks, journal, clock } = services
    this.#saves = new OrderedSaves(journal, clock)
    this.#positions = new Positions(this.#subscriptions, hub, marks, settings.queueQos0Messages)
    const reserve = (floor: number, onDurable: () => void) => this.#saves.add(() => idsState(this.clientId, floor), onDurable)
    this.#ids = new PacketIds(this.isPersistent ? { step: settings.packetIdStep, reserve } : null, options.idFloor)
    this.outgoing = new Outgoing(this, this.#subscriptions, this.#positions.cursors, this.#ids, this.isPersistent ? this.#exchanges() : null, services)
  }

  get client(): SessionClient | null {
    return this.#client
  }

  get subscriptions(): ReadonlyMap<string, Subscription> {
    return this.#subscriptions
  }

  get ended(): boolean {
    return this.#ended
  }

  /** A client took it, back (`resumed`) or new; nothing is sent before `begin`. */
  attach(client: SessionClient, resumed: boolean): void {
    this.incoming.attach(resumed)
    this.#client = client
    this.#plainPublish = this.#publishOptions(null, NO_STATE)
  }

  /** CONNACK is queued: subscriptions count from here on, what was missed is read from the log. */
  begin(): void {
    const client = this.#client
    if (client === null || this.#begun) return
    this.#begun = true
    for (const subscription of this.#subscriptions.values()) this.#services.hub.subscribe(this, subscription)
    this.#positions.begin(!this.isPersistent)
    this.outgoing.begin(client)
  }

  /** The client is gone. Positions stay where they are. */
  detach(): void {
    if (this.#client === null) return
    this.#client = null
    this.outgoing.end()
    if (this.#begun) for (const subscription of this.#subscriptions.values()) this.#services.hub.unsubscribe(subscription)
    this.#begun = false
    this.#positions.end()
    if (this.isPersistent) this.#services.journal.later(this)
  }

  /** Forgets everything, on disk too. The caller dealt with the will. */
  end(records: StateRecord[]): void {
    this.#ended = true
    this.#saves.close()
    this.detach()
    this.expiryTimer?.cancel()
    this.#services.journal.forget(this)
    this.#positions.release()
    if (!this.isPersistent) return
    records.push(sessionState(this.clientId, null), positionState(this.clientId, null), idsState(this.clientId, null))
    for (const text of this.#subscriptions.keys()) records.push(subscriptionState(this.clientId, text, null))
    for (const entry of this.outgoing.exchanges.inFlight.values()) if (entry.qos === 2) records.push(exchangeState(this.clientId, entry.packetId, null))
    for (const packetId of this.#finished.keys()) records.push(exchangeState(this.clientId, packetId, null))
    for (const packetId of this.incoming.allPacketIds()) records.push(incomingState(this.clientId, packetId, false))
  }

  /** Its own record, subscriptions aside. */
  record(): StateRecord {
    const { expiryS, expiresAtMs } = this
    return sessionState(this.clientId, { expiryS, expiresAtMs, connected: this.#client !== null, principal: this.principal.name })
  }

  idsRecord(): StateRecord {
    return idsState(this.clientId, this.#ids.floor)
  }

  positionRecord(): StateRecord {
    const inFlight = packExchanges(this.outgoing.exchanges.inFlight.values())
    return positionState(this.clientId, { cursors: this.#positions.records(), inFlight })
  }

  /** For snapshots: subscriptions with their records. */
  *subscriptionRecords(): Iterable<StateRecord> {
    for (const subscription of this.#subscriptions.values()) yield subscriptionState(this.clientId, subscription.text, subscriptionRecord(subscription))
  }

  *exchangeRecords(): Iterable<StateRecord> {
    for (const entry of this.#finished.values()) yield exchangeState(this.clientId, entry.packetId, exchangeRecord(entry))
    for (const entry of this.outgoing.exchanges.inFlight.values()) {
      if (entry.qos === 2 && entry.tail !== null) yield exchangeState(this.clientId, entry.packetId, exchangeRecord(entry))
    }
  }

  collect(records: StateRecord[]): void {
    this.#positions.takeMarks(records, this.#services.settings.maxPositionsBesideMark)
    records.push(this.positionRecord())
    for (const entry of this.outgoing.exchanges.inFlight.values()) {
      // Positions lie beyond it: where its own record still waits for the disk, it goes with them.
      if (entry.state === 'assigning' && entry.tail !== null) records.push(exchangeState(this.clientId, entry.packetId, exchangeRecord(entry)))
    }
    for (const [packetId, entry] of this.#finished) {
      // A position below it would read the message again after a crash: until then its record says that it was handed out.
      if (entry.tail !== null && this.#positions.of(entry.filter, entry.tail) <= entry.offset) continue
      this.#finished.delete(packetId)
      records.push(exchangeState(this.clientId, packetId, null))
    }
  }

  subscribe(requests: readonly SubscribeRequest[], onDone: (results: readonly (QoS | Failure)[]) => void): void {
    const { security, settings } = this.#services
    const isFull = this.#subscriptions.size >= settings.maxSubscriptionsPerSession
    const checked = requests.map((request) => checkSubscribe(request, this.principal, security, isFull && !this.#subscriptions.has(request.filter)))
    const replays = checked.filter((wanted) => !('error' in wanted) && wanted.from !== null) as Wanted[]
    if (replays.length === 0) {
      this.#install(checked, new Map(), onDone)
      return
    }
    const { hub, clock } = this.#services
    const asked = replays.map(async (wanted) => [wanted, await replayStarts(hub, wanted.filter, wanted.from as ReplayFrom, clock.now())] as const)
    void Promise.all(asked).then((answers) => {
      const starts = new Map<Wanted, ReadonlyMap<PartitionTail, number>>()
      const failed = new Map<Wanted | Failure, Failure>()
      for (const [wanted, start] of answers) {
        if ('error' in start) failed.set(wanted, start)
        else starts.set(wanted, start)
      }
      const known = checked.map((wanted) => failed.get(wanted) ?? wanted)
      this.#install(known, starts, onDone)
    })
  }

  unsubscribe(filters: readonly string[], onDone: (existed: readonly boolean[] | Failure) => void): void {
    const records: StateRecord[] = []
    const existed = filters.map((text) => {
      const subscription = this.#subscriptions.get(text)
      if (subscription === undefined) return false
      this.#remove(subscription)
      records.push(subscriptionState(this.clientId, text, null))
      if (subscription.cursor !== this.#positions.own) records.push(this.positionRecord())
      return true
    })
    if (!this.isPersistent) {
      onDone(existed)
      return
    }
    // Also where none existed: the disk may have refused the same before, and the journal still owes it.
    const { journal } = this.#services
    journal.save(records, (failed) => {
      if (failed !== null && !this.#ended) journal.later(this)
      onDone(failed ?? existed)
    })
  }

  publish(message: Message, onDone: OnPublished | null): void {
    const publisher = this.#publisherOf(message.topic)
    const options = publisher === null ? this.#plainPublish : this.#publishOptions(publisher, NO_STATE)
    this.#services.publisher.publish(message, options, onDone)
  }

  publishExactlyOnce(packetId: number, message: Message, onDone: OnPublished): void {
    if (!this.incoming.begin(packetId)) {
      const matched = this.#services.hub.hasReceivers(message.topic)
      if (this.incoming.whenDurable(packetId, (failed) => onDone(failed, matched))) this.#services.clock.endOfTurn(() => onDone(null, matched))
      return
    }
    const state = this.isPersistent ? [incomingState(this.clientId, packetId, true)] : []
    const options = this.#publishOptions(this.#publisherOf(message.topic), state)
    this.#services.publisher.publish(message, options, (failed, matched) => {
      this.incoming.settle(packetId, failed)
      onDone(failed, matched)
    })
  }

  release(packetId: number, onDone: (known: boolean) => void): void {
    const exchange = this.incoming.get(packetId)
    if (exchange === undefined) {
      onDone(this.incoming.isRecovered(packetId))
      return
    }
    const released = () => {
      this.incoming.release(packetId, exchange)
      onDone(true)
    }
    if (!this.isPersistent) {
      released()
      return
    }
    // Where the disk refuses there is no answer, and the id stays known: the client repeats its PUBREL.
    exchange.releasing = true
    this.#services.journal.save([incomingState(this.clientId, packetId, false)], (failed) => {
      exchange.releasing = failed === null
      if (failed === null) released()
    })
  }

  mayRead(topic: string): boolean {
    return this.principal.isAdministrator || this.#services.security.authorize(this.principal, 'read', 'mqtt-topic', topic)
  }

  deliver(tail: PartitionTail | null, offset: number, stored: Parameters<Outgoing['deliver']>[2], target: Target): void {
    this.outgoing.deliver(tail, offset, stored, target)
  }

  forward(bytes: Uint8Array, count: number, largestBytes: number, level: ProtocolLevel): boolean {
    return this.outgoing.forward(bytes, count, largestBytes, level)
  }

  matches(topic: string): boolean {
    for (const subscription of this.#subscriptions.values()) if (filterMatches(subscription.filter, topic)) return true
    return false
  }

  /** The topic was deleted. */
  forgetTail(tail: PartitionTail): void {
    this.#positions.forget(tail)
  }

  /** After a restart, in this order: subscriptions, positions, exchanges. What was moved back is kept so. */
  restoreSubscription(text: string, record: SubscriptionRecord, tailOf: TailOf, clamp: Clamp, records: StateRecord[]): void {
    const parsed = parseTopicFilter(text)
    if (typeof parsed === 'string') return
    const cursor = record.replay ? this.#positions.restoreReplay(text) : this.#positions.own
    const { qos, noLocal, retainAsPublished, retainHandling, ids } = record
    const prefix = text.slice(0, text.length - parsed.filter.length)
    let since: Map<string, number> | null = null
    let moved = false
    for (const [key, offset] of Object.entries(record.since ?? {})) {
      const tail = tailOf(key)
      if (tail === undefined) continue
      since ??= new Map()
      since.set(key, clamp(tail, offset))
      if (since.get(key) !== offset) moved = true
    }
    const subscription = { text, filter: parsed.filter, qos, noLocal, retainAsPublished, retainHandling, ids, prefix, cursor, since }
    this.#subscriptions.set(text, subscription)
    if (noLocal) this.#noLocal++
    if (moved) records.push(subscriptionState(this.clientId, text, subscriptionRecord(subscription)))
  }

  restorePositions(record: PositionRecord, tailOf: TailOf, clamp: Clamp, records: StateRecord[]): void {
    let moved = this.#positions.restore(record.cursors, tailOf, clamp)
    for (const entry of unpackExchanges(record.inFlight, this.#subscriptions)) if (!this.restoreExchange(entry, tailOf)) moved = true
    if (moved) records.push(this.positionRecord())
  }

  /** False where the log does not hold the message any more: the exchange is over. */
  restoreExchange(record: ExchangeRecord, tailOf: TailOf): boolean {
    const tail = tailOf(record.tail)
    if (tail === undefined || record.offset >= tail.dispatched) return false
    this.outgoing.exchanges.restore(exchangeOf(record, tail))
    return true
  }

  #install(
    checked: readonly (Wanted | Failure)[],
    starts: ReadonlyMap<Wanted, ReadonlyMap<PartitionTail, number>>,
    onDone: (results: readonly (QoS | Failure)[]) => void,
  ): void {
    if (this.#client === null) return
    const records: StateRecord[] = []
    const retained: Subscription[] = []
    // Where the session is behind, a new subscription begins at the tail all the same.
    const behind = this.#positions.tailsBehind()
    const results = checked.map((wanted) => {
      if ('error' in wanted) return wanted
      const before = this.#subscriptions.get(wanted.request.filter)
      const start = starts.get(wanted)
      const since = before !== undefined && before.cursor === this.#positions.own ? before.since : behind
      if (before !== undefined) this.#remove(before)
      const subscription = this.#add(wanted, start === undefined ? since : null, start)
      records.push(subscriptionState(this.clientId, subscription.text, subscriptionRecord(subscription)))
      const { retainHandling } = subscription
      if (start === undefined && (retainHandling === 0 || (retainHandling === 1 && before === undefined))) retained.push(subscription)
      return subscription.qos
    })
    const done = () => {
      onDone(results)
      for (const subscription of retained) this.#sendRetained(subscription)
    }
    if (!this.isPersistent || records.length === 0) {
      done()
      this.outgoing.wake()
      return
    }
    this.#positions.takeMarks(records, -1)
    records.push(this.positionRecord())
    this.#services.journal.save(records, (failed) => {
      if (failed !== null) for (const wanted of checked) if (!('error' in wanted)) this.#removeText(wanted.request.filter)
      if (failed === null) done()
      else onDone(checked.map((wanted) => ('error' in wanted ? wanted : failed)))
    })
    this.outgoing.wake()
  }

  #add(wanted: Wanted, since: Map<string, number> | null, start: ReadonlyMap<PartitionTail, number> | undefined): Subscription {
    const { request, filter, prefix } = wanted
    const { hub } = this.#services
    const cursor = start === undefined ? this.#positions.own : this.#positions.addReplay(request.filter, filter, start)
    const subscription: Subscription = {
      text: request.filter,
      filter,
      qos: request.qos,
      noLocal: request.noLocal,
      retainAsPublished: request.retainAsPublished,
      retainHandling: request.retainHandling,
      ids: request.subscriptionId === undefined ? [] : [request.subscriptionId],
      prefix,
      cursor,
      since,
    }
    this.#subscriptions.set(request.filter, subscription)
    this.outgoing.forgetMatches()
    if (request.noLocal) this.#noLocal++
    if (this.#begun) hub.subscribe(this, subscription)
    return subscription
  }

  #removeText(text: string): void {
    const subscription = this.#subscriptions.get(text)
    if (subscription !== undefined) this.#remove(subscription)
  }

  #remove(subscription: Subscription): void {
    this.#subscriptions.delete(subscription.text)
    this.outgoing.forgetMatches()
    this.outgoing.dropRetained(subscription)
    if (subscription.noLocal) this.#noLocal--
    if (this.#begun) this.#services.hub.unsubscribe(subscription)
    if (subscription.cursor !== this.#positions.own) this.#positions.remove(subscription.cursor)
  }

  #sendRetained(subscription: Subscription): void {
    if (this.#subscriptions.get(subscription.text) !== subscription) return
    const [target] = targetsOf(this, [subscription], this.#services)
    const { retained } = this.#services
    if (target !== undefined && retained.count > 0) this.outgoing.addRetained(retained.delivery(target))
  }

  #publishOptions(publisher: string | null, state: readonly StateRecord[]): PublishOptions {
    return { principal: this.principal, publisher, clientId: this.clientId, state }
  }

  /** The client id for the record, where one of the session's own No Local subscriptions will ask for it. */
  #publisherOf(topic: string): string | null {
    if (this.#noLocal === 0) return null
    for (const subscription of this.#subscriptions.values()) {
      if (subscription.noLocal && filterMatches(subscription.filter, topic)) return this.clientId
    }
    return null
  }

  #exchanges(): ExchangeStore {
    const { journal } = this.#services
    return {
      save: (entry, onDurable) => this.#saves.add(() => exchangeState(this.clientId, entry.packetId, exchangeRecord(entry)), onDurable),
      forget: (entry) => {
        this.#finished.set(entry.packetId, entry)
        journal.later(this)
      },
      holds: (packetId) => this.#finished.has(packetId),
      changed: () => {
        if (!this.#ended) journal.later(this)
      },
    }
  }
}
