import { filterMatches } from '../../../src/broker/sessions/topic-filter.ts'
import type { Sent } from '../log-model.ts'

/** One subscription as the client asked for it, from its SUBSCRIBE until another one or an UNSUBSCRIBE takes its place. Milliseconds of simulated time. */
export interface Version {
  readonly filter: string
  readonly qos: 0 | 1 | 2
  /** Its subscription identifier; null where it has none. */
  readonly id: number | null
  readonly noLocal: boolean
  readonly requestedMs: number
  /** Infinite until the broker said that it holds, or that it is over. */
  acknowledgedMs: number
  endRequestedMs: number
  endAcknowledgedMs: number
}

const NEVER = Number.POSITIVE_INFINITY

/** One life of a session, from the CONNACK that says it is new: what it subscribes to, and what it was given. */
export class SessionLife {
  readonly versions: Version[] = []
  /** By message. */
  readonly #seen = new Set<string>()
  /** How often, by message and subscription identifier: QoS 2 over the whole life, everything else on the connection of now. */
  readonly #exactly = new Map<string, number>()
  #onConnection = new Map<string, number>()
  readonly #last = new Map<string, number>()

  has(sent: Sent): boolean {
    return this.#seen.has(sent.value)
  }

  connected(): void {
    this.#onConnection = new Map()
  }

  /** The client asks for a subscription; one of the same filter ends with it. */
  request(fields: Pick<Version, 'filter' | 'qos' | 'id' | 'noLocal'>, nowMs: number): Version {
    for (const version of this.#open(fields.filter)) version.endRequestedMs = nowMs
    const version = { ...fields, requestedMs: nowMs, acknowledgedMs: NEVER, endRequestedMs: NEVER, endAcknowledgedMs: NEVER }
    this.versions.push(version)
    return version
  }

  acknowledge(version: Version, nowMs: number): void {
    version.acknowledgedMs = nowMs
    for (const other of this.versions) {
      if (other === version || other.filter !== version.filter) continue
      if (other.endRequestedMs <= version.requestedMs) other.endAcknowledgedMs = Math.min(other.endAcknowledgedMs, nowMs)
    }
  }

  /** UNSUBSCRIBE; the answer calls what is answered here. */
  end(filter: string, nowMs: number): (atMs: number) => void {
    const ending = this.#open(filter)
    for (const version of ending) version.endRequestedMs = nowMs
    const older = this.versions.filter((version) => version.filter === filter)
    return (atMs) => {
      for (const version of older) version.endAcknowledgedMs = Math.min(version.endAcknowledgedMs, atMs)
    }
  }

  /** Filters the client believes in. */
  get filters(): string[] {
    return this.versions.filter(({ endRequestedMs }) => endRequestedMs === NEVER).map(({ filter }) => filter)
  }

  /** It is not known whether the broker has this life or another: nothing is due any more. */
  blur(): void {
    for (const version of this.versions) version.acknowledgedMs = NEVER
  }

  /** Whether the session must be given it, once it is acknowledged. */
  isDue(sent: Sent, isOwn: boolean): boolean {
    const { mqttTopic, atMs, durable } = sent
    if (!durable || mqttTopic === null) return false
    return this.versions.some(
      (version) =>
        version.qos > 0 &&
        version.acknowledgedMs < atMs &&
        version.endRequestedMs === NEVER &&
        !(isOwn && version.noLocal) &&
        filterMatches(version.filter, mqttTopic),
    )
  }

  /** It was given one; answers what is wrong with that, in words. */
  deliver(sent: Sent, { qos, ids, dup, isOwn, nowMs, inOrder }: Delivered): string | null {
    const topic = sent.mqttTopic as string
    const published = (['at-most-once', 'at-least-once', 'exactly-once'] as const).indexOf(sent.guarantee)
    const candidates = this.versions.filter(
      (version) =>
        version.requestedMs <= nowMs &&
        version.endAcknowledgedMs >= sent.atMs &&
        !(isOwn && version.noLocal && sent.atMs > version.requestedMs) &&
        filterMatches(version.filter, topic),
    )
    if (candidates.length === 0) return 'matches no subscription'
    if (ids.length > 1) return `has identifiers ${ids.join(', ')}, but each subscription has its own copy`
    const filter = this.versions.find(({ id }) => id !== null && id === ids[0])?.filter
    // What is repeated after a crash carries the identifier that the filter has by then.
    const asked = ids.length === 0 ? candidates : candidates.filter((version) => (dup ? version.filter === filter : version.id === ids[0]))
    if (asked.length === 0) return `has identifier ${ids[0]}, which no matching subscription has`
    if (!asked.some((version) => Math.min(version.qos, published) === qos)) {
      return `came with QoS ${qos}, it was published with ${published} and subscribed with ${asked.map((version) => version.qos).join(', ')}`
    }
    const key = `${sent.value} ${ids[0] ?? ''}`
    const counts = qos === 2 ? this.#exactly : this.#onConnection
    const count = (counts.get(key) ?? 0) + 1
    counts.set(key, count)
    const copies = asked.length * (sent.guarantee === 'at-least-once' ? sent.sends : 1)
    if (count > copies) return `came ${count} times with QoS ${qos} for ${asked.length} subscriptions`
    const isFirst = !this.#seen.has(`${sent.value} ${qos}`)
    this.#seen.add(sent.value)
    this.#seen.add(`${sent.value} ${qos}`)
    if (!isFirst) return null
    // Order is promised per publisher, topic and QoS [MQTT-4.6.0-6]; what is sent again stands behind what followed it the first time.
    const stream = `${sent.sender} ${topic} ${qos} ${ids[0] ?? ''}`
    const before = this.#last.get(stream) ?? -1
    this.#last.set(stream, Math.max(before, sent.number))
    const again = sent.guarantee === 'at-least-once' && sent.sends > 1
    return sent.number < before && inOrder && !again ? `came behind number ${before} of ${sent.sender}` : null
  }

  #open(filter: string): Version[] {
    return this.versions.filter((version) => version.filter === filter && version.endRequestedMs === NEVER)
  }
}

export interface Delivered {
  readonly qos: 0 | 1 | 2
  /** Subscription identifiers of the packet. */
  readonly ids: readonly number[]
  readonly dup: boolean
  /** Whether the client published it itself. */
  readonly isOwn: boolean
  readonly nowMs: number
  /** Nothing happened that excuses another order. */
  readonly inOrder: boolean
}
