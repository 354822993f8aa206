import { FrameReader } from '../../src/kafka/frame-reader.ts'
import type { InOfShape, OutOfShape, Shape } from '../../src/kafka/wire/fields.ts'
import { decodeResponse, encodeRequest } from '../../src/kafka/wire/frame.ts'
import type { Message } from '../../src/kafka/wire/message.ts'
import type { Timer } from '../../src/runtime/clock.ts'
import type { StreamSocket } from '../../src/runtime/network.ts'
import { KAFKA } from './addresses.ts'
import type { World } from './world.ts'

const MAX_ANSWER_BYTES = 64 * 1024 * 1024
/** A client gives an answer this long, then the connection. */
const REQUEST_TIMEOUT_MS = 20_000

interface Waiting {
  readonly correlationId: number
  readonly decode: (frame: Buffer) => unknown
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/** The connection is gone; whatever was asked on it may or may not have happened. */
export class Disconnected extends Error {}

/** One Kafka connection of a simulated client: pipelined, answers in order. */
export class KafkaClient {
  readonly #world: World
  readonly #socket: StreamSocket
  readonly #reader = new FrameReader(MAX_ANSWER_BYTES)
  readonly #waiting: Waiting[] = []
  readonly #openedAtMs: number
  readonly #clientId: string
  #correlationId = 0
  #closed = false
  #timeout: Timer | null = null

  private constructor(world: World, socket: StreamSocket, clientId: string) {
    this.#world = world
    this.#clientId = clientId
    this.#socket = socket
    this.#openedAtMs = world.time.nowMs
    socket.start({
      onData: (chunk) => this.#reader.push(chunk, (frame) => this.#answer(frame)),
      onDrain: () => {},
      onClose: () => this.#end(),
    })
  }

  /** Tries until somebody listens; null when the run ends first. */
  static async open(world: World, address = KAFKA, clientId = 'sim'): Promise<KafkaClient> {
    for (;;) {
      try {
        return new KafkaClient(world, await world.clientNetwork.connect(address), clientId)
      } catch {
        await world.sleep(50 + world.random.below(200))
      }
    }
  }

  get closed(): boolean {
    return this.#closed
  }

  /** For faults: the client stops reading, or its connection breaks. */
  get socket(): StreamSocket {
    return this.#socket
  }

  request<Q extends Shape, R extends Shape>(ask: Message<Q>, answer: Message<R>, version: number, value: InOfShape<Q>): Promise<OutOfShape<R>> {
    if (this.#closed) return Promise.reject(new Disconnected())
    const correlationId = this.#correlationId++
    this.#socket.write(encodeRequest(ask, version, { correlationId, clientId: this.#clientId }, value))
    return new Promise((resolve, reject) => {
      this.#waiting.push({ correlationId, resolve, reject, decode: (frame) => decodeResponse(answer, version, frame).value })
      this.#watch()
    })
  }

  /** A request that has no answer. */
  tell<Q extends Shape>(ask: Message<Q>, version: number, value: InOfShape<Q>): void {
    if (!this.#closed) this.#socket.write(encodeRequest(ask, version, { correlationId: this.#correlationId++, clientId: this.#clientId }, value))
  }

  close(): void {
    this.#socket.destroy()
    this.#end()
  }

  #answer(frame: Buffer): void {
    const next = this.#waiting.shift()
    const correlationId = frame.readInt32BE(0)
    if (next === undefined || next.correlationId !== correlationId) {
      this.#world.violate(`an answer with correlation id ${correlationId}, where ${next?.correlationId ?? 'none'} was due`)
      this.close()
      return
    }
    this.#timeout?.cancel()
    this.#timeout = null
    if (this.#waiting.length > 0) this.#watch()
    next.resolve(next.decode(frame) as never)
  }

  #watch(): void {
    this.#timeout ??= this.#world.clients.after(REQUEST_TIMEOUT_MS, () => {
      const world = this.#world
      world.count('requests timed out')
      if (world.calmSinceMs < this.#openedAtMs) world.violate(`a request had no answer within ${REQUEST_TIMEOUT_MS / 1000} s, and nothing went wrong meanwhile`)
      this.close()
    })
  }

  #end(): void {
    if (this.#closed) return
    this.#closed = true
    this.#timeout?.cancel()
    for (const { reject } of this.#waiting.splice(0)) reject(new Disconnected())
  }
}

interface ConnectionsOptions {
  /** Whether it is enough; otherwise when the world stops. */
  readonly ends?: () => boolean
  /** Told of each new connection. */
  readonly opened?: () => void
  readonly clientId?: string
}

/** Calls `once` again and again until it `ends`, on a new connection whenever the last one ended; waits below `pauseMs` after a failure. */
export async function onConnections(
  world: World,
  pauseMs: number,
  once: (client: KafkaClient) => Promise<void>,
  { ends = () => world.stopping, opened, clientId }: ConnectionsOptions = {},
): Promise<void> {
  while (!ends()) {
    const client = await KafkaClient.open(world, KAFKA, clientId)
    opened?.()
    try {
      while (!ends() && !client.closed) await once(client)
    } catch {
      await world.sleep(world.random.below(pauseMs))
    } finally {
      client.close()
    }
  }
}
