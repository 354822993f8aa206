import { isFailure } from '../../broker/errors.ts'
import { parseTopicFilter } from '../../broker/sessions/topic-filter.ts'
import type { MqttConnection } from '../connection.ts'
import type { UnsubscribePacket } from '../wire/packets.ts'
import { NO_PROPERTIES } from '../wire/read-properties.ts'
import { REASON } from '../wire/reason-codes.ts'

/** UNSUBSCRIBE: filters are compared character by character [MQTT-3.10.4-1]; UNSUBACK has one reason per filter [MQTT-3.11.3-1]. 3.1.1 has no word for a failure: the connection ends. */
export function handleUnsubscribe(connection: MqttConnection, packet: UnsubscribePacket): void {
  connection.connected.session.unsubscribe(packet.filters, (existed) => {
    if (connection.closed) return
    if (isFailure(existed) && connection.level < 5) {
      connection.fail(existed.error.mqtt, existed.message)
      return
    }
    const reasons = packet.filters.map((filter, index) => {
      if (typeof parseTopicFilter(filter) === 'string') return REASON.topicFilterInvalid
      if (isFailure(existed)) return REASON.unspecifiedError
      return existed[index] === true ? REASON.success : REASON.noSubscriptionExisted
    })
    connection.send({ type: 'UNSUBACK', packetId: packet.packetId, reasons, properties: NO_PROPERTIES })
  })
}
