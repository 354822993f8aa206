import { type BatchOptions, buildBatch, CONTROL_BIT, type RecordInput, TRANSACTIONAL_BIT } from '../../../src/log/record-batch.ts'
import type { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { CompressionCodec } from '../../../src/util/compression.ts'
import { compressSync } from '../../../src/util/compression.ts'

const START_MS = 1_767_225_600_000

/** Records of any form: nulls, headers, timestamps that go back. */
export function randomRecords(random: SeededRandom, most: number): RecordInput[] {
  return Array.from({ length: random.between(1, most) }, () => ({
    key: random.chance(0.3) ? null : blob(random),
    value: random.chance(0.2) ? null : blob(random),
    timestampMs: random.chance(0.9) ? START_MS + random.between(-1000, 100_000) : random.pick([0, 1, START_MS * 2]),
    headers: random.chance(0.6)
      ? []
      : Array.from({ length: random.between(1, 4) }, () => ({
          key: random.pick(['', 'h', 'mqtt.qos', 'ключ', 'content-type']),
          value: random.chance(0.2) ? null : blob(random),
        })),
  }))
}

function blob(random: SeededRandom): Buffer {
  if (random.chance(0.1)) return Buffer.alloc(random.below(2000), random.below(256))
  return Buffer.from(random.bytes(random.pick([0, 1, 10, 63, 64, 100])))
}

/** Header fields of any legal kind. */
export function randomBatchOptions(random: SeededRandom, codec: CompressionCodec): BatchOptions {
  const isIdempotent = random.chance(0.4)
  const bits = (random.chance(0.2) ? TRANSACTIONAL_BIT : 0) | (random.chance(0.1) ? CONTROL_BIT : 0)
  return {
    baseOffset: random.pick([0, 0, 1, 1000, 2 ** 31, 2 ** 40]),
    leaderEpoch: random.pick([-1, 0, 7]),
    ...(isIdempotent ? { producerId: random.below(2 ** 40), producerEpoch: random.below(100), baseSequence: random.below(2 ** 31) } : {}),
    attributes: bits | codec,
    ...(codec === 0 ? {} : { compress: (section: Uint8Array) => compressSync(codec, section) }),
  }
}

export function randomBatch(random: SeededRandom, codec: CompressionCodec, most = 8): Buffer {
  return Buffer.from(buildBatch(randomRecords(random, most), randomBatchOptions(random, codec)))
}
