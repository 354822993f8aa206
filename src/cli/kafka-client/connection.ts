import { FrameReader } from '../../kafka/frame-reader.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../kafka/messages/api-versions.ts'
import type { InOfShape, OutOfShape, Shape } from '../../kafka/wire/fields.ts'
import { decodeResponse, encodeRequest } from '../../kafka/wire/frame.ts'
import type { Message } from '../../kafka/wire/message.ts'
import type { HostPort, Network, StreamSocket, TlsClientMaterial } from '../../runtime/network.ts'
import { CommandError } from '../command.ts'

/** The largest answer that is taken. */
const MAX_RESPONSE_BYTES = 256 * 1024 * 1024
const CLIENT_ID = 'elytra-cli'

interface Waiting {
  readonly decode: (frame: Buffer) => unknown
  readonly resolve: (value: never) => void
  readonly reject: (error: Error) => void
}

/** One connection to a Kafka broker: requests are answered in order, each in the newest version both sides know. */
export class KafkaConnection implements AsyncDisposable {
  readonly #socket: StreamSocket
  readonly #reader = new FrameReader(MAX_RESPONSE_BYTES)
  readonly #waiting: Waiting[] = []
  readonly #versions = new Map<number, readonly [first: number, last: number]>()
  #correlationId = 0
  #answers = 0
  #failure: Error | null = null

  private constructor(socket: StreamSocket, address: string) {
    this.#socket = socket
    socket.start({
      onData: (chunk) => this.#onData(chunk),
      onDrain: () => {},
      onClose: (error) => {
        // A broker that has users closes on the first request of somebody it does not know.
        const hint = this.#answers === 1 ? '; if it has users, log in by --user NAME' : ''
        this.#fail(new CommandError(`the broker at ${address} closed the connection${error === null ? '' : `: ${error.message}`}${hint}`))
      },
    })
  }

  /** Connects and asks which versions the broker serves. */
  static async open(network: Network, address: HostPort, tls?: TlsClientMaterial): Promise<KafkaConnection> {
    const where = `${address.host}:${address.port}`
    const socket = await network.connect(address, tls).catch((error: Error) => {
      throw new CommandError(`no Kafka listener answers at ${where} (${error.message}); is the broker running? --broker names another`)
    })
    const connection = new KafkaConnection(socket, where)
    const { errorCode, apiKeys } = await connection.#send(ApiVersionsRequest, ApiVersionsResponse, 0, { clientSoftwareName: '', clientSoftwareVersion: '' })
    if (errorCode !== 0) throw new CommandError(`the broker at ${where} answered ApiVersions with error ${errorCode}`)
    for (const { apiKey, minVersion, maxVersion } of apiKeys) connection.#versions.set(apiKey, [minVersion, maxVersion])
    return connection
  }

  /**
   * Sends a request in the newest version that the broker, the message table and the caller (`newest`) know. Rejects
   * with a `CommandError` where the broker does not serve the API or closes the connection.
   */
  request<Q extends Shape, R extends Shape>(request: Message<Q>, response: Message<R>, value: InOfShape<Q>, newest = Infinity): Promise<OutOfShape<R>> {
    return this.#send(request, response, this.#versionOf(request, newest), value)
  }

  /** The version `request` would use. */
  #versionOf(request: Message, newest: number): number {
    const name = request.name.replace(/Request$/, '')
    const served = this.#versions.get(request.key)
    if (served === undefined) throw new CommandError(`the broker does not serve ${name}`)
    const version = Math.min(newest, served[1], request.versions[1])
    if (version < served[0] || version < request.versions[0]) throw new CommandError(`the broker serves ${name} only in versions ${served.join(' to ')}`)
    return version
  }

  #send<Q extends Shape, R extends Shape>(request: Message<Q>, response: Message<R>, version: number, value: InOfShape<Q>): Promise<OutOfShape<R>> {
    if (this.#failure !== null) return Promise.reject(this.#failure)
    const correlationId = this.#correlationId++
    const decode = (frame: Buffer) => {
      const answer = decodeResponse(response, version, frame)
      if (answer.correlationId !== correlationId) throw new CommandError('the broker answered out of order')
      return answer.value
    }
    this.#socket.write(encodeRequest(request, version, { correlationId, clientId: CLIENT_ID }, value))
    return new Promise((resolve, reject) => this.#waiting.push({ decode, resolve, reject }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.close()
  }

  close(): void {
    this.#fail(new CommandError('the connection was closed'))
    this.#socket.destroy()
  }

  #onData(chunk: Buffer): void {
    try {
      this.#reader.push(chunk, (frame) => this.#onFrame(frame))
    } catch (error) {
      this.#fail(new CommandError(`the broker sent what is no Kafka answer: ${(error as Error).message}`))
      this.#socket.destroy()
    }
  }

  #onFrame(frame: Buffer): void {
    const next = this.#waiting.shift()
    if (next === undefined) throw new CommandError('an answer to no request')
    this.#answers++
    try {
      next.resolve(next.decode(frame) as never)
    } catch (error) {
      next.reject(error as Error)
      throw error
    }
  }

  #fail(error: Error): void {
    this.#failure ??= error
    for (const { reject } of this.#waiting.splice(0)) reject(this.#failure)
  }
}
