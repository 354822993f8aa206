import assert from 'node:assert/strict'
import { readdirSync, readFileSync } from 'node:fs'
import { test } from 'node:test'
import type { ProtocolLevel } from '../../../src/broker/sessions/ports.ts'
import { encodePacket } from '../../../src/mqtt/wire/encode.ts'
import type { Packet } from '../../../src/mqtt/wire/packets.ts'
import { packetsOf } from './packets-of.ts'

/** What real clients and a real Mosquitto said to each other: recorded by scripts/record-mqtt-packets.ts. */
interface Golden {
  readonly origin: string
  readonly conversations: readonly { readonly name: string; readonly level: ProtocolLevel; readonly client: string; readonly server: string }[]
}

const FOLDER = new URL('../../golden/mqtt/', import.meta.url)
const GOLDENS = readdirSync(FOLDER).map((file) => JSON.parse(readFileSync(new URL(file, FOLDER), 'utf8')) as Golden)

function check(hex: string, sender: 'client' | 'server', level: ProtocolLevel): readonly Packet[] {
  const bytes = Buffer.from(hex, 'hex')
  const { packets, fault, pendingBytes } = packetsOf([bytes], { sender, level: sender === 'client' ? undefined : level })
  assert.equal(fault, null, fault?.message)
  assert.equal(pendingBytes, 0)
  const written = Buffer.concat(packets.map((packet) => encodePacket(packet, level)))
  // In 5.0 the order of properties is free, and reason 0 may be left out; before there is one form only.
  if (level < 5) assert.equal(written.toString('hex'), hex)
  const again = packetsOf([written], { sender, level: sender === 'client' ? undefined : level })
  assert.deepEqual(again.packets.map(withoutBytes), packets.map(withoutBytes))
  return packets
}

const withoutBytes = (packet: Packet) => ({ ...packet, packet: null })

for (const { origin, conversations } of GOLDENS) {
  for (const { name, level, client, server } of conversations) {
    test(`${origin}: ${name} is read whole and written back`, () => {
      const said = check(client, 'client', level)
      const answered = check(server, 'server', level)
      assert.equal(said[0]?.type, 'CONNECT')
      assert.equal(said[0]?.type === 'CONNECT' && said[0].level, level)
      assert.equal(answered[0]?.type, 'CONNACK')
    })
  }
}

test('there is a conversation of every client in every version', () => {
  const found = new Set(GOLDENS.flatMap(({ origin, conversations }) => conversations.map(({ level }) => `${origin.split(' ')[0]} ${level}`)))
  for (const client of ['mosquitto_pub', 'MQTT.js', 'paho-mqtt'])
    for (const level of [3, 4, 5]) assert.ok(found.has(`${client} ${level}`), `${client} ${level}`)
})

test('the recorded conversations hold every kind of packet but pings and AUTH', () => {
  const kinds = new Set<string>()
  for (const { conversations } of GOLDENS) {
    for (const { level, client, server } of conversations) {
      for (const packet of [...check(client, 'client', level), ...check(server, 'server', level)]) kinds.add(packet.type)
    }
  }
  assert.deepEqual([...kinds].sort(), [
    'CONNACK',
    'CONNECT',
    'DISCONNECT',
    'PUBACK',
    'PUBCOMP',
    'PUBLISH',
    'PUBREC',
    'PUBREL',
    'SUBACK',
    'SUBSCRIBE',
    'UNSUBACK',
    'UNSUBSCRIBE',
  ])
})
