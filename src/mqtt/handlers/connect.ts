/**
 * CONNECT [MQTT 5.0, 3.1]: who it is, then the session.
 *
 * - 3.1: an empty client id is refused (2). 3.1.1: only with clean session [MQTT-3.1.3-8 of 3.1.1]. 5.0: one is assigned.
 * - Enhanced authentication has no method yet: 0x8C [MQTT-4.12.0-1].
 * - A client with a certificate is who that says, whatever its user name, unless it gives a password.
 * - A client without a user name is let in where the listener allows it; while the broker knows no users at all, such a
 *   listener asks nobody for a password.
 */
import { isFailure } from '../../broker/errors.ts'
import type { Principal } from '../../broker/security/ports.ts'
import { principalAt } from '../../broker/security/principals.ts'
import type { ConnectRequest, MessageProperties, Session, Will } from '../../broker/sessions/ports.ts'
import { checkMqttTopic } from '../../broker/sessions/topic-filter.ts'
import type { MqttConnection } from '../connection.ts'
import type { ConnectPacket, WillFields } from '../wire/packets.ts'
import type { Properties } from '../wire/property-table.ts'
import { REASON } from '../wire/reason-codes.ts'

export function handleConnect(connection: MqttConnection, packet: ConnectPacket): void {
  connection.beginConnect(packet)
  const { clientId, level, cleanStart, properties } = packet
  if (properties.authenticationMethod !== undefined) {
    connection.refuse(REASON.badAuthenticationMethod, `authentication method ${JSON.stringify(properties.authenticationMethod)} is not offered`)
    return
  }
  if (clientId === '' && level < 5 && (level === 3 || !cleanStart)) {
    connection.refuse(REASON.clientIdentifierNotValid, 'an empty client identifier needs a clean session')
    return
  }
  const wrongWill = packet.will === null ? null : checkMqttTopic(packet.will.topic)
  if (wrongWill !== null) {
    connection.refuse(REASON.topicNameInvalid, `will topic: ${wrongWill}`)
    return
  }
  authenticate(connection, packet, (principal) => {
    if (connection.closed) return
    if (principal !== null) openSession(connection, packet, principalAt(principal, connection.remoteAddress))
    else if (packet.username === undefined) connection.refuse(REASON.notAuthorized, 'a user name and a password are needed')
    else connection.refuse(REASON.badUserNameOrPassword, `user ${JSON.stringify(packet.username)} did not give the right password`)
  })
}

function authenticate(connection: MqttConnection, packet: ConnectPacket, onDone: (principal: Principal | null) => void): void {
  const { security, logger } = connection.context
  if (connection.proven !== null && packet.password === undefined) {
    onDone(connection.proven)
    return
  }
  if (connection.allowAnonymous && (packet.username === undefined || !security.hasUsers)) {
    onDone(security.anonymous)
    return
  }
  const password = packet.password === undefined ? null : textOf(packet.password)
  if (packet.username === undefined || password === null) {
    onDone(null)
    return
  }
  security.checkPassword(packet.username, password).then(onDone, (error: unknown) => {
    logger.error({ error: String(error) }, 'a password could not be checked')
    onDone(null)
  })
}

function openSession(connection: MqttConnection, packet: ConnectPacket, principal: Principal): void {
  const { sessions, security, settings } = connection.context
  if (packet.will !== null && !security.authorize(principal, 'write', 'mqtt-topic', packet.will.topic)) {
    connection.refuse(REASON.notAuthorized, `${principal.name} may not publish the will to ${JSON.stringify(packet.will.topic)}`)
    return
  }
  const request: ConnectRequest = {
    clientId: packet.clientId,
    level: packet.level,
    cleanStart: packet.cleanStart,
    sessionExpiryS: packet.level === 5 ? (packet.properties.sessionExpiryS ?? 0) : packet.cleanStart ? 0 : settings.sessionExpiryS,
    will: packet.will === null ? null : willOf(packet.will, packet.level),
    principal,
  }
  sessions.connect(request, connection, (result) => {
    if (connection.closed) {
      // The socket went while the session was opened: nobody else tells it.
      if (!isFailure(result) && !connection.detached) result.session.connectionLost()
      return
    }
    if (isFailure(result)) {
      connection.refuse(result.error.mqtt, result.message)
      return
    }
    const { session, sessionPresent, begin } = result
    const keepAliveS = keepAliveOf(connection, packet)
    const properties = packet.level === 5 ? announce(connection, packet, session, keepAliveS) : {}
    connection.accept({ session, principal, connect: packet }, { type: 'CONNACK', sessionPresent, reason: REASON.success, properties }, keepAliveS, begin)
  })
}

/** What a 5.0 client is told: the limits, and what is not there. */
function announce(connection: MqttConnection, packet: ConnectPacket, session: Session, keepAliveS: number): Properties {
  const { settings } = connection.context
  return {
    receiveMaximum: settings.receiveMaximum,
    maximumPacketSize: settings.maximumPacketSize,
    topicAliasMaximum: settings.topicAliasMaximum,
    sharedSubscriptionAvailable: false,
    ...(packet.clientId === '' ? { assignedClientIdentifier: session.clientId } : {}),
    // Only where it is another than was asked for [MQTT 5.0, 3.2.2.3.2].
    ...(session.sessionExpiryS === (packet.properties.sessionExpiryS ?? 0) ? {} : { sessionExpiryS: session.sessionExpiryS }),
    ...(keepAliveS === packet.keepAliveS ? {} : { serverKeepAliveS: keepAliveS }),
  }
}

/** Only a 5.0 client can be told another keep alive than its own [MQTT-3.2.2-21]. */
function keepAliveOf(connection: MqttConnection, packet: ConnectPacket): number {
  const limit = connection.context.settings.maxKeepAliveS
  if (packet.level < 5 || limit === 0) return packet.keepAliveS
  return packet.keepAliveS === 0 ? limit : Math.min(limit, packet.keepAliveS)
}

function willOf(will: WillFields, level: ConnectPacket['level']): Will {
  const { willDelayS, ...rest } = will.properties
  const hasProperties = Object.keys(rest).length > 0
  return {
    message: {
      topic: will.topic,
      // The view would keep the whole chunk for as long as the session lives.
      payload: Buffer.from(will.payload),
      qos: will.qos,
      retain: will.retain,
      properties: hasProperties ? (rest as MessageProperties) : null,
      packet: null,
      packetLevel: level,
    },
    delayS: willDelayS ?? 0,
  }
}

const utf8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** A password is binary data; those of our users are text. */
function textOf(password: Uint8Array): string | null {
  try {
    return utf8.decode(password)
  } catch {
    return null
  }
}
