import { DiskWatch } from '../disk-watch.ts'
import type { LogModel, Sent } from '../log-model.ts'
import type { World } from '../world.ts'

/** What a message was published with. */
export interface Wrapping {
  readonly retain: boolean
  /** With RETAIN and no payload: what is retained goes. */
  readonly clears: boolean
  readonly expiryS: number | null
  readonly qos: 1 | 2
}

/** A moment by both clocks. */
export interface Moment {
  readonly atMs: number
  readonly wallMs: number
  /** How often clocks had jumped: what lies between two moments is known only where that is the same. */
  readonly jumps: number
}

/** One message of an MQTT topic that one client alone writes, one after the other. */
export interface Entry extends Wrapping {
  readonly sent: Sent
  readonly number: number
  readonly mqttTopic: string
  /** The name of its writer. */
  readonly writer: string
  readonly begun: Moment
  /** From then on. */
  readonly disk: DiskWatch
  /** Null until it was acknowledged. */
  done: Moment | null
}

/** Rounding of moments to milliseconds, on both sides. */
const SLACK_MS = 2

export function momentOf(world: World): Moment {
  return { atMs: world.time.nowMs, wallMs: world.time.wallMs, jumps: world.counts.get('clock jumps') ?? 0 }
}

/** Everything that was published to some MQTT topics, and what follows for those who subscribe to them. */
export class OptionHistory {
  readonly #world: World
  readonly #model: LogModel
  readonly #entries = new Map<string, Entry>()
  readonly #byTopic = new Map<string, Entry[]>()

  constructor(world: World, model: LogModel) {
    this.#world = world
    this.#model = model
  }

  get entries(): Iterable<Entry> {
    return this.#entries.values()
  }

  get topics(): Iterable<string> {
    return this.#byTopic.keys()
  }

  get(value: string): Entry | undefined {
    return this.#entries.get(value)
  }

  publish(writer: string, topic: string, mqttTopic: string, wrapping: Wrapping): Entry {
    const entries = this.#byTopic.get(mqttTopic) ?? []
    this.#byTopic.set(mqttTopic, entries)
    const number = entries.length
    const value = `${writer}.${number}`
    const sent = this.#model.send({ value, topic, sender: writer, number, guarantee: 'at-least-once', durable: !wrapping.clears })
    const entry = { ...wrapping, sent, number, mqttTopic, writer, begun: momentOf(this.#world), disk: new DiskWatch(this.#world), done: null }
    entries.push(entry)
    this.#entries.set(value, entry)
    return entry
  }

  /** Of those of a topic that were acknowledged before a moment, the last one with RETAIN; null where there is none. */
  retainedBefore(mqttTopic: string, atMs: number): Entry | null {
    return this.#byTopic.get(mqttTopic)?.findLast(({ retain, done }) => retain && done !== null && done.atMs < atMs) ?? null
  }

  /** Whether a message of the topic is on its way. */
  isPending(mqttTopic: string): boolean {
    return this.#byTopic.get(mqttTopic)?.at(-1)?.done === null
  }
}

/**
 * How many seconds a message may have left when it leaves the broker between two moments [MQTT-3.3.2-6]; most: 0 where it must not be sent
 * any more. Null where clocks jumped in between, or it has no expiry.
 */
export function leftBetween({ expiryS, begun, done }: Entry, from: Moment, to: Moment): { readonly least: number; readonly most: number } | null {
  if (expiryS === null || done === null || begun.jumps !== done.jumps || from.jumps !== to.jumps) return null
  const least = Math.ceil((begun.wallMs + expiryS * 1000 - to.wallMs - SLACK_MS) / 1000)
  const most = Math.ceil((done.wallMs + expiryS * 1000 - from.wallMs + SLACK_MS) / 1000)
  return { least: Math.min(expiryS, Math.max(1, least)), most: Math.min(expiryS, Math.max(0, most)) }
}

/** What is wrong with the expiry that a packet carries, in words; it left between two moments. */
export function wrongExpiry(entry: Entry, gotS: number | undefined, from: Moment, to: Moment): string | null {
  const { expiryS } = entry
  if (expiryS === null) return gotS === undefined ? null : `an expiry of ${gotS} s, it was published without`
  if (gotS === undefined || gotS < 1 || gotS > expiryS) return `an expiry of ${gotS} s, it was published with ${expiryS}`
  const left = leftBetween(entry, from, to)
  if (left === null) return null
  if (left.most === 0) return `${gotS} s to live, its ${expiryS} s were over`
  return gotS < left.least || gotS > left.most ? `an expiry of ${gotS} s, between ${left.least} and ${left.most} are left of ${expiryS}` : null
}
