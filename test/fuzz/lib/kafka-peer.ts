import { FrameReader } from '../../../src/kafka/frame-reader.ts'
import type { InOfShape, OutOfShape, Shape } from '../../../src/kafka/wire/fields.ts'
import { decodeResponse, encodeRequest } from '../../../src/kafka/wire/frame.ts'
import type { Message } from '../../../src/kafka/wire/message.ts'
import type { StreamSocket } from '../../../src/runtime/network.ts'
import { type BrokerStage, KAFKA } from './broker-stage.ts'

const MAX_ANSWER_BYTES = 64 * 1_048_576

/** A Kafka client that sends what it is told, and keeps what it sent. */
export class KafkaPeer {
  readonly sent: Buffer[] = []
  closed = false
  readonly #stage: BrokerStage
  #socket: StreamSocket
  readonly #waiting: ((frame: Buffer | null) => void)[] = []
  #correlationId = 0

  private constructor(stage: BrokerStage, socket: StreamSocket) {
    this.#stage = stage
    this.#socket = socket
    this.#start(socket)
  }

  static async open(stage: BrokerStage): Promise<KafkaPeer> {
    return new KafkaPeer(stage, await stage.connect(KAFKA))
  }

  /** Connects again where the broker closed the connection. */
  async reopen(): Promise<void> {
    if (!this.closed) return
    this.#socket = await this.#stage.connect(KAFKA)
    this.closed = false
    this.#start(this.#socket)
  }

  #start(socket: StreamSocket): void {
    const reader = new FrameReader(MAX_ANSWER_BYTES)
    socket.start({
      onData: (chunk) => reader.push(chunk, (frame) => this.#waiting.shift()?.(frame)),
      onDrain: () => {},
      onClose: () => {
        this.closed = true
        for (const wake of this.#waiting.splice(0)) wake(null)
      },
    })
  }

  /** The answer; throws where the broker closed instead. */
  async ask<Q extends Shape, R extends Shape>(request: Message<Q>, response: Message<R>, version: number, value: InOfShape<Q>): Promise<OutOfShape<R>> {
    if (this.closed) throw new Error(`the broker closed the connection before ${request.name} ${version}`)
    const answered = new Promise<Buffer | null>((resolve) => this.#waiting.push(resolve))
    this.tell(request, version, value)
    const frame = await this.#stage.wait(answered)
    if (frame === null) throw new Error(`the broker closed the connection after ${request.name} ${version}`)
    return decodeResponse(response, version, frame).value
  }

  /** Sends and waits for nothing. */
  tell<Q extends Shape>(request: Message<Q>, version: number, value: InOfShape<Q>): void {
    this.write(Buffer.concat(encodeRequest(request, version, { correlationId: this.#correlationId++, clientId: 'fuzz' }, value)))
  }

  write(bytes: Buffer): void {
    this.sent.push(bytes)
    if (!this.closed) this.#socket.write([bytes])
  }

  close(): void {
    this.#socket.destroy()
    this.closed = true
  }
}
