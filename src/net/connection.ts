import type { Clock, Timer } from '../runtime/clock.ts'
import type { StreamSocket } from '../runtime/network.ts'
import { OutputMeter } from './output-meter.ts'

/** A protocol's side of one connection. */
export interface ConnectionHandler {
  /** Bytes in the order they came; the memory is the handler's from now on. Never called while reading is paused, but for what was already read. */
  onData(chunk: Buffer): void
  /** The other side has taken enough: `outputBytes` fell below the bound after it was above. */
  onDrained?(): void
  /** The broker stops: finish what was promised, then `close`. Without it the connection closes at once. */
  onStopping?(reason: string): void
  /** Called once, after which nothing follows; `reason` says who closed and why. */
  onClosed(reason: string): void
}

export interface ConnectionLimits {
  /** Bytes written that the peer has not taken, beyond which reading from it pauses until half of them are gone. */
  readonly maxOutputBytes: number
  /** Time in milliseconds that `close` gives the peer to take what was written. */
  readonly closeGraceMs: number
}

/** Who asks for a pause; reading goes on when nobody does. */
export type PauseReason = 'output' | 'handler' | 'throttle'

const PAUSE_BIT: Record<PauseReason, number> = { output: 1, handler: 2, throttle: 4 }

/**
 * A connected peer: gathers all that is written in a turn of the event loop into one write, and stops reading from a peer
 * that does not take its answers. Sockets, no protocol.
 */
export class Connection {
  readonly remoteAddress: string
  readonly remotePort: number
  /** The address the peer connected to. */
  readonly localAddress: string
  readonly localPort: number
  /** What the peer showed in the TLS handshake, in DER and verified; null where it showed none. */
  readonly peerCertificate: Uint8Array | null
  readonly #socket: StreamSocket
  readonly #clock: Clock
  readonly #limits: ConnectionLimits
  readonly #meter: OutputMeter
  #handler: ConnectionHandler | null = null
  #onGone: ((connection: Connection) => void) | null = null
  /** Written this turn. */
  #gathered: Uint8Array[] = []
  #gatheredBytes = 0
  /** What the meter was told of this connection. */
  #meteredBytes = 0
  #pauses = 0
  #state: 'open' | 'closing' | 'closed' = 'open'
  #closeReason = 'the peer closed the connection'
  #sweep = 0
  /** What ends a close that the peer does not let come to its end. */
  readonly #grace: Timer[] = []

  constructor(socket: StreamSocket, clock: Clock, limits: ConnectionLimits, meter: OutputMeter = new OutputMeter()) {
    this.#socket = socket
    this.#clock = clock
    this.#limits = limits
    this.#meter = meter
    this.remoteAddress = socket.remoteAddress
    this.remotePort = socket.remotePort
    this.localAddress = socket.localAddress
    this.localPort = socket.localPort
    this.peerCertificate = socket.peerCertificate ?? null
  }

  /** Begins to read. `onGone` is the listener's own. */
  start(handler: ConnectionHandler, onGone: (connection: Connection) => void): void {
    this.#handler = handler
    this.#onGone = onGone
    this.#socket.start({
      onData: (chunk) => {
        this.#sweep = 0
        if (this.#state === 'open') handler.onData(chunk)
      },
      onDrain: () => this.#drained(),
      onClose: (error) => this.#gone(error),
    })
  }

  /** Still taking `write`s. */
  get open(): boolean {
    return this.#state === 'open'
  }

  /** Bytes written that the peer's kernel has not taken. */
  get outputBytes(): number {
    return this.#gatheredBytes + this.#socket.bufferedBytes
  }

  /** Whether the peer has taken so little that nothing more should be made for it; `onDrained` follows. */
  get congested(): boolean {
    return (this.#pauses & PAUSE_BIT.output) !== 0
  }

  /** Adds to this turn's one write; the view must not change until it has left. Ignored once closing. */
  write(bytes: Uint8Array): void {
    if (this.#state !== 'open') return
    if (this.#gathered.length === 0) this.#clock.endOfTurn(() => this.flush())
    this.#gathered.push(bytes)
    this.#gatheredBytes += bytes.length
    this.#meteredBytes += bytes.length
    this.#meter.add(bytes.length)
    if (this.outputBytes > this.#limits.maxOutputBytes) this.pause('output')
  }

  /** Writes now what was gathered; happens by itself at the end of the turn. */
  flush(): void {
    if (this.#gathered.length === 0) return
    const chunks = this.#gathered
    this.#gathered = []
    this.#gatheredBytes = 0
    if (this.#state === 'closed') return
    this.#sweep = 0
    this.#socket.write(chunks)
    this.#measure()
    if (this.#socket.bufferedBytes > this.#limits.maxOutputBytes) this.pause('output')
    else if (this.#pauses & PAUSE_BIT.output) this.#drained()
  }

  /** Stops reading until `resume` with the same reason; what was read already may still arrive once. */
  pause(reason: PauseReason): void {
    if (this.#pauses === 0 && this.#state === 'open') this.#socket.pause()
    this.#pauses |= PAUSE_BIT[reason]
  }

  resume(reason: PauseReason): void {
    const before = this.#pauses
    this.#pauses &= ~PAUSE_BIT[reason]
    if (before !== 0 && this.#pauses === 0 && this.#state === 'open') this.#socket.resume()
  }

  /** Sends what was written, then closes; gives up after `closeGraceMs`. */
  close(reason: string): void {
    if (this.#state !== 'open') return
    this.flush()
    this.#closeReason = reason
    this.#state = 'closing'
    this.#socket.end()
    // What the peer still sends is read and dropped, or its end of stream would never be seen.
    this.#socket.resume()
    this.#grace.push(this.#clock.after(this.#limits.closeGraceMs, () => this.destroy(reason)))
  }

  /** Lets the protocol finish, for `closeGraceMs` at most. */
  stop(reason: string): void {
    if (this.#state !== 'open') return
    if (this.#handler?.onStopping === undefined) {
      this.close(reason)
      return
    }
    this.#handler.onStopping(reason)
    this.#grace.push(this.#clock.after(this.#limits.closeGraceMs, () => this.close(reason)))
  }

  /** Closes now; what was written may be lost. */
  destroy(reason: string): void {
    if (this.#state === 'closed') return
    if (this.#state === 'open') this.#closeReason = reason
    this.#state = 'closing'
    this.#socket.destroy()
  }

  /** Called in regular sweeps; the number of sweeps since anything was read or written. */
  countSweep(): number {
    return this.#sweep++
  }

  #measure(): void {
    const bytes = this.outputBytes
    this.#meter.add(bytes - this.#meteredBytes)
    this.#meteredBytes = bytes
  }

  #drained(): void {
    this.#measure()
    if ((this.#pauses & PAUSE_BIT.output) === 0 || this.outputBytes > this.#limits.maxOutputBytes / 2) return
    this.resume('output')
    this.#handler?.onDrained?.()
  }

  #gone(error: Error | null): void {
    if (error !== null && this.#state === 'open') this.#closeReason = error.message
    this.#state = 'closed'
    for (const timer of this.#grace.splice(0)) timer.cancel()
    this.#gathered = []
    this.#gatheredBytes = 0
    this.#meter.add(-this.#meteredBytes)
    this.#meteredBytes = 0
    const handler = this.#handler
    const onGone = this.#onGone
    this.#handler = null
    this.#onGone = null
    handler?.onClosed(this.#closeReason)
    onGone?.(this)
  }
}
