import assert from 'node:assert/strict'
import test from 'node:test'
import { readVarint, varintSize, writeVarint } from '../../src/util/varint.ts'

// Bytes of Kafka's own ByteUtilsTest (testCorrectnessWriteVarint, testCorrectnessWriteVarlong).
const KNOWN: readonly (readonly [number, number[]])[] = [
  [0, [0x00]],
  [-1, [0x01]],
  [1, [0x02]],
  [63, [0x7e]],
  [-64, [0x7f]],
  [64, [0x80, 0x01]],
  [-65, [0x81, 0x01]],
  [8191, [0xfe, 0x7f]],
  [-8193, [0x81, 0x80, 0x01]],
  [2147483647, [0xfe, 0xff, 0xff, 0xff, 0x0f]],
  [-2147483648, [0xff, 0xff, 0xff, 0xff, 0x0f]],
  [17179869183, [0xfe, 0xff, 0xff, 0xff, 0x7f]],
  [-17179869184, [0xff, 0xff, 0xff, 0xff, 0x7f]],
]

test('values and bytes are those of Kafka', () => {
  for (const [value, bytes] of KNOWN) {
    const out = new Uint8Array(12)
    assert.equal(writeVarint(out, 0, value), bytes.length)
    assert.deepEqual([...out.subarray(0, bytes.length)], bytes)
    assert.equal(varintSize(value), bytes.length)
    const reader = { bytes: Uint8Array.from(bytes), at: 0, end: bytes.length }
    assert.equal(readVarint(reader), value)
    assert.equal(reader.at, bytes.length)
  }
})

test('a varint that the end cuts, or one over ten bytes, is NaN', () => {
  assert.ok(Number.isNaN(readVarint({ bytes: Uint8Array.from([0x80]), at: 0, end: 1 })))
  assert.ok(Number.isNaN(readVarint({ bytes: Uint8Array.from([]), at: 0, end: 0 })))
  assert.ok(Number.isNaN(readVarint({ bytes: Uint8Array.from([0x01, 0x02]), at: 1, end: 1 })))
  assert.ok(Number.isNaN(readVarint({ bytes: new Uint8Array(20).fill(0xff), at: 0, end: 20 })))
})
