import type { Packet, PublishPacket } from '../../../src/mqtt/wire/packets.ts'
import type { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { ReceiverRules } from './mqtt-receiver-rules.ts'

/** A subscriber's half of QoS 1 and 2 on the connection of now: takes what comes, answers in order, now and then late, and judges what it may be sent. */
export class Receiving {
  readonly #world: World
  readonly #lateness: number
  readonly #rules: ReceiverRules
  #connection: MqttConnection | null = null
  #lagUntilMs = 0

  /** `lateness`: how many of the answers come late, 0..1. */
  constructor(world: World, name: string, lateness: number) {
    this.#world = world
    this.#lateness = lateness
    this.#rules = new ReceiverRules(world, name)
  }

  /** CONNACK came. See ReceiverRules for `certain`. */
  connected(connection: MqttConnection, receiveMaximum: number, certain = true): void {
    this.#connection = connection
    this.#rules.connected(connection.connack.sessionPresent, connection.level === 5 ? receiveMaximum : Number.POSITIVE_INFINITY, certain)
  }

  /** A packet came; the message that it gives the application, or null. */
  take(connection: MqttConnection, packet: Packet): PublishPacket | null {
    if (packet.type === 'PUBREL') {
      this.#rules.released(packet.packetId)
      connection.acknowledge('PUBCOMP', packet.packetId)
      return null
    }
    if (packet.type !== 'PUBLISH') return null
    const isNew = this.#rules.published(packet)
    if (packet.qos > 0) this.#answer(connection, packet)
    return isNew ? packet : null
  }

  /** In the order of the messages [MQTT-4.6.0-2]. */
  #answer(connection: MqttConnection, { qos, packetId }: PublishPacket): void {
    const { time, random } = this.#world
    this.#lagUntilMs = Math.max(this.#lagUntilMs, time.nowMs + (random.chance(this.#lateness) ? random.below(1_500) : 0))
    time.after(this.#lagUntilMs - time.nowMs, null, () => {
      if (connection !== this.#connection || connection.closed) return
      if (qos === 1) this.#rules.acknowledged(packetId)
      else this.#rules.received(packetId)
      connection.acknowledge(qos === 1 ? 'PUBACK' : 'PUBREC', packetId)
    })
  }
}
