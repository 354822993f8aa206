/**
 * The exchanges of QoS 1 and 2 with one session's client: packet ids, what is unacknowledged, and its repetition when the
 * client comes back. Exchanges hold places in the log, not messages.
 */
import type { Clock } from '../../runtime/clock.ts'
import type { StoredMessage } from '../topics/mapping/record-to-message.ts'
import { expiryLeftS } from './expiry.ts'
import type { InFlight } from './in-flight.ts'
import type { PacketIds } from './packet-ids.ts'
import type { PartitionTail } from './partition-tail.ts'
import type { SessionClient } from './ports.ts'
import type { Target } from './route-table.ts'
import type { SessionCounters } from './session-counters.ts'

/** What the exchanges of a session that outlives its connection ask of the disk. */
export interface ExchangeStore {
  /** Keeps packet id, place and state of a QoS 2 exchange. */
  save(entry: InFlight, onDurable: () => void): void
  /** A QoS 2 exchange is over; kept lazily, together with positions that lie beyond it. */
  forget(entry: InFlight): void
  /** Whether the packet id's record must stay on disk, though its exchange is over. */
  holds(packetId: number): boolean
  /** Positions or QoS 1 exchanges changed; kept lazily. */
  changed(): void
}

export interface ExchangeServices {
  readonly clock: Clock
  readonly counters: SessionCounters
}

/** One message that is to be sent at QoS 1 or 2. */
export interface NewExchange {
  readonly tail: PartitionTail | null
  readonly offset: number
  readonly stored: StoredMessage
  readonly target: Target
  readonly qos: 1 | 2
  readonly retain: boolean
}

/** The message of an exchange; null where it must be read first, undefined where it is gone. */
export type LookUp = (entry: InFlight) => StoredMessage | null | undefined

export class Exchanges {
  readonly #ids: PacketIds
  readonly #store: ExchangeStore | null
  readonly #services: ExchangeServices
  readonly #wake: () => void
  /** In the order of their first sending. */
  readonly #inFlight = new Map<number, InFlight>()
  /** Places given out before a crash, and not finished then, at or above a position: not to be given out again. */
  #handedOut: Set<string> | null = null
  readonly #isInUse = (packetId: number) => this.#inFlight.has(packetId) || this.#store?.holds(packetId) === true
  #client: SessionClient | null = null
  /** Exchanges of former connections that are to be repeated first, in their order [MQTT-4.6.0-1]; null when done. */
  #repeating: Iterator<InFlight> | null = null
  #repeatNow: InFlight | null = null
  /** Exchanges that this connection's client knows of. */
  #onWire = 0

  /** `wake` is called when something that stopped the session may be gone. */
  constructor(ids: PacketIds, store: ExchangeStore | null, services: ExchangeServices, wake: () => void) {
    this.#ids = ids
    this.#store = store
    this.#services = services
    this.#wake = wake
  }

  get inFlight(): ReadonlyMap<number, InFlight> {
    return this.#inFlight
  }

  /** Whether exchanges of former connections come first. */
  get isRepeating(): boolean {
    return this.#repeating !== null
  }

  hasRoom(client: SessionClient): boolean {
    return this.#inFlight.size < client.receiveMaximum && this.#repeating === null
  }

