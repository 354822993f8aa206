import type { MqttConnection } from '../connection.ts'
import type { ReasonPacket } from '../wire/packets.ts'
import { REASON } from '../wire/reason-codes.ts'

/** DISCONNECT: with reason 0 the will is dropped, with any other it is sent [MQTT-3.14.4-3]. */
export function handleDisconnect(connection: MqttConnection, packet: ReasonPacket): void {
  const { session, connect } = connection.connected
  const { sessionExpiryS } = packet.properties
  if (sessionExpiryS !== undefined && sessionExpiryS > 0 && (connect.properties.sessionExpiryS ?? 0) === 0) {
    connection.fail(REASON.protocolError, 'a session that ends with its connection cannot be kept by DISCONNECT [MQTT-3.14.2.2.2]')
    return
  }
  connection.leave()
  session.disconnect({ sendWill: packet.reason !== REASON.success, sessionExpiryS })
}
