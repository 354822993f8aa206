/**
 * What goes to one session's client: messages at the tail as they come, history while it is behind, and the exchanges of
 * QoS 1 and 2. It keeps places in the log, not messages: nobody's slowness costs memory. Where the window (receive maximum) is full or
 * the socket is congested, a partition falls behind and is read from the log when there is room again.
 */
import type { LogFailure } from '../../log/ports.ts'
import type { Clock } from '../../runtime/clock.ts'
import type { StoredMessage } from '../topics/mapping/record-to-message.ts'
import type { Cursor, Lag } from './cursor.ts'
import { type ExchangeStore, Exchanges } from './exchanges.ts'
import { expiryLeftS } from './expiry.ts'
import { HistoryReader } from './history-reader.ts'
import type { InFlight } from './in-flight.ts'
import type { Block, LogBlocks } from './log-blocks.ts'
import type { PacketIds } from './packet-ids.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { ProtocolLevel, SessionClient } from './ports.ts'
import type { RetainedDelivery } from './retained-delivery.ts'
import { type Subscriber, type Target, targetsOf } from './route-table.ts'
import type { SessionCounters } from './session-counters.ts'
import { effectiveQos, type Subscription } from './subscription.ts'
import { filterMatches } from './topic-filter.ts'

export interface OutgoingServices {
  readonly clock: Clock
  readonly blocks: LogBlocks
  readonly counters: SessionCounters
  /** Asks for `run` soon. */
  readonly schedule: (outgoing: Outgoing) => void
  /** Retention overtook the session. */
  readonly overtaken: (clientId: string, tail: PartitionTail, records: number) => void
  readonly upgradeOutgoingQos: boolean
  readonly allowDuplicateMessages: boolean
}

/** Milliseconds until a read that failed for the disk's sake is tried again. */
const READ_RETRY_MS = 1000
/** Topics whose matching subscriptions are remembered while a session catches up. */
const MAX_MATCHES_REMEMBERED = 1000

export class Outgoing {
  readonly #owner: Subscriber
  readonly #services: OutgoingServices
  readonly #store: ExchangeStore | null
  readonly #cursors: ReadonlySet<Cursor>
  readonly #subscriptions: ReadonlyMap<string, Subscription>
  readonly exchanges: Exchanges
  readonly #history: HistoryReader
  #client: SessionClient | null = null
  readonly #retained: RetainedDelivery[] = []
  #matches = new Map<Cursor, Map<string, Target[]>>()
  /** Filters that got their copy of the message at one place, for sessions whose subscriptions overlap. */
  #copies: { tail: PartitionTail; offset: number; done: Set<string> } | null = null
  /** In the scheduler's queue. */
  scheduled = false

