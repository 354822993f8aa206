import assert from 'node:assert/strict'
import { createRequire } from 'node:module'
import { test } from 'node:test'
import { COMPRESSION_CODECS, compressSync } from '../../src/util/compression.ts'
import { beginsAsCompressed } from '../../src/util/compression-heads.ts'

const { gzip, snappy, lz4, zstd } = COMPRESSION_CODECS
const TEXTS = ['', 'a', 'hello hello hello', 'x'.repeat(70), 'y'.repeat(300_000), Array.from({ length: 5_000 }, (_, i) => `${i * 7919}`).join()]

test('what a codec wrote begins as it does, wherever it stands', () => {
  for (const codec of [gzip, snappy, lz4, zstd]) {
    for (const text of TEXTS) {
      const packed = compressSync(codec, Buffer.from(text))
      assert.ok(beginsAsCompressed(codec, packed, 0), `${codec}: ${text.slice(0, 20)}`)
      assert.ok(beginsAsCompressed(codec, Buffer.concat([Buffer.alloc(61), packed]), 61))
    }
  }
})

test('raw snappy, as librdkafka writes it, begins as snappy', () => {
  const { compressSync: raw } = createRequire(import.meta.url)('snappy') as typeof import('snappy')
  for (const text of TEXTS.slice(1)) assert.ok(beginsAsCompressed(snappy, raw(Buffer.from(text)), 0), text.slice(0, 20))
})

test('what another codec wrote, text, nothing at all: none begins as the codec does', () => {
  for (const codec of [gzip, lz4, zstd]) {
    for (const other of [gzip, snappy, lz4, zstd]) {
      if (other !== codec) assert.ok(!beginsAsCompressed(codec, compressSync(other, Buffer.from('hello')), 0), `${codec} ${other}`)
    }
    assert.ok(!beginsAsCompressed(codec, Buffer.from('hello'), 0))
    assert.ok(!beginsAsCompressed(codec, Buffer.alloc(0), 0))
  }
})

test('snappy that begins with a copy, with no size, or with one that it cannot reach, is none', () => {
  for (const bytes of [[], [0x80], [5], [5, 0x01], [0xff, 0xff, 0xff, 0xff, 0xff, 1, 0], [0xff, 0xff, 0x03, 0, 1], [5, 0x10, 1, 2]]) {
    assert.ok(!beginsAsCompressed(snappy, Buffer.from(bytes), 0), `${bytes}`)
  }
})
