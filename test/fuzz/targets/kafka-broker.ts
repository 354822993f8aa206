import assert from 'node:assert/strict'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import { resealBatch } from '../lib/batch-repair.ts'
import { BrokerStage } from '../lib/broker-stage.ts'
import { KafkaPeer } from '../lib/kafka-peer.ts'
import { FUZZED_TOPIC, KAFKA_SESSIONS, type KafkaSession, makeUser } from '../lib/kafka-sessions.ts'
import type { Spot, Target } from '../lib/target.ts'
import { noRejections } from '../lib/unhandled.ts'
import { recordWaits, waitAgain } from '../lib/waits.ts'
import { Witness } from '../lib/witness.ts'

const HEADER_BYTES = 61

export const kafkaBroker: Target = {
  name: 'kafka-broker',
  about: 'a whole broker: sessions that produce, join a group, log in or ask anything, with damaged frames; witnesses lose nothing, nothing is left behind',
  variants: 4,
  maxMutations: 3,
  slowMs: 10_000,
  minimiseChecks: 60,

  async generate(random) {
    const seed = random.below(2 ** 31)
    const kind = random.pick(Object.keys(KAFKA_SESSIONS))
    const stage = await BrokerStage.open(seed)
    const { witness, attacker } = await prepared(stage, kind)
    const waits = recordWaits(stage, attacker)
    await (KAFKA_SESSIONS[kind] as KafkaSession)(attacker, new SeededRandom(seed), stage)
    attacker.close()
    await witness.check(stage)
    await stage.finish(witness.connections)
    return { meta: { seed, kind, waits }, parts: attacker.sent, spots: attacker.sent.map(spotsOf) }
  },

  /** Frames say how long they are, and the batch in them has its CRC. */
  repair(_meta, frames) {
    return frames.map((frame) => {
      if (frame.length >= 4) frame.writeInt32BE(frame.length - 4)
      const at = batchIn(frame)
      if (at >= 0) resealBatch(frame.subarray(at, at + 12 + frame.readInt32BE(at + 8)))
      return frame
    })
  },

  async check(meta, frames) {
    await noRejections(async () => {
      const stage = await BrokerStage.open(meta.seed as number)
      const { witness, attacker } = await prepared(stage, meta.kind as string)
      const waits = meta.waits as readonly number[]
      for (const [i, frame] of frames.entries()) {
        await waitAgain(stage, waits, i)
        // A connection that was closed for a damaged frame does not save the broker from those behind it.
        await attacker.reopen()
        if (frame.length > 0) attacker.write(frame)
      }
      await witness.speak('meanwhile')
      await stage.run(10_000)
      if (!attacker.closed) attacker.close()
      // Whatever stands in front of it in the topic, the next record comes.
      if ((await witness.produce(FUZZED_TOPIC, 'last', 'one')) === 0) {
        await stage.run(2_000)
        assert.ok(witness.has(`${FUZZED_TOPIC}/last`, 'one'), 'a record behind what was fuzzed is not delivered')
      }
      await witness.speak('after')
      await witness.check(stage)
      await stage.finish(witness.connections)
    })
  },
}

async function prepared(stage: BrokerStage, kind: string): Promise<{ witness: Witness; attacker: KafkaPeer }> {
  const witness = await Witness.open(stage, [FUZZED_TOPIC])
  await witness.speak('before')
  const attacker = await KafkaPeer.open(stage)
  if (kind === 'login') {
    const admin = await KafkaPeer.open(stage)
    await makeUser(admin)
    admin.close()
  }
  await stage.run(10)
  return { witness, attacker }
}

/** Where a record batch begins that ends with the frame or before; -1 where there is none. */
function batchIn(frame: Buffer): number {
  for (let at = 4; at + HEADER_BYTES <= frame.length; at++) {
    if (frame[at + 16] !== 2) continue
    const size = 12 + frame.readInt32BE(at + 8)
    if (size >= HEADER_BYTES && at + size <= frame.length && at + size >= frame.length - 16) return at
  }
  return -1
}

/** Size, key, version, client id, and what most bodies begin with; the header of a batch. */
function spotsOf(frame: Buffer): Spot[] {
  const at = batchIn(frame)
  const batch = at < 0 ? [] : [8, 21, 23, 35, 43, 51, 53, 57].map((field) => ({ at: at + field, bytes: field === 21 || field === 51 ? 2 : 4 }))
  const body = Array.from({ length: Math.min(20, Math.max(0, frame.length - 18)) }, (_, i) => ({ at: 14 + i, bytes: i % 3 === 0 ? 0 : i % 3 === 1 ? 2 : 4 }))
  return [{ at: 0, bytes: 4 }, { at: 4, bytes: 2 }, { at: 6, bytes: 2 }, { at: 12, bytes: 2 }, ...body, ...batch]
}
