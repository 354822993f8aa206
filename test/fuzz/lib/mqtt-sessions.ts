import type { ProtocolLevel, QoS } from '../../../src/broker/sessions/ports.ts'
import type { Packet, SubscriptionFields, WillFields } from '../../../src/mqtt/wire/packets.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { BrokerStage } from './broker-stage.ts'
import type { MqttPeer } from './mqtt-peer.ts'
import { randomPacket } from './mqtt-values.ts'

/** Where the fuzzed sessions publish. */
export const FUZZED_ROOT = 'orders'
const CLIENT_ID = 'fuzzed'
const WAIT_MS = 20

/** What a well-behaved client does, up to a deep state: it sends through `peer`, and lets time pass on `stage`. */
export type MqttSession = (peer: MqttPeer, level: ProtocolLevel, stage: BrokerStage, random: SeededRandom) => Promise<void>

export const MQTT_SESSIONS: Readonly<Record<string, MqttSession>> = { exchange: exchangeSession, subscriber: subscriberSession, anything: anySession }

export function connectPacket(level: ProtocolLevel, clientId: string, cleanStart: boolean, will: WillFields | null = null): Packet {
  return {
    type: 'CONNECT',
    level,
    cleanStart,
    keepAliveS: 60,
    clientId,
    will,
    username: undefined,
    password: undefined,
    properties: level === 5 ? { sessionExpiryS: 600, receiveMaximum: 10, topicAliasMaximum: 5 } : {},
  }
}

export function publishPacket(level: ProtocolLevel, topic: string, payload: string, qos: QoS, packetId: number, retain = false): Packet {
  return {
    type: 'PUBLISH',
    topic,
    payload: Buffer.from(payload),
    qos,
    retain,
    dup: false,
    packetId: qos === 0 ? 0 : packetId,
    properties: null,
    packet: null,
    packetLevel: level,
    topicAlias: 0,
    subscriptionIdentifiers: [],
  }
}

function subscribePacket(packetId: number, filters: readonly string[], qos: QoS): Packet {
  const subscriptions = filters.map((filter): SubscriptionFields => ({ filter, qos, noLocal: false, retainAsPublished: false, retainHandling: 0 }))
  return { type: 'SUBSCRIBE', packetId, subscriptions, properties: {} }
}

/** A will, retained messages, publishes of every QoS to itself, the exchanges of QoS 2 in both directions, some left half done. */
async function exchangeSession(peer: MqttPeer, level: ProtocolLevel, stage: BrokerStage, random: SeededRandom): Promise<void> {
  const will = { topic: `${FUZZED_ROOT}/will`, payload: Buffer.from('gone'), qos: 1 as const, retain: false, properties: level === 5 ? { willDelayS: 1 } : {} }
  peer.send(connectPacket(level, CLIENT_ID, random.chance(0.5), random.chance(0.5) ? will : null))
  await stage.run(WAIT_MS)
  answerExchanges(peer, random)
  peer.send(subscribePacket(1, [`${FUZZED_ROOT}/#`, `$share/g/${FUZZED_ROOT}/+`], 2))
  await stage.run(WAIT_MS)
  for (let id = 2; id < random.between(4, 9); id++) {
    peer.send(publishPacket(level, `${FUZZED_ROOT}/${random.below(3)}`, `payload ${id}`, random.below(3) as QoS, id, random.chance(0.3)))
    await stage.run(WAIT_MS)
  }
  peer.send({ type: 'UNSUBSCRIBE', packetId: 99, filters: [`${FUZZED_ROOT}/#`], properties: {} })
  await stage.run(WAIT_MS)
  if (random.chance(0.5)) peer.send({ type: 'DISCONNECT', reason: 0, properties: {} })
  await stage.run(WAIT_MS)
}

/** PUBREC, PUBREL, PUBCOMP and PUBACK for what comes, mostly. */
function answerExchanges(peer: MqttPeer, random: SeededRandom): void {
  const answer = (type: 'PUBACK' | 'PUBREC' | 'PUBREL' | 'PUBCOMP', packetId: number): void => {
    if (!random.chance(0.1)) peer.send({ type, packetId, reason: 0, properties: {} })
  }
  peer.onPacket = (packet) => {
    if (packet.type === 'PUBLISH' && packet.qos === 1) answer('PUBACK', packet.packetId)
    else if (packet.type === 'PUBLISH' && packet.qos === 2) answer('PUBREC', packet.packetId)
    else if (packet.type === 'PUBREC') answer('PUBREL', packet.packetId)
    else if (packet.type === 'PUBREL') answer('PUBCOMP', packet.packetId)
  }
}

/** Subscriptions of every kind, replay and system topics among them. */
async function subscriberSession(peer: MqttPeer, level: ProtocolLevel, stage: BrokerStage, random: SeededRandom): Promise<void> {
  peer.send(connectPacket(level, CLIENT_ID, false))
  await stage.run(WAIT_MS)
  answerExchanges(peer, random)
  const filters = ['#', '+/+', `$replay/earliest/${FUZZED_ROOT}/#`, '$SYS/#', `$share/g/${FUZZED_ROOT}/#`, `${FUZZED_ROOT}/a/+`, '$replay/-1h/#']
  for (let id = 1; id < random.between(2, 5); id++) {
    peer.send(subscribePacket(id, [random.pick(filters), random.pick(filters)], random.below(3) as QoS))
    await stage.run(WAIT_MS)
    peer.send(publishPacket(level, `${FUZZED_ROOT}/a/${id}`, 'x'.repeat(random.below(200)), random.below(3) as QoS, 20 + id))
    await stage.run(WAIT_MS)
  }
  peer.send({ type: 'PINGREQ' })
  await stage.run(WAIT_MS)
}

/** Valid packets of any kind in any order. */
async function anySession(peer: MqttPeer, level: ProtocolLevel, stage: BrokerStage, random: SeededRandom): Promise<void> {
  peer.send(connectPacket(level, CLIENT_ID, random.chance(0.5)))
  await stage.run(WAIT_MS)
  for (let i = random.between(2, 10); i > 0; i--) {
    peer.send(randomPacket(random, 'client', level))
    await stage.run(random.below(WAIT_MS))
  }
}
