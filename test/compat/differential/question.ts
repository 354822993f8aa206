import type { Shape } from '../../../src/kafka/wire/fields.ts'
import type { Input, Message } from '../../../src/kafka/wire/message.ts'
import { RawClient } from '../../kafka/lib/raw-client.ts'

/** One question, put to a real Kafka and to Elytra; what it gives is compared as JSON. */
export interface Question {
  /** Unique; says what is asked. */
  readonly name: string
  ask(peer: Peer): Promise<unknown>
  /** Why the two answer differently, on purpose; also in docs/internals/kafka-server.md. */
  readonly difference?: string
}

/** A broker that is asked. */
export class Peer {
  readonly #address: { readonly host: string; readonly port: number }
  #names = 0

  constructor(address: { readonly host: string; readonly port: number }) {
    this.#address = address
  }

  /** A connection of its own, for questions that take several requests; `await using`. */
  connect(): Promise<RawClient> {
    return RawClient.connect(this.#address)
  }

  /** One request on a connection of its own; `closed` where the broker gave none but closed it. */
  async ask<Q extends Shape, R extends Shape>(messages: readonly [Message<Q>, Message<R>], version: number, value: Input<Message<Q>>) {
    await using client = await this.connect()
    // Awaited here: the connection ends with this block.
    return await client.ask(messages, version, value)
  }

  /** As `ask`, stripped for comparison. */
  async plain<Q extends Shape, R extends Shape>(messages: readonly [Message<Q>, Message<R>], version: number, value: Input<Message<Q>>): Promise<unknown> {
    return this.ask(messages, version, value).then(stripped, () => 'closed')
  }

  /** A name that nobody used: the same on both brokers. */
  name(stem: string): string {
    this.#names += 1
    return `${stem}-${this.#names}-${RUN}`
  }

  /** From here on both give the same names again, also when a question ended early at one of them. */
  static alignNames(left: Peer, right: Peer): void {
    const names = Math.max(left.#names, right.#names)
    left.#names = names
    right.#names = names
  }
}

/** A Kafka that goes on running meets new names each time. */
const RUN = process.env.DIFFERENTIAL_RUN ?? `${process.pid}`

/** What differs between any two brokers, and texts for people. */
const VOLATILE: ReadonlySet<string> = new Set(['errorMessage', 'throttleTimeMs', 'host', 'port', 'clusterId', 'topicId', 'nodeEndpoints'])

/** A value without what differs between any two brokers; bytes as hex. */
export function stripped(value: unknown): unknown {
  if (value instanceof Uint8Array) return Buffer.from(value).toString('hex')
  if (Array.isArray(value)) return value.map(stripped)
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value)
      .filter(([name, field]) => !VOLATILE.has(name) && field !== undefined)
      .map(([name, field]) => [name, stripped(field)]),
  )
}
