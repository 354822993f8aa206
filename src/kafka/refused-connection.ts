import type { Connection, ConnectionHandler } from '../net/connection.ts'
import type { Clock, Timer } from '../runtime/clock.ts'

/** A connection of an address that made too many (KIP-612): nothing is read from it, and after its time it is closed, so that its client does not come again at once. */
export class RefusedConnection implements ConnectionHandler {
  readonly #timer: Timer

  constructor(connection: Connection, clock: Clock, waitMs: number) {
    connection.pause('throttle')
    this.#timer = clock.after(waitMs, () => connection.destroy('its address made more connections than connection_creation_rate allows'))
  }

  onData(): void {}

  onClosed(): void {
    this.#timer.cancel()
  }
}
