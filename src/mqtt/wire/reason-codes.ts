import type { PacketName, Sender } from './packet-types.ts'

/** One reason code of MQTT 5 [2.4, and the table of each packet]. */
interface ReasonCodeRow {
  readonly code: number
  readonly name: string
  readonly packets: readonly PacketName[]
  /** Who may say it in a DISCONNECT. */
  readonly disconnectSender: Sender | null
}

const row = (code: number, name: string, packets: readonly PacketName[], disconnectSender: Sender | null = null): ReasonCodeRow => ({
  code,
  name,
  packets: disconnectSender === null ? packets : [...packets, 'DISCONNECT'],
  disconnectSender,
})

const ACKS: readonly PacketName[] = ['PUBACK', 'PUBREC']

const REASON_CODES: readonly ReasonCodeRow[] = [
  row(0x00, 'Success', ['CONNACK', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBACK', 'UNSUBACK', 'AUTH'], 'both'),
  row(0x01, 'Granted QoS 1', ['SUBACK']),
  row(0x02, 'Granted QoS 2', ['SUBACK']),
  row(0x04, 'Disconnect with Will Message', [], 'client'),
  row(0x10, 'No matching subscribers', ACKS),
  row(0x11, 'No subscription existed', ['UNSUBACK']),
  row(0x18, 'Continue authentication', ['AUTH']),
  row(0x19, 'Re-authenticate', ['AUTH']),
  row(0x80, 'Unspecified error', ['CONNACK', ...ACKS, 'SUBACK', 'UNSUBACK'], 'both'),
  row(0x81, 'Malformed Packet', ['CONNACK'], 'both'),
  row(0x82, 'Protocol Error', ['CONNACK'], 'both'),
  row(0x83, 'Implementation specific error', ['CONNACK', ...ACKS, 'SUBACK', 'UNSUBACK'], 'both'),
  row(0x84, 'Unsupported Protocol Version', ['CONNACK']),
  row(0x85, 'Client Identifier not valid', ['CONNACK']),
  row(0x86, 'Bad User Name or Password', ['CONNACK']),
  row(0x87, 'Not authorized', ['CONNACK', ...ACKS, 'SUBACK', 'UNSUBACK'], 'server'),
  row(0x88, 'Server unavailable', ['CONNACK']),
  row(0x89, 'Server busy', ['CONNACK'], 'server'),
  row(0x8a, 'Banned', ['CONNACK']),
  row(0x8b, 'Server shutting down', [], 'server'),
  row(0x8c, 'Bad authentication method', ['CONNACK'], 'server'),
  row(0x8d, 'Keep Alive timeout', [], 'server'),
  row(0x8e, 'Session taken over', [], 'server'),
  row(0x8f, 'Topic Filter invalid', ['SUBACK', 'UNSUBACK'], 'server'),
  row(0x90, 'Topic Name invalid', ['CONNACK', ...ACKS], 'both'),
  row(0x91, 'Packet Identifier in use', [...ACKS, 'SUBACK', 'UNSUBACK']),
  row(0x92, 'Packet Identifier not found', ['PUBREL', 'PUBCOMP']),
  row(0x93, 'Receive Maximum exceeded', [], 'both'),
  row(0x94, 'Topic Alias invalid', [], 'both'),
  row(0x95, 'Packet too large', ['CONNACK'], 'both'),
  row(0x96, 'Message rate too high', [], 'both'),
  row(0x97, 'Quota exceeded', ['CONNACK', ...ACKS, 'SUBACK'], 'both'),
  row(0x98, 'Administrative action', [], 'both'),
  row(0x99, 'Payload format invalid', ['CONNACK', ...ACKS], 'both'),
  row(0x9a, 'Retain not supported', ['CONNACK'], 'server'),
  row(0x9b, 'QoS not supported', ['CONNACK'], 'server'),
  row(0x9c, 'Use another server', ['CONNACK'], 'server'),
  row(0x9d, 'Server moved', ['CONNACK'], 'server'),
  row(0x9e, 'Shared Subscriptions not supported', ['SUBACK'], 'server'),
  row(0x9f, 'Connection rate exceeded', ['CONNACK'], 'server'),
  row(0xa0, 'Maximum connect time', [], 'server'),
  row(0xa1, 'Subscription Identifiers not supported', ['SUBACK'], 'server'),
  row(0xa2, 'Wildcard Subscriptions not supported', ['SUBACK'], 'server'),
]

/** The codes the code speaks of. */
export const REASON = {
  success: 0x00,
  disconnectWithWill: 0x04,
  noMatchingSubscribers: 0x10,
  noSubscriptionExisted: 0x11,
  unspecifiedError: 0x80,
  malformedPacket: 0x81,
  protocolError: 0x82,
  implementationSpecificError: 0x83,
  unsupportedProtocolVersion: 0x84,
  clientIdentifierNotValid: 0x85,
  badUserNameOrPassword: 0x86,
  notAuthorized: 0x87,
  serverUnavailable: 0x88,
  serverBusy: 0x89,
  serverShuttingDown: 0x8b,
  badAuthenticationMethod: 0x8c,
  keepAliveTimeout: 0x8d,
  sessionTakenOver: 0x8e,
  topicFilterInvalid: 0x8f,
  topicNameInvalid: 0x90,
  packetIdentifierNotFound: 0x92,
  receiveMaximumExceeded: 0x93,
  topicAliasInvalid: 0x94,
  packetTooLarge: 0x95,
  quotaExceeded: 0x97,
  sharedSubscriptionsNotSupported: 0x9e,
} as const

const ROWS = new Map(REASON_CODES.map((reason) => [reason.code, reason]))

/** The name of a code, for people. */
export function reasonName(code: number): string {
  return ROWS.get(code)?.name ?? `0x${code.toString(16)}`
}

/** Whether `code` may stand in a packet of this name, sent by this side. */
export function isReasonOf(code: number, packet: PacketName, sender: 'client' | 'server'): boolean {
  const reason = ROWS.get(code)
  if (reason === undefined || !reason.packets.includes(packet)) return false
  return packet !== 'DISCONNECT' || reason.disconnectSender === 'both' || reason.disconnectSender === sender
}

/** What a 3.1 or 3.1.1 client is told in CONNACK [MQTT 3.1.1, 3.2.2.3] for a reason of 5.0. */
export function returnCodeOf(reason: number): number {
  switch (reason) {
    case REASON.success:
      return 0
    case REASON.unsupportedProtocolVersion:
      return 1
    case REASON.clientIdentifierNotValid:
      return 2
    case REASON.badUserNameOrPassword:
      return 4
    case REASON.notAuthorized:
    case REASON.badAuthenticationMethod:
      return 5
    default:
      return 3
  }
}
