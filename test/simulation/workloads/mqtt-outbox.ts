import type { MessageProperties } from '../../../src/broker/sessions/ports.ts'
import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import { DiskWatch } from '../disk-watch.ts'
import type { LogModel, Sent } from '../log-model.ts'
import { type MqttConnection, publishPacket } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { valueBytes } from './kafka-producers.ts'

export interface OutboxOptions {
  readonly name: string
  /** The log topic; MQTT topics are below it. */
  readonly topic: string
  /** Null: the log topic's name alone. */
  readonly keys: readonly (string | null)[]
  /** What message `number` of a key carries in 5.0; the same whenever it is asked. Where absent, nothing. */
  readonly propertiesOf?: (number: number) => MessageProperties | null
}

interface OutgoingFields {
  readonly sent: Sent
  readonly mqttTopic: string
  readonly qos: 0 | 1 | 2
  readonly packetId: number
  readonly padding: number
}

interface Outgoing extends OutgoingFields {
  readonly qos: 1 | 2
  readonly disk: DiskWatch
  stage: 'publish' | 'release'
}

const WINDOW = 10
const NO_MATCHING_SUBSCRIBERS = 0x10
/** Few ids, so that they come again soon. */
const IDS = 40

/** A client's half of its own publishes: what was not acknowledged is sent again, in order, under its packet id, as long as the session lives. */
export class Outbox {
  readonly #world: World
  readonly #model: LogModel
  readonly #options: OutboxOptions
  readonly #numbers = new Map<string, number>()
  readonly #entries: Outgoing[] = []
  /** Ids of QoS 2 that a session may know from before, though the client gave them up: a new message under one would be taken for the old. */
  readonly #doubtful = new Set<number>()
  #nextId = 1

  constructor(world: World, model: LogModel, options: OutboxOptions) {
    this.#world = world
    this.#model = model
    this.#options = options
  }

  get isEmpty(): boolean {
    return this.#entries.length === 0
  }

  /**
   * After CONNACK: whether the broker still knows what came before. Where it does not, nothing may be sent again under the old ids; where
   * it may or may not, they may not be used for anything else either.
   */
  resume(connection: MqttConnection, session: 'same' | 'doubtful' | 'new'): void {
    if (session === 'doubtful') for (const { qos, packetId } of this.#entries) if (qos === 2) this.#doubtful.add(packetId)
    if (session === 'new') this.#doubtful.clear()
    if (session !== 'same') this.#entries.length = 0
    for (const entry of this.#entries) {
      if (entry.stage === 'publish') this.#sendPublish(connection, entry, true)
      else connection.acknowledge('PUBREL', entry.packetId)
    }
  }

  /** One message at some QoS, where the window allows. */
  publish(connection: MqttConnection): void {
    const { random } = this.#world
    const { name, topic, keys } = this.#options
    if (this.#entries.length >= WINDOW) return
    const key = random.pick(keys)
    const stream = `${name}.${key ?? '-'}`
    const number = this.#numbers.get(stream) ?? 0
    this.#numbers.set(stream, number + 1)
    const qos = random.pick([0, 1, 1, 2, 2] as const)
    const guarantee = (['at-most-once', 'at-least-once', 'exactly-once'] as const)[qos]
    const mqttTopic = key === null ? topic : `${topic}/${key}`
    const sent = this.#model.send({ value: `${stream}.${number}`, topic, sender: stream, number, guarantee, durable: qos > 0, mqttTopic })
    const padding = random.chance(0.03) ? random.below(20_000) : random.below(100)
    this.#world.count(`published qos ${qos}`)
    if (qos === 0) {
      sent.sends++
      this.#send(connection, { sent, mqttTopic, qos, packetId: 0, padding }, false)
      return
    }
    const entry: Outgoing = { sent, mqttTopic, qos, packetId: this.#newId(), padding, disk: new DiskWatch(this.#world), stage: 'publish' }
    this.#entries.push(entry)
    this.#sendPublish(connection, entry, false)
  }

  /** Takes what answers a publish; whatever else came is not its own. */
  receive(connection: MqttConnection, packet: Packet): void {
    if (packet.type !== 'PUBACK' && packet.type !== 'PUBREC' && packet.type !== 'PUBCOMP') return
    const { name } = this.#options
    this.#world.trace('answer', `${name} ${packet.type} ${packet.packetId}`)
    const entry = this.#entries.find(({ packetId }) => packetId === packet.packetId)
    if (entry === undefined || (packet.type === 'PUBACK') !== (entry.qos === 1)) {
      this.#world.violate(`${name} got ${packet.type} ${packet.packetId}, which answers nothing`)
      return
    }
    if (packet.type === 'PUBACK') {
      const first = this.#entries.find(({ qos, stage }) => qos === 1 && stage === 'publish')
      if (first !== entry) this.#world.violate(`${name}: PUBACK ${packet.packetId} overtook ${first?.packetId}`)
    }
    if (packet.reason !== 0 && packet.reason !== NO_MATCHING_SUBSCRIBERS && packet.type !== 'PUBCOMP') {
      this.#world.count(`${packet.type} ${packet.reason}`)
      if (!entry.disk.failed) this.#world.violate(`${name}: ${packet.type} ${packet.packetId} has reason ${packet.reason}`)
      this.#remove(entry)
      return
    }
    if (packet.type === 'PUBREC') {
      entry.sent.acknowledged = true
      entry.stage = 'release'
      connection.acknowledge('PUBREL', entry.packetId)
      return
    }
    if (packet.type === 'PUBCOMP' && entry.stage === 'publish') this.#world.violate(`${name}: PUBCOMP ${packet.packetId} before PUBREC`)
    entry.sent.acknowledged = true
    this.#world.count(`acknowledged qos ${entry.qos}`)
    this.#remove(entry)
  }

  #sendPublish(connection: MqttConnection, entry: Outgoing, dup: boolean): void {
    const { sent, qos, packetId } = entry
    sent.sends++
    this.#world.trace('publish', `${sent.value} qos ${qos} id ${packetId}${dup ? ' dup' : ''}`)
    this.#send(connection, entry, dup)
  }

  #send(connection: MqttConnection, { sent, mqttTopic, qos, packetId, padding }: OutgoingFields, dup: boolean): void {
    const properties = connection.level === 5 ? (this.#options.propertiesOf?.(sent.number) ?? null) : null
    const payload = valueBytes(sent.value, padding)
    connection.send(publishPacket({ topic: mqttTopic, payload, qos, retain: false, packetId, dup, properties }, connection.level))
  }

  #remove(entry: Outgoing): void {
    this.#entries.splice(this.#entries.indexOf(entry), 1)
  }

  #newId(): number {
    do this.#nextId = (this.#nextId % (IDS + this.#doubtful.size)) + 1
    while (this.#doubtful.has(this.#nextId) || this.#entries.some(({ packetId }) => packetId === this.#nextId))
    return this.#nextId
  }
}
