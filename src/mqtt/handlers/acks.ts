/**
 * PUBACK, PUBREC, PUBREL, PUBCOMP [MQTT 5.0, 3.4 to 3.7]. A packet id that is not known is answered where the protocol has an
 * answer (0x92 in PUBREL and PUBCOMP), else it is nothing: it may be the echo of an exchange that the session has ended.
 */
import type { MqttConnection } from '../connection.ts'
import type { AckPacket } from '../wire/packets.ts'
import { REASON } from '../wire/reason-codes.ts'

export function handlePuback(connection: MqttConnection, packet: AckPacket): void {
  connection.connected.session.acknowledge(packet.packetId)
}

export function handlePubrec(connection: MqttConnection, packet: AckPacket): void {
  const known = connection.connected.session.received(packet.packetId, packet.reason)
  if (!known && packet.reason < 0x80) connection.sendAck('PUBREL', packet.packetId, REASON.packetIdentifierNotFound)
}

export function handlePubrel(connection: MqttConnection, packet: AckPacket): void {
  connection.connected.session.release(packet.packetId, (known) => {
    if (!connection.closed) connection.sendAck('PUBCOMP', packet.packetId, known ? REASON.success : REASON.packetIdentifierNotFound)
  })
}

export function handlePubcomp(connection: MqttConnection, packet: AckPacket): void {
  connection.connected.session.completed(packet.packetId)
}
