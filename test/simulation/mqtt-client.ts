import { encodePacket } from '../../src/mqtt/wire/encode.ts'
import { PacketParser } from '../../src/mqtt/wire/packet-parser.ts'
import type { ConnackPacket, ConnectPacket, Packet, PublishPacket, WillFields } from '../../src/mqtt/wire/packets.ts'
import type { Timer } from '../../src/runtime/clock.ts'
import type { StreamSocket } from '../../src/runtime/network.ts'
import { MQTT } from './addresses.ts'
import type { World } from './world.ts'

const MAX_PACKET_BYTES = 64 * 1024 * 1024
/** Without a CONNACK for this long, a client tries again. */
const CONNECT_TIMEOUT_MS = 20_000
export const NO_PROPERTIES = {}

export interface Connect {
  readonly clientId: string
  readonly level: 4 | 5
  readonly cleanStart: boolean
  /** Of level 5; before, a session without clean start lives as long as the broker's setting says. */
  readonly sessionExpiryS: number
  readonly keepAliveS: number
  /** False: it leaves the pings to whoever uses it. */
  readonly pings?: boolean
  readonly receiveMaximum?: number
  readonly will: WillFields | null
}

/** Of 5.0; nothing of it is on the wire before. */
export interface SubscribeOptions {
  readonly noLocal?: boolean
  readonly retainAsPublished?: boolean
  readonly retainHandling?: 0 | 1 | 2
  /** The subscription identifier. */
  readonly id?: number
  /** Where a replay begins. */
  readonly from?: string
}

/** One MQTT connection of a simulated client: packets both ways, nothing remembered. */
export class MqttConnection {
  readonly connack: ConnackPacket
  /** The other side ended the stream, after all it had to say. */
  endedInOrder = false
  readonly #world: World
  readonly #socket: StreamSocket
  readonly #level: 4 | 5
  #onPacket: ((packet: Packet) => void) | null = null
  #onClosed: (() => void) | null = null
  #early: Packet[] = []
  #closed = false
  #ping: Timer | null = null
  #unanswered = 0

  private constructor(world: World, socket: StreamSocket, level: 4 | 5, connack: ConnackPacket) {
    this.#world = world
    this.#socket = socket
    this.#level = level
    this.connack = connack
  }

  /** Tries until the broker accepts; null after an attempt that failed. */
  static async open(world: World, connect: Connect): Promise<MqttConnection | null> {
    world.trace('connect', connect.clientId)
    const socket = await world.clientNetwork.connect(MQTT).catch(() => null)
    if (socket === null) return null
    const parser = new PacketParser({ sender: 'server', maximumPacketSize: MAX_PACKET_BYTES })
    parser.level = connect.level
    let made: MqttConnection | null = null
    return new Promise((resolve) => {
      const timeout = world.clients.after(CONNECT_TIMEOUT_MS, () => socket.destroy())
      socket.start({
        onData: (chunk) => {
          parser.feed(chunk)
          for (let packet = parser.next(); packet !== null; packet = parser.next()) {
            if (made !== null) made.#receive(packet)
            else if (packet.type === 'CONNACK') {
              timeout.cancel()
              if (packet.reason !== 0) {
                world.trace('connack', `${connect.clientId} ${packet.reason}`)
                world.count(`connack ${packet.reason}`)
                socket.destroy()
                return
              }
              world.trace('connack', `${connect.clientId} ${packet.sessionPresent ? 'session' : 'new'}`)
              made = new MqttConnection(world, socket, connect.level, packet)
              if (connect.pings !== false) made.#keepAlive(connect.keepAliveS)
              resolve(made)
            } else if (packet.type !== 'DISCONNECT') world.violate(`${connect.clientId} was sent ${packet.type} before CONNACK`)
          }
          if (parser.fault !== null) world.violate(`${connect.clientId} was sent what is no MQTT: ${parser.fault.message}`)
        },
        onDrain: () => {},
        onClose: (error) => {
          timeout.cancel()
          if (made === null) resolve(null)
          else {
            made.endedInOrder = error === null
            made.#end()
          }
        },
      })
      socket.write([encodePacket(connectPacket(connect), connect.level)])
    })
  }

