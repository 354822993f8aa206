import { createServer, type Server, Socket } from 'node:net'
import type { HostPort, Network, NetworkListener, SocketEvents, StreamSocket } from './network.ts'

/** How many connections the kernel queues before they are accepted. */
const BACKLOG = 1_024
/** TCP keep-alive finds peers that vanished without a word. */
const KEEP_ALIVE_DELAY_MS = 60_000

/** A Node socket (`net.Socket`, and `tls.TLSSocket` which is one) in the shape of `StreamSocket`. */
class NodeSocket implements StreamSocket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  readonly #socket: Socket

  constructor(socket: Socket) {
    this.#socket = socket
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

/** The machine's own network. */
export const nodeNetwork: Network = {
  async listen(address, onSocket) {
    const server = createServer({ noDelay: true, pauseOnConnect: false }, (socket) => onSocket(new NodeSocket(socket)))
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject)
      server.listen({ port: address.port, backlog: BACKLOG, ...(address.host === '' ? {} : { host: address.host }) }, () => {
        server.off('error', reject)
        resolve()
      })
    })
    // Accepting can fail later (no descriptors left): the server goes on, Node retries with the next connection.
    server.on('error', ignore)
    return listenerOf(server, address.host)
  },

  connect(address) {
    return new Promise((resolve, reject) => {
      const socket = new Socket()
      socket.once('error', reject)
      socket.connect(address.port, address.host, () => {
        socket.off('error', reject)
        resolve(new NodeSocket(socket))
      })
    })
  },
}

function listenerOf(server: Server, host: string): NetworkListener {
  const bound = server.address()
  const address: HostPort = typeof bound === 'object' && bound !== null ? { host: bound.address, port: bound.port } : { host, port: 0 }
  return {
    address,
    close: () =>
      new Promise<void>((resolve) => {
        if (server.listening) server.close(() => resolve())
        else resolve()
      }),
  }
}

/** `::ffff:127.0.0.1`, an IPv4 peer of a dual-stack socket, is written as people know it. */
function plainAddress(address: string | undefined): string {
  if (address === undefined) return ''
  return address.startsWith('::ffff:') ? address.slice(7) : address
}

function ignore(): void {
  // The event's only effect is that Node does not throw it.
}
