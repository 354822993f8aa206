import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import type { LogModel, Sent } from '../log-model.ts'
import { MqttConnection, publishPacket } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { valueBytes } from './kafka-producers.ts'

export interface PublisherOptions {
  readonly name: string
  readonly level: 4 | 5
  /** The log topic; MQTT topics are below it. */
  readonly topic: string
  readonly keys: readonly string[]
}

interface Outgoing {
  readonly sent: Sent
  readonly mqttTopic: string
  readonly qos: 1 | 2
  readonly packetId: number
  readonly padding: number
  stage: 'publish' | 'release'
}

const WINDOW = 10
const NO_MATCHING_SUBSCRIBERS = 0x10
const MAX_PACKET_ID = 65_535

/**
 * A publisher with a session that outlives its connections: what was not acknowledged is sent again, in order, under its packet id,
 * when the broker still knows the session. Half of the time it is a client that forgets instead, and says so with clean start.
 */
export class Publisher {
  readonly #world: World
  readonly #model: LogModel
  readonly #options: PublisherOptions
  readonly #numbers = new Map<string, number>()
  readonly #outbox: Outgoing[] = []
  #nextId = 1
  #connection: MqttConnection | null = null
  /** The broker confirmed a session of this client. */
  #hasSession = false
  #finished = false

  constructor(world: World, model: LogModel, options: PublisherOptions) {
    this.#world = world
    this.#model = model
    this.#options = options
  }

  get idle(): boolean {
    return this.#finished && this.#outbox.length === 0
  }

  async run(): Promise<void> {
    const { random } = this.#world
    for (;;) {
      if (this.#world.stopping) this.#finished = true
      if (this.idle) break
      if (this.#connection === null || this.#connection.closed) await this.#connect()
      if (this.#connection !== null && !this.#finished) for (let i = random.below(4); i >= 0; i--) this.#publish(this.#connection)
      await this.#world.sleep(random.chance(0.1) ? random.below(1_000) : random.below(100))
      if (random.chance(0.005)) this.#connection?.drop()
    }
    this.#connection?.leave()
  }

  async #connect(): Promise<void> {
    const world = this.#world
    const { name, level } = this.#options
    await world.sleep(world.random.below(200))
    const connection = await MqttConnection.open(world, { clientId: name, level, cleanStart: false, sessionExpiryS: 100_000, keepAliveS: 10, will: null })
    this.#connection = connection
    if (connection === null) return
    if (connection.connack.sessionPresent) this.#hasSession = true
    else {
      if (this.#hasSession) world.violate(`the session of ${name} was acknowledged and is gone`)
      this.#hasSession = true
      // Without a session nothing may be sent again under the old ids.
      this.#outbox.length = 0
    }
    connection.listen(
      (packet) => this.#receive(connection, packet),
      () => {},
    )
    for (const entry of this.#outbox) {
      if (entry.stage === 'publish') this.#sendPublish(connection, entry, true)
      else connection.acknowledge('PUBREL', entry.packetId)
    }
  }

  #publish(connection: MqttConnection): void {
    const { random } = this.#world
    const { name, topic, keys } = this.#options
    if (this.#outbox.length >= WINDOW) return
    const key = random.pick(keys)
    const number = this.#numbers.get(key) ?? 0
    this.#numbers.set(key, number + 1)
    const qos = random.pick([0, 1, 1, 2, 2] as const)
    const guarantee = (['at-most-once', 'at-least-once', 'exactly-once'] as const)[qos]
    const mqttTopic = `${topic}/${key}`
    const sent = this.#model.send({ value: `${name}.${key}.${number}`, topic, sender: `${name}.${key}`, number, guarantee, durable: qos > 0, mqttTopic })
    const padding = random.chance(0.03) ? random.below(20_000) : random.below(100)
    this.#world.count(`published qos ${qos}`)
    if (qos === 0) {
      sent.sends++
      connection.send(
        publishPacket({ topic: mqttTopic, payload: valueBytes(sent.value, padding), qos, retain: false, packetId: 0, dup: false }, this.#options.level),
      )
      return
    }
    const entry: Outgoing = { sent, mqttTopic, qos, packetId: this.#newId(), padding, stage: 'publish' }
    this.#outbox.push(entry)
    this.#sendPublish(connection, entry, false)
  }

  #sendPublish(connection: MqttConnection, { sent, mqttTopic, qos, packetId, padding }: Outgoing, dup: boolean): void {
    sent.sends++
    this.#world.trace('publish', `${sent.value} qos ${qos} id ${packetId}${dup ? ' dup' : ''}`)
    connection.send(publishPacket({ topic: mqttTopic, payload: valueBytes(sent.value, padding), qos, retain: false, packetId, dup }, this.#options.level))
  }

  #receive(connection: MqttConnection, packet: Packet): void {
    if ('packetId' in packet) this.#world.trace('answer', `${this.#options.name} ${packet.type} ${packet.packetId}`)
    if (packet.type !== 'PUBACK' && packet.type !== 'PUBREC' && packet.type !== 'PUBCOMP') return
    const entry = this.#outbox.find(({ packetId }) => packetId === packet.packetId)
    if (entry === undefined || (packet.type === 'PUBACK') !== (entry.qos === 1)) {
      this.#world.violate(`${this.#options.name} got ${packet.type} ${packet.packetId}, which answers nothing`)
      return
    }
    if (packet.type === 'PUBACK') {
      const first = this.#outbox.find(({ qos, stage }) => qos === 1 && stage === 'publish')
      if (first !== entry) this.#world.violate(`${this.#options.name}: PUBACK ${packet.packetId} overtook ${first?.packetId}`)
    }
    if (packet.reason !== 0 && packet.reason !== NO_MATCHING_SUBSCRIBERS && packet.type !== 'PUBCOMP') {
      this.#world.count(`${packet.type} ${packet.reason}`)
      if (!this.#world.diskFails) this.#world.violate(`${this.#options.name}: ${packet.type} ${packet.packetId} has reason ${packet.reason}`)
      this.#remove(entry)
      return
    }
    if (packet.type === 'PUBREC') {
      entry.sent.acknowledged = true
      entry.stage = 'release'
      connection.acknowledge('PUBREL', entry.packetId)
      return
    }
    if (packet.type === 'PUBCOMP' && entry.stage === 'publish') this.#world.violate(`${this.#options.name}: PUBCOMP ${packet.packetId} before PUBREC`)
    entry.sent.acknowledged = true
    this.#world.count(`acknowledged qos ${entry.qos}`)
    this.#remove(entry)
  }

  #remove(entry: Outgoing): void {
    this.#outbox.splice(this.#outbox.indexOf(entry), 1)
  }

  #newId(): number {
    // Few ids, so that they come again soon.
    do this.#nextId = (this.#nextId % Math.min(MAX_PACKET_ID, 40)) + 1
    while (this.#outbox.some(({ packetId }) => packetId === this.#nextId))
    return this.#nextId
  }
}
