import type { Failure } from '../errors.ts'

type OnReceived = (failed: Failure | null) => void

/** One QoS 2 message of the client. */
export interface IncomingExchange {
  /** Whether the message is durable; null waiters then. */
  durable: boolean
  /** PUBREL came, and the end of the exchange is on its way to disk. */
  releasing: boolean
  readonly waiting: OnReceived[]
}

/** After so many new exchanges a client has repeated what it had to. */
const MAX_RECOVERY_IDS = 1000

/**
 * Packet ids of QoS 2 messages the client sent and did not release: a repeated PUBLISH with one of them is not published
 * again [MQTT-4.3.3-10]. They outlive the connection with the session, and a restart.
 */
export class Incoming {
  readonly #exchanges = new Map<number, IncomingExchange>()
  /** On a connection that resumed the session: ids the client began since; null where it began many, or the session is new. */
  #begun: Set<number> | null = null

  get size(): number {
    return this.#exchanges.size
  }

  /** Every id that a state record may name. */
  allPacketIds(): Iterable<number> {
    return this.#exchanges.keys()
  }

  /** The ids that state records appended so far say are known. */
  *packetIds(): Iterable<number> {
    for (const [packetId, { releasing }] of this.#exchanges) if (!releasing) yield packetId
  }

  /** A connection begins. `resumed`: with a session from before. */
  attach(resumed: boolean): void {
    this.#begun = resumed ? new Set() : null
  }

  /** After a restart. */
  restore(packetId: number): void {
    this.#exchanges.set(packetId, { durable: true, releasing: false, waiting: [] })
  }

  /** True where the id is new and its message is to be published; `durable` or `failed` follows. Else `onReceived` is called by and by. */
  begin(packetId: number): boolean {
    if (this.#exchanges.has(packetId)) return false
    this.#begun?.add(packetId)
    if (this.#begun !== null && this.#begun.size > MAX_RECOVERY_IDS) this.#begun = null
    this.#exchanges.set(packetId, { durable: false, releasing: false, waiting: [] })
    return true
  }

  /** True where the message of a known id is durable; else `onReceived` is called when it is, or failed. */
  whenDurable(packetId: number, onReceived: OnReceived): boolean {
    const exchange = this.#exchanges.get(packetId)
    if (exchange === undefined || exchange.durable) return true
    exchange.waiting.push(onReceived)
    return false
  }

  /** The outcome of the message; a failure ends the exchange. */
  settle(packetId: number, failed: Failure | null): void {
    const exchange = this.#exchanges.get(packetId)
    if (exchange === undefined) return
    exchange.durable = true
    if (failed !== null) this.#exchanges.delete(packetId)
    for (const onReceived of exchange.waiting.splice(0)) onReceived(failed)
  }

  /** The exchange of a packet id that waits for its PUBREL. */
  get(packetId: number): IncomingExchange | undefined {
    return this.#exchanges.get(packetId)
  }

  /** The release is durable: the packet id is free, unless it is another exchange's by now. */
  release(packetId: number, exchange: IncomingExchange): void {
    if (this.#exchanges.get(packetId) === exchange) this.#exchanges.delete(packetId)
  }

  /**
   * Whether the PUBREL of an unknown id repeats one whose PUBCOMP was lost with the former connection: no error then
   * (MQTT 5.0, 3.7.2.1).
   */
  isRecovered(packetId: number): boolean {
    return this.#begun !== null && !this.#begun.has(packetId)
  }
}
