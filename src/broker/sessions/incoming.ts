import type { Failure } from '../errors.ts'

type OnReceived = (failed: Failure | null) => void

interface Exchange {
  /** Whether the message is durable; null waiters then. */
  durable: boolean
  readonly waiting: OnReceived[]
}

/**
 * Packet ids of QoS 2 messages the client sent and did not release: a repeated PUBLISH with one of them is not published
 * again [MQTT-4.3.3-10]. They outlive the connection with the session, and a restart.
 */
export class Incoming {
  readonly #exchanges = new Map<number, Exchange>()

  get size(): number {
    return this.#exchanges.size
  }

  packetIds(): Iterable<number> {
    return this.#exchanges.keys()
  }

  /** After a restart. */
  restore(packetId: number): void {
    this.#exchanges.set(packetId, { durable: true, waiting: [] })
  }

  /** True where the id is new and its message is to be published; `durable` or `failed` follows. Else `onReceived` is called by and by. */
  begin(packetId: number): boolean {
    if (this.#exchanges.has(packetId)) return false
    this.#exchanges.set(packetId, { durable: false, waiting: [] })
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

  /** PUBREL; false where the id was not known. */
  release(packetId: number): boolean {
    return this.#exchanges.delete(packetId)
  }
}
