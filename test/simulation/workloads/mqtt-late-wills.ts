import { DiskWatch } from '../disk-watch.ts'
import type { LogModel, Sent } from '../log-model.ts'
import { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { valueBytes } from './kafka-producers.ts'

/** Until the broker has noticed that a client vanished, by keep alive at the latest. */
const NOTICE_MS = 9_000
/** Until a goodbye, or a return, is on disk. */
const KEPT_MS = 2_000
const KEEP_ALIVE_S = 5

/** A will on its way: the connection it belongs to has ended, or its time has come. */
interface Pending {
  readonly sent: Sent
  /** From the end of the connection until it is published, at the latest. */
  readonly delayMs: number
  /** No earlier than this: the last moment at which the broker surely had the connection. */
  readonly attachedAtMs: number
}

/**
 * A client whose will waits: for its delay or the end of the session, whichever is first [MQTT-3.1.3-9]. Where it comes back in time the
 * will is void, where it starts clean it is sent at once, and a goodbye takes it back.
 */
export class LateWillClient {
  readonly name: string
  idle = false
  readonly #world: World
  readonly #model: LogModel
  readonly #topic: string
  #number = 0
  #pending: Pending | null = null

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
      await world.sleep(random.below(random.pick([300, 5_000])))
      await this.#live()
    }
    if (this.#pending !== null && this.#pending.delayMs <= MAX_WAIT_MS && !this.#clockJumped) await this.#published(this.#pending, new DiskWatch(world))
    this.idle = true
  }

  async #live(): Promise<void> {
    const world = this.#world
    const { random } = world
    const mqttTopic = `${this.#topic}/${this.name}`
    const number = this.#number++
    const value = `${this.name}.${number}`
    const sent = this.#model.send({ value, topic: this.#topic, sender: this.name, number, guarantee: 'exactly-once', durable: true, mqttTopic })
    sent.sends = 1
    const willDelayS = random.pick([0, 1, 2, 100])
    const sessionExpiryS = random.pick([0, 2, 3, 1_000])
    const will = { topic: mqttTopic, payload: valueBytes(value, 10), qos: 1 as const, retain: random.chance(0.3), properties: { willDelayS } }
    const cleanStart = random.chance(0.3)
    const disk = new DiskWatch(world)
    const before = this.#pending
    this.#pending = null
    const asked = { clientId: this.name, level: 5 as const, cleanStart, sessionExpiryS, keepAliveS: KEEP_ALIVE_S, will }
    const sentAtMs = world.time.nowMs
    const connection = await MqttConnection.open(world, asked)
    // Without an answer anything may have become of either will.
    if (connection === null) return
    if (before !== null) this.#returned(before, connection, disk)
    const closed = new Promise<void>((resolve) => connection.listen(() => {}, resolve))
    await Promise.race([closed, world.sleep(random.below(3_000))])
    if (!connection.closed && random.chance(0.3)) {
      await this.#leave(connection, closed, sent)
      return
    }
    connection.drop()
    this.#pending = { sent, delayMs: Math.min(willDelayS, sessionExpiryS) * 1000, attachedAtMs: sentAtMs }
  }

  /** Back, or anew, while a will waited. */
  #returned(pending: Pending, connection: MqttConnection, disk: DiskWatch): void {
    const { sent, delayMs, attachedAtMs } = pending
    // A session that is not there any more has ended, and with it every delay.
    if (!connection.connack.sessionPresent || delayMs === 0) void this.#published(pending, disk)
    // The session goes on, and the will's time cannot have come: it is void for good.
    else if (this.#world.time.nowMs - attachedAtMs < delayMs && !this.#clockJumped) sent.forbidden = true
  }

  async #leave(connection: MqttConnection, closed: Promise<void>, sent: Sent): Promise<void> {
    const world = this.#world
    const { boots } = world
    const disk = new DiskWatch(world)
    connection.leave()
    await closed
    // Nothing acknowledges a goodbye: it counts once the broker has had time to write it down.
    await world.sleep(KEPT_MS)
    if (connection.endedInOrder && world.boots === boots && world.up && !disk.failed) sent.forbidden = true
  }

  /** It is there once the broker has been up for long enough: after a crash the delay begins anew. */
  async #published({ sent, delayMs }: Pending, disk: DiskWatch): Promise<void> {
    const world = this.#world
    for (let boots = 0; boots !== world.boots || !world.up; ) {
      boots = world.boots
      await world.sleep(NOTICE_MS + delayMs)
    }
    if (disk.failed) return
    world.count('late wills owed')
    sent.acknowledged = true
  }

  get #clockJumped(): boolean {
    return this.#world.counts.has('clock jumps')
  }
}

/** The longest delay that a run waits for. */
const MAX_WAIT_MS = 5_000
