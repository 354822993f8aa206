import type { Socket } from 'node:net'
import type { SocketEvents, StreamSocket } from './network.ts'

/** TCP keep-alive finds peers that vanished without a word. */
const KEEP_ALIVE_DELAY_MS = 60_000

/** A Node socket (`net.Socket`, and `tls.TLSSocket` which is one) in the shape of `StreamSocket`. */
export class NodeSocket implements StreamSocket {
  readonly peerCertificate: Uint8Array | null
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  readonly #socket: Socket

  constructor(socket: Socket, peerCertificate: Uint8Array | null = null) {
    this.#socket = socket
    this.peerCertificate = peerCertificate
    // Node forgets the addresses when a socket closes; logs want them later.
    this.remoteAddress = plainAddress(socket.remoteAddress)
    this.remotePort = socket.remotePort ?? 0
    this.localAddress = plainAddress(socket.localAddress)
    this.localPort = socket.localPort ?? 0
    socket.setNoDelay(true)
    socket.setKeepAlive(true, KEEP_ALIVE_DELAY_MS)
    // Without a listener an error before `start` would end the process.
    socket.on('error', ignore)
  }

  get bufferedBytes(): number {
    return this.#socket.writableLength
  }

  start(events: SocketEvents): void {
    const socket = this.#socket
    let failure: Error | null = null
    socket.on('error', (error) => {
      failure = error
    })
    socket.on('data', (chunk: Buffer) => events.onData(chunk))
    socket.on('drain', () => events.onDrain())
    socket.on('close', () => events.onClose(failure))
    if (socket.closed) process.nextTick(() => events.onClose(null))
  }

  write(chunks: readonly Uint8Array[]): boolean {
    const socket = this.#socket
    if (chunks.length === 1) return socket.write(chunks[0] as Uint8Array)
    socket.cork()
    let room = true
    for (const chunk of chunks) room = socket.write(chunk)
    socket.uncork()
    return room
  }

  pause(): void {
    this.#socket.pause()
  }

  resume(): void {
    this.#socket.resume()
  }

  end(): void {
    this.#socket.end()
  }

  destroy(): void {
    this.#socket.destroy()
  }
}

/** `::ffff:127.0.0.1`, an IPv4 peer of a dual-stack socket, is written as people know it. */
export function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

function ignore(): void {
  // The event's only effect is that Node does not throw it.
}
