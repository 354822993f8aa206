import assert from 'node:assert/strict'
import { COMPRESSION_CODECS, CompressionError, compressSync, decompress, decompressSync } from '../../../src/util/compression.ts'
import type { Target } from '../lib/target.ts'

const MIB = 1_048_576
/** What decompression may produce. */
const MOST_PLAIN_BYTES = 256 * 1024
/** What the process may grow by beside that: libraries keep windows of their own. */
const MOST_GROWTH_BYTES = 96 * MIB

export const compression: Target = {
  name: 'compression',
  about: 'compressed blocks of gzip, snappy, lz4 and zstd, among them bombs: at most what is allowed comes out, every failure is a CompressionError',
  variants: 8,
  maxMutations: 4,
  slowMs: 500,
  minimiseChecks: 1000,

  generate(random) {
    const codec = random.pick([COMPRESSION_CODECS.gzip, COMPRESSION_CODECS.snappy, COMPRESSION_CODECS.lz4, COMPRESSION_CODECS.zstd])
    const isBomb = random.chance(0.03)
    const size = isBomb ? random.between(1, 16) * MIB : random.below(random.pick([10, 1000, 100_000]))
    const input = random.chance(0.5) ? Buffer.alloc(size, random.below(256)) : text(random.bytes(Math.min(size, 200)), size)
    const spots = Array.from({ length: 24 }, (_, at) => ({ at, bytes: random.pick([0, 1, 2, 4]) }))
    return { meta: { codec, size, sum: sumOf(input), pieces: random.below(4) }, parts: [Buffer.from(compressSync(codec, input))], spots: [spots] }
  },

  async check(meta, [bytes], valid) {
    const before = process.memoryUsage.rss()
    const output = outcomeOf(() => decompressSync(meta.codec as number, bytes as Buffer, MOST_PLAIN_BYTES))
    const grown = process.memoryUsage.rss() - before
    assert.ok(grown < MOST_GROWTH_BYTES, `the process has grown by ${grown} bytes`)
    if (output !== null) assert.ok(output.length <= MOST_PLAIN_BYTES, `${output.length} bytes where ${MOST_PLAIN_BYTES} are allowed`)
    if (meta.pieces === 0) {
      const later = await decompress(meta.codec as number, bytes as Buffer, MOST_PLAIN_BYTES).catch((error: unknown) => expected(error))
      assert.equal(later === null, output === null, 'the two forms disagree')
      if (later !== null && output !== null) assert.ok(Buffer.from(later).equals(output), 'the two forms disagree')
    }
    if (!valid) return
    assert.equal(output === null, (meta.size as number) > MOST_PLAIN_BYTES, 'refused at the bound, and only there')
    if (output !== null) assert.deepEqual([output.length, sumOf(output)], [meta.size, meta.sum])
  },
}

function outcomeOf(run: () => Uint8Array): Uint8Array | null {
  try {
    return run()
  } catch (error) {
    return expected(error)
  }
}

function expected(error: unknown): null {
  if (!(error instanceof CompressionError)) throw error
  return null
}

function text(seed: Uint8Array, size: number): Buffer {
  const bytes = Buffer.alloc(size)
  for (let at = 0; at < size; at++) bytes[at] = (seed[(at * 7 + (at >> 8)) % Math.max(1, seed.length)] ?? 0) ^ (at & 3)
  return bytes
}

function sumOf(bytes: Uint8Array): number {
  let sum = 0
  for (const byte of bytes) sum = (Math.imul(sum, 31) + byte) | 0
  return sum
}
