import type { LogModel, Sent } from '../log-model.ts'
import { MqttConnection, NO_PROPERTIES } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { valueBytes } from './kafka-producers.ts'

/** Until the broker has noticed, by keep alive at the latest, that a client vanished. */
const NOTICE_MS = 9_000
const GOODBYE_MS = 2_000

/**
 * A client with a will that comes and goes. Where it vanishes, or the broker does, its will is published, once; where it said
 * goodbye and the broker heard it, never.
 */
export class WillClient {
  readonly name: string
  idle = false
  readonly #world: World
  readonly #model: LogModel
  readonly #topic: string
  #number = 0

  constructor(world: World, model: LogModel, topic: string, name: string) {
    this.#world = world
    this.#model = model
    this.#topic = topic
    this.name = name
  }

  async run(): Promise<void> {
    const world = this.#world
    const { random } = world
    while (!world.stopping) {
      await world.sleep(random.below(1_000))
      await this.#live(random.pick([4, 5]))
    }
    this.idle = true
  }

  async #live(level: 4 | 5): Promise<void> {
    const world = this.#world
    const { random } = world
    const mqttTopic = `${this.#topic}/${this.name}`
    const number = this.#number++
    const value = `${this.name}.${number}`
    const sent = this.#model.send({ value, topic: this.#topic, sender: this.name, number, guarantee: 'exactly-once', durable: true, mqttTopic })
    sent.sends = 1
    const will = { topic: mqttTopic, payload: valueBytes(value, 10), qos: 1 as const, retain: random.chance(0.5), properties: NO_PROPERTIES }
    const connection = await MqttConnection.open(world, { clientId: this.name, level, cleanStart: true, sessionExpiryS: 0, keepAliveS: 5, will })
    if (connection === null) return
    const closed = new Promise<void>((resolve) => connection.listen(() => {}, resolve))
    await Promise.race([closed, world.sleep(random.below(4_000))])
    if (connection.closed || random.chance(0.6)) {
      connection.drop()
      this.#owed(sent)
      return
    }
    await this.#leave(connection, closed, sent)
  }

  async #leave(connection: MqttConnection, closed: Promise<void>, sent: Sent): Promise<void> {
    const world = this.#world
    const { boots, diskFaults, diskFails } = world
    connection.leave()
    await closed
    // Nothing acknowledges a goodbye: it counts once the broker has had time to write it down.
    await world.sleep(GOODBYE_MS)
    if (connection.endedInOrder && world.boots === boots && world.up && !diskFails && world.diskFaults === diskFaults) sent.forbidden = true
  }

  #owed(sent: Sent): void {
    const world = this.#world
    const { diskFaults } = world
    world.count('wills owed')
    // A will that meets a full disk is lost; nobody waits for it who could ask again.
    if (world.diskFails) return
    world.time.after(NOTICE_MS, null, () => {
      if (world.diskFaults === diskFaults) sent.acknowledged = true
    })
  }
}
