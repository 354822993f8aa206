import { isFailure } from '../../../../src/broker/errors.ts'
import type { Delivery, QoS, Session, SessionClient } from '../../../../src/broker/sessions/ports.ts'
import { message, type TestBroker } from './broker.ts'

export type Chance = (bound: number) => number

/** One order over what all actors do and hear. */
export class Timeline {
  #now = 0
  next(): number {
    return ++this.#now
  }
}

/** From when to when a reader was subscribed: asked for, acknowledged, its end asked for, that acknowledged. */
export interface Interval {
  readonly askedAt: number
  onAt: number
  offAt: number
  goneAt: number
}

type Item =
  | { readonly kind: 'publish'; readonly delivery: Delivery; readonly text: string; readonly packetId: number }
  | { readonly kind: 'pubrel'; readonly packetId: number }

const PRINCIPAL = { name: 'User:ANONYMOUS', isAdministrator: true }

/** A client that subscribes, reads its socket when told to, and loses what it had not read when the connection ends. */
export class Reader implements SessionClient {
  readonly level = 5
  readonly maximumPacketSize = 2_000_000
  receiveMaximum = 5
  congested = false
  readonly id: string
  readonly filter: string
  readonly qos: QoS
  /** Application messages, in the order they were first or again received. */
  readonly received: { readonly text: string; readonly qos: QoS }[] = []
  readonly intervals: Interval[] = []
  readonly #timeline: Timeline
  #inbox: Item[] = []
  #unacknowledged: number[] = []
  /** QoS 2 packet ids whose message was received and not released; kept by the client over reconnects. */
  readonly #known = new Set<number>()
  #session: Session | null = null
  #connecting = false
  /** Which connection is meant: answers to former ones come late. */
  #attempt = 0

  constructor(id: string, filter: string, qos: QoS, timeline: Timeline) {
    this.id = id
    this.filter = filter
    this.qos = qos
    this.#timeline = timeline
  }

  get connected(): boolean {
    return this.#session !== null || this.#connecting
  }

  connect(broker: TestBroker, receiveMaximum: number): void {
    this.#connecting = true
    const attempt = ++this.#attempt
    this.receiveMaximum = receiveMaximum
    this.congested = false
    const request = { clientId: this.id, level: 5 as const, cleanStart: false, sessionExpiryS: 100_000, will: null, principal: PRINCIPAL }
    broker.sessions.connect(request, this, (result) => {
      if (isFailure(result)) throw new Error(result.message)
      if (attempt !== this.#attempt) {
        result.session.connectionLost()
        return
      }
      this.#connecting = false
      this.#session = result.session
      result.begin()
      this.#resume(result.session)
    })
  }

  /** Ends the subscription, or begins it again. */
  toggle(): void {
    const session = this.#session
    const current = this.intervals.at(-1)
    if (session === null || current === undefined) return
    if (current.goneAt !== Number.POSITIVE_INFINITY) this.#subscribe(session)
    else if (current.onAt !== Number.POSITIVE_INFINITY && current.offAt === Number.POSITIVE_INFINITY) this.#unsubscribe(session, current)
  }

