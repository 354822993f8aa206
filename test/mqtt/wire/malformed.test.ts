import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ProtocolLevel } from '../../../src/broker/sessions/ports.ts'
import { packetsOf } from './packets-of.ts'

/** Facts of the specification, each with packets that break it: tag, what, level (0 before CONNECT), bytes, reason. */
const FAULTS: readonly (readonly [tag: string, what: string, level: ProtocolLevel | 0, hex: string, reason: number])[] = [
  ['MQTT-1.5.4-1', 'a surrogate in a topic', 5, '30 08 0003 eda080 00 6161', 0x81],
  ['MQTT-1.5.4-1', 'an over-long form in a topic', 5, '30 07 0002 c080 00 6161', 0x81],
  ['MQTT-1.5.4-1', 'a cut character in a topic', 4, '30 04 0002 61e6', 0x81],
  ['MQTT-1.5.4-1', 'no UTF-8 in a filter', 4, '82 06 0001 0001 ff 00', 0x81],
  ['MQTT-1.5.4-1', 'no UTF-8 in a user property', 5, '30 0a 0001 61 06 26 0001 ff 0000', 0x81],
  ['MQTT-1.5.4-1', 'no UTF-8 in a reason string', 5, 'e0 06 80 04 1f 0001 ff', 0x81],
  ['MQTT-1.5.4-2', 'U+0000 in a topic', 4, '30 05 0003 610061', 0x81],
  ['MQTT-1.5.4-2', 'U+0000 in a filter', 5, '82 07 0001 00 0001 00 00', 0x81],
  ['MQTT-1.5.5-1', 'a remaining length with a needless byte', 5, 'c0 80 00', 0x81],
  ['MQTT-1.5.5-1', 'a remaining length of five bytes', 5, '30 ff ff ff ff 01', 0x81],
  ['MQTT-1.5.5-1', 'a property length with a needless byte', 5, '30 05 0001 61 80 00', 0x81],
  ['MQTT-2.1.3-1', 'reserved flags of PINGREQ', 5, 'c1 00', 0x81],
  ['MQTT-2.1.3-1', 'reserved flags of PUBACK', 4, '42 02 0001', 0x81],
  ['MQTT-2.1.3-1', 'packet type 0', 5, '00 00', 0x81],
  ['MQTT-2.1.3-1', 'AUTH before 5.0', 4, 'f0 00', 0x81],
  ['MQTT-2.2.1-3', 'packet id 0 in PUBLISH', 4, '32 05 0001 61 0000', 0x81],
  ['MQTT-2.2.1-3', 'packet id 0 in SUBSCRIBE', 4, '82 06 0000 0001 61 00', 0x81],
  ['MQTT-2.2.2', 'a property that does not exist', 5, '30 06 0001 61 02 7f 00', 0x81],
  ['MQTT-2.2.2', 'a property of another packet', 5, '30 07 0001 61 03 21 0001', 0x81],
  ['MQTT-2.2.2', 'a property beyond the property length', 5, '30 07 0001 61 02 23 0001', 0x81],
  ['MQTT-2.2.2', 'a property length beyond the packet', 5, '30 05 0001 61 09 01', 0x81],
  ['MQTT-2.2.2', 'a property twice', 5, '30 08 0001 61 04 01 01 01 01', 0x82],
  ['MQTT-3.1.0-1', 'PUBLISH first', 0, '30 03 0001 61', 0x82],
  ['MQTT-3.1.0-1', 'PINGREQ first', 0, 'c0 00', 0x82],
  ['MQTT-3.1.0-2', 'a second CONNECT', 5, '10 0d 0004 4d515454 05 02 0000 00 0000', 0x82],
  ['MQTT-3.1.2-1', 'another protocol name', 0, '10 0c 0004 4d515458 04 02 0000 0000', 0x84],
  ['MQTT-3.1.2-2', 'level 6', 0, '10 0d 0004 4d515454 06 02 0000 00 0000', 0x84],
  ['MQTT-3.1.2-2', 'level 2', 0, '10 0c 0004 4d515454 02 02 0000 0000', 0x84],
  ['MQTT-3.1.2-2', 'MQIsdp with level 4', 0, '10 0e 0006 4d5149736470 04 02 0000 0000', 0x84],
  ['MQTT-3.1.2-3', 'the reserved flag of CONNECT', 0, '10 0d 0004 4d515454 05 03 0000 00 0000', 0x81],
  ['MQTT-3.1.2-11', 'will QoS without a will', 0, '10 0d 0004 4d515454 05 0a 0000 00 0000', 0x81],
  ['MQTT-3.1.2-13', 'will retain without a will', 0, '10 0d 0004 4d515454 05 22 0000 00 0000', 0x81],
  ['MQTT-3.1.2-12', 'will QoS 3', 0, '10 14 0004 4d515454 05 1e 0000 00 0000 00 0001 61 0001 61', 0x81],
  ['MQTT-3.1.2-22 of 3.1.1', 'a password without a user name', 0, '10 0e 0004 4d515454 04 42 0000 0000 0000', 0x81],
  ['MQTT-3.1.3-11', 'a will topic that is no UTF-8', 0, '10 14 0004 4d515454 05 06 0000 00 0000 00 0001 ff 0001 61', 0x81],
  ['MQTT-3.1.3-12', 'a user name that is no UTF-8', 0, '10 10 0004 4d515454 05 82 0000 00 0000 0001 ff', 0x81],
  ['MQTT-3.1.2-24', 'receive maximum 0', 0, '10 10 0004 4d515454 05 02 0000 03 210000 0000', 0x82],
  ['MQTT-3.1.2-24', 'maximum packet size 0', 0, '10 12 0004 4d515454 05 02 0000 05 2700000000 0000', 0x82],
  ['MQTT-3.1.2-29', 'request problem information 2', 0, '10 0f 0004 4d515454 05 02 0000 02 1702 0000', 0x82],
  ['MQTT-3.1.4-2', 'session expiry twice', 0, '10 17 0004 4d515454 05 02 0000 0a 1100000001 1100000001 0000', 0x82],
  ['MQTT-3.1.4-2', 'a will delay outside of the will', 0, '10 12 0004 4d515454 05 02 0000 05 1800000001 0000', 0x81],
  ['MQTT-3.1.4-2', 'authentication data without a method', 0, '10 11 0004 4d515454 05 02 0000 04 16000161 0000', 0x82],
  ['MQTT-3.1.4-1', 'a CONNECT that goes on after its end', 0, '10 0e 0004 4d515454 05 02 0000 00 0000 ff', 0x81],
  ['MQTT-3.1.4-1', 'a CONNECT cut in its client id', 0, '10 0d 0004 4d515454 05 02 0000 00 0005', 0x81],
  ['MQTT-3.3.1-2', 'DUP with QoS 0', 5, '38 04 0001 61 00', 0x81],
  ['MQTT-3.3.1-4', 'QoS 3', 5, '36 06 0001 61 0001 00', 0x81],
  ['MQTT-3.3.2-1', 'neither topic nor alias', 5, '30 03 0000 00', 0x82],
  ['MQTT-3.3.2-1', 'no topic before 5.0', 4, '30 02 0000', 0x82],
  ['MQTT-3.3.2-2', '# in a topic', 5, '30 06 0003 612f23 00', 0x90],
  ['MQTT-3.3.2-2', '+ in a topic', 4, '30 05 0003 2b2f61', 0x90],
  ['MQTT-3.3.2-4', 'payload format 2', 5, '30 06 0001 61 02 0102', 0x82],
  ['MQTT-3.3.2-8', 'topic alias 0', 5, '30 07 0001 61 03 230000', 0x94],
  ['MQTT-3.3.2-14', '# in a response topic', 5, '30 08 0001 61 04 08000123', 0x82],
  ['MQTT-3.3.4-6', 'a subscription identifier in PUBLISH', 5, '30 06 0001 61 02 0b01', 0x82],
  ['MQTT-3.4.2-1', 'a PUBACK of one byte', 5, '40 01 00', 0x81],
  ['MQTT-3.4.2-1', 'a reason PUBACK does not have', 5, '40 03 0001 01', 0x81],
  ['MQTT-3.4.2-1', 'a PUBACK of 3.1.1 with a reason', 4, '40 03 0001 00', 0x81],
  ['MQTT-3.6.1-1', 'flags of PUBREL', 5, '60 02 0001', 0x81],
  ['MQTT-3.6.1-1', 'flags of PUBREL', 4, '60 02 0001', 0x81],
  ['MQTT-3.8.1-1', 'flags of SUBSCRIBE', 5, '80 07 0001 00 0001 61 00', 0x81],
  ['MQTT-3.8.3-2', 'a SUBSCRIBE without filters', 5, '82 03 0001 00', 0x82],
  ['MQTT-3.8.3-2', 'a SUBSCRIBE without filters', 4, '82 02 0001', 0x82],
  ['MQTT-3.8.3-4', 'no local with $share', 5, '82 10 0001 00 000a 24736861 72652f67 2f61 04', 0x82],
  ['MQTT-3.8.3-5', 'reserved subscription options', 5, '82 07 0001 00 0001 61 40', 0x81],
  ['MQTT-3.8.3-5', 'reserved subscription options', 4, '82 06 0001 0001 61 04', 0x81],
  ['MQTT-3.8.3-5', 'QoS 3 in a subscription', 5, '82 07 0001 00 0001 61 03', 0x81],
  ['MQTT-3.8.3-5', 'QoS 3 in a subscription', 4, '82 06 0001 0001 61 03', 0x81],
  ['MQTT-3.8.3-5', 'retain handling 3', 5, '82 07 0001 00 0001 61 30', 0x82],
  ['MQTT-3.8.2.1.2', 'subscription identifier 0', 5, '82 09 0001 02 0b00 0001 61 00', 0x82],
  ['MQTT-3.8.2.1.2', 'two subscription identifiers', 5, '82 0b 0001 04 0b010b02 0001 61 00', 0x82],
  ['MQTT-3.8', 'a SUBSCRIBE cut within a filter', 5, '82 06 0001 00 0005 61', 0x81],
  ['MQTT-3.8', 'a SUBSCRIBE without the last options', 4, '82 05 0001 0001 61', 0x81],
  ['MQTT-3.8', 'a SUBSCRIBE of no bytes', 4, '82 00', 0x81],
  ['MQTT-3.10.1-1', 'flags of UNSUBSCRIBE', 5, 'a0 06 0001 00 0001 61', 0x81],
  ['MQTT-3.10.3-2', 'an UNSUBSCRIBE without filters', 5, 'a2 03 0001 00', 0x82],
  ['MQTT-3.10', 'an UNSUBSCRIBE of no bytes', 4, 'a2 00', 0x81],
  ['MQTT-3.12', 'a PINGREQ with a body', 5, 'c0 01 00', 0x81],
  ['MQTT-3.14.1-1', 'flags of DISCONNECT', 5, 'e1 00', 0x81],
  ['MQTT-3.14.2-1', 'a reason only servers give', 5, 'e0 01 8e', 0x81],
  ['MQTT-3.14', 'a DISCONNECT of 3.1.1 with a body', 4, 'e0 01 00', 0x81],
  ['MQTT-3.15.1-1', 'flags of AUTH', 5, 'f1 00', 0x81],
  ['MQTT-4.13.1-1', 'CONNACK from a client', 5, '20 03 00 00 00', 0x82],
  ['MQTT-4.13.1-1', 'SUBACK from a client', 5, '90 04 0001 00 00', 0x82],
  ['MQTT-4.13.1-1', 'UNSUBACK from a client', 4, 'b0 02 0001', 0x82],
  ['MQTT-4.13.1-1', 'PINGRESP from a client', 5, 'd0 00', 0x82],
]

