import type { Principal, Security } from '../broker/security/ports.ts'
import type { Sessions } from '../broker/sessions/ports.ts'
import type { Connection, ConnectionHandler } from '../net/connection.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import { MqttConnection } from './connection.ts'
import { KeepAliveWheel } from './keep-alive-wheel.ts'
import type { DiskPressure, MqttContext, MqttCounters } from './mqtt-context.ts'
import type { MqttSettings } from './mqtt-settings.ts'
import { PublishEncoder } from './publish-encoder.ts'
import { REASON } from './wire/reason-codes.ts'

export interface MqttServerParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly sessions: Sessions
  readonly security: Security
  readonly pressure: DiskPressure
}

/** The MQTT side of all listeners: makes a connection's protocol, and keeps what connections share. */
export class MqttServer {
  readonly #context: MqttContext

  constructor(parts: MqttServerParts, settings: MqttSettings) {
    this.#context = {
      ...parts,
      settings,
      wheel: new KeepAliveWheel(parts.clock),
      encoder: new PublishEncoder(),
      counters: { packetsReceived: 0, messagesReceived: 0, messagesSent: 0 },
      connections: new Set(),
    }
  }

  get counters(): Readonly<MqttCounters> {
    return this.#context.counters
  }

  get connectionCount(): number {
    return this.#context.connections.size
  }

  /** For `Listener`; `allowAnonymous` where the listener takes clients without a user name, `proven` for whom the client’s certificate speaks; null: for nobody. */
  accept(socket: Connection, options: { readonly allowAnonymous: boolean; readonly proven?: Principal | null }): ConnectionHandler {
    const connection = new MqttConnection(this.#context, socket, options.allowAnonymous, options.proven ?? null)
    this.#context.connections.add(connection)
    return connection
  }

  /** Tells all clients that the broker stops (0x8B); their sessions and wills stay as after a lost connection. Closing twice is fine. */
  close(): void {
    for (const connection of [...this.#context.connections]) connection.fail(REASON.serverShuttingDown, 'the broker is stopping')
    this.#context.wheel.close()
  }
}