  /** Asks again for what was not answered on the former connection. */
  #resume(session: Session): void {
    const current = this.intervals.at(-1)
    if (current === undefined || current.onAt === Number.POSITIVE_INFINITY) this.#subscribe(session, current)
    else if (current.offAt !== Number.POSITIVE_INFINITY && current.goneAt === Number.POSITIVE_INFINITY) this.#unsubscribe(session, current)
  }

  #unsubscribe(session: Session, current: Interval): void {
    if (current.offAt === Number.POSITIVE_INFINITY) current.offAt = this.#timeline.next()
    session.unsubscribe([this.filter], () => {
      if (this.#session === session) current.goneAt = this.#timeline.next()
    })
  }

  #subscribe(session: Session, again?: Interval): void {
    const never = Number.POSITIVE_INFINITY
    const current = again ?? { askedAt: this.#timeline.next(), onAt: never, offAt: never, goneAt: never }
    if (again === undefined) this.intervals.push(current)
    const request = {
      filter: this.filter,
      qos: this.qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 2 as const,
      subscriptionId: undefined,
      from: undefined,
    }
    session.subscribe([request], () => {
      if (this.#session === session) current.onAt = this.#timeline.next()
    })
  }

  /** The connection ends; the broker may hear of it. */
  lose(tell: boolean): void {
    if (tell) this.#session?.connectionLost()
    this.#session = null
    this.#connecting = false
    this.#attempt++
    this.#inbox = []
    this.#unacknowledged = []
  }

  /** Reads up to `count` packets; acknowledges some of them now and the others later. */
  read(count: number, chance: Chance): void {
    const session = this.#session
    if (session === null) return
    for (const item of this.#inbox.splice(0, count)) this.#take(session, item, chance)
    for (const packetId of this.#unacknowledged.splice(0, chance(4))) session.acknowledge(packetId)
  }

  drain(): void {
    this.congested = false
    this.#session?.writable()
  }

  get isIdle(): boolean {
    return this.#inbox.length === 0 && this.#unacknowledged.length === 0
  }

  #take(session: Session, item: Item, chance: Chance): void {
    if (item.kind === 'pubrel') {
      this.#known.delete(item.packetId)
      session.completed(item.packetId)
      return
    }
    const { delivery, text, packetId } = item
    if (delivery.qos === 2) {
      if (!this.#known.has(packetId)) this.received.push({ text, qos: 2 })
      this.#known.add(packetId)
      session.received(packetId, 0)
      return
    }
    this.received.push({ text, qos: delivery.qos })
    if (delivery.qos === 0) return
    if (chance(5) === 0) this.#unacknowledged.push(packetId)
    else session.acknowledge(packetId)
  }

  sendPublish(delivery: Delivery, packetId: number): boolean {
    this.#inbox.push({ kind: 'publish', delivery, text: Buffer.from(delivery.message.payload).toString(), packetId })
    return true
  }

  sendPackets(): void {}

  sendPubrel(packetId: number): void {
    this.#inbox.push({ kind: 'pubrel', packetId })
  }

  close(): void {
    this.lose(false)
  }
}

/** A message a writer sent, perhaps several times; `firstAt` and `lastAt` count its sendings. */
export interface SentMessage {
  readonly topic: string
  readonly text: string
  readonly qos: QoS
  readonly retain: boolean
  readonly firstAt: number
  lastAt: number
  /** Infinite until acknowledged. */
  acknowledgedAt: number
}

interface Sent {
  readonly topic: string
  readonly text: string
  readonly qos: QoS
  readonly retain: boolean
  readonly packetId: number
  state: 'publishing' | 'releasing'
}

/** A client that publishes numbered messages and repeats what was not acknowledged when it comes back, as MQTT asks. */
export class Writer implements SessionClient {
  readonly level = 5
  readonly receiveMaximum = 1000
  readonly maximumPacketSize = 2_000_000
  readonly congested = false
  readonly id: string
  /** All messages ever sent, in order. */
  readonly sent: SentMessage[] = []
  readonly #open = new Map<number, Sent>()
  readonly #timeline: Timeline
  #session: Session | null = null
  #connecting = false
  /** Which connection is meant: answers to former ones come late. */
  #attempt = 0
  #number = 0
  #packetId = 0

  constructor(id: string, timeline: Timeline) {
    this.id = id
    this.#timeline = timeline
  }

  get connected(): boolean {
    return this.#session !== null || this.#connecting
  }

  get isIdle(): boolean {
    return this.#open.size === 0
  }

  connect(broker: TestBroker): void {
    this.#connecting = true
    const attempt = ++this.#attempt
    const request = { clientId: this.id, level: 5 as const, cleanStart: false, sessionExpiryS: 100_000, will: null, principal: PRINCIPAL }
    broker.sessions.connect(request, this, (result) => {
      if (isFailure(result)) throw new Error(result.message)
      if (attempt !== this.#attempt) {
        result.session.connectionLost()
        return
      }
      this.#connecting = false
      this.#session = result.session
      result.begin()
      for (const sent of this.#open.values()) this.#send(result.session, sent)
    })
  }

  lose(tell: boolean): void {
    if (tell) this.#session?.connectionLost()
    this.#session = null
    this.#connecting = false
    this.#attempt++
  }

  publish(topic: string, qos: QoS, retain: boolean): void {
    const session = this.#session
    if (session === null) return
    const text = `${this.id} ${topic} ${qos} ${this.#number++}`
    const at = this.#timeline.next()
    this.sent.push({ topic, text, qos, retain, firstAt: at, lastAt: at, acknowledgedAt: Number.POSITIVE_INFINITY })
    if (qos === 0) {
      session.publish(message(topic, text, 0, { retain }), null)
      return
    }
    do this.#packetId = (this.#packetId % 65_535) + 1
    while (this.#open.has(this.#packetId))
    const sent: Sent = { topic, text, qos, retain, packetId: this.#packetId, state: 'publishing' }
    this.#open.set(sent.packetId, sent)
    this.#send(session, sent)
  }

  #send(session: Session, sent: Sent): void {
    const { topic, text, qos, retain, packetId } = sent
    const known = this.sent.find((each) => each.text === text)
    if (sent.state === 'releasing') {
      session.release(packetId, () => this.#end(session, sent))
      return
    }
    const done = (failed: unknown) => {
      if (this.#session !== session) return
      if (failed !== null) throw new Error(`publish was refused: ${JSON.stringify(failed)}`)
      if (known !== undefined) known.acknowledgedAt = this.#timeline.next()
      if (qos === 1) {
        this.#open.delete(packetId)
        return
      }
      sent.state = 'releasing'
      session.release(packetId, () => this.#end(session, sent))
    }
    if (known !== undefined) known.lastAt = this.#timeline.next()
    if (qos === 1) session.publish(message(topic, text, 1, { retain }), done)
    else session.publishExactlyOnce(packetId, message(topic, text, 2, { retain }), done)
  }

  #end(session: Session, sent: Sent): void {
    if (this.#session === session) this.#open.delete(sent.packetId)
  }

  sendPublish(): boolean {
    return true
  }
  sendPackets(): void {}
  sendPubrel(): void {}
  close(): void {
    this.lose(false)
  }
}
