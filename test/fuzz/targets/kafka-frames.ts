import assert from 'node:assert/strict'
import { FrameReader } from '../../../src/kafka/frame-reader.ts'
import { decodeRequestHeader, decodeRequestStart } from '../../../src/kafka/wire/frame.ts'
import { MalformedMessage } from '../../../src/kafka/wire/malformed-message.ts'
import { SeededRandom } from '../../../src/testing/seeded-random.ts'
import type { Target } from '../lib/target.ts'

const MAX_FRAME_BYTES = 5_000

export const kafkaFrames: Target = {
  name: 'kafka-frames',
  about: 'streams of frames in pieces of any size: the same frames however they are cut; sizes out of bounds end them; headers are read or malformed',
  variants: 6,
  maxMutations: 3,
  slowMs: 500,
  minimiseChecks: 2000,

  generate(random) {
    const spots = []
    const frames: Buffer[] = []
    let at = 0
    for (let i = random.between(1, 5); i > 0; i--) {
      const clientId = random.pick(['', 'client', '日本', 'x'.repeat(200)])
      const header = Buffer.alloc(10)
      header.writeInt16BE(random.below(90), 0)
      header.writeInt16BE(random.below(14), 2)
      header.writeInt32BE(random.below(0x7fffffff), 4)
      header.writeInt16BE(random.chance(0.2) ? -1 : Buffer.byteLength(clientId), 8)
      const id = header.readInt16BE(8) < 0 ? Buffer.alloc(0) : Buffer.from(clientId)
      const tags = random.chance(0.3) ? Buffer.from('0105036162633f', 'hex').subarray(0, 6) : Buffer.of(0)
      const body = Buffer.concat([header, id, tags, Buffer.from(random.bytes(random.chance(0.1) ? random.below(3000) : random.below(60)))])
      const size = Buffer.alloc(4)
      size.writeInt32BE(body.length)
      spots.push({ at, bytes: 4 }, { at: at + 12, bytes: 2 })
      frames.push(size, body)
      at += 4 + body.length
    }
    return { meta: { pieces: random.below(2 ** 31), frames: frames.length / 2 }, parts: [Buffer.concat(frames)], spots: [spots] }
  },

  check(meta, [stream], valid) {
    const whole = framesOf([stream as Buffer])
    const pieces = framesOf(cut(stream as Buffer, new SeededRandom(meta.pieces as number)))
    assert.deepEqual(pieces, whole, 'other frames when cut')
    if (valid) assert.deepEqual([whole.refused, whole.frames.length, whole.partialBytes], [false, meta.frames, 0])
    for (const frame of whole.frames) {
      for (const read of [() => decodeRequestStart(frame), () => decodeRequestHeader(frame, false), () => decodeRequestHeader(frame, true)]) {
        try {
          read()
        } catch (error) {
          if (valid || !(error instanceof MalformedMessage)) throw error
        }
      }
    }
  },
}

function framesOf(chunks: readonly Buffer[]): { frames: Buffer[]; refused: boolean; partialBytes: number } {
  const reader = new FrameReader(MAX_FRAME_BYTES)
  const frames: Buffer[] = []
  try {
    for (const chunk of chunks) reader.push(chunk, (frame) => frames.push(Buffer.from(frame)))
  } catch (error) {
    if (!(error instanceof MalformedMessage)) throw error
    return { frames, refused: true, partialBytes: 0 }
  }
  return { frames, refused: false, partialBytes: reader.partialBytes }
}

function cut(stream: Buffer, random: SeededRandom): Buffer[] {
  const chunks: Buffer[] = []
  const most = random.pick([1, 3, 50, 1000])
  for (let at = 0; at < stream.length; ) {
    const end = Math.min(stream.length, at + random.between(1, most))
    chunks.push(stream.subarray(at, end))
    at = end
  }
  return chunks
}
