import assert from 'node:assert/strict'
import { test } from 'node:test'
import { FrameReader } from '../../src/kafka/frame-reader.ts'
import { MalformedMessage } from '../../src/kafka/wire/malformed-message.ts'

const MAX_BYTES = 1_000_000

function frame(length: number, seed: number): Buffer {
  const bytes = Buffer.alloc(4 + length)
  bytes.writeInt32BE(length, 0)
  for (let at = 0; at < length; at++) bytes[4 + at] = (seed + at * 7) & 0xff
  return bytes
}

/** Frames of all sizes that matter, one after the other. */
const FRAMES = [frame(8, 1), frame(1, 2), frame(700, 3), frame(0, 4), frame(70_000, 5), frame(12, 6)]
const STREAM = Buffer.concat(FRAMES)

function readAll(chunks: readonly Buffer[]): Buffer[] {
  const reader = new FrameReader(MAX_BYTES)
  const frames: Buffer[] = []
  for (const chunk of chunks) reader.push(chunk, (bytes) => frames.push(Buffer.from(bytes)))
  return frames
}

const expected = FRAMES.map((bytes) => bytes.subarray(4))

test('a stream that is split at any byte gives the same frames', () => {
  for (let at = 1; at < 900; at++) assert.deepEqual(readAll([STREAM.subarray(0, at), STREAM.subarray(at)]), expected, `split at ${at}`)
})

test('a stream of single bytes gives the same frames', () => {
  assert.deepEqual(readAll(Array.from(STREAM, (byte) => Buffer.of(byte))), expected)
})

test('a frame that lies whole in a chunk is a view of it', () => {
  const reader = new FrameReader(MAX_BYTES)
  const chunk = Buffer.from(FRAMES[0] as Buffer)
  reader.push(chunk, (bytes) => assert.equal(bytes.buffer, chunk.buffer))
})

test('sizes below zero and above the limit are refused, the limit itself is not', () => {
  for (const size of [-1, -2_147_483_648, MAX_BYTES + 1, 2_147_483_647]) {
    const head = Buffer.alloc(4)
    head.writeInt32BE(size, 0)
    assert.throws(() => new FrameReader(MAX_BYTES).push(head, () => {}), MalformedMessage, String(size))
  }
  assert.equal(readAll([frame(MAX_BYTES, 9)]).length, 1)
})

test('an announced size alone takes no memory', () => {
  const before = process.memoryUsage().arrayBuffers
  const readers = Array.from({ length: 1_000 }, () => {
    const reader = new FrameReader(100_000_000)
    reader.push(Buffer.from([5, 0, 0, 0, 1]), () => assert.fail('no frame is complete'))
    return reader
  })
  assert.ok(process.memoryUsage().arrayBuffers - before < 2_000_000)
  assert.equal(readers[999]?.partialBytes, 1)
})
