import type { LogModel, Sent } from '../log-model.ts'
import { MqttConnection, publishPacket } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { identityOf, valueBytes } from './kafka-producers.ts'

const PACKET_ID = 7
const ANSWER_TIMEOUT_MS = 8_000
/** How long a reader takes what the broker sends on subscribing. */
const LISTEN_MS = 1_500
const EMPTY = Buffer.alloc(0)

/** The one writer of one retained topic: one message at a time, each again until it is acknowledged. Every tenth clears it. */
export class RetainedWriter {
  readonly mqttTopic: string
  readonly name: string
  /** Numbers: of the last message acknowledged, and of the last one sent. */
  acknowledged = -1
  sent = -1
  idle = false
  readonly #world: World
  readonly #model: LogModel
  readonly #topic: string

  constructor(world: World, model: LogModel, topic: string, key: string) {
    this.#world = world
    this.#model = model
    this.#topic = topic
    this.name = `retained-${key}`
    this.mqttTopic = `${topic}/${key}`
  }

  static clears(number: number): boolean {
    return number % 10 === 9
  }

  async run(): Promise<void> {
    const world = this.#world
    let connection: MqttConnection | null = null
    while (!world.stopping) {
      const entry = this.#next()
      for (;;) {
        if (connection === null || connection.closed) {
          await world.sleep(world.random.below(200))
          connection = await MqttConnection.open(world, { clientId: this.name, level: 4, cleanStart: true, sessionExpiryS: 0, keepAliveS: 10, will: null })
        } else if (await this.#publish(connection, entry)) break
      }
      this.acknowledged = entry.number
      entry.acknowledged = true
      await world.sleep(world.random.below(1_500))
    }
    connection?.leave()
    this.idle = true
  }

  #next(): Sent {
    const number = ++this.sent
    const durable = !RetainedWriter.clears(number)
    const value = `${this.name}.${number}`
    return this.#model.send({ value, topic: this.#topic, sender: this.name, number, guarantee: 'at-least-once', durable, mqttTopic: this.mqttTopic })
  }

  #publish(connection: MqttConnection, entry: Sent): Promise<boolean> {
    entry.sends++
    return new Promise((resolve) => {
      const timeout = this.#world.clients.after(ANSWER_TIMEOUT_MS, () => connection.drop())
      const answered = (done: boolean): void => {
        timeout.cancel()
        resolve(done)
      }
      connection.listen(
        (packet) => {
          if (packet.type === 'PUBACK') answered(true)
        },
        () => answered(false),
      )
      const payload = RetainedWriter.clears(entry.number) ? EMPTY : valueBytes(entry.value, this.#world.random.below(500))
      connection.send(publishPacket({ topic: this.mqttTopic, payload, qos: 1, retain: true, packetId: PACKET_ID, dup: entry.sends > 1 }, 4))
    })
  }
}

/** A client that comes, is given what is retained, and goes: never anything older than what was acknowledged before it asked. */
export async function readRetained(
  world: World,
  writers: readonly RetainedWriter[],
  topic: string,
  { everyTopic }: { readonly everyTopic: boolean },
): Promise<boolean> {
  const clientId = `retained-reader-${world.random.below(1_000_000)}`
  const connection = await MqttConnection.open(world, { clientId, level: 5, cleanStart: true, sessionExpiryS: 0, keepAliveS: 10, will: null })
  if (connection === null) return false
  const floors = new Map(writers.map((writer) => [writer.mqttTopic, writer.acknowledged]))
  const found = new Map<string, number>()
  let subscribed = false
  connection.listen(
    (packet) => {
      if (packet.type === 'SUBACK') subscribed = true
      if (packet.type !== 'PUBLISH') return
      if (packet.qos === 1) connection.acknowledge('PUBACK', packet.packetId)
      if (!packet.retain || found.has(packet.topic)) return
      world.count('retained received')
      const value = identityOf(packet.payload)
      const number = Number(value.slice(value.lastIndexOf('.') + 1))
      found.set(packet.topic, number)
      const floor = floors.get(packet.topic) ?? -1
      if (packet.payload.length === 0) world.violate(`${packet.topic}: an empty message was retained`)
      else if (number < floor) world.violate(`${packet.topic}: ${value} is retained, but number ${floor} was acknowledged`)
    },
    () => {},
  )
  connection.subscribe(1, `${topic}/#`, 1)
  await world.sleep(everyTopic ? LISTEN_MS * 4 : LISTEN_MS)
  const whole = subscribed && !connection.closed
  if (whole && everyTopic) {
    for (const { mqttTopic, acknowledged } of writers) {
      if (acknowledged < 0) continue
      const cleared = RetainedWriter.clears(acknowledged)
      if (cleared && found.has(mqttTopic)) world.violate(`${mqttTopic}: number ${found.get(mqttTopic)} is retained, but ${acknowledged} cleared it`)
      if (!cleared && found.get(mqttTopic) !== acknowledged) {
        world.violate(`${mqttTopic}: number ${found.get(mqttTopic) ?? 'none'} is retained, the last was ${acknowledged}`)
      }
    }
  }
  connection.leave()
  return whole
}
