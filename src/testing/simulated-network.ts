import type { HostPort, Network, NetworkListener, SocketEvents, StreamSocket } from '../runtime/network.ts'
import type { SimulatedProcess, SimulatedTime } from './simulated-time.ts'

export interface SimulatedNetworkOptions {
  /** Bytes that one side may have sent without the other having read them. */
  readonly windowBytes: number
  /** Milliseconds that the next piece is under way; order is kept. */
  readonly latencyMs: () => number
  /** How many bytes the next piece has at most. */
  readonly pieceBytes: () => number
  /** Whether all bytes of the next connection come one by one, both ways. */
  readonly splits?: () => boolean
  /** Every piece that arrives. */
  readonly onArrival?: (to: SimulatedSocket, bytes: Uint8Array) => void
}

interface Bound {
  readonly process: SimulatedProcess
  readonly onSocket: (socket: StreamSocket) => void
}

const FIRST_FREE_PORT = 40_000
/** What a connection that is split sends byte by byte; of longer writes the pieces are a little larger. */
const BYTE_BY_BYTE_MAX = 512
const SPLIT_PIECE_BYTES = 61
const LOOPBACK = '127.0.0.1'

/** A wire between simulated processes: bytes take time, come in pieces, and stop coming when a process ends or a connection is cut. */
export class SimulatedNetwork {
  readonly #time: SimulatedTime
  readonly #options: SimulatedNetworkOptions
  readonly #listeners = new Map<string, Bound>()
  readonly #sockets = new Set<SimulatedSocket>()
  #nextPort = FIRST_FREE_PORT
  #nextId = 0

  constructor(time: SimulatedTime, options: SimulatedNetworkOptions) {
    this.#time = time
    this.#options = options
  }

  /** The network as one process sees it. */
  of(process: SimulatedProcess): Network {
    return {
      listen: async (address, onSocket) => this.#listen(process, address, onSocket),
      connect: (address) => this.#connect(process, address),
    }
  }

