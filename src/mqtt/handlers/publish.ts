/**
 * PUBLISH [MQTT 5.0, 3.3] from a client: the alias, the topic, the rights, then the session appends it.
 *
 * - QoS 1: PUBACK when the record is on disk [MQTT-4.3.2-4], in the order of the PUBLISHes.
 * - QoS 2: method B, PUBREC when the record and the packet id are on disk together [MQTT-4.3.3-10].
 * - What may not be published: 5.0 gets PUBACK or PUBREC with 0x87 or 0x90, for QoS 0 nothing (0x87) or DISCONNECT (0x90);
 *   before 5.0 the connection ends [MQTT-3.3.5-2 of 3.1.1].
 */
import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import { checkMqttTopic } from '../../broker/sessions/topic-filter.ts'
import type { MqttConnection } from '../connection.ts'
import type { PublishPacket } from '../wire/packets.ts'
import { REASON } from '../wire/reason-codes.ts'

export function handlePublish(connection: MqttConnection, packet: PublishPacket): void {
  connection.context.counters.messagesReceived++
  const message = packet.topicAlias === 0 ? packet : resolveAlias(connection, packet)
  if (message === null) return
  const refused = message.topic === connection.allowedTopic ? null : checkTopic(connection, message.topic)
  if (message.qos === 0) {
    if (refused === null) connection.connected.session.publish(message, null)
    else if (connection.level < 5 || refused.error === ERRORS.invalidTopic) connection.fail(refused.error.mqtt, refused.message)
    return
  }
  publishAcknowledged(connection, message, message.qos, refused)
}

function publishAcknowledged(connection: MqttConnection, packet: PublishPacket, qos: 1 | 2, refused: Failure | null): void {
  const { session } = connection.connected
  const { receiveMaximum } = connection.context.settings
  if (qos === 1 && connection.level === 5 && connection.acks.qos1Length + session.incomingUnreleased >= receiveMaximum) {
    tooMany(connection, receiveMaximum)
    return
  }
  const pending = connection.acks.add(packet.packetId, qos)
  if (refused !== null) {
    connection.acknowledged(pending, refused, true)
    return
  }
  const onDone = (failed: Failure | null, matched: boolean) => connection.acknowledged(pending, failed, matched)
  if (qos === 1) session.publish(packet, onDone)
  else {
    session.publishExactlyOnce(packet.packetId, packet, onDone)
    // Counted after, since a packet id that is there already is a repetition and takes no more room.
    if (connection.level === 5 && connection.acks.qos1Length + session.incomingUnreleased > receiveMaximum) tooMany(connection, receiveMaximum)
  }
  connection.pauseBeyondWindow()
}

function tooMany(connection: MqttConnection, receiveMaximum: number): void {
  connection.fail(REASON.receiveMaximumExceeded, `more than ${receiveMaximum} PUBLISH packets are unacknowledged [MQTT-3.3.4-7]`)
}

/** Null where the client may publish to the topic; remembered, since most publish to one topic many times. */
function checkTopic(connection: MqttConnection, topic: string): Failure | null {
  const wrong = checkMqttTopic(topic)
  if (wrong !== null) return failure(ERRORS.invalidTopic, wrong)
  const { principal } = connection.connected
  if (!connection.context.security.authorize(principal, 'write', 'mqtt-topic', topic)) {
    return failure(ERRORS.topicAuthorizationFailed, `${principal.name} may not publish to ${JSON.stringify(topic)}`)
  }
  // Rights may be taken away while the connection lasts: only those of administrators are remembered.
  if (principal.isAdministrator) connection.allowedTopic = topic
  return null
}

/** The packet with the topic its alias stands for; null where the connection had to end. */
function resolveAlias(connection: MqttConnection, packet: PublishPacket): PublishPacket | null {
  const { topicAliasMaximum } = connection.context.settings
  if (packet.topicAlias > topicAliasMaximum) {
    connection.fail(REASON.topicAliasInvalid, `topic alias ${packet.topicAlias} is over the maximum of ${topicAliasMaximum} [MQTT-3.3.2-9]`)
    return null
  }
  if (packet.topic !== '') {
    connection.aliases ??= []
    connection.aliases[packet.topicAlias] = packet.topic
    return packet
  }
  const topic = connection.aliases?.[packet.topicAlias]
  if (topic === undefined) {
    connection.fail(REASON.protocolError, `topic alias ${packet.topicAlias} was not set on this connection`)
    return null
  }
  return { ...packet, topic }
}
