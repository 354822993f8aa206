/**
 * SUBSCRIBE [MQTT 5.0, 3.8]: each filter is checked by itself, the rest goes to the session; SUBACK has one reason per filter in
 * their order [MQTT-3.8.4-6]. Before 5.0 every refusal is 0x80. Shared subscriptions are announced as unavailable: 0x9E.
 * The user property `from` (or a filter `$replay/FROM/…`) begins with history.
 */
import { ERRORS, isFailure } from '../../broker/errors.ts'
import type { SubscribeRequest } from '../../broker/sessions/ports.ts'
import { parseReplayFrom, parseTopicFilter } from '../../broker/sessions/topic-filter.ts'
import type { MqttConnection } from '../connection.ts'
import type { SubscribePacket, SubscriptionFields } from '../wire/packets.ts'
import type { Properties } from '../wire/property-table.ts'
import { NO_PROPERTIES } from '../wire/read-properties.ts'
import { REASON } from '../wire/reason-codes.ts'

interface Refusal {
  readonly reason: number
  readonly message: string
}

const FROM_PROPERTY = 'from'

export function handleSubscribe(connection: MqttConnection, packet: SubscribePacket): void {
  const from = packet.properties.userProperties?.find(([name]) => name === FROM_PROPERTY)?.[1]
  const refusals = packet.subscriptions.map(({ filter }) => refusalOf(connection, filter, from))
  const subscriptionId = packet.properties.subscriptionIdentifiers?.[0]
  const allowed = packet.subscriptions.filter((_, index) => refusals[index] === null).map((fields) => requestOf(fields, subscriptionId, from))
  if (allowed.length === 0) {
    answer(connection, packet, refusals as Refusal[])
    return
  }
  connection.connected.session.subscribe(allowed, (granted) => {
    let next = 0
    answer(
      connection,
      packet,
      refusals.map((refusal) => {
        if (refusal !== null) return refusal
        const result = granted[next++]
        if (result === undefined) throw new Error('the session answered fewer subscriptions than it was asked for')
        return isFailure(result) ? { reason: subscribeReason(result.error.mqtt), message: result.message } : { reason: result, message: '' }
      }),
    )
  })
}

function requestOf(fields: SubscriptionFields, subscriptionId: number | undefined, from: string | undefined): SubscribeRequest {
  return { ...fields, subscriptionId, from }
}

function refusalOf(connection: MqttConnection, text: string, from: string | undefined): Refusal | null {
  const filter = parseTopicFilter(text)
  if (typeof filter === 'string') return { reason: REASON.topicFilterInvalid, message: filter }
  if (filter.share !== null) return { reason: REASON.sharedSubscriptionsNotSupported, message: 'shared subscriptions are not available' }
  const wrongFrom = from === undefined ? null : parseReplayFrom(from)
  if (typeof wrongFrom === 'string') return { reason: REASON.implementationSpecificError, message: wrongFrom }
  const { principal } = connection.connected
  if (connection.context.security.authorize(principal, 'describe', 'mqtt-topic', filter.filter)) return null
  return { reason: REASON.notAuthorized, message: `${principal.name} may not subscribe to ${JSON.stringify(text)}` }
}

/** A topic that is no legal name is, in SUBACK, a filter that is none. */
function subscribeReason(reason: number): number {
  return reason === ERRORS.invalidTopic.mqtt ? REASON.topicFilterInvalid : reason
}

function answer(connection: MqttConnection, packet: SubscribePacket, results: readonly Refusal[]): void {
  if (connection.closed) return
  const isV5 = connection.level === 5
  const message = results.find((result) => result.message !== '')?.message
  const properties: Readonly<Properties> = message === undefined || !connection.requestProblemInformation ? NO_PROPERTIES : { reasonString: message }
  const reasons = results.map(({ reason }) => (isV5 || reason < 0x80 ? reason : REASON.unspecifiedError))
  connection.send({ type: 'SUBACK', packetId: packet.packetId, reasons, properties })
}
