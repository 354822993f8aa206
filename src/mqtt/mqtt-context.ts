import type { Security } from '../broker/security/ports.ts'
import type { Sessions } from '../broker/sessions/ports.ts'
import type { Clock } from '../runtime/clock.ts'
import type { Logger } from '../telemetry/logger.ts'
import type { MqttConnection } from './connection.ts'
import type { KeepAliveWheel } from './keep-alive-wheel.ts'
import type { MqttSettings } from './mqtt-settings.ts'
import type { PublishEncoder } from './publish-encoder.ts'

/** Whether the disk lags behind what was appended: then publishers are read no further. */
export interface DiskPressure {
  readonly congested: boolean
  /** Calls `run` once, when it is no longer congested. */
  whenDrained(run: () => void): void
}

/** Counted over all connections since the start. */
export interface MqttCounters {
  packetsReceived: number
  messagesReceived: number
  messagesSent: number
}

/** What all MQTT connections share. */
export interface MqttContext {
  readonly clock: Clock
  readonly logger: Logger
  readonly sessions: Sessions
  readonly security: Security
  readonly settings: MqttSettings
  readonly pressure: DiskPressure
  readonly wheel: KeepAliveWheel
  readonly encoder: PublishEncoder
  readonly counters: MqttCounters
  readonly connections: Set<MqttConnection>
}
