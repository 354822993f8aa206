import type { Failure } from '../errors.ts'
import type { ClientSession } from './client-session.ts'
import type { Message, QoS, Session, SubscribeRequest } from './ports.ts'

/** How a connection ends, for its session. */
export type OnDetached = (options: { readonly sendWill: boolean; readonly sessionExpiryS: number | undefined }) => void

/**
 * A session as one connection sees it. It goes dead when the connection ends or the session is taken over: whatever a stale connection
 * still says changes nothing.
 */
export class Attachment implements Session {
  readonly #session: ClientSession
  readonly #onDetached: OnDetached
  #alive = true

  constructor(session: ClientSession, onDetached: OnDetached) {
    this.#session = session
    this.#onDetached = onDetached
  }

  get alive(): boolean {
    return this.#alive
  }

  /** Taken over. */
  kill(): void {
    this.#alive = false
  }

  get clientId(): string {
    return this.#session.clientId
  }

  get sessionExpiryS(): number {
    return this.#session.expiryS
  }

  get incomingUnreleased(): number {
    return this.#session.incoming.size
  }

  subscribe(requests: readonly SubscribeRequest[], onDone: (results: readonly (QoS | Failure)[]) => void): void {
    if (this.#alive) this.#session.subscribe(requests, (results) => this.#alive && onDone(results))
  }

  unsubscribe(filters: readonly string[], onDone: (existed: readonly boolean[] | Failure) => void): void {
    if (this.#alive) this.#session.unsubscribe(filters, (existed) => this.#alive && onDone(existed))
  }

  publish(message: Message, onDone: ((failure: Failure | null, matched: boolean) => void) | null): void {
    if (this.#alive) this.#session.publish(message, onDone)
  }

  publishExactlyOnce(packetId: number, message: Message, onDone: (failure: Failure | null, matched: boolean) => void): void {
    if (this.#alive) this.#session.publishExactlyOnce(packetId, message, onDone)
  }

  release(packetId: number, onDone: (known: boolean) => void): void {
    if (this.#alive) this.#session.release(packetId, (known) => this.#alive && onDone(known))
  }

  acknowledge(packetId: number): boolean {
    return this.#alive && this.#session.outgoing.exchanges.acknowledge(packetId)
  }

  received(packetId: number, reason: number): boolean {
    return this.#alive && this.#session.outgoing.exchanges.received(packetId, reason)
  }

  completed(packetId: number): boolean {
    return this.#alive && this.#session.outgoing.exchanges.completed(packetId)
  }

  writable(): void {
    if (this.#alive) this.#session.outgoing.wake()
  }

  disconnect(options: { readonly sendWill: boolean; readonly sessionExpiryS: number | undefined }): void {
    if (!this.#alive) return
    this.#alive = false
    this.#onDetached(options)
  }

  connectionLost(): void {
    this.disconnect({ sendWill: true, sessionExpiryS: undefined })
  }
}