  /** Open ends, in the order they were made. */
  socketsOf(process: SimulatedProcess): SimulatedSocket[] {
    return [...this.#sockets].filter((socket) => socket.process === process)
  }

  /** A process ended: nobody listens there, and its peers hear of it `afterMs` later. */
  processEnded(process: SimulatedProcess, afterMs: () => number): void {
    for (const [key, bound] of this.#listeners) if (bound.process === process) this.#listeners.delete(key)
    for (const socket of this.socketsOf(process)) socket.vanish(afterMs())
  }

  /** Called by sockets. */
  forget(socket: SimulatedSocket): void {
    this.#sockets.delete(socket)
  }

  #listen(process: SimulatedProcess, address: HostPort, onSocket: (socket: StreamSocket) => void): NetworkListener {
    const bound = { host: address.host, port: address.port === 0 ? this.#nextPort++ : address.port }
    const key = keyOf(bound)
    if (this.#listeners.has(key)) throw systemError('EADDRINUSE', `listen EADDRINUSE: address already in use ${key}`)
    const entry = { process, onSocket }
    this.#listeners.set(key, entry)
    return {
      address: bound,
      close: async () => {
        if (this.#listeners.get(key) === entry) this.#listeners.delete(key)
      },
    }
  }

  #connect(process: SimulatedProcess, address: HostPort): Promise<SimulatedSocket> {
    return new Promise((resolve, reject) => {
      this.#time.after(this.#options.latencyMs(), null, () => {
        const bound = this.#listeners.get(keyOf(address))
        if (bound === undefined) {
          this.#time.after(this.#options.latencyMs(), process, () => reject(systemError('ECONNREFUSED', `connect ECONNREFUSED ${keyOf(address)}`)))
          return
        }
        const here = { host: LOOPBACK, port: this.#nextPort++ }
        const id = this.#nextId++
        const client = new SimulatedSocket(this, this.#time, this.#options, process, `${id}c`, here, address)
        const server = new SimulatedSocket(this, this.#time, this.#options, bound.process, `${id}s`, address, here)
        const split = this.#options.splits?.() ?? false
        client.join(server, split)
        server.join(client, split)
        this.#sockets.add(client)
        this.#sockets.add(server)
        this.#time.after(0, bound.process, () => bound.onSocket(server))
        this.#time.after(this.#options.latencyMs(), process, () => resolve(client))
      })
    })
  }
}

/** One end of a connection. */
export class SimulatedSocket implements StreamSocket {
  readonly process: SimulatedProcess
  readonly id: string
  readonly localAddress: string
  readonly localPort: number
  readonly remoteAddress: string
  readonly remotePort: number
  readonly #network: SimulatedNetwork
  readonly #time: SimulatedTime
  readonly #options: SimulatedNetworkOptions
  #peer: SimulatedSocket | null = null
  #events: SocketEvents | null = null
  /** Written here, not sent yet. */
  #queued: Buffer[] = []
  #queuedBytes = 0
  /** Sent to the other end, not read there. */
  #unread = 0
  #lastArrivalMs = 0
  /** Arrived at this end, not read. */
  #arrived: Buffer[] = []
  #endArrived = false
  #paused = false
  #needsDrain = false
  #ending = false
  #endSent = false
  #closed = false
  #stalledUntilMs = 0
  #split = false
  /** What the wire takes longer than usual, and until when. */
  #delayMs = 0
  #delayedUntilMs = 0
  /** Bytes that still leave here before the connection breaks. */
  #bytesUntilCut = Number.POSITIVE_INFINITY
  /** Until then the other side's end of stream is not noticed. */
  #lingersUntilMs = 0
  #lastDataMs: number

  constructor(
    network: SimulatedNetwork,
    time: SimulatedTime,
    options: SimulatedNetworkOptions,
    process: SimulatedProcess,
    id: string,
    local: HostPort,
    remote: HostPort,
  ) {
    this.#network = network
    this.#time = time
    this.#options = options
    this.process = process
    this.id = id
    this.localAddress = local.host
    this.localPort = local.port
    this.remoteAddress = remote.host
    this.remotePort = remote.port
    this.#lastDataMs = time.nowMs
  }

  /** Called by the network. */
  join(peer: SimulatedSocket, split: boolean): void {
    this.#peer = peer
    this.#split = split
  }

  /** The other end; null once one of them is closed. */
  get peer(): SimulatedSocket | null {
    return this.#peer
  }

  /** When this end's process last read something, or the connection began. */
  get lastDataMs(): number {
    return this.#lastDataMs
  }

  /** Whether this end has said that it sends no more. */
  get ending(): boolean {
    return this.#ending
  }

  get closed(): boolean {
    return this.#closed
  }

  get bufferedBytes(): number {
    return this.#queuedBytes
  }

  start(events: SocketEvents): void {
    this.#events = events
    if (this.#closed) this.#time.after(0, this.process, () => this.#tellClosed(null))
    else this.#deliver()
  }

  write(chunks: readonly Uint8Array[]): boolean {
    if (this.#closed || this.#ending) return true
    for (const chunk of chunks) {
      if (chunk.length === 0) continue
      this.#queued.push(Buffer.from(chunk))
      this.#queuedBytes += chunk.length
    }
    this.#send()
    if (this.#queuedBytes > 0) this.#needsDrain = true
    return this.#queuedBytes === 0
  }

  pause(): void {
    this.#paused = true
  }

  resume(): void {
    if (!this.#paused) return
    this.#paused = false
    this.#time.after(0, this.process, () => this.#deliver())
  }

  end(): void {
    if (this.#closed || this.#ending) return
    this.#ending = true
    this.#send()
  }

  destroy(): void {
    if (this.#closed) return
    this.#cut(0, this.#options.latencyMs(), null)
  }

  /** The connection breaks: both ends hear of it, each in its time; what is under way is lost. */
  break(hereAfterMs: number, thereAfterMs: number): void {
    if (!this.#closed) this.#cut(hereAfterMs, thereAfterMs, systemError('ECONNRESET', 'read ECONNRESET'))
  }

  /** This end's process is gone. */
  vanish(peerAfterMs: number): void {
    if (this.#closed) return
    this.#closed = true
    this.#network.forget(this)
    this.#events = null
    const peer = this.#peer
    this.#peer = null
    peer?.lose(peerAfterMs)
  }

  /** Nothing arrives here for a while; what comes meanwhile arrives then. */
  stall(ms: number): void {
    this.#stalledUntilMs = Math.max(this.#stalledUntilMs, this.#time.nowMs + ms)
  }

  /** What is sent from here takes longer for a while; nothing is lost. */
  delay(ms: number, forMs: number): void {
    this.#delayMs = ms
    this.#delayedUntilMs = this.#time.nowMs + forMs
  }

  /** The connection breaks when so many more bytes have left here, in the middle of a write. */
  cutAfter(bytes: number): void {
    this.#bytesUntilCut = Math.max(1, bytes)
  }

  /** For a while this end does not answer the other side's end of stream: it goes on sending. */
  linger(ms: number): void {
    this.#lingersUntilMs = this.#time.nowMs + ms
  }

  /** The other end is gone: told after a while. */
  lose(afterMs: number): void {
    this.#peer = null
    this.#time.after(afterMs, this.process, () => this.#tellClosed(systemError('ECONNRESET', 'read ECONNRESET')))
  }

  #cut(hereAfterMs: number, thereAfterMs: number, error: Error | null): void {
    const peer = this.#peer
    this.#peer = null
    this.#queued = []
    this.#queuedBytes = 0
    this.#closed = true
    this.#network.forget(this)
    this.#time.after(hereAfterMs, this.process, () => this.#tellClosed(error))
    peer?.lose(thereAfterMs)
  }

  #send(): void {
    const peer = this.#peer
    if (peer === null) return
    while (this.#queued.length > 0 && this.#unread < this.#options.windowBytes) {
      const chunk = this.#queued[0] as Buffer
      const room = Math.min(this.#options.windowBytes - this.#unread, this.#bytesUntilCut)
      const piece = chunk.subarray(0, Math.max(1, Math.min(room, this.#pieceBytes(chunk.length))))
      if (piece.length === chunk.length) this.#queued.shift()
      else this.#queued[0] = chunk.subarray(piece.length)
      this.#queuedBytes -= piece.length
      this.#unread += piece.length
      this.#time.after(this.#arrivalDelay(peer), null, () => peer.#arrive(piece))
      this.#bytesUntilCut -= piece.length
      if (this.#bytesUntilCut <= 0) {
        this.#bytesUntilCut = Number.POSITIVE_INFINITY
        this.#time.after(this.#arrivalDelay(peer), null, () => this.break(0, 0))
        return
      }
    }
    if (this.#queued.length > 0) return
    if (this.#needsDrain) {
      this.#needsDrain = false
      this.#time.after(0, this.process, () => this.#events?.onDrain())
    }
    if (this.#ending && !this.#endSent) {
      this.#endSent = true
      this.#time.after(this.#arrivalDelay(peer), null, () => peer.#arriveEnd())
    }
  }

  #pieceBytes(chunkBytes: number): number {
    if (!this.#split) return this.#options.pieceBytes()
    return chunkBytes <= BYTE_BY_BYTE_MAX ? 1 : SPLIT_PIECE_BYTES
  }

  /** Pieces arrive in order, whatever each one's latency is. */
  #arrivalDelay(peer: SimulatedSocket): number {
    const { nowMs } = this.#time
    const extraMs = nowMs < this.#delayedUntilMs ? this.#delayMs : 0
    const at = Math.max(this.#lastArrivalMs, nowMs + extraMs + this.#options.latencyMs(), peer.#stalledUntilMs)
    this.#lastArrivalMs = at
    return at - this.#time.nowMs
  }

  #arrive(piece: Buffer): void {
    if (this.#peer === null || this.#closed) return
    this.#arrived.push(piece)
    this.#time.after(0, this.process, () => this.#deliver())
  }

  #arriveEnd(): void {
    if (this.#peer === null || this.#closed) return
    this.#endArrived = true
    this.#time.after(0, this.process, () => this.#deliver())
  }

  #deliver(): void {
    if (this.#events === null || this.#paused || this.#closed) return
    const piece = this.#arrived.shift()
    if (piece !== undefined) {
      const peer = this.#peer
      if (peer !== null) {
        peer.#unread -= piece.length
        peer.#send()
      }
      if (this.#arrived.length > 0 || this.#endArrived) this.#time.after(0, this.process, () => this.#deliver())
      this.#lastDataMs = this.#time.nowMs
      this.#options.onArrival?.(this, piece)
      this.#events.onData(piece)
      return
    }
    if (!this.#endArrived) return
    const lingersMs = this.#lingersUntilMs - this.#time.nowMs
    if (lingersMs > 0) {
      this.#time.after(lingersMs, this.process, () => this.#deliver())
      return
    }
    // Sockets are not left half open: the other side's end is answered with our own once everything was sent.
    this.end()
    if (this.#endSent || this.#peer === null) this.#finish()
    else this.#time.after(1, this.process, () => this.#deliver())
  }

  /** Both directions ended in order. */
  #finish(): void {
    this.#closed = true
    this.#network.forget(this)
    this.#peer = null
    this.#tellClosed(null)
  }

  #tellClosed(error: Error | null): void {
    this.#closed = true
    this.#network.forget(this)
    this.#peer = null
    this.#arrived = []
    this.#queued = []
    this.#queuedBytes = 0
    const events = this.#events
    this.#events = null
    events?.onClose(error)
  }
}

function keyOf({ host, port }: HostPort): string {
  return `${host}:${port}`
}

function systemError(code: string, message: string): Error {
  return Object.assign(new Error(message), { code })
}
