import type { Packet, PublishPacket, SubackPacket } from '../../../src/mqtt/wire/packets.ts'
import { DiskWatch } from '../disk-watch.ts'
import type { LogModel } from '../log-model.ts'
import { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { identityOf } from './kafka-producers.ts'
import { Outbox } from './mqtt-outbox.ts'
import { Receiving } from './mqtt-receiving.ts'
import { SessionLife } from './mqtt-session-life.ts'
import { type Attempt, SessionPresence } from './mqtt-session-presence.ts'

export interface SessionClientOptions {
  readonly name: string
  /** The log topic. */
  readonly topic: string
  /** What it may subscribe to: filters that overlap. */
  readonly filters: readonly string[]
  readonly keys: readonly string[]
}

const LONG_S = 100_000
const SHORT_S = [1, 4] as const
const FAILURE = 0x80
/** What waits for SUBACK or UNSUBACK, by packet id; ids of publishes are below. */
const FIRST_ID = 1000
const IDS = 50
const LATE_ANSWERS = 0.05

interface Asked {
  readonly atMs: number
  readonly disk: DiskWatch
  done(atMs: number): void
}

/**
 * A client that uses everything a session has: clean and not, expiries that pass and do not, takeovers of itself with exchanges of QoS 2
 * under way on both sides, subscriptions that overlap and change. What it is given is judged by what it was told.
 */
export class SessionClient {
  readonly #world: World
  readonly #model: LogModel
  readonly #options: SessionClientOptions
  readonly #outbox: Outbox
  readonly #receiving: Receiving
  readonly #presence: SessionPresence
  #life = new SessionLife()
  readonly #asked = new Map<number, Asked>()
  #nextAsk = 0
  #nextIdentifier = 1
  #connection: MqttConnection | null = null
  #expiryS = 0
  #connecting = false
  closed = false

  constructor(world: World, model: LogModel, options: SessionClientOptions) {
    this.#world = world
    this.#model = model
    this.#options = options
    this.#outbox = new Outbox(world, model, { ...options, name: options.name })
    this.#receiving = new Receiving(world, options.name, LATE_ANSWERS)
    this.#presence = new SessionPresence(world)
  }

  /** What it waits for, in words; null where nothing is missing. */
  missing(): string | null {
    if (!this.#outbox.isEmpty) return 'an acknowledgement'
    for (const sent of this.#model.sent.values()) {
      if (!sent.acknowledged || sent.mqttTopic === null || this.#life.has(sent) || this.#world.damage.values.has(sent.value)) continue
      if (this.#life.isDue(sent, this.#isOwn(sent.sender))) return sent.value
    }
    return null
  }

  async run(): Promise<void> {
    const world = this.#world
    const { random } = world
    while (!this.closed) {
      if (this.#connection === null || this.#connection.closed) await this.#connect()
      await world.sleep(random.below(250))
      if (!world.stopping && this.#connection !== null && !this.#connection.closed) await this.#act(this.#connection)
    }
    this.#connection?.leave()
  }

  async #act(connection: MqttConnection): Promise<void> {
    const world = this.#world
    const { random } = world
    if (random.chance(0.4)) for (let i = random.below(3); i >= 0; i--) this.#outbox.publish(connection)
    if (random.chance(0.15)) this.#subscribe(connection)
    if (random.chance(0.05)) this.#unsubscribe(connection)
    if (random.chance(0.02)) {
      connection.drop()
      if (random.chance(0.5)) await world.sleep(random.below(6_000))
    }
    if (random.chance(0.02)) void this.#connect()
    if (random.chance(0.02)) {
      connection.socket.pause()
      world.time.after(random.below(2_000), null, () => connection.socket.resume())
    }
    if (random.chance(0.02) && !connection.closed) await this.#leave(connection)
  }

  async #leave(connection: MqttConnection): Promise<void> {
    const world = this.#world
    const { random } = world
    const sessionExpiryS = connection.level === 5 && this.#expiryS > 0 && random.chance(0.5) ? random.pick([0, ...SHORT_S, LONG_S]) : undefined
    this.#presence.saidGoodbye(sessionExpiryS)
    connection.leave(sessionExpiryS)
    for (let i = 0; i < 40 && !connection.closed; i++) await world.sleep(50)
    if (connection.endedInOrder && connection === this.#connection) this.#presence.goodbyeHeard(sessionExpiryS)
    await world.sleep(random.below(7_000))
  }

  async #connect(): Promise<void> {
    const world = this.#world
    const { random } = world
    if (this.#connecting) return
    this.#connecting = true
    await world.sleep(random.below(200))
    const level = random.pick([4, 5] as const)
    const cleanStart = !world.stopping && random.chance(0.15)
    const expiries = level === 4 ? [cleanStart ? 0 : LONG_S] : world.stopping ? [LONG_S] : [0, ...SHORT_S, LONG_S, LONG_S, LONG_S]
    const attempt: Attempt = { cleanStart, sessionExpiryS: random.pick(expiries) }
    const receiveMaximum = random.pick([1, 3, 20])
    const sentAtMs = world.time.nowMs
    const connection = await MqttConnection.open(world, { clientId: this.#options.name, level, ...attempt, keepAliveS: 10, receiveMaximum, will: null })
    this.#connecting = false
    if (connection === null) {
      this.#presence.failed(attempt)
      return
    }
    this.#connection = connection
    this.#expiryS = attempt.sessionExpiryS
    this.#asked.clear()
    const { sessionPresent } = connection.connack
    const { wrong, certain } = this.#presence.connected(attempt, sentAtMs, sessionPresent)
    if (wrong !== null) this.#violate(wrong)
    world.count(sessionPresent ? 'sessions resumed' : 'sessions begun')
    this.#receiving.connected(connection, receiveMaximum, certain)
    if (!sessionPresent) this.#life = new SessionLife()
    else if (!certain) this.#life.blur()
    this.#life.connected()
    this.#outbox.resume(connection, sessionPresent ? (certain ? 'same' : 'doubtful') : 'new')
    connection.listen(
      (packet) => {
        if (connection === this.#connection) this.#receive(connection, packet)
      },
      () => {},
    )
  }

  #subscribe(connection: MqttConnection): void {
    const { random, time } = this.#world
    const isV5 = connection.level === 5
    const options = { noLocal: isV5 && random.chance(0.3), ...(isV5 && random.chance(0.7) ? { id: this.#nextIdentifier++ } : {}) }
    const filter = random.pick(this.#options.filters)
    const qos = random.pick([0, 1, 2, 2] as const)
    this.#world.trace('subscribe', `${this.#options.name} ${filter} qos ${qos} id ${options.id} noLocal ${options.noLocal}`)
    const version = this.#life.request({ filter, qos, noLocal: options.noLocal, id: options.id ?? null }, time.nowMs)
    const life = this.#life
    connection.subscribe(
      this.#ask((atMs) => life.acknowledge(version, atMs)),
      filter,
      qos,
      options,
    )
  }

  #unsubscribe(connection: MqttConnection): void {
    const { random, time } = this.#world
    const { filters } = this.#life
    if (filters.length === 0) return
    const filter = random.pick(filters)
    this.#world.trace('unsubscribe', `${this.#options.name} ${filter}`)
    connection.unsubscribe(this.#ask(this.#life.end(filter, time.nowMs)), filter)
  }

  #ask(done: (atMs: number) => void): number {
    const packetId = FIRST_ID + (this.#nextAsk++ % IDS)
    this.#asked.set(packetId, { atMs: this.#world.time.nowMs, disk: new DiskWatch(this.#world), done })
    return packetId
  }

  #receive(connection: MqttConnection, packet: Packet): void {
    if (packet.type === 'SUBACK' || packet.type === 'UNSUBACK') this.#answered(packet)
    else if (packet.type === 'PUBLISH' || packet.type === 'PUBREL') {
      const message = this.#receiving.take(connection, packet)
      if (message !== null) this.#deliver(message)
    } else this.#outbox.receive(connection, packet)
  }

  #answered({ type, packetId, reasons }: SubackPacket): void {
    const asked = this.#asked.get(packetId)
    if (asked === undefined) {
      this.#violate(`got ${type} ${packetId}, which answers nothing`)
      return
    }
    this.#asked.delete(packetId)
    this.#world.trace('answer', `${this.#options.name} ${type} ${packetId} ${reasons.join()}`)
    this.#presence.answered(asked.atMs)
    if ((reasons[0] ?? 0) < FAILURE) asked.done(this.#world.time.nowMs)
    else if (!asked.disk.failed) this.#violate(`got ${type} with reason ${reasons[0]}`)
  }

  #deliver(packet: PublishPacket): void {
    const world = this.#world
    const value = identityOf(packet.payload)
    const sent = this.#model.sent.get(value)
    world.count(`delivered qos ${packet.qos}`)
    const ids = packet.subscriptionIdentifiers
    world.trace('delivered', `${this.#options.name} ${value} qos ${packet.qos} id ${packet.packetId}${packet.dup ? ' dup' : ''} for ${ids.join(',')}`)
    if (sent === undefined || sent.mqttTopic !== packet.topic) {
      this.#violate(`was given ${value} as ${packet.topic}, which nobody published`)
      return
    }
    if (packet.retain) this.#violate(`was given ${value} with RETAIN`)
    const isOwn = this.#isOwn(sent.sender)
    const wrong = this.#life.deliver(sent, { qos: packet.qos, ids, dup: packet.dup, isOwn, nowMs: world.time.nowMs, inOrder: world.diskFaults === 0 })
    if (wrong !== null) this.#violate(`was given ${value}, which ${wrong}`)
  }

  #isOwn(sender: string): boolean {
    return sender.startsWith(`${this.#options.name}.`)
  }

  #violate(what: string): void {
    this.#world.violate(`${this.#options.name} ${what}`)
  }
}
