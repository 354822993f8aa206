import { parseTopicFilter } from '../../broker/sessions/topic-filter.ts'
import type { MqttConnection } from '../connection.ts'
import type { UnsubscribePacket } from '../wire/packets.ts'
import { NO_PROPERTIES } from '../wire/read-properties.ts'
import { REASON } from '../wire/reason-codes.ts'

/** UNSUBSCRIBE: filters are compared character by character [MQTT-3.10.4-1]; UNSUBACK has one reason per filter [MQTT-3.11.3-1]. */
export function handleUnsubscribe(connection: MqttConnection, packet: UnsubscribePacket): void {
  connection.connected.session.unsubscribe(packet.filters, (existed) => {
    if (connection.closed) return
    const reasons = packet.filters.map((filter, index) => {
      if (existed[index] === true) return REASON.success
      return typeof parseTopicFilter(filter) === 'string' ? REASON.topicFilterInvalid : REASON.noSubscriptionExisted
    })
    connection.send({ type: 'UNSUBACK', packetId: packet.packetId, reasons, properties: NO_PROPERTIES })
  })
}
