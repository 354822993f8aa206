import type { MqttConnection } from '../connection.ts'
import { REASON } from '../wire/reason-codes.ts'

/** AUTH: no CONNECT with an authentication method was accepted, so none may come [MQTT-4.12.0-6]. */
export function handleAuth(connection: MqttConnection): void {
  connection.fail(REASON.protocolError, 'AUTH without an authentication method in CONNECT')
}