for (const [tag, what, level, hex, reason] of FAULTS) {
  test(`[${tag}] ${what} (${level === 0 ? 'first packet' : `level ${level}`}) is refused with 0x${reason.toString(16)}`, () => {
    const bytes = Buffer.from(hex.replaceAll(' ', ''), 'hex')
    const { packets, fault } = packetsOf([bytes], { level: level === 0 ? undefined : level })
    assert.deepEqual(packets, [])
    assert.equal(fault?.reason, reason, fault?.message)
    // Byte by byte it is the same.
    const slowly = packetsOf(
      [...bytes].map((byte) => Uint8Array.of(byte)),
      { level: level === 0 ? undefined : level },
    )
    assert.deepEqual(slowly.fault, fault)
  })
}

test('[MQTT-1.5.4-3] a leading U+FEFF is kept', () => {
  const { packets } = packetsOf([Buffer.from('3007 0004 efbbbf61 00'.replaceAll(' ', ''), 'hex')], { level: 5 })
  assert.equal(packets[0]?.type === 'PUBLISH' && packets[0].topic, '\ufeffa')
})

test('[MQTT-3.1.2-24] a packet over the maximum is refused with 0x95 when its length is known, before it has come', () => {
  const header = Buffer.from('30a08d06', 'hex')
  const { fault, pendingBytes } = packetsOf([header], { level: 5, maximumPacketSize: 100_000 })
  assert.equal(fault?.reason, 0x95)
  assert.equal(pendingBytes, 0)
})

test('nothing larger than a CONNECT can be is kept before CONNECT', () => {
  assert.equal(packetsOf([Buffer.from('10ffffff7f', 'hex')], { maximumPacketSize: 268_435_460 }).fault?.reason, 0x95)
})
