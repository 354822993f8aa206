import type { ProtocolLevel, QoS } from '../../broker/sessions/ports.ts'
import { checkTopicForm } from '../../broker/sessions/topic-filter.ts'
import type { ConnectPacket, WillFields } from './packets.ts'
import { NO_PROPERTIES, readProperties } from './read-properties.ts'
import { REASON } from './reason-codes.ts'
import type { WireReader } from './wire-reader.ts'

const RESERVED = 0x01
const CLEAN_START = 0x02
const WILL = 0x04
const WILL_BITS = 0x38
const PASSWORD = 0x40
const USERNAME = 0x80

/** A CONNECT [MQTT 5.0, 3.1], of any version. A protocol or level that is not spoken here is a fault with 0x84. */
export function decodeConnect(reader: WireReader): ConnectPacket | null {
  const level = readLevel(reader)
  if (level === null) return null
  const flags = reader.uint8()
  checkFlags(reader, flags, level)
  const keepAliveS = reader.uint16()
  const properties = level === 5 ? readProperties(reader, 'CONNECT') : NO_PROPERTIES
  if (properties.authenticationData !== undefined && properties.authenticationMethod === undefined) {
    reader.fail(REASON.protocolError, 'authentication data without an authentication method')
  }
  const clientId = reader.string('client identifier')
  const will = (flags & WILL) === 0 ? null : readWill(reader, flags, level)
  const username = (flags & USERNAME) === 0 ? undefined : reader.string('user name')
  const password = (flags & PASSWORD) === 0 ? undefined : reader.binary()
  return { type: 'CONNECT', level, cleanStart: (flags & CLEAN_START) !== 0, keepAliveS, clientId, will, username, password, properties }
}

/** The level a CONNECT speaks, from its first bytes, however wrong the rest is: CONNACK takes its form. */
export function peekLevel(packet: Uint8Array, bodyFrom: number): ProtocolLevel {
  const nameLength = ((packet[bodyFrom] ?? 0) << 8) | (packet[bodyFrom + 1] ?? 0)
  const level = packet[bodyFrom + 2 + nameLength] ?? 4
  return level >= 5 && level < 0x80 ? 5 : 4
}

function readLevel(reader: WireReader): ProtocolLevel | null {
  const name = reader.string('protocol name')
  const level = reader.uint8()
  if (reader.fault !== null) return null
  if (name === 'MQTT' && (level === 4 || level === 5)) return level
  if (name === 'MQIsdp' && level === 3) return 3
  reader.fail(REASON.unsupportedProtocolVersion, `protocol ${JSON.stringify(name)} of level ${level} is not spoken here [MQTT-3.1.2-2]`)
  return null
}

function checkFlags(reader: WireReader, flags: number, level: ProtocolLevel): void {
  if ((flags & RESERVED) !== 0) reader.fail(REASON.malformedPacket, 'the reserved flag of CONNECT is set [MQTT-3.1.2-3]')
  else if ((flags & WILL) === 0 && (flags & WILL_BITS) !== 0) reader.fail(REASON.malformedPacket, 'will QoS or retain without a will [MQTT-3.1.2-11]')
  else if ((flags & 0x18) === 0x18) reader.fail(REASON.malformedPacket, 'will QoS 3 does not exist [MQTT-3.1.2-12]')
  else if (level < 5 && (flags & USERNAME) === 0 && (flags & PASSWORD) !== 0) {
    reader.fail(REASON.malformedPacket, 'a password without a user name [MQTT-3.1.2-22 of 3.1.1]')
  }
}

function readWill(reader: WireReader, flags: number, level: ProtocolLevel): WillFields {
  const properties = level === 5 ? readProperties(reader, 'WILL') : NO_PROPERTIES
  const topic = reader.string('will topic')
  const payload = reader.binary()
  if (reader.fault === null) {
    const wrong = checkTopicForm(topic)
    if (wrong !== null) reader.fail(REASON.topicNameInvalid, `will topic: ${wrong}`)
    if (properties.responseTopic !== undefined && /[+#]/.test(properties.responseTopic)) {
      reader.fail(REASON.protocolError, 'a response topic has no wildcards [MQTT-3.3.2-14]')
    }
  }
  return { topic, payload, qos: ((flags >> 3) & 3) as QoS, retain: (flags & 0x20) !== 0, properties }
}