  get closed(): boolean {
    return this.#closed
  }

  get level(): 4 | 5 {
    return this.#level
  }

  get socket(): StreamSocket {
    return this.#socket
  }

  /** What arrives from now on, and what arrived before. */
  listen(onPacket: (packet: Packet) => void, onClosed: () => void): void {
    this.#onPacket = onPacket
    this.#onClosed = onClosed
    for (const packet of this.#early.splice(0)) onPacket(packet)
    if (this.#closed) onClosed()
  }

  send(packet: Packet): void {
    if (!this.#closed) this.#socket.write([encodePacket(packet, this.#level)])
  }

  acknowledge(type: 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP', packetId: number): void {
    this.send({ type, packetId, reason: 0, properties: NO_PROPERTIES })
  }

  subscribe(packetId: number, filter: string, qos: 0 | 1 | 2, options: SubscribeOptions = {}): void {
    const { noLocal = false, retainAsPublished = false, retainHandling = 0, id, from } = options
    const properties = {
      ...(id === undefined ? {} : { subscriptionIdentifiers: [id] }),
      ...(from === undefined ? {} : { userProperties: [['from', from] as const] }),
    }
    this.send({ type: 'SUBSCRIBE', packetId, subscriptions: [{ filter, qos, noLocal, retainAsPublished, retainHandling }], properties })
  }

  unsubscribe(packetId: number, filter: string): void {
    this.send({ type: 'UNSUBSCRIBE', packetId, filters: [filter], properties: NO_PROPERTIES })
  }

  /** DISCONNECT (with another session expiry, where given), and the end. */
  leave(sessionExpiryS?: number): void {
    this.send({ type: 'DISCONNECT', reason: 0, properties: sessionExpiryS === undefined ? NO_PROPERTIES : { sessionExpiryS } })
    this.#socket.end()
  }

  /** The end without a word. */
  drop(): void {
    this.#socket.destroy()
    this.#end()
  }

  #receive(packet: Packet): void {
    this.#unanswered = 0
    if (packet.type === 'PINGRESP') return
    if (packet.type === 'DISCONNECT') {
      this.#world.trace('disconnect', `${packet.reason}`)
      this.#world.count(`disconnect ${packet.reason}`)
    }
    if (this.#onPacket === null) this.#early.push(packet)
    else this.#onPacket(packet)
  }

  #keepAlive(keepAliveS: number): void {
    if (keepAliveS === 0) return
    this.#ping = this.#world.clients.after((keepAliveS * 1000) / 2, () => {
      if (this.#closed) return
      if (this.#unanswered++ > 2) {
        this.drop()
        return
      }
      this.send({ type: 'PINGREQ' })
      this.#keepAlive(keepAliveS)
    })
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#ping?.cancel()
    this.#onClosed?.()
  }
}

function connectPacket(connect: Connect): ConnectPacket {
  const { clientId, level, cleanStart, keepAliveS, sessionExpiryS, receiveMaximum, will } = connect
  const properties = level === 4 ? NO_PROPERTIES : { sessionExpiryS, ...(receiveMaximum === undefined ? {} : { receiveMaximum }) }
  return { type: 'CONNECT', level, cleanStart, keepAliveS, clientId, will, username: undefined, password: undefined, properties }
}

type PublishFields = Pick<PublishPacket, 'topic' | 'payload' | 'qos' | 'retain' | 'packetId' | 'dup'> & Partial<Pick<PublishPacket, 'properties'>>

export function publishPacket(fields: PublishFields, level: 4 | 5): PublishPacket {
  return { type: 'PUBLISH', properties: null, topicAlias: 0, subscriptionIdentifiers: [], packet: null, packetLevel: level, ...fields }
}
