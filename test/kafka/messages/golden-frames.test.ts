import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { allMessages } from '../../../scripts/kafka-messages/tables.ts'
import { decodeRequestHeader, decodeResponse, encodeRequest, encodeResponse } from '../../../src/kafka/wire/frame.ts'
import { decode, isFlexible } from '../../../src/kafka/wire/message.ts'
import { type GoldenFrame, goldenFrames } from './golden-frames.ts'

const frames = await goldenFrames()

/**
 * Bytes a client writes behind the end of its message. librdkafka ends this request with the tags of one struct too many;
 * Kafka ignores what follows a message, and so do we.
 */
const TRAILING_BYTES: Record<string, number> = { 'AlterUserScramCredentials-v0-request.librdkafka-2.16.1.hex': 1 }

suite('frames recorded between real clients and a real Kafka', () => {
  for (const frame of frames) {
    test(`${frame.file} is decoded to its end and written back byte by byte`, () => {
      const end = frame.bytes.length - (TRAILING_BYTES[frame.file] ?? 0)
      const { bytes, ended } = writtenBack(frame)
      assert.equal(ended, end)
      assert.equal(hexOf(bytes), hexOf(frame.bytes.subarray(0, end)))
    })
  }

  test('every API has a recorded request and a recorded response', async () => {
    const recorded = new Set(frames.map((frame) => frame.message.name))
    const missing = (await allMessages()).map((table) => table.name).filter((name) => !recorded.has(name))
    assert.deepEqual(missing, [])
  })
})

/** Decodes and encodes; the size in front is cut off again. */
function writtenBack(frame: GoldenFrame): { bytes: Buffer; ended: number } {
  const { message, version, bytes } = frame
  const cursor = { ended: 0 }
  if (frame.isRequest) {
    const header = decodeRequestHeader(bytes, isFlexible(message, version))
    assert.deepEqual([header.apiKey, header.apiVersion], [message.key, version])
    const value = decode(message, version, bytes, header.bodyOffset, cursor)
    return { bytes: Buffer.concat(encodeRequest(message, version, header, value)).subarray(4), ended: cursor.ended }
  }
  const { correlationId, value } = decodeResponse(message, version, bytes, 0, cursor)
  return { bytes: Buffer.concat(encodeResponse(message, version, correlationId, value)).subarray(4), ended: cursor.ended }
}

function hexOf(bytes: Buffer): string {
  return bytes.toString('hex')
}
