import { isFailure } from '../../../../src/broker/errors.ts'
import type { Delivery, QoS, Session, SessionClient } from '../../../../src/broker/sessions/ports.ts'
import { message, type TestBroker } from './broker.ts'

export type Chance = (bound: number) => number

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
  readonly #expiryS: number
  #inbox: Item[] = []
  #unacknowledged: number[] = []
  /** QoS 2 packet ids whose message was received and not released; kept by the client over reconnects. */
  readonly #known = new Set<number>()
  #session: Session | null = null
  #connecting = false
  /** Which connection is meant: answers to former ones come late. */
  #attempt = 0

  constructor(id: string, filter: string, qos: QoS, expiryS = 100_000) {
    this.id = id
    this.filter = filter
    this.qos = qos
    this.#expiryS = expiryS
  }

  get connected(): boolean {
    return this.#session !== null || this.#connecting
  }

  connect(broker: TestBroker, receiveMaximum: number): void {
    this.#connecting = true
    const attempt = ++this.#attempt
    this.receiveMaximum = receiveMaximum
    this.congested = false
    const request = { clientId: this.id, level: 5 as const, cleanStart: false, sessionExpiryS: this.#expiryS, will: null, principal: PRINCIPAL }
    broker.sessions.connect(request, this, (result) => {
      if (isFailure(result)) throw new Error(result.message)
      if (attempt !== this.#attempt) {
        result.session.connectionLost()
        return
      }
      this.#connecting = false
      this.#session = result.session
      result.begin()
      if (!result.sessionPresent) this.#subscribe(result.session)
    })
  }

  #subscribe(session: Session): void {
    const request = {
      filter: this.filter,
      qos: this.qos,
      noLocal: false,
      retainAsPublished: false,
      retainHandling: 2 as const,
      subscriptionId: undefined,
      from: undefined,
    }
    session.subscribe([request], () => {})
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
  acknowledged: boolean
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
  #session: Session | null = null
  #connecting = false
  /** Which connection is meant: answers to former ones come late. */
  #attempt = 0
  #number = 0
  #packetId = 0
  #sendings = 0

  constructor(id: string) {
    this.id = id
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
    const at = this.#sendings++
    this.sent.push({ topic, text, qos, retain, firstAt: at, lastAt: at, acknowledged: false })
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
      if (known !== undefined) known.acknowledged = true
      if (qos === 1) {
        this.#open.delete(packetId)
        return
      }
      sent.state = 'releasing'
      session.release(packetId, () => this.#end(session, sent))
    }
    if (known !== undefined) known.lastAt = this.#sendings++
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
