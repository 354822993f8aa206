import type { Packet, PublishPacket } from '../../../src/mqtt/wire/packets.ts'
import { DiskWatch } from '../disk-watch.ts'
import { MqttConnection } from '../mqtt-client.ts'
import type { World } from '../world.ts'
import { identityOf } from './kafka-producers.ts'
import { type Entry, leftBetween, type Moment, momentOf, type OptionHistory, wrongExpiry } from './option-history.ts'

/** Until what is retained has come, where nothing goes wrong. */
const RETAINED_WITHIN_MS = 6_000
const LOOK_EVERY_MS = 100
const FAILURE = 0x80

/** One SUBSCRIBE, from its sending on; each has an identifier of its own. */
interface Asked {
  readonly filter: string
  readonly id: number
  readonly qos: 0 | 1 | 2
  readonly retainAsPublished: boolean
  readonly retainHandling: 0 | 1 | 2
  /** The filter was subscribed to before. */
  readonly isAgain: boolean
  readonly begun: Moment
  /** When the first SUBSCRIBE of this filter left: what is older can come only as a retained message. */
  readonly firstAtMs: number
  readonly disk: DiskWatch
  /** What is retained and must come, by MQTT topic. */
  readonly due: ReadonlyMap<string, Entry>
  done: Moment | null
  /** Numbers that came as retained messages, by MQTT topic. */
  readonly retained: Map<string, number>
  /** MQTT topics something came from. */
  readonly heard: Set<string>
}

/** A client that subscribes with every option there is, and judges what it is given for it. */
export class OptionAsker {
  readonly #world: World
  readonly #history: OptionHistory
  readonly #name: string
  readonly #filters: readonly string[]
  #connection: MqttConnection | null = null
  #asked: Asked[] = []
  #nextId = 1
  #lagUntilMs = 0

  constructor(world: World, history: OptionHistory, name: string, filters: readonly string[]) {
    this.#world = world
    this.#history = history
    this.#name = name
    this.#filters = filters
  }

  async run(): Promise<void> {
    const world = this.#world
    while (!world.stopping) {
      await this.#live()
      await world.sleep(world.random.below(2_000))
    }
  }