  constructor(
    owner: Subscriber,
    subscriptions: ReadonlyMap<string, Subscription>,
    cursors: ReadonlySet<Cursor>,
    ids: PacketIds,
    store: ExchangeStore | null,
    services: OutgoingServices,
  ) {
    this.#owner = owner
    this.#subscriptions = subscriptions
    this.#cursors = cursors
    this.#store = store
    this.#services = services
    this.exchanges = new Exchanges(ids, store, services, () => this.#wakeWhereBehind())
    this.#history = new HistoryReader(services.blocks, () => this.wake())
  }

  /** Subscriptions changed. */
  forgetMatches(): void {
    this.#matches = new Map()
  }

  /** The client is there and CONNACK is queued: repeats what was not finished, then goes on. */
  begin(client: SessionClient): void {
    this.#client = client
    this.exchanges.begin(client)
    this.wake()
  }

  end(): void {
    this.#client = null
    this.exchanges.end()
    this.#history.drop()
    this.#copies = null
  }

  /** Something that stopped it may be gone. */
  wake(): void {
    if (this.#client !== null) this.#services.schedule(this)
  }

  /** Sends retained messages of a new subscription, as the window allows. */
  addRetained(delivery: RetainedDelivery): void {
    this.#retained.push(delivery)
    this.wake()
  }

  dropRetained(subscription: Subscription): void {
    for (let at = this.#retained.length - 1; at >= 0; at--) {
      if (this.#retained[at]?.target.subscription === subscription) this.#retained.splice(at, 1)
    }
  }

  /** A message at the tail. */
  deliver(tail: PartitionTail | null, offset: number, stored: StoredMessage, target: Target): void {
    const client = this.#client
    if (client === null) return
    const { cursor } = target.subscription
    const qos = effectiveQos(stored.message.qos, target.qos, this.#services.upgradeOutgoingQos)
    if (tail === null) {
      this.#deliverTransient(client, stored, target, qos)
      return
    }
    const kept = qos > 0 || cursor.includesQos0
    if (kept && cursor.lagging.size > 0 && cursor.lagging.has(tail)) return
    if (client.congested || (qos > 0 && !this.exchanges.hasRoom(client))) {
      if (kept) this.#fallBehind(tail, offset, target)
      else this.#services.counters.droppedQos0++
      return
    }
    const sent = this.#send(client, tail, offset, stored, target, qos, target.retainAsPublished && stored.message.retain)
    if (sent === 'no id') this.#fallBehind(tail, offset, target)
    if (sent === 'no id' || !kept) return
    if (target.overlaps) this.#noteCopy(tail, offset, target)
    if (this.#store !== null) {
      cursor.touch(tail, offset + 1)
      this.#store.changed()
    }
  }

  /** A run of QoS 0 packets as they came in; false where they must be encoded one by one. */
  forward(bytes: Uint8Array, count: number, largestBytes: number, level: ProtocolLevel): boolean {
    const client = this.#client
    if (client === null) return true
    if (largestBytes > client.maximumPacketSize || (level === 5) !== (client.level === 5)) return false
    if (client.congested) this.#services.counters.droppedQos0 += count
    else {
      this.#services.counters.delivered += count
      client.sendPackets(bytes)
    }
    return true
  }

  /** Goes on from the log; looks at about `budget` records and answers how many it looked at. Asks to be run again where there is more. */
  run(budget: number): number {
    let looked = 0
    while (looked < budget) {
      const step = this.#step(budget - looked)
      if (step < 0) return looked
      looked += step
    }
    this.wake()
    return looked
  }

  /** One piece of work; -1 where there is none, or something must happen first. */
  #step(budget: number): number {
    const client = this.#client
    if (client === null || client.congested) return -1
    if (this.exchanges.isRepeating) return this.exchanges.repeat(client, (entry) => this.#lookUp(entry)) ? 1 : -1
    if (this.#retained.length > 0) return this.#sendRetained(client)
    for (const cursor of this.#cursors) {
      for (const [tail, lag] of cursor.lagging) return this.#catchUp(client, cursor, tail, lag, budget)
    }
    this.exchanges.forgetHandedOut()
    return -1
  }

  /** The message of an exchange; null where it must be read first, undefined where it is gone. */
  #lookUp(entry: InFlight): StoredMessage | null | undefined {
    const tail = entry.tail as PartitionTail
    if (entry.offset < tail.partition.log.logStartOffset || entry.offset >= tail.dispatched) {
      this.#services.overtaken(this.#owner.clientId, tail, 1)
      return undefined
    }
    const block = this.#history.block(tail, entry.offset)
    if (block === null) return null
    if ('code' in block) return this.#isForNow(block) ? null : undefined
    return block.messages[block.offsets.indexOf(entry.offset)]
  }

  /** The next retained message of the subscription that is first in line, which leaves the line after its last. */
  #sendRetained(client: SessionClient): number {
    const delivery = this.#retained[0] as RetainedDelivery
    const next = delivery.peek()
    if (next === null) {
      this.#retained.shift()
      return 1
    }
    if (!this.exchanges.hasRoom(client)) return -1
    if (!this.#owner.mayRead(next.topic)) {
      delivery.advance()
      return 1
    }
    const { offset } = next
    const block = this.#history.block(delivery.tail, offset)
    if (block === null) return -1
    if ('code' in block && this.#isForNow(block)) return -1
    delivery.advance()
    if ('code' in block) return 1
    const stored = block.messages[block.offsets.indexOf(offset)]
    if (stored === undefined) return 1
    const target = stored.publisher === this.#owner.clientId ? delivery.target.whenOwn : delivery.target
    if (target === null) return 1
    const qos = effectiveQos(stored.message.qos, target.qos, this.#services.upgradeOutgoingQos)
    this.#send(client, delivery.tail, offset, stored, target, qos, true)
    return 1
  }

  #catchUp(client: SessionClient, cursor: Cursor, tail: PartitionTail, lag: Lag, budget: number): number {
    if (lag.next >= tail.dispatched) {
      cursor.caughtUp(tail)
      this.#store?.changed()
      return 1
    }
    const block = this.#history.block(tail, lag.next)
    if (block === null) return -1
    if ('code' in block) return this.#afterFailure(cursor, tail, lag, block)
    const before = lag.next
    const looked = this.#offer(client, cursor, tail, lag, block, budget)
    if (lag.next === block.end || (looked >= 0 && lag.next === before)) {
      // Other partitions of this cursor have their turn, and a hole in the log is stepped over.
      if (lag.next === before) lag.next = Math.max(block.end, before + 1)
      cursor.lagging.delete(tail)
      cursor.lagging.set(tail, lag)
      if (lag.next >= tail.dispatched) cursor.caughtUp(tail)
    }
    if (lag.next !== before) this.#store?.changed()
    return looked
  }

  /** Offers records of a block from `lag.next` on; -1 where the window or the socket is full. */
  #offer(client: SessionClient, cursor: Cursor, tail: PartitionTail, lag: Lag, block: Block, budget: number): number {
    let at = lowerBound(block.offsets, lag.next)
    const stop = Math.min(block.offsets.length, at + budget)
    const begun = at
    for (; at < stop; at++) {
      const offset = block.offsets[at] as number
      const stored = block.messages[at] as StoredMessage
      for (const target of this.#targets(cursor, stored.message.topic)) {
        if (!this.#offerOne(client, tail, lag, offset, stored, target)) {
          if (lag.next !== offset) lag.next = offset
          return -1
        }
      }
      lag.next = offset + 1
      lag.done = null
    }
    if (at === block.offsets.length) lag.next = block.end
    return at - begun + 1
  }

  /** False where there is no room for it. */
  #offerOne(client: SessionClient, tail: PartitionTail, lag: Lag, offset: number, stored: StoredMessage, to: Target): boolean {
    const target = stored.publisher === this.#owner.clientId ? to.whenOwn : to
    if (target === null) return true
    const { subscription } = target
    const qos = effectiveQos(stored.message.qos, target.qos, this.#services.upgradeOutgoingQos)
    if (qos === 0 && !subscription.cursor.includesQos0) return true
    if (lag.done?.has(subscription.text) === true && offset === lag.next) return true
    if (subscription.since !== null && offset < (subscription.since.get(tail.key) ?? 0)) return true
    if (this.exchanges.wasHandedOut(tail, offset, subscription.text)) return true
    if (client.congested || (qos > 0 && !this.exchanges.hasRoom(client))) return false
    const retain = target.retainAsPublished && stored.message.retain
    if (this.#send(client, tail, offset, stored, target, qos, retain) === 'no id') return false
    if (target.overlaps) {
      if (lag.next !== offset) lag.done = null
      lag.next = offset
      lag.done ??= new Set()
      lag.done.add(subscription.text)
    }
    return true
  }

  /** Whether a disk did not read what it holds: a failure that says nothing about the message. It is asked again in a while. */
  #isForNow(failed: LogFailure): boolean {
    if (failed.code !== 'storage-error') return false
    this.#services.clock.after(READ_RETRY_MS, () => this.wake())
    return true
  }

  #afterFailure(cursor: Cursor, tail: PartitionTail, lag: Lag, failed: LogFailure): number {
    if (this.#isForNow(failed)) return -1
    const { log } = tail.partition
    switch (failed.code) {
      case 'offset-out-of-range':
        if (lag.next < log.logStartOffset) {
          this.#services.overtaken(this.#owner.clientId, tail, log.logStartOffset - lag.next)
          lag.next = log.logStartOffset
        } else lag.next = tail.dispatched
        break
      case 'corrupt':
        this.#services.counters.unreadable++
        lag.next++
        break
      case 'gone':
        cursor.forget(tail)
        return 1
    }
    lag.done = null
    this.#store?.changed()
    return 1
  }

  #targets(cursor: Cursor, topic: string): Target[] {
    // Asked every time, since rights come and go.
    if (!this.#owner.mayRead(topic)) return []
    let matches = this.#matches.get(cursor)
    if (matches === undefined || matches.size >= MAX_MATCHES_REMEMBERED) {
      matches = new Map()
      this.#matches.set(cursor, matches)
    }
    let targets = matches.get(topic)
    if (targets === undefined) {
      const found: Subscription[] = []
      for (const subscription of this.#subscriptions.values()) {
        if (subscription.cursor === cursor && filterMatches(subscription.filter, topic)) found.push(subscription)
      }
      targets = found.length === 0 ? [] : targetsOf(this.#owner, found, this.#services)
      matches.set(topic, targets)
    }
    return targets
  }

  #deliverTransient(client: SessionClient, stored: StoredMessage, target: Target, qos: 0 | 1 | 2): void {
    const { counters } = this.#services
    if (client.congested || (qos > 0 && !this.exchanges.hasRoom(client))) {
      if (qos === 0) counters.droppedQos0++
      else counters.droppedTransient++
      return
    }
    const sent = this.#send(client, null, 0, stored, target, qos, target.retainAsPublished && stored.message.retain)
    if (sent === 'no id') counters.droppedTransient++
  }

  /** Gives one message to the client, or starts its exchange. There is room for it. */
  #send(
    client: SessionClient,
    tail: PartitionTail | null,
    offset: number,
    stored: StoredMessage,
    target: Target,
    qos: 0 | 1 | 2,
    retain: boolean,
  ): 'sent' | 'dropped' | 'no id' {
    const { counters } = this.#services
    const left = expiryLeftS(stored, () => this.#services.clock.now())
    if (left === 0) {
      counters.droppedExpired++
      return 'dropped'
    }
    const { prefix } = target.subscription
    const topic = prefix === '' ? stored.message.topic : prefix + stored.message.topic
    if (qos === 0) {
      const delivery = { message: stored.message, qos, retain, topic, subscriptionIds: target.ids, expiryLeftS: left }
      if (client.sendPublish(delivery, 0, false)) counters.delivered++
      else counters.droppedTooLarge++
      return 'sent'
    }
    return this.exchanges.start(client, { tail, offset, stored, target, qos, retain }) ? 'sent' : 'no id'
  }

  #wakeWhereBehind(): void {
    if (this.exchanges.isRepeating || this.#retained.length > 0 || this.#isBehind()) this.wake()
  }

  #isBehind(): boolean {
    for (const cursor of this.#cursors) if (cursor.lagging.size > 0) return true
    return false
  }

  #fallBehind(tail: PartitionTail, offset: number, target: Target): void {
    const copies = this.#copies
    const done = copies !== null && copies.tail === tail && copies.offset === offset ? copies.done : null
    this.#copies = null
    target.subscription.cursor.fallBehind(tail, offset, done)
    this.#store?.changed()
  }

  #noteCopy(tail: PartitionTail, offset: number, target: Target): void {
    if (this.#copies?.tail !== tail || this.#copies.offset !== offset) this.#copies = { tail, offset, done: new Set() }
    this.#copies.done.add(target.subscription.text)
  }
}

/** The index of the first offset at or after `from`. */
function lowerBound(offsets: readonly number[], from: number): number {
  let low = 0
  let high = offsets.length
  while (low < high) {
    const middle = (low + high) >> 1
    if ((offsets[middle] as number) < from) low = middle + 1
    else high = middle
  }
  return low
}
