import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import { MqttConnection, publishPacket } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { valueBytes } from './kafka-producers.ts'
import { type Entry, momentOf, type OptionHistory, type Wrapping } from './option-history.ts'

const PACKET_ID = 7
const SUBSCRIBE_ID = 1
const ANSWER_TIMEOUT_MS = 8_000
const FAILURE = 0x80
const EMPTY = Buffer.alloc(0)
/** Some pass within a run, one does not. */
const EXPIRIES_S = [1, 2, 4, 1_000_000]

/**
 * The one writer of an MQTT topic: one message at a time, each again until it is acknowledged, with and without RETAIN and an expiry. It
 * listens to the topic itself, and must hear nothing of its own (No Local).
 */
export class OptionWriter {
  readonly mqttTopic: string
  readonly name: string
  idle = false
  readonly #world: World
  readonly #history: OptionHistory
  readonly #topic: string

  constructor(world: World, history: OptionHistory, { name, topic, key }: { readonly name: string; readonly topic: string; readonly key: string }) {
    this.#world = world
    this.#history = history
    this.#topic = topic
    this.name = name
    this.mqttTopic = `${topic}/${key}`
  }

  async run(): Promise<void> {
    const world = this.#world
    let connection: MqttConnection | null = null
    while (!world.stopping) {
      const entry = this.#history.publish(this.name, this.#topic, this.mqttTopic, this.#wrapping())
      for (;;) {
        if (connection === null || connection.closed) connection = await this.#connect()
        else if (await this.#publish(connection, entry)) break
        else await world.sleep(world.random.below(300))
      }
      entry.done = momentOf(world)
      entry.sent.acknowledged = true
      await world.sleep(world.random.below(world.random.pick([100, 1_500])))
    }
    connection?.leave()
    this.idle = true
  }

  #wrapping(): Wrapping {
    const { random } = this.#world
    const retain = random.chance(0.7)
    const expiryS = random.chance(0.5) ? random.pick(EXPIRIES_S) : null
    return { retain, clears: retain && random.chance(0.15), expiryS, qos: random.pick([1, 2]) }
  }

  /** With a subscription to all topics but its own voice. */
  async #connect(): Promise<MqttConnection | null> {
    const world = this.#world
    await world.sleep(world.random.below(200))
    const connection = await MqttConnection.open(world, { clientId: this.name, level: 5, cleanStart: true, sessionExpiryS: 0, keepAliveS: 10, will: null })
    if (connection === null) return null
    const subscribed = this.#until(connection, (packet) => packet.type === 'SUBACK' && packet.packetId === SUBSCRIBE_ID)
    connection.subscribe(SUBSCRIBE_ID, `${this.#topic}/#`, 1, { noLocal: true, retainHandling: world.random.pick([0, 1, 2]) })
    return (await subscribed) ? connection : null
  }

  #publish(connection: MqttConnection, entry: Entry): Promise<boolean> {
    const { qos, retain, clears, expiryS, sent } = entry
    sent.sends++
    const done = this.#until(connection, (packet) => packet.type === (qos === 1 ? 'PUBACK' : 'PUBCOMP') && packet.packetId === PACKET_ID)
    const payload = clears ? EMPTY : valueBytes(sent.value, this.#world.random.below(300))
    const properties = expiryS === null ? null : { messageExpiryS: expiryS }
    this.#world.trace('publish', `${sent.value} qos ${qos}${retain ? ' retain' : ''}${clears ? ' empty' : ''} expiry ${expiryS}`)
    connection.send(publishPacket({ topic: this.mqttTopic, payload, qos, retain, packetId: PACKET_ID, dup: false, properties }, 5))
    return done
  }

  /** Whether the answer came; otherwise the connection is over. */
  #until(connection: MqttConnection, isAnswer: (packet: Packet) => boolean): Promise<boolean> {
    return new Promise((resolve) => {
      const timeout = this.#world.clients.after(ANSWER_TIMEOUT_MS, () => connection.drop())
      const end = (answered: boolean): void => {
        timeout.cancel()
        resolve(answered)
      }
      connection.listen(
        (packet) => {
          this.#take(connection, packet)
          // Refused, as a full disk does: the connection goes on, and it is published again.
          if ((packet.type === 'PUBACK' || packet.type === 'PUBREC') && packet.reason >= FAILURE) end(false)
          else if (isAnswer(packet)) end(true)
        },
        () => end(false),
      )
    })
  }

  #take(connection: MqttConnection, packet: Packet): void {
    if (packet.type === 'PUBREC' && packet.reason < FAILURE) connection.acknowledge('PUBREL', packet.packetId)
    if (packet.type !== 'PUBLISH') return
    if (packet.qos === 1) connection.acknowledge('PUBACK', packet.packetId)
    if (packet.topic === this.mqttTopic) this.#world.violate(`${this.name} was given what it published itself, with No Local [MQTT-3.8.3-3]`)
    this.#world.count('heard with No Local')
  }
}
