import type { Packet, PublishPacket } from '../../../src/mqtt/wire/packets.ts'
import { DiskWatch } from '../disk-watch.ts'
import { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { identityOf } from './kafka-producers.ts'
import { Receiving } from './mqtt-receiving.ts'
import { isFresh } from './option-asker.ts'
import { type Moment, momentOf, type OptionHistory, wrongExpiry } from './option-history.ts'

export interface ExpiringOptions {
  readonly name: string
  readonly filter: string
  readonly qos: 1 | 2
}

const SUBSCRIBE_ID = 900
const FAILURE = 0x80
const LATE_ANSWERS = 0.2

/** A session that is often alone: what its client is given when it is back has not expired, and carries what is left. */
export class ExpiringSubscriber {
  readonly #world: World
  readonly #history: OptionHistory
  readonly #options: ExpiringOptions
  readonly #receiving: Receiving
  readonly #seen = new Set<string>()
  #connection: MqttConnection | null = null
  /** When the CONNECT of the connection of now left. */
  #connectedAt: Moment
  #disk: DiskWatch
  #subscribedAtMs = Number.POSITIVE_INFINITY
  #receiveMaximum = 1
  closed = false

  constructor(world: World, history: OptionHistory, options: ExpiringOptions) {
    this.#world = world
    this.#history = history
    this.#options = options
    this.#receiving = new Receiving(world, options.name, LATE_ANSWERS)
    this.#connectedAt = momentOf(world)
    this.#disk = new DiskWatch(world)
  }

  missing(): string | null {
    for (const entry of this.#history.entries) {
      const isDue = entry.done !== null && !entry.clears && entry.begun.atMs > this.#subscribedAtMs && isFresh(this.#world, entry)
      if (isDue && !this.#seen.has(entry.sent.value) && !this.#world.damage.values.has(entry.sent.value)) return entry.sent.value
    }
    return null
  }

  async run(): Promise<void> {
    const world = this.#world
    const { random } = world
    while (!this.closed) {
      if (this.#connection === null || this.#connection.closed) await this.#connect()
      await world.sleep(random.below(random.pick([200, 3_000])))
      if (world.stopping || this.#connection === null) continue
      if (random.chance(0.5)) this.#connection.drop()
      else this.#connection.leave()
      await world.sleep(random.below(random.pick([200, 5_000])))
    }
    this.#connection?.leave()
  }

  async #connect(): Promise<void> {
    const world = this.#world
    const { name, filter, qos } = this.#options
    await world.sleep(world.random.below(200))
    this.#receiveMaximum = world.random.pick([1, 2, 30])
    const begun = momentOf(world)
    const asked = {
      clientId: name,
      level: 5 as const,
      cleanStart: false,
      sessionExpiryS: 100_000,
      keepAliveS: 10,
      receiveMaximum: this.#receiveMaximum,
      will: null,
    }
    const connection = await MqttConnection.open(world, asked)
    if (connection === null) return
    this.#connection = connection
    this.#connectedAt = begun
    this.#disk = new DiskWatch(world)
    const isSubscribed = this.#subscribedAtMs !== Number.POSITIVE_INFINITY
    if (isSubscribed && !connection.connack.sessionPresent) world.violate(`the session of ${name} was acknowledged and is gone`)
    this.#receiving.connected(connection, this.#receiveMaximum)
    connection.listen(
      (packet) => {
        if (connection === this.#connection) this.#receive(connection, packet)
      },
      () => {},
    )
    if (!isSubscribed) connection.subscribe(SUBSCRIBE_ID, filter, qos, { retainAsPublished: true, retainHandling: 2 })
  }

  #receive(connection: MqttConnection, packet: Packet): void {
    if (packet.type === 'SUBACK') {
      if ((packet.reasons[0] ?? FAILURE) < FAILURE) this.#subscribedAtMs = Math.min(this.#subscribedAtMs, this.#world.time.nowMs)
      else if (!this.#disk.failed) this.#world.violate(`${this.#options.name}: SUBSCRIBE was refused with ${packet.reasons[0]}`)
      return
    }
    const message = this.#receiving.take(connection, packet)
    if (message === null || message.payload.length === 0) return
    const wrong = this.#judge(message)
    if (wrong !== null) this.#world.violate(`${this.#options.name} was given ${identityOf(message.payload)} with ${wrong}`)
  }

  #judge(packet: PublishPacket): string | null {
    const entry = this.#history.get(identityOf(packet.payload))
    if (entry === undefined || entry.mqttTopic !== packet.topic) return `the topic ${packet.topic}, where nobody published it`
    this.#seen.add(entry.sent.value)
    if (packet.retain !== entry.retain) return `RETAIN ${Number(packet.retain)}, it was published with ${Number(entry.retain)} [MQTT-3.3.1-13]`
    // An exchange that began is brought to its end.
    if (packet.dup) return null
    const now = momentOf(this.#world)
    const from = entry.done !== null && entry.done.atMs < this.#connectedAt.atMs ? this.#connectedAt : entry.begun
    if (from === this.#connectedAt && entry.expiryS !== null) this.#world.count('given before they expired')
    return wrongExpiry(entry, packet.properties?.messageExpiryS, from, now)
  }
}
