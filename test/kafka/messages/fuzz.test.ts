import assert from 'node:assert/strict'
import { suite, test } from 'node:test'
import { decodeRequestHeader } from '../../../src/kafka/wire/frame.ts'
import { MalformedMessage } from '../../../src/kafka/wire/malformed-message.ts'
import type { Message } from '../../../src/kafka/wire/message.ts'
import { decode, encode, isFlexible } from '../../../src/kafka/wire/message.ts'
import { goldenFrames } from './golden-frames.ts'

/**
 * Damaged messages: a decoder either gives a value that can be written again, or throws MalformedMessage; it never reads
 * past the message and never takes long. `FUZZ_SEED=n` replays a run, `FUZZ_ROUNDS=n` makes it longer.
 */
const seed = Number(process.env.FUZZ_SEED ?? Math.floor(Math.random() * 2 ** 31))
const rounds = Number(process.env.FUZZ_ROUNDS ?? 40)
/** Far above what a decode of a few kilobytes takes, far below what a loop over an announced 2^31 takes. */
const SLOW_MS = 500
/** The most fields a struct of a byte or two gives, those with defaults included. */
const VALUES_PER_BYTE = 32

const frames = (await goldenFrames()).filter((frame) => !frame.file.includes('librdkafka-2.16.1.hex') || !frame.file.startsWith('AlterUser'))

suite(`damaged messages, FUZZ_SEED=${seed}`, () => {
  test('are malformed or mean something else, and nothing worse', (context) => {
    context.diagnostic(`FUZZ_SEED=${seed}`)
    const random = generator(seed)
    let malformed = 0
    let understood = 0
    for (const frame of frames) {
      const start = frame.isRequest ? decodeRequestHeader(frame.bytes, isFlexible(frame.message, frame.version)).bodyOffset : 4
      const body = frame.bytes.subarray(start)
      for (let round = 0; round < rounds; round++) {
        const damaged = damage(body, random)
        if (survives(frame.message, frame.version, damaged, `${frame.file} round ${round} FUZZ_SEED=${seed}`)) understood += 1
        else malformed += 1
      }
    }
    context.diagnostic(`${malformed} malformed, ${understood} understood`)
    assert.ok(malformed > frames.length && understood > frames.length)
  })

  test('noise is read by every table without anything but MalformedMessage', () => {
    const random = generator(seed ^ 0x5eed)
    for (const frame of frames) {
      const noise = Buffer.from(Array.from({ length: random(600) }, () => (random(3) === 0 ? 0 : random(256))))
      survives(frame.message, frame.version, noise, `${frame.file} noise FUZZ_SEED=${seed}`)
    }
  })
})

/** Whether it could be decoded. */
function survives(message: Message, version: number, bytes: Buffer, what: string): boolean {
  const cursor = { ended: 0 }
  const began = performance.now()
  let value: ReturnType<typeof decode>
  try {
    value = decode(message, version, bytes, 0, cursor)
  } catch (error) {
    assert.ok(error instanceof MalformedMessage, `${what}: ${String((error as Error).stack)}`)
    return false
  } finally {
    assert.ok(performance.now() - began < SLOW_MS, `${what}: slow`)
  }
  assert.ok(cursor.ended <= bytes.length, `${what}: ended at ${cursor.ended} of ${bytes.length}`)
  assert.ok(elements(value) <= (bytes.length + 1) * VALUES_PER_BYTE, `${what}: more values than the bytes can hold`)
  const again = Buffer.concat(encode(message, version, value))
  assert.deepEqual(decode(message, version, again), value, what)
  return true
}

function damage(bytes: Buffer, random: (bound: number) => number): Buffer {
  const copy = Buffer.from(bytes)
  const interesting = [0x00, 0x01, 0x7f, 0x80, 0xff]
  for (let change = random(4); change >= 0 && copy.length > 0; change--) {
    copy[random(copy.length)] = random(2) === 0 ? (interesting[random(interesting.length)] as number) : random(256)
  }
  switch (random(6)) {
    case 0:
      return copy.subarray(0, random(copy.length + 1))
    case 1: {
      if (copy.length >= 4) copy.writeInt32BE([0x7fffffff, -1, -2, 65_536, 1_000_000][random(5)] as number, random(copy.length - 3))
      return copy
    }
    case 2: {
      const at = random(copy.length + 1)
      return Buffer.concat([copy.subarray(0, at), Buffer.from([0xff, 0xff, 0xff, 0xff, 0x0f]), copy.subarray(at)])
    }
    default:
      return copy
  }
}

/** Values within a value: what decoding has allocated. */
function elements(value: unknown): number {
  if (typeof value !== 'object' || value === null || value instanceof Uint8Array) return 1
  return Object.values(value).reduce<number>((total, inner) => total + elements(inner), 1)
}

/** Whole numbers below a bound, the same for the same seed. */
function generator(start: number): (bound: number) => number {
  let state = start >>> 0
  return (bound) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0
    return Math.floor((state / 2 ** 32) * bound)
  }
}
