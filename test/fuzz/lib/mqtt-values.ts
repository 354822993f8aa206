import type { ProtocolLevel, QoS } from '../../../src/broker/sessions/ports.ts'
import type { PacketName } from '../../../src/mqtt/wire/packet-types.ts'
import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import { PROPERTIES, type Properties, type PropertyCarrier, type PropertyRow } from '../../../src/mqtt/wire/property-table.ts'
import { isReasonOf } from '../../../src/mqtt/wire/reason-codes.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'

const TEXTS = ['', 'a', 'text', 'ä', '日本', '\ufeffbom', 'x'.repeat(127), 'y'.repeat(200)]
const TOPICS = ['a', 'orders/eu/42', 'a//b', '/', 'ä/日本', 'x'.repeat(130), 'a b']
const FILTERS = ['#', '+', 'a/+/b', 'orders/#', '$share/group/orders/#', 'ä']
const CLIENT_PACKETS = ['PUBLISH', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBSCRIBE', 'UNSUBSCRIBE', 'PINGREQ', 'DISCONNECT', 'AUTH'] as const
const SERVER_PACKETS = ['CONNACK', 'PUBLISH', 'PUBACK', 'PUBREC', 'PUBREL', 'PUBCOMP', 'SUBACK', 'UNSUBACK', 'PINGRESP', 'DISCONNECT', 'AUTH'] as const
/** What the table says of numbers is a range; of this one it is a range of the wire. */
const MAX_VARINT = 268_435_455

export type Side = 'client' | 'server'

/** A packet that this side may send at this level. */
export function randomPacket(random: SeededRandom, side: Side, level: ProtocolLevel): Packet {
  const types: readonly PacketName[] = side === 'client' ? CLIENT_PACKETS : SERVER_PACKETS
  const type = random.pick(types.filter((name) => level === 5 || (name !== 'AUTH' && !(name === 'DISCONNECT' && side === 'server'))))
  const packetId = random.between(1, 65_535)
  const properties = level === 5 ? randomProperties(random, type, side) : {}
  switch (type) {
    case 'PUBLISH':
      return publish(random, level, properties)
    case 'PUBACK':
    case 'PUBREC':
    case 'PUBREL':
    case 'PUBCOMP':
      return { type, packetId, reason: reason(random, type, side, level), properties }
    case 'SUBSCRIBE':
      return { type, packetId, properties, subscriptions: several(random, () => subscription(random, level)) }
    case 'UNSUBSCRIBE':
      return { type, packetId, properties, filters: several(random, () => random.pick(FILTERS)) }
    case 'SUBACK':
      return { type, packetId, properties, reasons: several(random, () => random.pick(level === 5 ? [0, 1, 2, 0x80, 0x87, 0x8f] : [0, 1, 2, 0x80])) }
    case 'UNSUBACK':
      return { type, packetId, properties, reasons: level === 5 ? several(random, () => random.pick([0, 0x11, 0x80])) : [] }
    case 'CONNACK':
      return {
        type,
        sessionPresent: random.chance(0.5),
        reason: level === 5 ? reason(random, type, side, level) : random.below(6),
        properties,
      }
    case 'DISCONNECT':
    case 'AUTH':
      return { type, reason: reason(random, type, side, level), properties }
    case 'PINGREQ':
    case 'PINGRESP':
      return { type }
    case 'CONNECT':
      return connect(random, level)
  }
}

export function connect(random: SeededRandom, level: ProtocolLevel): Packet {
  const username = random.chance(0.5) ? random.pick(TEXTS) : undefined
  const cleanStart = random.chance(0.5)
  const authenticated = random.chance(0.2)
  const all = level === 5 ? randomProperties(random, 'CONNECT', 'client') : {}
  const { authenticationMethod: _method, authenticationData: _data, ...properties } = all
  const qos = random.below(3) as QoS
  return {
    type: 'CONNECT',
    level,
    cleanStart,
    keepAliveS: random.pick([0, 1, 60, 65_535]),
    clientId: level === 5 || (cleanStart && level === 4) ? random.pick(TEXTS) : `c${random.pick(TEXTS)}`,
    will: random.chance(0.5)
      ? null
      : {
          topic: random.pick(TOPICS),
          payload: blob(random),
          qos,
          retain: random.chance(0.5),
          properties: level === 5 ? randomProperties(random, 'WILL', 'client') : {},
        },
    username,
    password: random.chance(0.5) && (username !== undefined || level === 5) ? blob(random) : undefined,
    properties: authenticated && level === 5 ? { ...properties, authenticationMethod: 'SCRAM', authenticationData: blob(random) } : properties,
  }
}

function publish(random: SeededRandom, level: ProtocolLevel, all: Properties): Packet {
  const qos = random.below(3) as QoS
  const retain = random.chance(0.3)
  const { topicAlias = 0, subscriptionIdentifiers = [], ...properties } = all
  return {
    type: 'PUBLISH',
    topic: topicAlias !== 0 && random.chance(0.5) ? '' : random.pick(TOPICS),
    payload: blob(random),
    qos,
    retain,
    properties: Object.keys(properties).length === 0 ? null : properties,
    packet: null,
    packetLevel: level,
    dup: qos > 0 && random.chance(0.3),
    packetId: qos === 0 ? 0 : random.between(1, 65_535),
    topicAlias,
    subscriptionIdentifiers,
  }
}

function subscription(random: SeededRandom, level: ProtocolLevel) {
  const filter = random.pick(FILTERS)
  return {
    filter,
    qos: random.below(3) as QoS,
    noLocal: level === 5 && !filter.startsWith('$share/') && random.chance(0.3),
    retainAsPublished: level === 5 && random.chance(0.3),
    retainHandling: (level === 5 ? random.below(3) : 0) as 0 | 1 | 2,
  }
}

function reason(random: SeededRandom, type: PacketName, side: Side, level: ProtocolLevel): number {
  if (level < 5) return 0
  const codes = Array.from({ length: 256 }, (_, code) => code).filter((code) => isReasonOf(code, type, side))
  return random.pick(codes)
}

/** Some of the properties that the table allows in this packet, in the table's order. */
function randomProperties(random: SeededRandom, carrier: PropertyCarrier, side: Side): Properties {
  if (random.chance(0.4)) return {}
  const rows = PROPERTIES.filter((row) => row.packets.includes(carrier) && random.chance(0.4))
  const properties: Record<string, unknown> = {}
  for (const row of rows) {
    if (row.name === 'subscriptionIdentifiers') {
      if (carrier === 'SUBSCRIBE') properties[row.name] = [random.between(1, MAX_VARINT)]
      else if (side === 'server') properties[row.name] = several(random, () => random.pick([1, 127, 128, MAX_VARINT]))
    } else if (row.repeats.includes(carrier)) properties[row.name] = several(random, () => [random.pick(TEXTS), random.pick(TEXTS)])
    else properties[row.name] = value(random, row)
  }
  return properties as Properties
}

function value(random: SeededRandom, row: PropertyRow): unknown {
  switch (row.type) {
    case 'boolean':
      return random.chance(0.5)
    case 'string':
      return row.name === 'responseTopic' ? random.pick(TOPICS) : random.pick(TEXTS)
    case 'binary':
      return blob(random)
    case 'byte':
      return random.between(row.min, Math.min(row.max, 255))
    case 'uint16':
      return random.pick([Math.max(1, row.min), 255, 65_535])
    default:
      return random.pick([row.min, 256, 0xffff_ffff])
  }
}

function blob(random: SeededRandom): Buffer {
  return Buffer.from(random.bytes(random.pick([0, 1, 20, 127, 128, 300])))
}

function several<T>(random: SeededRandom, one: () => T): T[] {
  return Array.from({ length: random.between(1, 4) }, one)
}
