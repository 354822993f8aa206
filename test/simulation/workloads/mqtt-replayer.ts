import type { Packet, PublishPacket } from '../../../src/mqtt/wire/packets.ts'
import { DiskWatch } from '../disk-watch.ts'
import type { LogModel, Sent } from '../log-model.ts'
import { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { identityOf } from './kafka-producers.ts'
import { Receiving } from './mqtt-receiving.ts'
import { SessionLife } from './mqtt-session-life.ts'

export interface ReplayerOptions {
  readonly name: string
  readonly topic: string
  readonly partitions: number
}

const LONG_S = 100_000
const SUBSCRIBE_ID = 1
const FAILURE = 0x80
const LATE_ANSWERS = 0.03
/** Between what was there and the moment that a replay begins with: a record of the same millisecond belongs to it. */
const MARGIN_MS = 5
const NEVER = Number.POSITIVE_INFINITY

/** Where a replay begins, and what follows from it for what is given. */
interface Beginning {
  /** What the client writes. */
  readonly from: string
  /** In every partition from here on; null where a time decides. */
  readonly offset: number | null
  /** By partition: what lies below was written before the beginning. */
  readonly before: readonly number[]
  /** Simulated milliseconds, as long as no clock jumps: what is sent from then on belongs to it; relative to SUBACK where negative. */
  readonly fromMs: number
}

/**
 * A client that replays a topic and stays: history first, then what comes, without gap or repeat, over reconnects, takeovers and crashes.
 * Then it forgets everything and replays from elsewhere.
 */
export class Replayer {
  readonly #world: World
  readonly #model: LogModel
  readonly #options: ReplayerOptions
  readonly #receiving: Receiving
  #life = new SessionLife()
  #beginning: Beginning
  #prefix = ''
  #qos: 1 | 2 = 1
  #subscribedAtMs = NEVER
  #disk: DiskWatch
  #connection: MqttConnection | null = null
  #connecting = false
  closed = false

  constructor(world: World, model: LogModel, options: ReplayerOptions) {
    this.#world = world
    this.#model = model
    this.#options = options
    this.#receiving = new Receiving(world, options.name, LATE_ANSWERS)
    this.#disk = new DiskWatch(world)
    this.#beginning = this.#choose()
  }

  /** The first message of the replay that was not given; null where there is none. */
  missing(): string | null {
    if (this.#subscribedAtMs === NEVER) return 'SUBACK'
    for (const sent of this.#due())
      if (sent.guarantee !== 'at-most-once' && !this.#life.has(sent)) return `${sent.value} of a replay from ${this.#beginning.from}`
    return null
  }

  async run(): Promise<void> {
    const world = this.#world
    const { random } = world
    while (!this.closed) {
      if (this.#connection === null || this.#connection.closed) await this.#connect()
      await world.sleep(random.below(300))
      if (world.stopping) continue
      if (random.chance(0.02)) this.#connection?.drop()
      if (random.chance(0.01)) void this.#connect()
      if (random.chance(0.01)) {
        this.#connection?.leave()
        await world.sleep(random.below(3_000))
      }
      if (random.chance(0.03)) {
        this.#connection?.drop()
        this.#subscribedAtMs = NEVER
      }
    }
    this.#connection?.leave()
  }

  async #connect(): Promise<void> {
    const world = this.#world
    const { random } = world
    if (this.#connecting) return
    this.#connecting = true
    const { name, topic } = this.#options
    await world.sleep(random.below(200))
    // Before its SUBACK a replay may have begun or not: it begins anew.
    const isNew = this.#subscribedAtMs === NEVER
    const level = isNew || this.#prefix === '' ? 5 : random.pick([4, 5] as const)
    const receiveMaximum = random.pick([1, 4, 50])
    const connection = await MqttConnection.open(world, {
      clientId: name,
      level,
      cleanStart: isNew,
      sessionExpiryS: LONG_S,
      keepAliveS: 10,
      receiveMaximum,
      will: null,
    })
    this.#connecting = false
    if (connection === null) return
    this.#connection = connection
    this.#receiving.connected(connection, receiveMaximum)
    if (connection.connack.sessionPresent === isNew) world.violate(`${name} asked for ${isNew ? 'a new' : 'its'} session and got another`)
    if (isNew) this.#life = new SessionLife()
    this.#life.connected()
    connection.listen(
      (packet) => {
        if (connection === this.#connection) this.#receive(connection, packet)
      },
      () => {},
    )
    if (!isNew) {
      // Meanwhile it forgot everything: this was the old session's.
      if (this.#subscribedAtMs === NEVER) connection.drop()
      return
    }
    this.#beginning = this.#choose()
    this.#qos = random.pick([1, 2] as const)
    const { from } = this.#beginning
    this.#prefix = random.chance(0.5) ? `$replay/${from}/` : ''
    this.#disk = new DiskWatch(world)
    this.#life.request({ filter: `${topic}/#`, qos: this.#qos, id: null, noLocal: false }, world.time.nowMs)
    world.trace('subscribe', `${name} from ${from} qos ${this.#qos}`)
    connection.subscribe(SUBSCRIBE_ID, `${this.#prefix}${topic}/#`, this.#qos, this.#prefix === '' ? { from } : {})
  }

  #choose(): Beginning {
    const { random, time } = this.#world
    const { topic, partitions } = this.#options
    const ends = Array.from({ length: partitions }, (_, index) => this.#model.of(topic, index).durableEnd)
    switch (random.pick(['earliest', 'offset', 'time', 'ago'] as const)) {
      case 'earliest':
        return { from: 'earliest', offset: 0, before: [], fromMs: 0 }
      case 'offset': {
        const offset = random.below(Math.max(...ends) + 3)
        // A point beyond the end means the end.
        return { from: String(offset), offset, before: ends.map((end) => Math.min(end, offset)), fromMs: 0 }
      }
      case 'time':
        return { from: new Date(time.wallMs + MARGIN_MS).toISOString(), offset: null, before: ends, fromMs: time.nowMs + MARGIN_MS + 1 }
      case 'ago': {
        const agoMs = random.between(1, 20_000)
        return { from: `-${agoMs}ms`, offset: null, before: [], fromMs: -agoMs }
      }
    }
  }

  #receive(connection: MqttConnection, packet: Packet): void {
    const world = this.#world
    if (packet.type === 'SUBACK') {
      if ((packet.reasons[0] ?? FAILURE) >= FAILURE) {
        if (!this.#disk.failed) world.violate(`${this.#options.name}: a replay from ${this.#beginning.from} was refused with ${packet.reasons[0]}`)
        connection.drop()
        return
      }
      this.#subscribedAtMs = world.time.nowMs
      world.count('replays')
      return
    }
    const message = this.#receiving.take(connection, packet)
    if (message !== null) this.#deliver(message)
  }

  #deliver(packet: PublishPacket): void {
    const world = this.#world
    const { name } = this.#options
    const value = identityOf(packet.payload)
    const sent = this.#model.sent.get(value)
    world.count('replayed')
    world.trace('replayed', `${name} ${value} qos ${packet.qos} id ${packet.packetId}${packet.dup ? ' dup' : ''}`)
    if (sent === undefined || packet.topic !== `${this.#prefix}${sent.mqttTopic}`) {
      world.violate(`${name} was given ${value} as ${packet.topic}, which nobody published`)
      return
    }
    const wrong =
      this.#life.deliver(sent, { qos: packet.qos, ids: [], dup: packet.dup, isOwn: false, nowMs: world.time.nowMs, inOrder: world.diskFaults === 0 }) ??
      this.#tooEarly(sent)
    if (wrong !== null) world.violate(`${name}, from ${this.#beginning.from}, was given ${value}, which ${wrong}`)
  }

  /** What is known to lie before the beginning must not come. A message sent again may lie on both sides of it. */
  #tooEarly(sent: Sent): string | null {
    const { topic, partitions } = this.#options
    const { offset: begin, before } = this.#beginning
    if (sent.sends > 1 || (begin === null && this.#clockJumped)) return null
    for (let index = 0; index < partitions; index++) {
      const { values } = this.#model.of(topic, index)
      const first = before[index] ?? 0
      for (const [offset, known] of values) if (known === sent.value && offset < first) return `lies at offset ${offset}, before ${first}`
    }
    return null
  }

  *#due(): Iterable<Sent> {
    const { topic, partitions } = this.#options
    const { offset: begin, fromMs } = this.#beginning
    const sinceMs = fromMs < 0 ? this.#subscribedAtMs + fromMs : fromMs
    if (begin === 0 || (begin === null && !this.#clockJumped)) {
      for (const sent of this.#model.sent.values()) {
        if (sent.topic === topic && sent.acknowledged && sent.durable && (begin === 0 || sent.atMs >= Math.max(sinceMs, 0))) yield sent
      }
    }
    if (begin === null) return
    for (let index = 0; index < partitions; index++) {
      const { values, durableEnd } = this.#model.of(topic, index)
      for (const [offset, value] of values) {
        const sent = offset >= begin && offset < durableEnd ? this.#model.sent.get(value) : undefined
        if (sent !== undefined) yield sent
      }
    }
  }

  get #clockJumped(): boolean {
    return this.#world.counts.has('clock jumps')
  }
}
