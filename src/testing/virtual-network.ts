import type { Clock } from '../runtime/clock.ts'
import type { HostPort, Network, NetworkListener, SocketEvents, StreamSocket, TlsListening } from '../runtime/network.ts'

export interface VirtualNetworkSettings {
  /** Bytes that one side may have sent without the other having read them: the kernel's socket buffers. */
  readonly windowBytes: number
  /** How many bytes arrive at once; each chunk is a copy, as from a kernel. */
  readonly chunkBytes: () => number
}

export const VIRTUAL_NETWORK_SETTINGS: VirtualNetworkSettings = { windowBytes: 262_144, chunkBytes: () => 65_536 }

const FIRST_FREE_PORT = 40_000
const LOOPBACK = '127.0.0.1'

/**
 * A network inside the process: what is sent arrives in the next turn of the clock that is given, in order, in chunks of
 * the size asked for. Nothing touches the machine, so that a simulation owns every byte and every moment.
 */
export class VirtualNetwork implements Network {
  readonly #clock: Clock
  readonly #settings: VirtualNetworkSettings
  readonly #listeners = new Map<string, (socket: StreamSocket) => void>()
  #nextPort = FIRST_FREE_PORT

  constructor(clock: Clock, settings: VirtualNetworkSettings = VIRTUAL_NETWORK_SETTINGS) {
    this.#clock = clock
    this.#settings = settings
  }

  async listen(address: HostPort, onSocket: (socket: StreamSocket) => void, tls?: TlsListening): Promise<NetworkListener> {
    if (tls !== undefined) throw new Error('a virtual network has no TLS')
    const bound = { host: address.host, port: address.port === 0 ? this.#nextPort++ : address.port }
    const key = keyOf(bound)
    if (this.#listeners.has(key)) throw Object.assign(new Error(`listen EADDRINUSE: address already in use ${key}`), { code: 'EADDRINUSE' })
    this.#listeners.set(key, onSocket)
    return {
      address: bound,
      close: async () => {
        this.#listeners.delete(key)
      },
    }
  }

  async connect(address: HostPort): Promise<VirtualSocket> {
    const onSocket = this.#listeners.get(keyOf(address))
    if (onSocket === undefined) throw Object.assign(new Error(`connect ECONNREFUSED ${keyOf(address)}`), { code: 'ECONNREFUSED' })
    const here = { host: LOOPBACK, port: this.#nextPort++ }
    const client = new VirtualSocket(this.#clock, this.#settings, here, address)
    const server = new VirtualSocket(this.#clock, this.#settings, address, here)
    client.join(server)
    server.join(client)
    onSocket(server)
    return client
  }
}

/** One end of a virtual connection. */
export class VirtualSocket implements StreamSocket {
  readonly remoteAddress: string
  readonly remotePort: number
  readonly localAddress: string
  readonly localPort: number
  readonly #clock: Clock
  readonly #settings: VirtualNetworkSettings
  #peer: VirtualSocket | null = null
  #events: SocketEvents | null = null
  /** Sent to this end and not read yet. */
  #arrived: Buffer[] = []
  #arrivedBytes = 0
  /** Written here, not yet in the window. */
  #queued: Buffer[] = []
  #queuedBytes = 0
  #paused = false
  #scheduled = false
  #needsDrain = false
  #ended = false
  #peerEnded = false
  #closed = false

  constructor(clock: Clock, settings: VirtualNetworkSettings, local: HostPort, remote: HostPort) {
    this.#clock = clock
    this.#settings = settings
    this.localAddress = local.host
    this.localPort = local.port
    this.remoteAddress = remote.host
    this.remotePort = remote.port
  }

  /** Called by the network. */
  join(peer: VirtualSocket): void {
    this.#peer = peer
  }

  get bufferedBytes(): number {
    return this.#queuedBytes
  }

  start(events: SocketEvents): void {
    this.#events = events
    this.#schedule()
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#ended || this.#closed) return true
    for (const chunk of chunks) {
      this.#queued.push(Buffer.from(chunk))
      this.#queuedBytes += chunk.length
    }
    this.#send()
    this.#needsDrain = this.#queuedBytes > 0
    return !this.#needsDrain
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    this.#paused = false
    this.#schedule()
  }

  end(): void {
    this.#ended = true
    this.#send()
  }

  /** Both ends close; what was under way is lost, as with a reset. */
  destroy(error: Error | null = null): void {
    if (this.#closed) return
    const peer = this.#peer
    this.#close(error)
    peer?.reset()
  }

  /** The other end is gone. */
  reset(): void {
    this.#clock.endOfTurn(() => this.#close(null))
  }

  /** Moves what was written into the other end's window. */
  #send(): void {
    const peer = this.#peer
    if (peer === null) return
    while (this.#queued.length > 0) {
      const room = this.#settings.windowBytes - peer.#arrivedBytes
      if (room <= 0) return
      const chunk = this.#queued[0] as Buffer
      const part = chunk.subarray(0, room)
      if (part.length === chunk.length) this.#queued.shift()
      else this.#queued[0] = chunk.subarray(room)
      this.#queuedBytes -= part.length
      peer.#arrive(part)
    }
    if (this.#ended) peer.#arriveEnd()
    if (this.#needsDrain) {
      this.#needsDrain = false
      this.#events?.onDrain()
    }
  }

  #arrive(bytes: Buffer): void {
    this.#arrived.push(bytes)
    this.#arrivedBytes += bytes.length
    this.#schedule()
  }

  #arriveEnd(): void {
    this.#peerEnded = true
    this.#schedule()
  }

  #schedule(): void {
    if (this.#scheduled || this.#closed) return
    this.#scheduled = true
    this.#clock.endOfTurn(() => {
      this.#scheduled = false
      this.#deliver()
    })
  }

  #deliver(): void {
    if (this.#events === null || this.#paused || this.#closed) return
    if (this.#arrivedBytes > 0) {
      const chunk = this.#takeChunk()
      if (this.#peer !== null) this.#peer.#send()
      this.#schedule()
      this.#events.onData(chunk)
    } else if (this.#peerEnded) {
      this.destroy()
    }
  }

  #takeChunk(): Buffer {
    const all = this.#arrived.length === 1 ? (this.#arrived[0] as Buffer) : Buffer.concat(this.#arrived)
    const chunk = Buffer.from(all.subarray(0, Math.max(1, this.#settings.chunkBytes())))
    const rest = all.subarray(chunk.length)
    this.#arrived = rest.length > 0 ? [rest] : []
    this.#arrivedBytes = rest.length
    return chunk
  }

  #close(error: Error | null): void {
    if (this.#closed) return
    this.#closed = true
    this.#peer = null
    this.#arrived = []
    this.#queued = []
    this.#arrivedBytes = 0
    this.#queuedBytes = 0
    const events = this.#events
    this.#events = null
    events?.onClose(error)
  }
}

function keyOf({ host, port }: HostPort): string {
  return `${host}:${port}`
}
