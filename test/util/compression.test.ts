import assert from 'node:assert/strict'
import { readdirSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { suite, test } from 'node:test'
import { readGolden } from '../../scripts/kafka-frames/golden-files.ts'
import { batchCompression, batchCrcHolds, batchRecordsSection, readRecords } from '../../src/log/record-batch.ts'
import { COMPRESSION_CODECS, CompressionError, compress, compressSync, decompress, decompressSync } from '../../src/util/compression.ts'
import { measureLz4Frame } from '../../src/util/lz4-frame.ts'
import { isXerial } from '../../src/util/xerial-snappy.ts'

const goldenDir = resolve(import.meta.dirname, '../golden/kafka')
const batchFiles = readdirSync(goldenDir).filter((file) => file.startsWith('record-batch-'))
const codecs = Object.values(COMPRESSION_CODECS)
const compressing = codecs.filter((codec) => codec !== COMPRESSION_CODECS.none)
const MB = 1 << 20

suite('record batches of real clients', () => {
  for (const file of batchFiles) {
    test(`${file} holds the ten records that were produced`, async () => {
      const batch = await readGolden(join(goldenDir, file))
      const name = /^record-batch-(\w+)\./.exec(file)?.[1] as keyof typeof COMPRESSION_CODECS
      assert.equal(batchCompression(batch), COMPRESSION_CODECS[name])
      assert.ok(batchCrcHolds(batch))
      const section = batchRecordsSection(batch)
      for (const plain of [await decompress(COMPRESSION_CODECS[name], section, MB), decompressSync(COMPRESSION_CODECS[name], section, MB)]) {
        const records = readRecords(batch, plain)
        assert.ok(Array.isArray(records), JSON.stringify(records))
        assert.equal(records.length, 10)
        for (const [index, record] of records.entries()) {
          assert.equal(record.offset, index)
          assert.equal(text(record.key), `key-${index}`)
          assert.equal(text(record.value), `value ${index} ${'abc'.repeat(30)}`)
          assert.deepEqual(
            record.headers.map((header) => [header.key, text(header.value)]),
            [['origin', 'golden']],
          )
          if (!file.includes('kcat')) assert.equal(record.timestampMs, 1_700_000_000_000 + index)
        }
      }
    })
  }

  test('come from at least three clients in every codec', () => {
    for (const name of ['none', 'gzip', 'snappy', 'lz4', 'zstd']) {
      assert.ok(batchFiles.filter((file) => file.startsWith(`record-batch-${name}.`)).length >= 3, name)
    }
  })

  test('use both forms of snappy, with and without the framing of xerial', async () => {
    const files = batchFiles.filter((file) => file.includes('snappy'))
    const forms = await Promise.all(files.map(async (file) => isXerial(batchRecordsSection(await readGolden(join(goldenDir, file))))))
    assert.deepEqual(new Set(forms), new Set([true, false]))
  })
})

suite('compression', () => {
  for (const codec of codecs) {
    test(`codec ${codec} gives back what it was given, up to the very limit`, async () => {
      for (const size of [0, 1, 100, 32 << 10, (32 << 10) + 1, 200_000]) {
        const input = sample(size)
        const packed = await compress(codec, input)
        assert.deepEqual(await decompress(codec, packed, size), input)
        assert.deepEqual(decompressSync(codec, compressSync(codec, input), size), input)
        if (size > 0) {
          await assert.rejects(decompress(codec, packed, size - 1), { name: 'CompressionError', reason: 'too-large' })
          assert.throws(() => decompressSync(codec, packed, size - 1), { name: 'CompressionError', reason: 'too-large' })
        }
      }
    })
  }

  for (const codec of compressing) {
    test(`a bomb in codec ${codec} is refused before it takes memory`, async () => {
      const bomb = compressSync(codec, Buffer.alloc(64 * MB))
      const before = process.memoryUsage().arrayBuffers
      await assert.rejects(decompress(codec, bomb, MB), { reason: 'too-large' })
      assert.throws(() => decompressSync(codec, bomb, MB), { reason: 'too-large' })
      assert.ok(process.memoryUsage().arrayBuffers - before < 8 * MB)
    })

    test(`codec ${codec} meets damaged bytes with a CompressionError, and with output within the limit where damage is not seen`, async () => {
      const seed = 1 + Math.floor(Math.random() * 2 ** 31)
      const random = generator(seed)
      const packed = compressSync(codec, sample(20_000))
      for (let round = 0; round < 300; round++) {
        const damaged = Buffer.from(packed.subarray(0, round % 3 === 0 ? random(packed.length) : packed.length))
        for (let change = 0; change < 1 + random(4) && damaged.length > 0; change++)
          damaged[random(Math.min(damaged.length, round % 2 === 0 ? 32 : MB))] = random(256)
        for (const attempt of [() => decompressSync(codec, damaged, 30_000), () => decompress(codec, damaged, 30_000)]) {
          try {
            const output = await attempt()
            assert.ok(output.length <= 30_000, `seed ${seed}`)
          } catch (error) {
            assert.ok(error instanceof CompressionError, `seed ${seed}: ${String(error)}`)
          }
        }
      }
    })
  }

  test('an unknown codec is refused', async () => {
    await assert.rejects(decompress(5, Buffer.alloc(1), MB), { reason: 'unknown-codec' })
    assert.throws(() => decompressSync(7, Buffer.alloc(1), MB), { reason: 'unknown-codec' })
  })

  test('an LZ4 frame is measured exactly where full blocks would exceed the limit', () => {
    const plain = sample(150_000)
    const packed = compressSync(COMPRESSION_CODECS.lz4, plain)
    assert.deepEqual(measureLz4Frame(packed, 0), { end: packed.length, plainBytes: plain.length })
  })

  test('a second LZ4 frame behind the first is not read', () => {
    const frame = compressSync(COMPRESSION_CODECS.lz4, sample(100))
    const output = decompressSync(COMPRESSION_CODECS.lz4, Buffer.concat([frame, compressSync(COMPRESSION_CODECS.lz4, Buffer.alloc(4 * MB))]), MB)
    assert.deepEqual(output, sample(100))
  })
})

function text(bytes: Uint8Array | null): string {
  return Buffer.from(bytes ?? []).toString()
}

/** Half compressible. */
function sample(size: number): Buffer {
  const bytes = Buffer.alloc(size, 'the same words again and again ')
  for (let at = 0; at < size; at += 9) bytes[at] = Math.imul(at, 2_654_435_761) >>> 24
  return bytes
}

/** Whole numbers below a bound, the same for the same seed. */
function generator(seed: number): (bound: number) => number {
  let state = seed >>> 0
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}