  /** One connection: subscribes a few times, listens, and goes. Answers whether it was there to its end. */
  async #live(): Promise<boolean> {
    const world = this.#world
    const { random } = world
    const openedAtMs = world.time.nowMs
    const asked = { clientId: this.#name, level: 5 as const, cleanStart: true, sessionExpiryS: 0, keepAliveS: 10, will: null }
    const connection = await MqttConnection.open(world, { ...asked, receiveMaximum: random.pick([1, 3, 50]) })
    if (connection === null) return false
    this.#asked = []
    this.#connection = connection
    connection.listen(
      (packet) => {
        if (connection === this.#connection) this.#receive(connection, packet)
      },
      () => {},
    )
    for (let i = random.below(4); i >= 0 && !connection.closed; i--) {
      const last = this.#asked.at(-1)?.filter
      this.#subscribe(connection, last !== undefined && random.chance(0.4) ? last : random.pick(this.#filters))
      await world.sleep(random.below(random.pick([20, 1_500])))
    }
    await this.#untilAllCame(connection, openedAtMs)
    if (connection.closed) return false
    connection.leave()
    return true
  }

  #subscribe(connection: MqttConnection, filter: string): void {
    const world = this.#world
    const { random } = world
    const id = this.#nextId++
    const options = { retainAsPublished: random.chance(0.5), retainHandling: random.pick([0, 1, 2] as const), id }
    const first = this.#asked.find((other) => other.filter === filter)
    const begun = momentOf(world)
    const isDue = options.retainHandling === 0 || (options.retainHandling === 1 && first === undefined)
    const qos = random.pick([0, 1, 2] as const)
    world.trace('subscribe', `${this.#name} ${filter} qos ${qos} ${JSON.stringify(options)}`)
    this.#asked.push({
      ...options,
      filter,
      qos,
      isAgain: first !== undefined,
      begun,
      firstAtMs: first?.begun.atMs ?? begun.atMs,
      disk: new DiskWatch(world),
      due: isDue ? this.#dueNow(filter, begun.atMs) : new Map(),
      done: null,
      retained: new Map(),
      heard: new Set(),
    })
    connection.subscribe(id, filter, qos, options)
  }

  /** What is surely retained, and stays so for as long as this looks. */
  #dueNow(filter: string, atMs: number): Map<string, Entry> {
    const due = new Map<string, Entry>()
    for (const topic of this.#history.topics) {
      const entry = this.#history.retainedBefore(topic, atMs)
      if (!matches(filter, topic) || entry === null || entry.clears || this.#history.isPending(topic)) continue
      if (entry.expiryS === null) due.set(topic, entry)
    }
    return due
  }

  async #untilAllCame(connection: MqttConnection, openedAtMs: number): Promise<void> {
    const world = this.#world
    const untilMs = world.time.nowMs + RETAINED_WITHIN_MS
    for (;;) {
      const missing = this.#missing()
      if (missing === null || connection.closed) return
      if (world.time.nowMs > untilMs) {
        if (world.calmSinceMs < openedAtMs) world.violate(`${this.#name} ${missing} within ${RETAINED_WITHIN_MS / 1000} s, and nothing went wrong meanwhile`)
        return
      }
      await world.sleep(LOOK_EVERY_MS)
    }
  }

  #missing(): string | null {
    for (const { done, due, heard, filter, id, disk } of this.#asked) {
      if (disk.failed) continue
      if (done === null) return `was not answered on SUBSCRIBE ${id}`
      // Another retained message in its place is given as it comes.
      for (const [topic, { sent }] of due) if (!heard.has(topic)) return `was not given ${sent.value}, retained, on subscribing to ${filter} (identifier ${id})`
    }
    return null
  }

  #receive(connection: MqttConnection, packet: Packet): void {
    if (packet.type === 'SUBACK') this.#answered(packet.packetId, packet.reasons[0] ?? FAILURE)
    else if (packet.type === 'PUBREL') connection.acknowledge('PUBCOMP', packet.packetId)
    else if (packet.type === 'PUBLISH') {
      if (packet.qos > 0) this.#acknowledge(connection, packet)
      const wrong = this.#judge(packet)
      if (wrong !== null) this.#world.violate(`${this.#name} was given ${identityOf(packet.payload)} of ${packet.topic} ${wrong}`)
    }
  }

  /** In the order of the messages [MQTT-4.6.0-2], now and then late: what is retained waits then, and subscriptions change meanwhile. */
  #acknowledge(connection: MqttConnection, { qos, packetId }: PublishPacket): void {
    const { time, random } = this.#world
    this.#lagUntilMs = Math.max(this.#lagUntilMs, time.nowMs + (random.chance(0.2) ? random.below(600) : 0))
    time.after(this.#lagUntilMs - time.nowMs, null, () => connection.acknowledge(qos === 1 ? 'PUBACK' : 'PUBREC', packetId))
  }

  #answered(id: number, reason: number): void {
    const asked = this.#asked.find((other) => other.id === id)
    if (asked === undefined) return
    if (reason >= FAILURE && !asked.disk.failed) this.#world.violate(`${this.#name}: SUBSCRIBE was refused with ${reason}`)
    asked.done = momentOf(this.#world)
  }

  #judge(packet: PublishPacket): string | null {
    const { topic, subscriptionIdentifiers: ids, retain, qos } = packet
    const [asked] = this.#asked.filter(({ id }) => id === ids[0])
    if (ids.length !== 1 || asked === undefined) return `with the identifiers ${ids.join(', ')}, which it never gave`
    if (!matches(asked.filter, topic)) return `for ${asked.filter}, which does not match`
    // The subscriptions of this filter from this one on: which of them a message was sent for is told by the newest that the broker had then.
    asked.heard.add(topic)
    for (const other of this.#asked) if (other.filter === asked.filter && other.id < asked.id) other.heard.add(topic)
    if (packet.payload.length === 0) return retain && !asked.retainAsPublished ? 'empty, as a retained message' : null
    const entry = this.#history.get(identityOf(packet.payload))
    if (entry === undefined || entry.mqttTopic !== topic) return 'which nobody published there'
    if (qos !== Math.min(asked.qos, entry.qos)) return `with QoS ${qos}, it was published with ${entry.qos} and subscribed to with ${asked.qos}`
    const now = momentOf(this.#world)
    const expiry = wrongExpiry(entry, packet.properties?.messageExpiryS, asked.firstAtMs > entry.begun.atMs ? asked.begun : entry.begun, now)
    if (expiry !== null) return `with ${expiry}`
    const isOlder = entry.done !== null && entry.done.atMs < asked.firstAtMs
    // With a full disk what is in the journal may wait for room before it is given to anybody.
    if (isOlder && entry.disk.failed) return null
    if (isOlder) return this.#judgeRetained(asked, entry, packet)
    const isLive = asked.done !== null && entry.begun.atMs > asked.done.atMs
    if (isLive && retain !== (asked.retainAsPublished && entry.retain)) {
      return `with RETAIN ${Number(retain)}, it was published with ${Number(entry.retain)} and subscribed to ${asked.retainAsPublished ? 'as published' : 'without'}`
    }
    this.#world.count(isLive ? 'given live' : 'given while subscribing')
    return null
  }

  /** Something that can have come only because it is retained. */
  #judgeRetained(asked: Asked, entry: Entry, { topic, retain }: PublishPacket): string | null {
    const { retainHandling, isAgain, begun, filter } = asked
    this.#world.count(`given as retained, handling ${retainHandling}`)
    if (!retain) return 'without RETAIN, it was published before the subscription [MQTT-3.3.1-8]'
    if (!entry.retain) return 'as a retained message, which it is not'
    const last = this.#history.retainedBefore(topic, begun.atMs)
    if (last !== null && last.number > entry.number) return `as a retained message, number ${last.number} was acknowledged before`
    const repeats = this.#asked.filter((other) => other.filter === filter && other.begun.atMs <= begun.atMs)
    // A subscription that takes the place of another goes on with what that had not given yet.
    if (!repeats.some((other) => sends(other)))
      return `as a retained message, retain handling is ${retainHandling}${isAgain ? ' and the subscription is not new' : ''}`
    const before = asked.retained.get(topic)
    if (before !== undefined) return `as a retained message, after number ${before}`
    asked.retained.set(topic, entry.number)
    return null
  }
}

