import type { ProtocolLevel } from '../../broker/sessions/ports.ts'
import { encodePacket } from '../../mqtt/wire/encode.ts'
import { PacketParser } from '../../mqtt/wire/packet-parser.ts'
import type { AckPacket, ConnackPacket, ConnectPacket, Packet, PublishPacket, SubackPacket, SubscribePacket } from '../../mqtt/wire/packets.ts'
import { reasonName } from '../../mqtt/wire/reason-codes.ts'
import type { Clock, Timer } from '../../runtime/clock.ts'
import type { HostPort, Network, StreamSocket, TlsClientMaterial } from '../../runtime/network.ts'
import { CommandError } from '../command.ts'
import { returnCodeName } from './return-codes.ts'

const MAX_PACKET_BYTES = 256 * 1024 * 1024
/** Publishes without an acknowledgement; the broker's receive maximum may be lower. */
const MAX_IN_FLIGHT = 1_000
/** Messages that came in and were not taken: then reading pauses. */
const MAX_QUEUED = 1_000
const MAX_PACKET_ID = 65_535
const NO_PROPERTIES = {}

/** What `publish` sends. */
export type Publication = Pick<PublishPacket, 'topic' | 'payload' | 'qos' | 'retain' | 'properties'>

interface Parts {
  readonly network: Network
  readonly clock: Clock
  readonly tls?: TlsClientMaterial | undefined
}

/** One MQTT connection of any level. Acknowledges what it was sent once it was taken from `messages`. */
export class MqttClient {
  readonly #socket: StreamSocket
  readonly #level: ProtocolLevel
  readonly #parser = new PacketParser({ sender: 'server', maximumPacketSize: MAX_PACKET_BYTES })
  readonly #clock: Clock
  readonly #keepAliveMs: number
  readonly #queue: PublishPacket[] = []
  /** QoS 2 messages that came in and wait for PUBREL: sent again, they are not taken again. */
  readonly #received = new Set<number>()
  readonly #acks = new Map<number, (answer: AckPacket | SubackPacket) => void>()
  #onConnack: ((packet: ConnackPacket) => void) | null = null
  #wake: (() => void) | null = null
  #drained: (() => void) | null = null
  #ended: Error | null = null
  readonly #onEnded = new Set<(error: Error) => void>()
  #nextId = 0
  #inFlight = 0
  #maxInFlight = MAX_IN_FLIGHT
  #onSlot: (() => void)[] = []
  #ping: Timer | null = null

  private constructor(socket: StreamSocket, clock: Clock, connect: ConnectPacket) {
    this.#socket = socket
    this.#clock = clock
    this.#level = connect.level
    this.#keepAliveMs = connect.keepAliveS * 1000
    this.#parser.level = connect.level
    socket.start({
      onData: (chunk) => this.#onData(chunk),
      onDrain: () => {
        this.#drained?.()
        this.#drained = null
      },
      onClose: (error) => this.#end(new CommandError(`the broker closed the connection${error === null ? '' : `: ${error.message}`}`)),
    })
  }

