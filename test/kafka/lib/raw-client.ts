import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { FrameReader } from '../../../src/kafka/frame-reader.ts'
import type { InOfShape, OutOfShape, Shape } from '../../../src/kafka/wire/fields.ts'
import { decodeResponse, encodeRequest } from '../../../src/kafka/wire/frame.ts'
import type { Message } from '../../../src/kafka/wire/message.ts'
import type { HostPort } from '../../../src/runtime/network.ts'

const MAX_ANSWER_BYTES = 200_000_000

/** A Kafka client that does exactly what a test tells it: frames out, frames in. */
export class RawClient implements AsyncDisposable {
  readonly socket: Socket
  readonly closed: Promise<void>
  readonly #frames: Buffer[] = []
  readonly #waiting: ((frame: Buffer | null) => void)[] = []
  #correlationId = 100
  #isClosed = false

  constructor(socket: Socket) {
    this.socket = socket
    const reader = new FrameReader(MAX_ANSWER_BYTES)
    socket.on('data', (chunk: Buffer) => reader.push(chunk, (frame) => this.#arrived(frame)))
    socket.on('error', () => {})
    this.closed = new Promise((resolve) => {
      socket.on('close', () => {
        this.#isClosed = true
        for (const wake of this.#waiting.splice(0)) wake(null)
        resolve()
      })
    })
  }

  static async connect({ host, port }: HostPort): Promise<RawClient> {
    const socket = connect({ host, port, noDelay: true })
    await once(socket, 'connect')
    return new RawClient(socket)
  }

  /** Sends a request and does not wait; gives its correlation id. */
  send<S extends Shape>(request: Message<S>, version: number, value: InOfShape<S>, clientId: string | null = 'raw'): number {
    const correlationId = this.#correlationId++
    this.sendBytes(Buffer.concat(encodeRequest(request, version, { correlationId, clientId }, value)))
    return correlationId
  }

  sendBytes(bytes: Uint8Array): void {
    this.socket.write(bytes)
  }

  /** The next frame, without its size; null where the broker closed the connection instead. */
  nextFrame(): Promise<Buffer | null> {
    const frame = this.#frames.shift()
    if (frame !== undefined) return Promise.resolve(frame)
    if (this.#isClosed) return Promise.resolve(null)
    return new Promise((resolve) => this.#waiting.push(resolve))
  }

  /** The next answer; throws where the connection closed. */
  async answer<S extends Shape>(response: Message<S>, version: number): Promise<{ readonly correlationId: number; readonly value: OutOfShape<S> }> {
    const frame = await this.nextFrame()
    if (frame === null) throw new Error('the broker closed the connection')
    return decodeResponse(response, version, frame)
  }

  /** Sends a request and waits for its answer. */
  async ask<Q extends Shape, R extends Shape>(messages: readonly [Message<Q>, Message<R>], version: number, value: InOfShape<Q>): Promise<OutOfShape<R>> {
    this.send(messages[0], version, value)
    return (await this.answer(messages[1], version)).value
  }

  /** Frames that arrived and nobody asked for. */
  get unread(): number {
    return this.#frames.length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.socket.destroy()
    await this.closed
  }

  #arrived(frame: Buffer): void {
    const wake = this.#waiting.shift()
    if (wake === undefined) this.#frames.push(frame)
    else wake(frame)
  }
}
