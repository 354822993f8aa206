import assert from 'node:assert/strict'
import mqttPacket, { type Packet as OraclePacket } from 'mqtt-packet'
import type { ProtocolLevel } from '../../../src/broker/sessions/ports.ts'
import { encodePacket } from '../../../src/mqtt/wire/encode.ts'
import { PacketParser } from '../../../src/mqtt/wire/packet-parser.ts'
import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import type { Fault } from '../../../src/mqtt/wire/wire-reader.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { connect, randomPacket, type Side } from '../lib/mqtt-values.ts'
import type { Spot, Target } from '../lib/target.ts'

const MAX_PACKET_BYTES = 100_000
/** A parser keeps what has arrived, and as much again. */
const KEPT_FACTOR = 2

export const mqttPackets: Target = {
  name: 'mqtt-packets',
  about: 'packets of every type and version with their properties, alone and in streams: mqtt-packet reads and writes them the same; damage is a fault',
  variants: 8,
  maxMutations: 4,
  slowMs: 500,
  minimiseChecks: 2000,

  generate(random) {
    const side: Side = random.chance(0.7) ? 'client' : 'server'
    const level = random.pick([3, 4, 5, 5, 5] as const)
    const { packets, seed } = packetsOf(random.below(2 ** 31), side, level)
    const parts = packets.map((packet) => encodePacket(packet, level))
    return { meta: { seed, side, level, pieces: random.below(2 ** 31) }, parts, spots: parts.map(spotsOf) }
  },

  check(meta, parts, valid) {
    const level = meta.level as ProtocolLevel
    const side = meta.side as Side
    const stream = Buffer.concat(parts)
    const whole = parsed([stream], side, level)
    const pieces = parsed(cut(stream, new SeededRandom(meta.pieces as number)), side, level)
    assert.deepEqual(pieces, whole, 'other packets when cut')
    assert.ok(whole.keptBytes <= stream.length * KEPT_FACTOR, 'more is kept than came')
    for (const packet of whole.packets) checkAgain(packet, side, level)
    if (valid) checkValid(packetsOf(meta.seed as number, side, level).packets, whole, parts, { side, level })
  },
}

function packetsOf(seed: number, side: Side, level: ProtocolLevel): { seed: number; packets: Packet[] } {
  const random = new SeededRandom(seed)
  const packets = Array.from({ length: random.between(1, 4) }, () => randomPacket(random, side, level))
  return { seed, packets: side === 'client' ? [connect(random, level), ...packets] : packets }
}

/** The remaining length, and the two bytes where most packets begin with a length or a packet id. */
function spotsOf(packet: Buffer): Spot[] {
  let body = 2
  while ((packet[body - 1] as number) >= 0x80) body++
  return [
    { at: 1, bytes: 0 },
    { at: body, bytes: 2 },
    { at: body + 2, bytes: 0 },
    { at: body + 2, bytes: 1 },
    { at: 0, bytes: 1 },
  ]
}

interface Parsed {
  readonly packets: Packet[]
  readonly fault: Fault | null
  readonly keptBytes: number
}

function parsed(chunks: readonly Buffer[], side: Side, level: ProtocolLevel): Parsed {
  const parser = new PacketParser({ sender: side, maximumPacketSize: MAX_PACKET_BYTES })
  if (side === 'server') parser.level = level
  const packets: Packet[] = []
  for (const chunk of chunks) {
    parser.feed(Buffer.from(chunk))
    for (let packet = parser.next(); packet !== null; packet = parser.next()) {
      if (packet.type === 'CONNECT') parser.level = packet.level
      packets.push(copyOf(packet))
    }
  }
  return { packets, fault: parser.fault, keptBytes: parser.pendingBytes }
}

/** Without the bytes it came in: they are a view that the next chunk may differ in. */
function copyOf(packet: Packet): Packet {
  return packet.type === 'PUBLISH' ? { ...packet, packet: null, payload: Buffer.from(packet.payload) } : packet
}

function cut(stream: Buffer, random: SeededRandom): Buffer[] {
  const chunks: Buffer[] = []
  const most = random.pick([1, 3, 50, 1000])
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + random.between(1, most))
    chunks.push(stream.subarray(at, end))
    at = end
  }
  return chunks
}

/** What was read can be written, and is then read the same. */
function checkAgain(packet: Packet, side: Side, level: ProtocolLevel): void {
  const spoken = packet.type === 'CONNECT' ? packet.level : level
  const bytes = encodePacket(packet, spoken)
  const parser = new PacketParser({ sender: side, maximumPacketSize: MAX_PACKET_BYTES })
  if (packet.type !== 'CONNECT') parser.level = spoken
  parser.feed(Buffer.from(bytes))
  const again = parser.next()
  assert.equal(parser.fault, null, `what was written is refused: ${parser.fault?.message} in ${bytes.toString('hex')}`)
  assert.deepEqual(again === null ? null : copyOf(again), packet, 'what was written is read as something else')
}

function checkValid(packets: readonly Packet[], whole: Parsed, parts: readonly Buffer[], { side, level }: { side: Side; level: ProtocolLevel }): void {
  assert.equal(whole.fault, null)
  assert.deepEqual(whole.packets, packets)
  for (const [index, bytes] of parts.entries()) {
    assert.equal(encodePacket(whole.packets[index] as Packet, level).toString('hex'), bytes.toString('hex'), 'written again as other bytes')
    if (!isKnownToOracle(packets[index] as Packet)) continue
    const theirs = mqttPacket.generate(oracleParse(bytes, level), { protocolVersion: level })
    const isConnect = packets[index]?.type === 'CONNECT'
    const parser = new PacketParser({ sender: side, maximumPacketSize: MAX_PACKET_BYTES })
    if (!isConnect) parser.level = level
    parser.feed(Buffer.from(theirs))
    const read = parser.next()
    assert.equal(parser.fault, null, `mqtt-packet writes it as ${theirs.toString('hex')}: ${parser.fault?.message}`)
    assert.deepEqual(comparable(copyOf(read as Packet)), comparable(packets[index] as Packet), 'mqtt-packet reads it as something else')
  }
}

/** mqtt-packet refuses a password without a user name, a session without a client id, and an AUTH without a reason: 5.0 allows them. */
function isKnownToOracle(packet: Packet): boolean {
  if (packet.type === 'AUTH') return packet.reason !== 0 || Object.keys(packet.properties).length > 0
  // 5.0 lists 0x8C for DISCONNECT in 2.4 and not in 3.14.2.1.
  if (packet.type === 'DISCONNECT') return packet.reason !== 0x8c
  if (packet.type !== 'CONNECT') return true
  return (packet.password === undefined || packet.username !== undefined) && (packet.cleanStart || packet.clientId !== '')
}

function oracleParse(bytes: Buffer, protocolVersion: number): OraclePacket {
  const parser = mqttPacket.parser({ protocolVersion })
  const found: OraclePacket[] = []
  parser.on('packet', (one) => found.push(one))
  parser.on('error', (error) => {
    throw error
  })
  parser.parse(Buffer.from(bytes))
  assert.equal(found.length, 1)
  return found[0] as OraclePacket
}

/** mqtt-packet keeps user properties by name: their order between names is lost, and so are those with an empty text. */
function comparable(packet: Packet): unknown {
  return JSON.parse(JSON.stringify(packet), (name, value) => (name === 'userProperties' ? sortedPairs(value) : value))
}

function sortedPairs(pairs: readonly (readonly [string, string])[]): string[] {
  return pairs
    .filter((pair) => !pair.includes(''))
    .map(String)
    .sort()
}
