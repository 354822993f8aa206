import assert from 'node:assert/strict'
import { test } from 'node:test'
import fc from 'fast-check'
import { encodePacket } from '../../../src/mqtt/wire/encode.ts'
import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import { connectPacket, publishPacket } from '../harness.ts'
import { packetsOf } from './packets-of.ts'

/** A conversation of a client with one of each packet. */
const CONVERSATION: readonly Packet[] = [
  connectPacket({
    clientId: 'cliënt',
    username: 'u',
    password: Buffer.from('p'),
    will: { topic: 'w', payload: Buffer.from('bye'), qos: 1, retain: true, properties: { willDelayS: 3, contentType: 't' } },
    properties: { sessionExpiryS: 60, receiveMaximum: 10 },
  }),
  publishPacket({}),
  publishPacket({
    topic: 'a/ö',
    payload: Buffer.alloc(300, 1),
    qos: 1,
    packetId: 7,
    properties: { userProperties: [['k', 'v']], correlationData: Buffer.from([0]) },
  }),
  publishPacket({ topic: '', topicAlias: 3, qos: 2, packetId: 8, dup: true }),
  {
    type: 'SUBSCRIBE',
    packetId: 9,
    subscriptions: [{ filter: 'a/#', qos: 1, noLocal: true, retainAsPublished: true, retainHandling: 2 }],
    properties: { subscriptionIdentifiers: [300] },
  },
  { type: 'UNSUBSCRIBE', packetId: 10, filters: ['a/#', 'b'], properties: {} },
  { type: 'PUBACK', packetId: 1, reason: 0, properties: {} },
  { type: 'PUBREC', packetId: 2, reason: 0x97, properties: { reasonString: 'full' } },
  { type: 'PUBREL', packetId: 3, reason: 0, properties: {} },
  { type: 'PUBCOMP', packetId: 4, reason: 0x92, properties: {} },
  { type: 'PINGREQ' },
  { type: 'DISCONNECT', reason: 4, properties: { sessionExpiryS: 5 } },
]
const BYTES = Buffer.concat(CONVERSATION.map((packet) => encodePacket(packet, 5)))

test('packets are the same however the bytes are cut: in one piece, at every place, byte by byte', () => {
  const whole = packetsOf([BYTES])
  assert.equal(whole.fault, null)
  assert.equal(whole.packets.length, CONVERSATION.length)
  assert.deepEqual(
    whole.packets.map((packet) => encodePacket(packet, 5)),
    CONVERSATION.map((packet) => encodePacket(packet, 5)),
  )
  for (let at = 1; at < BYTES.length; at++) assert.deepEqual(packetsOf([BYTES.subarray(0, at), BYTES.subarray(at)]).packets, whole.packets, `cut at ${at}`)
  assert.deepEqual(packetsOf([...BYTES].map((byte) => Uint8Array.of(byte))).packets, whole.packets)
})

test('every prefix of a conversation is packets and a rest, never a fault', () => {
  for (let length = 0; length < BYTES.length; length++) assert.equal(packetsOf([BYTES.subarray(0, length)]).fault, null)
})

test('a payload is a view into the chunk it came in', () => {
  const chunk = encodePacket(publishPacket({ payload: Buffer.from('payload') }), 5)
  const { packets } = packetsOf([Buffer.from(chunk)], { level: 5 })
  assert.equal(packets[0]?.type === 'PUBLISH' && packets[0].packet?.length, chunk.length)
})

/** Whatever comes: no exception, no reading over the end, and after a fault nothing more. */
function survives(bytes: Uint8Array, cuts: readonly number[], level: 3 | 4 | 5 | undefined, sender: 'client' | 'server'): void {
  const chunks: Uint8Array[] = []
  let from = 0
  for (const cut of [...cuts].sort((a, b) => a - b)) {
    const to = Math.min(bytes.length, Math.max(from, cut))
    chunks.push(bytes.subarray(from, to))
    from = to
  }
  chunks.push(bytes.subarray(from))
  const pieces = packetsOf(chunks, { level, sender })
  const whole = packetsOf([bytes], { level, sender })
  assert.deepEqual(pieces.packets, whole.packets)
  assert.deepEqual(pieces.fault, whole.fault)
  for (const packet of whole.packets) {
    // What was read can be written, and is then read as the same.
    const again = packetsOf([encodePacket(packet, level ?? (packet.type === 'CONNECT' ? packet.level : 5))], {
      level: packet.type === 'CONNECT' ? undefined : (level ?? 5),
      sender,
    })
    assert.equal(again.fault, null)
    assert.equal(again.packets.length, 1)
  }
}

test('packets with changed, inserted and lost bytes are read or refused, never more', () => {
  fc.assert(
    fc.property(
      fc.constantFrom(...CONVERSATION),
      fc.array(fc.tuple(fc.constantFrom('change', 'insert', 'delete'), fc.nat(400), fc.nat(255)), { minLength: 1, maxLength: 4 }),
      fc.array(fc.nat(400), { maxLength: 3 }),
      (packet, mutations, cuts) => {
        const bytes = [...encodePacket(packet, 5)]
        for (const [kind, place, value] of mutations) {
          const at = place % (bytes.length + 1)
          if (kind === 'change') bytes[at] = value
          else if (kind === 'insert') bytes.splice(at, 0, value)
          else bytes.splice(at, 1)
        }
        survives(Uint8Array.from(bytes), cuts, packet.type === 'CONNECT' ? undefined : 5, 'client')
      },
    ),
    { numRuns: 5000 },
  )
})

test('a megabyte of noise is read or refused, whichever side it comes from', () => {
  fc.assert(
    fc.property(
      fc.integer(),
      fc.constantFrom(undefined, 3 as const, 4 as const, 5 as const),
      fc.constantFrom('client' as const, 'server' as const),
      (seed, level, sender) => {
        const noise = new Uint8Array(65_536)
        let state = seed | 1
        for (let at = 0; at < noise.length; at++) {
          state = Math.imul(state ^ (state >>> 15), 0x2c1b3c6d) + at
          noise[at] = state >>> 11
        }
        survives(noise, [100, 5000], level, sender)
      },
    ),
    { numRuns: 16 },
  )
})

test('an announced length keeps no memory before its bytes come', () => {
  const { pendingBytes, fault } = packetsOf([Buffer.from('30fffe3d0001', 'hex')], { level: 5, maximumPacketSize: 2_000_000 })
  assert.equal(fault, null)
  assert.equal(pendingBytes, 6)
})
