import type { Socket } from 'node:net'
import { connect, createServer } from 'node:net'
import { decodeRequestStart, readFrameSize, SIZE_BYTES } from '../../src/kafka/wire/frame.ts'

/** A request or response as it was on the wire, header included, size not. */
export interface RecordedFrame {
  readonly apiKey: number
  readonly apiVersion: number
  readonly direction: 'request' | 'response'
  /** Who was talking to the broker. */
  readonly client: string
  readonly bytes: Buffer
}

const SASL_HANDSHAKE = 17
const MAX_FRAME_BYTES = 64 << 20

/** Passes bytes on unchanged in both directions and notes the frames in them. */
export class RecordingProxy implements AsyncDisposable {
  /** The name under which connections accepted from now on are recorded. */
  client = 'unknown'
  readonly #server = createServer((socket) => this.#accept(socket))
  readonly #sockets = new Set<Socket>()
  readonly #onFrame: (frame: RecordedFrame) => void
  #targetPort = 0

  constructor(onFrame: (frame: RecordedFrame) => void) {
    this.#onFrame = onFrame
  }

  /** Listens on a free port of loopback and gives it. */
  async listen(): Promise<number> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as { port: number }).port
  }

  /** Where to pass bytes on to. */
  forwardTo(port: number): void {
    this.#targetPort = port
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    await new Promise((resolve) => this.#server.close(resolve))
  }

  #accept(client: Socket): void {
    const broker = connect(this.#targetPort, '127.0.0.1')
    const name = this.client
    const waiting = new Map<number, { apiKey: number; apiVersion: number }>()
    // After SaslHandshake v0 the tokens of the mechanism follow without headers.
    let isRaw = false
    const requests = new FrameSplitter((bytes) => {
      if (isRaw) return
      const { apiKey, apiVersion, correlationId } = decodeRequestStart(bytes)
      isRaw = apiKey === SASL_HANDSHAKE && apiVersion === 0
      waiting.set(correlationId, { apiKey, apiVersion })
      this.#onFrame({ apiKey, apiVersion, direction: 'request', client: name, bytes })
    })
    const responses = new FrameSplitter((bytes) => {
      const request = bytes.length < 4 ? undefined : waiting.get(bytes.readInt32BE(0))
      if (request !== undefined) this.#onFrame({ ...request, direction: 'response', client: name, bytes })
    })
    for (const [from, to, splitter] of [
      [client, broker, requests],
      [broker, client, responses],
    ] as const) {
      this.#sockets.add(from)
      from.on('data', (chunk: Buffer) => {
        splitter.add(chunk)
        to.write(chunk)
      })
      from.on('end', () => to.end())
      from.on('error', () => to.destroy())
      from.on('close', () => {
        this.#sockets.delete(from)
        to.destroy()
      })
    }
  }
}

/** Cuts a stream of bytes into frames. */
class FrameSplitter {
  readonly #onFrame: (bytes: Buffer) => void
  #rest: Buffer = Buffer.alloc(0)

  constructor(onFrame: (bytes: Buffer) => void) {
    this.#onFrame = onFrame
  }

  add(chunk: Buffer): void {
    this.#rest = Buffer.concat([this.#rest, chunk])
    while (this.#rest.length >= SIZE_BYTES) {
      const size = readFrameSize(this.#rest, 0, MAX_FRAME_BYTES)
      if (this.#rest.length < SIZE_BYTES + size) return
      this.#onFrame(Buffer.from(this.#rest.subarray(SIZE_BYTES, SIZE_BYTES + size)))
      this.#rest = this.#rest.subarray(SIZE_BYTES + size)
    }
  }
}
