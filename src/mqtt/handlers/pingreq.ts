import type { MqttConnection } from '../connection.ts'

/** PINGREQ is answered at once [MQTT-3.12.4-1]. */
export function handlePingreq(connection: MqttConnection): void {
  connection.send({ type: 'PINGRESP' })
}
