import type { Packet, PublishPacket } from '../../../src/mqtt/wire/packets.ts'
import { DiskWatch } from '../disk-watch.ts'
import type { LogModel, Sent } from '../log-model.ts'
import { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { identityOf } from './kafka-producers.ts'
import { ReceiverRules } from './mqtt-receiver-rules.ts'

export interface SubscriberOptions {
  readonly name: string
  readonly level: 4 | 5
  readonly filter: string
  readonly qos: 0 | 1 | 2
  readonly receiveMaximum: number
  /** A session of one connection: gets what comes while it is there. */
  readonly clean: boolean
  /** What is wrong with a message that is given for the first time, in words, or null; beside what is judged of all. */
  readonly judge?: (packet: PublishPacket, sent: Sent, level: 4 | 5) => string | null
}

interface Received {
  readonly value: string
  readonly mqttTopic: string
  readonly qos: number
  readonly dup: boolean
  readonly connection: number
}

const SUBSCRIBE_ID = 1
const FAILURE = 0x80

/**
 * A subscriber that keeps its half of the session: the QoS 2 packet ids it has taken and not released. Now and then it
 * acknowledges late, reads slowly, or vanishes.
 */
export class Subscriber {
  readonly options: SubscriberOptions
  readonly received: Received[] = []
  /** When the subscription was acknowledged: everything first sent later is due. */
  subscribedAtMs = Number.POSITIVE_INFINITY
  readonly #world: World
  readonly #model: LogModel
  readonly #rules: ReceiverRules
  readonly #last = new Map<string, number>()
  readonly #seen = new Set<string>()
  #connection: MqttConnection | null = null
  #connections = 0
  #disk: DiskWatch
  #hasSession = false
  #reconnecting = false
  /** What was missing when it was last asked. */
  #missing: Sent | null = null
  closed = false

  constructor(world: World, model: LogModel, options: SubscriberOptions) {
    this.#world = world
    this.#model = model
    this.options = options
    this.#disk = new DiskWatch(world)
    this.#rules = new ReceiverRules(world, options.name)
  }

  /** The first message that is due and was not given; null where there is none. */
  missing(): string | null {
    if (this.options.qos === 0) return null
    // Asked over and over until it came.
    if (this.#missing !== null && this.#isMissing(this.#missing)) return this.#missing.value
    this.#missing = null
    for (const sent of this.#model.sent.values()) {
      if (!this.#isMissing(sent)) continue
      this.#missing = sent
      return sent.value
    }
    return null
  }

  #isMissing({ acknowledged, durable, mqttTopic, atMs, value }: Sent): boolean {
    if (!acknowledged || !durable || mqttTopic === null || atMs <= this.subscribedAtMs) return false
    return matches(this.options.filter, mqttTopic) && !this.#seen.has(value) && !this.#world.damage.values.has(value)
  }

  async run(): Promise<void> {
    const world = this.#world
    const { random } = world
    while (!this.closed) {
      if (this.#connection === null || this.#connection.closed) await this.#connect()
      await world.sleep(random.below(300))
      if (world.stopping) continue
      if (random.chance(0.004)) this.#connection?.drop()
      if (random.chance(0.004)) void this.#takeOver()
      if (random.chance(0.01)) this.#pause()
      if (random.chance(0.003)) {
        this.#connection?.leave()
        await world.sleep(random.below(5_000))
      }
    }
    this.#connection?.leave()
  }

  #pause(): void {
    const socket = this.#connection?.socket
    socket?.pause()
    this.#world.time.after(this.#world.random.below(3_000), null, () => socket?.resume())
  }

  /** Another connection under the same name, while this one lives. */
  async #takeOver(): Promise<void> {
    this.#world.count('takeovers')
    await this.#connect()
  }

  async #connect(): Promise<void> {
    const world = this.#world
    if (this.#reconnecting) return
    this.#reconnecting = true
    const { name, level, clean, receiveMaximum, filter, qos } = this.options
    await world.sleep(world.random.below(200))
    const number = ++this.#connections
    const connect = { clientId: name, level, cleanStart: clean, sessionExpiryS: clean ? 0 : 100_000, keepAliveS: 10, receiveMaximum, will: null }
    const connection = await MqttConnection.open(world, connect)
    this.#reconnecting = false
    if (connection === null) return
    this.#connection = connection
    this.#rules.connected(connection.connack.sessionPresent, level === 5 ? receiveMaximum : Number.POSITIVE_INFINITY)
    this.#disk = new DiskWatch(world)
    if (!connection.connack.sessionPresent) {
      if (this.#hasSession) world.violate(`the session of ${name} was acknowledged and is gone`)
    } else if (clean) world.violate(`${name} asked for a clean start and got a session`)
    const listening = (packet: Packet): void => {
      if (connection === this.#connection) this.#receive(connection, number, packet)
    }
    connection.listen(listening, () => {
      if (clean && connection === this.#connection) this.subscribedAtMs = Number.POSITIVE_INFINITY
    })
    if (!connection.connack.sessionPresent) this.subscribedAtMs = Number.POSITIVE_INFINITY
    if (!connection.connack.sessionPresent || this.subscribedAtMs === Number.POSITIVE_INFINITY) connection.subscribe(SUBSCRIBE_ID, filter, qos)
  }

  #receive(connection: MqttConnection, number: number, packet: Packet): void {
    if (packet.type === 'SUBACK') {
      if ((packet.reasons[0] ?? FAILURE) >= FAILURE) {
        if (!this.#disk.failed) this.#world.violate(`${this.options.name}: SUBSCRIBE was refused with ${packet.reasons[0]}`)
        connection.drop()
        return
      }
      this.#world.trace('suback', this.options.name)
      this.subscribedAtMs = this.#world.time.nowMs
      if (!this.options.clean) this.#hasSession = true
    } else if (packet.type === 'PUBLISH') this.#take(connection, number, packet)
    else if (packet.type === 'PUBREL') {
      this.#rules.released(packet.packetId)
      connection.acknowledge('PUBCOMP', packet.packetId)
    }
  }

  #take(connection: MqttConnection, number: number, packet: PublishPacket): void {
    const world = this.#world
    if (this.#rules.published(packet)) this.#deliver(number, packet, identityOf(packet.payload))
    if (packet.qos === 0) return
    const answer = packet.qos === 1 ? ('PUBACK' as const) : ('PUBREC' as const)
    // In the order of the messages [MQTT-4.6.0-2].
    world.time.after(this.#acknowledgeLag(), null, () => {
      if (connection !== this.#connection || connection.closed) return
      if (packet.qos === 1) this.#rules.acknowledged(packet.packetId)
      else this.#rules.received(packet.packetId)
      connection.acknowledge(answer, packet.packetId)
    })
  }

  #lagUntilMs = 0

  #acknowledgeLag(): number {
    const { random, time } = this.#world
    const at = Math.max(this.#lagUntilMs, time.nowMs + (random.chance(0.02) ? random.below(2_000) : 0))
    this.#lagUntilMs = at
    return at - time.nowMs
  }

  #deliver(connection: number, packet: PublishPacket, value: string): void {
    const world = this.#world
    const { name } = this.options
    world.count(`delivered qos ${packet.qos}`)
    const sent = this.#model.sent.get(value)
    if (sent === undefined) {
      world.violate(`${name} was sent ${value}, which nobody published`)
      return
    }
    if (packet.qos === 2 && this.#seen.has(value)) world.violate(`${name} was given ${value} twice at QoS 2 (packet id ${packet.packetId})`)
    if (!this.#seen.has(value)) {
      // Order is promised per publisher, topic and QoS [MQTT-4.6.0-6].
      const stream = `${sent.sender} ${packet.topic} ${packet.qos}`
      const before = this.#last.get(stream) ?? -1
      // A full disk makes exchanges wait, each until its own record is kept.
      // What was sent again stands behind what followed it the first time: whoever subscribed in between sees that.
      const again = sent.guarantee === 'at-least-once' && sent.sends > 1
      if (sent.number < before && world.diskFaults === 0 && !again) world.violate(`${name}: ${value} came behind number ${before} of ${sent.sender}`)
      this.#last.set(stream, sent.number)
    }
    const wrong = this.options.judge?.(packet, sent, this.options.level) ?? null
    if (wrong !== null) world.violate(`${name} was given ${value} with ${wrong}`)
    world.trace('delivered', `${name} ${value} qos ${packet.qos} id ${packet.packetId}${packet.dup ? ' dup' : ''} connection ${connection}`)
    this.#seen.add(value)
    this.received.push({ value, mqttTopic: packet.topic, qos: packet.qos, dup: packet.dup, connection })
  }
}

/** Filters here are a topic, or `prefix/#`. */
function matches(filter: string, topic: string): boolean {
  return filter.endsWith('/#') ? `${topic}/`.startsWith(filter.slice(0, -1)) : filter === topic
}