  begin(client: SessionClient): void {
    this.#client = client
    this.#onWire = 0
    for (const entry of this.#inFlight.values()) entry.onWire = false
    this.#repeating = this.#inFlight.size > 0 ? this.#inFlight.values() : null
    this.#repeatNow = null
  }

  end(): void {
    this.#client = null
    this.#repeating = null
    this.#repeatNow = null
  }

  /** After a restart: an exchange that was kept. */
  restore(entry: InFlight): void {
    this.#inFlight.set(entry.packetId, entry)
    if (entry.tail === null) return
    this.#handedOut ??= new Set()
    this.#handedOut.add(placeOf(entry.tail, entry.offset, entry.filter))
  }

  /** Whether a subscription got its copy of a message before a crash. */
  wasHandedOut(tail: PartitionTail, offset: number, filter: string): boolean {
    return this.#handedOut?.has(placeOf(tail, offset, filter)) === true
  }

  /** The session is at the tail everywhere: it will not read what was handed out before the crash. */
  forgetHandedOut(): void {
    this.#handedOut = null
  }

  /** Begins an exchange, for which there is room. False where packet ids must be reserved on disk first. */
  start(client: SessionClient, { tail, offset, stored, target, qos, retain }: NewExchange): boolean {
    const packetId = this.#ids.take(this.#isInUse, this.#wake)
    if (packetId === 0) return false
    const { prefix, text } = target.subscription
    const entry: InFlight = {
      packetId,
      tail,
      offset,
      kept: tail === null ? keepMessage(stored) : null,
      qos,
      retain,
      ids: target.ids,
      prefix,
      filter: text,
      state: 'published',
      sent: false,
      onWire: false,
    }
    this.#inFlight.set(packetId, entry)
    if (qos === 2 && this.#store !== null && tail !== null) this.#assign(this.#store, entry, stored)
    else this.#send(client, entry, stored)
    return true
  }

  /** PUBACK; false for an id that is not in flight. */
  acknowledge(packetId: number): boolean {
    const entry = this.#inFlight.get(packetId)
    if (entry?.qos !== 1) return false
    this.#finish(entry)
    return true
  }

  /** PUBREC; PUBREL follows once it is durable. */
  received(packetId: number, reason: number): boolean {
    const entry = this.#inFlight.get(packetId)
    if (entry?.qos !== 2 || entry.state === 'assigning') return false
    if (reason >= 0x80) {
      this.#finish(entry)
      return true
    }
    if (entry.state === 'released') this.#client?.sendPubrel(packetId)
    if (entry.state !== 'published') return true
    entry.state = 'receiving'
    if (this.#store === null || entry.tail === null) this.#release(entry)
    else this.#store.save(entry, () => this.#release(entry))
    return true
  }

  /** PUBCOMP. */
  completed(packetId: number): boolean {
    const entry = this.#inFlight.get(packetId)
    if (entry?.qos !== 2 || entry.state !== 'released') return false
    this.#finish(entry)
    return true
  }

  /** Repeats the next exchange of a former connection, with its original packet id [MQTT-4.4.0-1]. False where something must happen first. */
  repeat(client: SessionClient, lookUp: LookUp): boolean {
    const entry = this.#repeatNow ?? this.#nextToRepeat()
    if (entry === null) return true
    if (this.#inFlight.get(entry.packetId) !== entry) {
      // The client finished it meanwhile.
      this.#repeatNow = null
      return true
    }
    // What is on its way to disk goes on by itself, and then this does.
    if (entry.state === 'assigning' || entry.state === 'receiving' || this.#onWire >= client.receiveMaximum) return false
    if (entry.state === 'released') {
      this.#putOnWire(entry)
      client.sendPubrel(entry.packetId)
    } else {
      const stored = entry.kept ?? lookUp(entry)
      if (stored === null) return false
      if (stored === undefined) this.#finish(entry)
      else this.#send(client, entry, stored)
    }
    this.#repeatNow = null
    return true
  }

  #nextToRepeat(): InFlight | null {
    const next = this.#repeating?.next()
    if (next === undefined || next.done === true) {
      this.#repeating = null
      return null
    }
    this.#repeatNow = next.value
    return next.value
  }

  /** QoS 2: packet id and place are on disk before PUBLISH leaves. */
  #assign(store: ExchangeStore, entry: InFlight, stored: StoredMessage): void {
    entry.state = 'assigning'
    entry.kept = stored
    store.save(entry, () => {
      const message = entry.kept as StoredMessage
      entry.kept = null
      entry.state = 'published'
      // A former connection's exchange is repeated in its order.
      if (this.#repeating !== null) this.#wake()
      else if (this.#client !== null) this.#send(this.#client, entry, message)
    })
  }

  #send(client: SessionClient, entry: InFlight, stored: StoredMessage): void {
    const left = expiryLeftS(stored, () => this.#services.clock.now())
    if (left === 0 && !entry.sent) {
      // It expired while its packet id was on the way to disk: nobody was given it, nobody is [MQTT-3.3.2-5].
      this.#services.counters.droppedExpired++
      this.#finish(entry)
      return
    }
    const delivery = {
      message: stored.message,
      qos: entry.qos,
      retain: entry.retain,
      topic: entry.prefix === '' ? stored.message.topic : entry.prefix + stored.message.topic,
      subscriptionIds: entry.ids,
      // An exchange that began is brought to its end [MQTT-4.3.3-7]; 0 would read as no time at all.
      expiryLeftS: left === 0 ? 1 : left,
    }
    const fits = client.sendPublish(delivery, entry.packetId, entry.sent)
    entry.sent = true
    this.#putOnWire(entry)
    if (fits) {
      this.#services.counters.delivered++
      return
    }
    this.#services.counters.droppedTooLarge++
    this.#finish(entry)
  }

  #putOnWire(entry: InFlight): void {
    if (!entry.onWire) this.#onWire++
    entry.onWire = true
  }

  #release(entry: InFlight): void {
    if (this.#inFlight.get(entry.packetId) !== entry) return
    entry.state = 'released'
    // Not known to this connection yet: it is repeated in its order.
    if (entry.onWire) this.#client?.sendPubrel(entry.packetId)
    else this.#wake()
  }

  #finish(entry: InFlight): void {
    this.#inFlight.delete(entry.packetId)
    if (entry.onWire) this.#onWire--
    if (entry.qos === 2 && entry.tail !== null) this.#store?.forget(entry)
    else this.#store?.changed()
    this.#wake()
  }
}

function placeOf(tail: PartitionTail, offset: number, filter: string): string {
  return `${tail.key}@${offset} ${filter}`
}

/** A message of no log, with its own copy of the bytes: the received chunk goes with the turn. */
function keepMessage(stored: StoredMessage): StoredMessage {
  const { message } = stored
  const properties =
    message.properties?.correlationData === undefined
      ? message.properties
      : { ...message.properties, correlationData: Buffer.from(message.properties.correlationData) }
  return { ...stored, message: { ...message, payload: Buffer.from(message.payload), properties, packet: null } }
}
