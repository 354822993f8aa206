import assert from 'node:assert/strict'
import type { ProtocolLevel } from '../../../src/broker/sessions/ports.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { BrokerStage } from '../lib/broker-stage.ts'
import { MqttPeer } from '../lib/mqtt-peer.ts'
import { connectPacket, FUZZED_ROOT, MQTT_SESSIONS, type MqttSession, publishPacket } from '../lib/mqtt-sessions.ts'
import type { Spot, Target } from '../lib/target.ts'
import { noRejections } from '../lib/unhandled.ts'
import { recordWaits, waitAgain } from '../lib/waits.ts'
import { Witness } from '../lib/witness.ts'

export const mqttBroker: Target = {
  name: 'mqtt-broker',
  about: 'a whole broker: sessions with wills, retained messages, exchanges of QoS 2 and replay, with damaged packets; witnesses lose nothing',
  variants: 4,
  maxMutations: 3,
  slowMs: 10_000,
  minimiseChecks: 60,

  async generate(random) {
    const seed = random.below(2 ** 31)
    const kind = random.pick(Object.keys(MQTT_SESSIONS))
    const level = random.pick([3, 4, 5, 5] as const)
    const stage = await BrokerStage.open(seed)
    const { witness, attacker } = await prepared(stage, level)
    const waits = recordWaits(stage, attacker)
    await (MQTT_SESSIONS[kind] as MqttSession)(attacker, level, stage, new SeededRandom(seed))
    attacker.close()
    await witness.check(stage)
    await stage.finish(witness.connections)
    return { meta: { seed, kind, level, waits }, parts: attacker.sent, spots: attacker.sent.map(spotsOf) }
  },

  /** Packets say how long they are. */
  repair(_meta, packets) {
    return packets.map(withRemainingLength)
  },

  async check(meta, packets) {
    const level = meta.level as ProtocolLevel
    await noRejections(async () => {
      const stage = await BrokerStage.open(meta.seed as number)
      const { witness, attacker } = await prepared(stage, level)
      const waits = meta.waits as readonly number[]
      for (const [i, packet] of packets.entries()) {
        await waitAgain(stage, waits, i)
        if (packet.length > 0) attacker.write(packet)
      }
      await witness.speak('meanwhile')
      await stage.run(10_000)
      attacker.close()
      await checkSessionEnds(stage, level)
      await witness.speak('after')
      await witness.check(stage)
      await stage.finish(witness.connections)
    })
  },
}

async function prepared(stage: BrokerStage, level: ProtocolLevel): Promise<{ witness: Witness; attacker: MqttPeer }> {
  const witness = await Witness.open(stage, [FUZZED_ROOT])
  await witness.speak('before')
  const attacker = await MqttPeer.open(stage, level)
  await stage.run(10)
  return { witness, attacker }
}

/** Whatever state the session was left in, its client can come back, begin anew, and publish. */
async function checkSessionEnds(stage: BrokerStage, level: ProtocolLevel): Promise<void> {
  for (const cleanStart of [false, true]) {
    const again = await MqttPeer.open(stage, level)
    again.send(connectPacket(level, 'fuzzed', cleanStart))
    await stage.run(100)
    again.send(publishPacket(level, `${FUZZED_ROOT}/back`, 'here', 1, 60_000))
    await stage.run(100)
    const [connack] = again.received
    assert.ok(connack?.type === 'CONNACK' && connack.reason === 0, `the session cannot come back: ${JSON.stringify(connack)}`)
    assert.ok(!(cleanStart && connack.sessionPresent), 'a session that began anew was there before')
    assert.ok(
      again.received.some((packet) => packet.type === 'PUBACK' && packet.packetId === 60_000),
      'what a session that came back publishes is not acknowledged',
    )
    again.send({ type: 'DISCONNECT', reason: 0, properties: {} })
    await stage.run(100)
    again.close()
  }
}

function withRemainingLength(packet: Buffer): Buffer {
  let at = 1
  while (at < packet.length && at < 5 && (packet[at] as number) >= 0x80) at++
  const body = packet.subarray(Math.min(packet.length, at + 1))
  const length: number[] = []
  for (let rest = body.length; rest > 0x7f; rest >>>= 7) length.push((rest & 0x7f) | 0x80)
  length.push(body.length >>> (7 * length.length))
  return Buffer.concat([packet.subarray(0, 1), Buffer.from(length), body])
}

function spotsOf(packet: Buffer): Spot[] {
  const fields = Array.from({ length: Math.min(16, packet.length) }, (_, at) => ({ at, bytes: at % 3 }))
  return [{ at: 0, bytes: 1 }, { at: 1, bytes: 0 }, ...fields]
}