  /** Connects; throws a `CommandError` with the broker's reason where it refuses. */
  static async open({ network, clock, tls }: Parts, address: HostPort, connect: ConnectPacket): Promise<MqttClient> {
    const socket = await network.connect(address, tls).catch((error: Error) => {
      throw new CommandError(`no MQTT listener answers at ${address.host}:${address.port} (${error.message}); is the broker running? --broker names another`)
    })
    const client = new MqttClient(socket, clock, connect)
    const answer = client.#untilEnded(
      new Promise<ConnackPacket>((resolve) => {
        client.#onConnack = resolve
      }),
    )
    client.#send(connect)
    const { reason, properties } = await answer
    if (reason !== 0) {
      client.destroy()
      const words = connect.level === 5 ? reasonName(reason) : returnCodeName(reason)
      throw new CommandError(`the broker refused the connection: ${properties.reasonString ?? words}`)
    }
    client.#maxInFlight = Math.min(MAX_IN_FLIGHT, properties.receiveMaximum ?? MAX_IN_FLIGHT)
    client.#schedulePing()
    return client
  }

  /** Resolves when the promise of its QoS is kept: handed over (0), on the broker's disk (1, 2). Throws where the broker refuses the message. */
  async publish(publication: Publication): Promise<void> {
    if (publication.qos === 0) {
      this.#send(this.#publishPacket(publication, 0))
      await this.#whenDrained()
      return
    }
    await this.#slot()
    try {
      const packetId = this.#newId()
      const first = this.#answer<AckPacket>(packetId)
      this.#send(this.#publishPacket(publication, packetId))
      const acknowledged = await first
      throwOnReason(acknowledged.reason, acknowledged, `cannot publish to "${publication.topic}"`)
      if (publication.qos === 1) return
      const second = this.#answer<AckPacket>(packetId)
      this.#send({ type: 'PUBREL', packetId, reason: 0, properties: NO_PROPERTIES })
      const completed = await second
      throwOnReason(completed.reason, completed, `cannot complete the message to "${publication.topic}"`)
    } finally {
      this.#inFlight--
      this.#onSlot.shift()?.()
    }
  }

  /** Throws where a filter is refused. Answers the granted QoS of each. */
  async subscribe(request: Pick<SubscribePacket, 'subscriptions' | 'properties'>): Promise<readonly number[]> {
    const packetId = this.#newId()
    const answer = this.#answer<SubackPacket>(packetId)
    this.#send({ type: 'SUBSCRIBE', packetId, ...request })
    const { reasons, properties } = await answer
    reasons.forEach((reason, index) => {
      throwOnReason(reason, { properties }, `cannot subscribe to "${request.subscriptions[index]?.filter}"`)
    })
    return reasons
  }

  /** The messages that come in, one by one; one is acknowledged when the next is asked for. Throws when the connection ends; returns when `stop` aborts. */
  async *messages(stop: AbortSignal): AsyncGenerator<PublishPacket> {
    stop.addEventListener('abort', () => this.#wake?.(), { once: true })
    for (;;) {
      const packet = this.#queue.shift()
      if (stop.aborted) return
      if (packet !== undefined) {
        yield packet
        this.#acknowledge(packet)
        if (this.#queue.length === 0) this.#socket.resume()
        continue
      }
      if (this.#ended !== null) throw this.#ended
      await new Promise<void>((resolve) => {
        this.#wake = resolve
      })
    }
  }

  /** Acknowledges a message, for those who stop within `messages`. */
  acknowledge(packet: PublishPacket): void {
    this.#acknowledge(packet)
  }

  /** DISCONNECT, then the end; the broker forgets the will. */
  async close(): Promise<void> {
    this.#ping?.cancel()
    if (this.#ended !== null) return
    this.#send({ type: 'DISCONNECT', reason: 0, properties: NO_PROPERTIES })
    const ended = new Promise<void>((resolve) => this.#onEnded.add(() => resolve()))
    this.#socket.end()
    await ended
  }

  /** The end without a DISCONNECT: the broker publishes the will. */
  destroy(): void {
    this.#ping?.cancel()
    this.#socket.destroy()
  }

  #publishPacket(publication: Publication, packetId: number): PublishPacket {
    return {
      type: 'PUBLISH',
      ...publication,
      dup: false,
      packetId,
      topicAlias: 0,
      subscriptionIdentifiers: [],
      packet: null,
      packetLevel: this.#level,
    }
  }

  #send(packet: Packet): void {
    if (this.#ended !== null) throw this.#ended
    this.#socket.write([encodePacket(packet, this.#level)])
  }

  #whenDrained(): Promise<void> {
    if (this.#socket.bufferedBytes === 0) return Promise.resolve()
    return this.#untilEnded(
      new Promise<void>((resolve) => {
        const before = this.#drained
        this.#drained = () => {
          before?.()
          resolve()
        }
      }),
    )
  }

  #onData(chunk: Buffer): void {
    this.#parser.feed(chunk)
    for (let packet = this.#parser.next(); packet !== null; packet = this.#parser.next()) this.#onPacket(packet)
    if (this.#parser.fault !== null) {
      this.#end(new CommandError(`the broker sent what is no MQTT: ${this.#parser.fault.message}`))
      this.#socket.destroy()
    }
  }

  #onPacket(packet: Packet): void {
    switch (packet.type) {
      case 'CONNACK':
        this.#onConnack?.(packet)
        return
      case 'PUBLISH':
        this.#onPublish(packet)
        return
      case 'PUBREL':
        this.#received.delete(packet.packetId)
        this.#send({ type: 'PUBCOMP', packetId: packet.packetId, reason: 0, properties: NO_PROPERTIES })
        return
      case 'PUBACK':
      case 'PUBREC':
      case 'PUBCOMP':
      case 'SUBACK': {
        const settle = this.#acks.get(packet.packetId)
        this.#acks.delete(packet.packetId)
        settle?.(packet)
        return
      }
      case 'DISCONNECT':
        this.#end(new CommandError(`the broker ended the connection: ${packet.properties.reasonString ?? reasonName(packet.reason)}`))
        this.#socket.destroy()
        return
      default:
        return
    }
  }

  #onPublish(packet: PublishPacket): void {
    if (packet.qos === 2) {
      if (this.#received.has(packet.packetId)) {
        this.#send({ type: 'PUBREC', packetId: packet.packetId, reason: 0, properties: NO_PROPERTIES })
        return
      }
      this.#received.add(packet.packetId)
    }
    this.#queue.push(packet)
    if (this.#queue.length >= MAX_QUEUED) this.#socket.pause()
    this.#wake?.()
  }

  #acknowledge({ qos, packetId }: PublishPacket): void {
    if (qos === 0 || this.#ended !== null) return
    this.#send({ type: qos === 1 ? 'PUBACK' : 'PUBREC', packetId, reason: 0, properties: NO_PROPERTIES })
  }

  #answer<T extends AckPacket | SubackPacket>(packetId: number): Promise<T> {
    return this.#untilEnded(new Promise<T>((resolve) => this.#acks.set(packetId, resolve as (answer: AckPacket | SubackPacket) => void)))
  }

  #newId(): number {
    do this.#nextId = (this.#nextId % MAX_PACKET_ID) + 1
    while (this.#acks.has(this.#nextId))
    return this.#nextId
  }

  async #slot(): Promise<void> {
    while (this.#inFlight >= this.#maxInFlight) await this.#untilEnded(new Promise<void>((resolve) => this.#onSlot.push(resolve)))
    this.#inFlight++
  }

  #schedulePing(): void {
    if (this.#keepAliveMs === 0) return
    this.#ping = this.#clock.after(this.#keepAliveMs / 2, () => {
      if (this.#ended !== null) return
      this.#send({ type: 'PINGREQ' })
      this.#schedulePing()
    })
  }

  /** Rejects when the connection ends first. */
  #untilEnded<T>(promise: Promise<T>): Promise<T> {
    if (this.#ended !== null) return Promise.reject(this.#ended)
    return new Promise<T>((resolve, reject) => {
      this.#onEnded.add(reject)
      promise.then((value) => {
        this.#onEnded.delete(reject)
        resolve(value)
      }, reject)
    })
  }

  #end(error: Error): void {
    if (this.#ended !== null) return
    this.#ended = error
    this.#ping?.cancel()
    for (const reject of this.#onEnded) reject(error)
    this.#onEnded.clear()
    this.#wake?.()
  }
}

function throwOnReason(reason: number, { properties }: Pick<AckPacket, 'properties'>, what: string): void {
  if (reason >= 0x80) throw new CommandError(`${what}: ${properties.reasonString ?? reasonName(reason)}`)
}
