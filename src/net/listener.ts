import type { Clock, Timer } from '../runtime/clock.ts'
import type { HostPort, Network, NetworkListener, StreamSocket, TlsListening } from '../runtime/network.ts'
import type { Logger } from '../telemetry/logger.ts'
import { Connection, type ConnectionHandler, type ConnectionLimits } from './connection.ts'
import { OutputMeter } from './output-meter.ts'
import type { TlsFiles } from './tls-files.ts'

export interface ListenerSettings extends ConnectionLimits {
  /** Open connections beyond which a new one is closed at once. */
  readonly maxConnections: number
  /** Milliseconds without a byte either way after which a connection is closed; 0: never. */
  readonly idleTimeoutMs: number
}

export const DEFAULT_LISTENER_SETTINGS: ListenerSettings = {
  maxConnections: 20_000,
  idleTimeoutMs: 600_000,
  maxOutputBytes: 1_048_576,
  closeGraceMs: 5_000,
}

/** Idle connections are looked for this many times per idle timeout. */
const SWEEPS_PER_TIMEOUT = 10

/** What the system answers where it has no IPv6. */
const NO_SUCH_ADDRESS: readonly string[] = ['EADDRNOTAVAIL', 'EAFNOSUPPORT', 'EINVAL']
const MAX_PORT_ATTEMPTS = 10

export interface ListenerParts {
  readonly network: Network
  readonly clock: Clock
  readonly logger: Logger
}

/**
 * One address to listen on (two sockets for `localhost`: IPv4 and IPv6, on the same port), its open connections, the limit of
 * their number and the clean-up of idle ones.
 */
export class Listener {
  readonly #parts: ListenerParts
  readonly #settings: ListenerSettings
  readonly #accept: (connection: Connection) => ConnectionHandler
  readonly #tls: TlsFiles | null
  readonly #connections = new Set<Connection>()
  /** What its connections have not sent off yet, together. */
  readonly output = new OutputMeter()
  readonly #bound: NetworkListener[] = []
  #sweeper: Timer | null = null
  #whenEmpty: (() => void) | null = null
  #refusedSinceWarning = false
  #closing = false

  /** `accept` makes the protocol's side of a new connection; it may write at once. With `tls` its handshake comes first. */
  constructor(parts: ListenerParts, settings: ListenerSettings, accept: (connection: Connection) => ConnectionHandler, tls: TlsFiles | null = null) {
    this.#parts = parts
    this.#settings = settings
    this.#accept = accept
    this.#tls = tls
  }

  /** Binds; answers the address with the port the system chose where 0 was asked for. Rejects with the system's error. */
  async listen(address: HostPort): Promise<HostPort> {
    const port = address.host === 'localhost' ? await this.#bindBoth(address.port) : await this.#bind(address.host, address.port)
    this.#scheduleSweep()
    return { host: address.host, port }
  }

  /** IPv4 and IPv6 on one port. Where the system chose it for IPv4, somebody else may hold it for IPv6: then another one. */
  async #bindBoth(port: number): Promise<number> {
    for (let attempt = 1; ; attempt++) {
      const bound = await this.#bind('127.0.0.1', port)
      try {
        return await this.#bind('::1', bound)
      } catch (error) {
        if (NO_SUCH_ADDRESS.includes(codeOf(error))) return bound
        await this.#bound.pop()?.close()
        if (port !== 0 || attempt === MAX_PORT_ATTEMPTS) throw error
      }
    }
  }

  async #bind(host: string, port: number): Promise<number> {
    const listener = await this.#parts.network.listen({ host, port }, (socket) => this.#onSocket(socket), this.#tlsListening())
    this.#bound.push(listener)
    this.#tls?.use(listener)
    return listener.address.port
  }

  #tlsListening(): TlsListening | undefined {
    if (this.#tls === null) return undefined
    const { logger } = this.#parts
    return {
      material: this.#tls.material,
      onHandshakeFailed: (reason, remote) => logger.info({ remote, reason }, 'TLS handshake failed'),
    }
  }

  get connectionCount(): number {
    return this.#connections.size
  }

  /** Accepts no more, closes all connections in order, and resolves when they are gone. Closing twice is fine. */
  async close(): Promise<void> {
    this.#closing = true
    this.#sweeper?.cancel()
    const unbound = this.#bound.map((listener) => listener.close())
    for (const connection of [...this.#connections]) connection.stop('the broker is stopping')
    if (this.#connections.size > 0) {
      await new Promise<void>((resolve) => {
        this.#whenEmpty = resolve
      })
    }
    await Promise.all(unbound)
  }

  #onSocket(socket: StreamSocket): void {
    if (this.#closing || this.#connections.size >= this.#settings.maxConnections) {
      socket.destroy()
      this.#warnOfLimit()
      return
    }
    const connection = new Connection(socket, this.#parts.clock, this.#settings, this.output)
    this.#connections.add(connection)
    connection.start(this.#accept(connection), (gone) => this.#onGone(gone))
  }

  #onGone(connection: Connection): void {
    this.#connections.delete(connection)
    if (this.#connections.size === 0) this.#whenEmpty?.()
  }

  /** Once per time the limit is reached, not once per refusal. */
  #warnOfLimit(): void {
    if (this.#closing || this.#refusedSinceWarning) return
    this.#refusedSinceWarning = true
    this.#parts.logger.warn({ connections: this.#connections.size }, 'connection limit reached, new connections are closed')
  }

  #scheduleSweep(): void {
    const { idleTimeoutMs } = this.#settings
    if (idleTimeoutMs <= 0 || this.#closing) return
    this.#sweeper = this.#parts.clock.after(idleTimeoutMs / SWEEPS_PER_TIMEOUT, () => {
      this.#refusedSinceWarning = false
      for (const connection of this.#connections) {
        if (connection.countSweep() >= SWEEPS_PER_TIMEOUT) connection.destroy(`idle for ${idleTimeoutMs} ms`)
      }
      this.#scheduleSweep()
    })
  }
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : ''
}
