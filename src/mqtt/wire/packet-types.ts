import type { ProtocolLevel } from '../../broker/sessions/ports.ts'

/** Who may send a packet. */
export type Sender = 'client' | 'server' | 'both'

/** One control packet type [MQTT 5.0, 2.1.2]. */
export interface PacketTypeRow {
  /** The upper four bits of the first byte. */
  readonly type: number
  readonly name: PacketName
  readonly sender: Sender
  /** The lower four bits, which a receiver checks [MQTT-2.1.3-1]; null for PUBLISH, where they mean something. */
  readonly flags: number | null
  readonly since: ProtocolLevel
}

export type PacketName =
  | 'CONNECT'
  | 'CONNACK'
  | 'PUBLISH'
  | 'PUBACK'
  | 'PUBREC'
  | 'PUBREL'
  | 'PUBCOMP'
  | 'SUBSCRIBE'
  | 'SUBACK'
  | 'UNSUBSCRIBE'
  | 'UNSUBACK'
  | 'PINGREQ'
  | 'PINGRESP'
  | 'DISCONNECT'
  | 'AUTH'

const row = (type: number, name: PacketName, sender: Sender, flags: number | null = 0, since: ProtocolLevel = 3): PacketTypeRow => ({
  type,
  name,
  sender,
  flags,
  since,
})

const PACKET_TYPES: readonly PacketTypeRow[] = [
  row(1, 'CONNECT', 'client'),
  row(2, 'CONNACK', 'server'),
  row(3, 'PUBLISH', 'both', null),
  row(4, 'PUBACK', 'both'),
  row(5, 'PUBREC', 'both'),
  row(6, 'PUBREL', 'both', 2),
  row(7, 'PUBCOMP', 'both'),
  row(8, 'SUBSCRIBE', 'client', 2),
  row(9, 'SUBACK', 'server'),
  row(10, 'UNSUBSCRIBE', 'client', 2),
  row(11, 'UNSUBACK', 'server'),
  row(12, 'PINGREQ', 'client'),
  row(13, 'PINGRESP', 'server'),
  // Before 5.0 only a client says goodbye; the decoder knows that.
  row(14, 'DISCONNECT', 'both'),
  row(15, 'AUTH', 'both', 0, 5),
]

/** By the upper four bits; undefined for 0, which is reserved. */
export const PACKET_TYPE_OF: readonly (PacketTypeRow | undefined)[] = [undefined, ...PACKET_TYPES]

const FIRST_BYTE = new Map(PACKET_TYPES.map((type) => [type.name, (type.type << 4) | (type.flags ?? 0)]))

/** The first byte of a packet, without PUBLISH's flags. */
export function firstByteOf(name: PacketName): number {
  return FIRST_BYTE.get(name) as number
}