function sends({ retainHandling, isAgain }: Asked): boolean {
  return retainHandling === 0 || (retainHandling === 1 && !isAgain)
}

/** Filters here are a topic, or `prefix/#`. */
function matches(filter: string, topic: string): boolean {
  return filter.endsWith('/#') ? `${topic}/`.startsWith(filter.slice(0, -1)) : filter === topic
}

/** What a new subscriber of `filter`, which matches all topics, is given at the end is exactly what is retained. */
export async function verifyRetained(world: World, history: OptionHistory, filter: string): Promise<void> {
  const begun = momentOf(world)
  const connect = { clientId: 'option-last', level: 5 as const, cleanStart: true, sessionExpiryS: 0, keepAliveS: 10, will: null }
  const connection = await MqttConnection.open(world, connect)
  if (connection === null) {
    world.violate('at the end, nobody could subscribe')
    return
  }
  const found = new Map<string, string>()
  connection.listen(
    (packet) => {
      if (packet.type !== 'PUBLISH') return
      if (packet.qos === 1) connection.acknowledge('PUBACK', packet.packetId)
      found.set(packet.topic, identityOf(packet.payload))
    },
    () => {},
  )
  connection.subscribe(1, filter, 1)
  await world.sleep(LAST_LISTEN_MS)
  connection.leave()
  const now = momentOf(world)
  for (const topic of history.topics) {
    const last = history.retainedBefore(topic, Number.POSITIVE_INFINITY)
    const got = found.get(topic)
    const left = last === null ? null : leftBetween(last, begun, now)
    if (last === null || last.clears || left?.most === 0) {
      if (got !== undefined)
        world.violate(`${topic}: ${got} is retained at the end, the last one is ${last === null ? 'none' : last.clears ? 'cleared' : 'expired'}`)
    } else if (got !== last.sent.value && (got !== undefined || last.expiryS === null || isFresh(world, last))) {
      world.violate(`${topic}: ${got ?? 'nothing'} is retained at the end, the last one was ${last.sent.value}`)
    }
  }
}

const LAST_LISTEN_MS = 6_000

/** No clock that ever was has shown a time at which it is over. */
export function isFresh(world: World, { begun, done, expiryS }: Entry): boolean {
  return expiryS === null || (begun.jumps === done?.jumps && begun.wallMs + expiryS * 1000 > world.time.highestWallMs)
}
