import type { PublishPacket } from '../../../src/mqtt/wire/packets.ts'
import type { World } from '../world.ts'
import { identityOf } from './kafka-producers.ts'

interface Unfinished {
  readonly value: string
  /** The connection it last came on. */
  connection: number
  /** The session may be another one since: the packet id may mean another message. */
  doubtful: boolean
}

/**
 * What a broker may send to one client whatever it subscribes to, judged packet by packet over all connections of its session; and the
 * client's half of QoS 2: which packet ids it has taken and not released.
 */
export class ReceiverRules {
  readonly #world: World
  readonly #name: string
  /** Of the session, by packet id: what came and was not acknowledged (QoS 1), or not completed (QoS 2). */
  readonly #unfinished = new Map<number, Unfinished>()
  /** Packet ids whose PUBREC was sent in this session. */
  readonly #received = new Set<number>()
  #connection = 0
  #connectionsOfSession = 0
  #receiveMaximum = 0
  #doubtful = false

  constructor(world: World, name: string) {
    this.#world = world
    this.#name = name
  }

  /** CONNACK. `certain` is false where the broker may have made a session between this one and what the client knows. */
  connected(sessionPresent: boolean, receiveMaximum: number, certain = true): void {
    this.#connection++
    this.#receiveMaximum = receiveMaximum
    this.#connectionsOfSession = sessionPresent ? this.#connectionsOfSession + 1 : 1
    if (!sessionPresent) {
      this.#unfinished.clear()
      this.#received.clear()
    } else if (!certain) {
      for (const entry of this.#unfinished.values()) entry.doubtful = true
      this.#doubtful = true
    }
    if (!sessionPresent) this.#doubtful = false
  }

  /** PUBLISH; false where the client has it already [MQTT-4.3.3-10]. */
  published(packet: PublishPacket): boolean {
    if (packet.qos === 0) {
      if (packet.dup) this.#violate(`was sent DUP with QoS 0 [MQTT-3.3.1-2]`)
      return true
    }
    const value = identityOf(packet.payload)
    const { packetId, dup } = packet
    const before = this.#unfinished.get(packetId)
    const known = before?.doubtful === true && before.value !== value ? undefined : before
    if (known?.connection === this.#connection) {
      this.#violate(`was sent ${value} under packet id ${packetId}, under which ${known.value} is not finished on this connection [MQTT-4.4.0-1]`)
    }
    if (known !== undefined && known.value !== value) this.#violate(`was sent ${value} under packet id ${packetId}, which is still that of ${known.value}`)
    if (known !== undefined && !known.doubtful && !dup) this.#violate(`was sent ${value} again (packet id ${packetId}) without DUP [MQTT-3.3.1-1]`)
    if (dup && this.#connectionsOfSession === 1 && !this.#doubtful) this.#violate(`was sent ${value} with DUP on the first connection of its session`)
    this.#unfinished.set(packetId, { value, connection: this.#connection, doubtful: false })
    let open = 0
    for (const { connection } of this.#unfinished.values()) if (connection === this.#connection) open++
    if (open > this.#receiveMaximum) this.#violate(`was sent ${open} messages, its receive maximum is ${this.#receiveMaximum} [MQTT-3.3.4-9]`)
    return known === undefined || packet.qos === 1
  }

  /** The client sends PUBACK. */
  acknowledged(packetId: number): void {
    this.#unfinished.delete(packetId)
  }

  /** The client sends PUBREC. */
  received(packetId: number): void {
    this.#received.add(packetId)
  }

  /** PUBREL came; the client sends PUBCOMP. */
  released(packetId: number): void {
    if (!this.#received.has(packetId) && !this.#doubtful) this.#violate(`was sent PUBREL ${packetId}, for which it sent no PUBREC`)
    this.#unfinished.delete(packetId)
  }

  #violate(what: string): void {
    this.#world.violate(`${this.#name} ${what}`)
  }
}
