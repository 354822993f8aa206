/** Broken Kafka frames, requests and record batches: a close where the protocol has no answer, else Kafka's error code. */
import assert from 'node:assert/strict'
import { after, before, describe, test } from 'node:test'
import { crc32c } from '@node-rs/crc32'
import { Kafka, logLevel } from 'kafkajs'
import { openPeer, type Peer, unique } from '../compat/lib/broker.ts'
import { until } from '../compat/lib/process.ts'
import { mutated, pickSeed, RawSocket, randomBytes, randomFrom } from './raw-socket.ts'
import { assertUnharmed, memoryMb, startWitness, type Witness } from './witness.ts'

const int8 = (value: number) => Buffer.from([value & 0xff])
const int16 = (value: number) => {
  const bytes = Buffer.alloc(2)
  bytes.writeInt16BE(value)
  return bytes
}
const int32 = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeInt32BE(value | 0)
  return bytes
}
const int64 = (value: number) => {
  const bytes = Buffer.alloc(8)
  bytes.writeBigInt64BE(BigInt(value))
  return bytes
}
const string = (value: string | Buffer) => Buffer.concat([int16(Buffer.byteLength(value)), Buffer.from(value)])
const varint = (value: number): Buffer => {
  let rest = (value << 1) ^ (value >> 31)
  const bytes: number[] = []
  do {
    bytes.push(rest > 127 ? (rest & 0x7f) | 0x80 : rest)
    rest >>>= 7
  } while (rest > 0)
  return Buffer.from(bytes)
}

/** Header v1: api key, version, correlation id, client id. */
const header = (key: number, version: number, correlation = 7) => Buffer.concat([int16(key), int16(version), int32(correlation), string('raw')])
const frame = (...parts: Buffer[]) => {
  const body = Buffer.concat(parts)
  return Buffer.concat([int32(body.length), body])
}
const METADATA = 3
const API_VERSIONS = 18

/** One record of a batch v2, with its length before it. */
const record = (offsetDelta: number, value: string) => {
  const body = Buffer.concat([int8(0), varint(0), varint(offsetDelta), varint(-1), varint(value.length), Buffer.from(value), varint(0)])
  return Buffer.concat([varint(body.length), body])
}

interface BatchOptions {
  readonly magic?: number
  readonly attributes?: number
  readonly count?: number
  readonly lastOffsetDelta?: number
  readonly records?: Buffer
  readonly length?: number
  readonly crc?: number
  readonly baseOffset?: number
}

const batch = (options: BatchOptions = {}): Buffer => {
  const records = options.records ?? Buffer.concat([record(0, 'a'), record(1, 'b')])
  const now = Date.now()
  const checked = Buffer.concat([
    int16(options.attributes ?? 0),
    int32(options.lastOffsetDelta ?? 1),
    int64(now),
    int64(now),
    int64(-1),
    int16(-1),
    int32(-1),
    int32(options.count ?? 2),
    records,
  ])
  const rest = Buffer.concat([int32(-1), int8(options.magic ?? 2), int32(options.crc ?? crc32c(checked)), checked])
  return Buffer.concat([int64(options.baseOffset ?? 0), int32(options.length ?? rest.length), rest])
}

/** Produce v7: no transaction, acks 1, one partition. */
const produce = (topic: string | Buffer, records: Buffer | null, acks = 1, partition = 0): Buffer =>
  frame(
    header(0, 7),
    int16(-1),
    int16(acks),
    int32(5000),
    int32(1),
    string(topic),
    int32(1),
    int32(partition),
    records === null ? int32(-1) : Buffer.concat([int32(records.length), records]),
  )

describe('malformed Kafka', () => {
  let peer: Peer
  let witness: Witness
  const topic = unique('malformed')

  before(async () => {
    peer = await openPeer()
    const admin = new Kafka({ brokers: [peer.kafka], logLevel: logLevel.NOTHING }).admin()
    await admin.connect()
    await admin.createTopics({ topics: [{ topic, numPartitions: 1 }] })
    await admin.disconnect()
    witness = await startWitness(peer)
  })
  after(async () => {
    await peer?.close()
  })

  const exchange = async (bytes: Buffer): Promise<Buffer> => {
    const raw = await RawSocket.open(peer.kafka)
    raw.write(bytes)
    await until('an answer', () => raw.closed || (raw.received.length >= 4 && raw.received.length >= 4 + raw.received.readInt32BE(0)))
    assert.ok(!raw.closed, 'an answer, not a close')
    raw.destroy()
    return raw.received
  }

  const closes: readonly (readonly [what: string, bytes: Buffer])[] = [
    ['a negative frame size', int32(-1)],
    ['a frame announced as 2 GB', Buffer.concat([int32(0x7fffffff), Buffer.alloc(1000)])],
    ['a frame one byte over 100 MiB', int32(104_857_601)],
    ['a frame of no bytes', int32(0)],
    ['a frame that ends inside its header', frame(int16(METADATA))],
    ['a client id longer than the frame', frame(int16(METADATA), int16(1), int32(1), int16(500), Buffer.from('abc'))],
    ['an unknown api key', frame(header(999, 0))],
    ['a negative api key', frame(header(-3, 0))],
    ['a version that no broker has', frame(header(METADATA, 99), int32(0))],
    ['a negative version', frame(header(METADATA, -1), int32(0))],
    ['Produce 2, older than message format 2', frame(header(0, 2), int16(1), int32(1000), int32(0))],
    ['a body that ends early', frame(header(METADATA, 1), int32(1000))],
    ['an array of two thousand million entries', frame(header(METADATA, 1), int32(0x7fffffff), Buffer.alloc(100))],
    ['a negative string length', frame(header(METADATA, 1), int32(1), int16(-7))],
    ['a string longer than the frame', frame(header(METADATA, 1), int32(1), int16(30_000), Buffer.from('abc'))],
    ['a varint without end', frame(header(METADATA, 9), int8(0), Buffer.alloc(12, 0xff))],
    ['records longer than the frame', frame(header(0, 7), int16(-1), int16(1), int32(5000), int32(1), string(topic), int32(1), int32(0), int32(5000))],
    ['an HTTP request', Buffer.from('GET / HTTP/1.1\r\nHost: localhost\r\n\r\n')],
    ['a TLS hello', Buffer.concat([Buffer.from('160301020001000001fc0303', 'hex'), Buffer.alloc(512)])],
    ['acks=0 to a partition that is not there', produce(topic, batch(), 0, 99)],
  ]
  for (const [what, bytes] of closes) {
    test(`${what} closes the connection`, async () => {
      const raw = await RawSocket.open(peer.kafka)
      raw.write(bytes)
      await raw.closing(what)
      assert.equal(raw.received.length, 0, `nothing is answered, got ${raw.received.toString('hex').slice(0, 80)}`)
      raw.destroy()
    })
  }

  test('an unknown version of ApiVersions is answered in version 0 with UNSUPPORTED_VERSION and its own range', async () => {
    const answer = await exchange(frame(header(API_VERSIONS, 99), int8(0)))
    assert.equal(answer.readInt32BE(4), 7, 'correlation id')
    assert.equal(answer.readInt16BE(8), 35)
    assert.equal(answer.readInt32BE(10), 1, 'one entry')
    assert.equal(answer.readInt16BE(14), API_VERSIONS)
    assert.equal(answer.readInt16BE(16), 0, 'from version 0')
    assert.ok(answer.readInt16BE(18) >= 4)
  })

  test('a client software name that is none is answered INVALID_REQUEST', async () => {
    const compact = (value: string) => Buffer.concat([int8(value.length + 1), Buffer.from(value)])
    const answer = await exchange(frame(header(API_VERSIONS, 3), int8(0), compact('no good!'), compact('1.0'), int8(0)))
    assert.equal(answer.readInt16BE(8), 42)
  })

  /** `rdkafka` reads the error of Produce v7 at a fixed place: correlation id, topics, name, partitions, index, error. */
  const produceError = (answer: Buffer, name: string | Buffer) => answer.readInt16BE(8 + 4 + 2 + Buffer.byteLength(name) + 4 + 4)

  const good = batch()
  const refused: readonly (readonly [what: string, records: Buffer | null, codes: readonly number[]])[] = [
    ['a batch whose CRC is wrong', batch({ crc: 0x12345678 }), [2]],
    ['a batch with a flipped bit in a record', Buffer.concat([good.subarray(0, -2), int8((good.at(-2) ?? 0) ^ 1), good.subarray(-1)]), [2]],
    ['a batch of magic 1', batch({ magic: 1 }), [87, 2, 43]],
    ['a batch of magic 3', batch({ magic: 3 }), [87, 2, 43]],
    ['two batches', Buffer.concat([good, good]), [87]],
    ['no bytes', Buffer.alloc(0), [87]],
    ['half a batch', good.subarray(0, 40), [87, 2]],
    ['a batch cut in its last record', good.subarray(0, -3), [87, 2]],
    ['a batch that says it is longer than it is', batch({ length: 5000 }), [87, 2]],
    ['a batch that says it is shorter than a header', batch({ length: 3 }), [87, 2]],
    ['a batch of negative length', batch({ length: -1 }), [87, 2]],
    ['a count that is not that of the last offset', batch({ count: 5 }), [87]],
    ['a count of 0', batch({ count: 0, lastOffsetDelta: -1, records: Buffer.alloc(0) }), [87]],
    ['a negative count', batch({ count: -2 }), [87]],
    ['a base offset that is not 0', batch({ baseOffset: 17 }), [87]],
    ['a control batch', batch({ attributes: 0x20 }), [87]],
    ['a compression codec that is none', batch({ attributes: 0x07 }), [87, 2, 76, -1]],
  ]
  for (const [what, records, codes] of refused) {
    test(`Produce of ${what} is answered ${codes.length === 1 ? codes[0] : `one of ${codes.join(', ')}`}, and the log keeps nothing`, async () => {
      const code = produceError(await exchange(produce(topic, records)), topic)
      assert.ok(codes.includes(code), `answered ${code}`)
    })
  }

  test('acks of 7 is answered INVALID_REQUIRED_ACKS', async () => {
    assert.equal(produceError(await exchange(produce(topic, good, 7)), topic), 21)
  })

  test('a topic name that is no UTF-8 or not legal is refused', async () => {
    const name = Buffer.from([0x61, 0xff, 0xfe])
    const raw = await RawSocket.open(peer.kafka)
    raw.write(produce(name, good))
    await until('an answer or a close', () => raw.closed || raw.received.length >= 20)
    if (!raw.closed) assert.notEqual(raw.received.readInt16BE(20 + raw.received.readInt16BE(12) + 2), 0)
    raw.destroy()
  })

  test('after all that the topic takes and gives a good batch, at offset 0', async () => {
    const answer = await exchange(produce(topic, good))
    assert.equal(produceError(answer, topic), 0)
    assert.equal(answer.readBigInt64BE(8 + 4 + 2 + topic.length + 4 + 4 + 2), 0n, 'base offset')
  })

  test('a frame in pieces of one byte is one frame', async () => {
    const raw = await RawSocket.open(peer.kafka)
    for (const byte of frame(header(API_VERSIONS, 0))) {
      raw.write(Buffer.from([byte]))
      await new Promise(setImmediate)
    }
    await until('an answer', () => raw.received.length > 10)
    assert.equal(raw.received.readInt16BE(8), 0)
    raw.destroy()
  })

  test('a megabyte of noise twenty times', async () => {
    const next = randomFrom(pickSeed())
    for (let round = 0; round < 20; round++) {
      const raw = await RawSocket.open(peer.kafka)
      const noise = randomBytes(next, 1_000_000)
      // Every second time the size is one that the broker accepts, so that the noise reaches the decoder.
      if (round % 2 === 1) noise.writeInt32BE(noise.length - 4)
      if (round % 4 === 3) header([METADATA, API_VERSIONS, 0, 1, 11][round % 5] ?? 0, 1 + (round % 6)).copy(noise, 4)
      raw.write(noise)
      raw.socket.end()
      await raw.closing('noise')
      raw.destroy()
    }
  })

  test('a thousand mutated requests end in an answer or a close', async () => {
    const next = randomFrom(pickSeed())
    const goodOnes = [
      produce(topic, good),
      produce(topic, batch({ attributes: 1 })),
      produce(topic, batch({ attributes: 4, records: randomBytes(next, 200) })),
      frame(header(METADATA, 1), int32(1), string(topic)),
      frame(header(1, 4), int32(-1), int32(100), int32(1), int32(1_000_000), int8(0), int32(1), string(topic), int32(1), int32(0), int64(0), int32(1_000_000)),
      frame(header(2, 1), int32(-1), int32(1), string(topic), int32(1), int32(0), int64(-1)),
      frame(header(11, 2), string('fuzz'), int32(6000), int32(6000), string(''), string('consumer'), int32(1), string('range'), int32(4), Buffer.alloc(4)),
      frame(header(8, 2), string('fuzz'), int32(-1), string(''), int64(-1), int32(1), string(topic), int32(1), int32(0), int64(1), string('m')),
    ]
    for (let round = 0; round < 1000; round++) {
      const raw = await RawSocket.open(peer.kafka)
      const body = mutated(goodOnes[round % goodOnes.length]?.subarray(4) ?? Buffer.alloc(0), next)
      raw.write(round % 10 === 0 ? mutated(frame(body), next) : frame(body))
      // A mutated wait may be days long: half a second without an answer is no fault, that the broker lives on is the point.
      const waitedFrom = performance.now()
      await until('an answer, a close or half a second', () => raw.closed || raw.received.length > 0 || performance.now() - waitedFrom > 500, { everyMs: 2 })
      raw.destroy()
    }
  })

  test('10,000 half-open connections cost little and others go on', { timeout: 120_000 }, async () => {
    const sockets: RawSocket[] = []
    const partial = Buffer.concat([int32(1_000_000), header(0, 7)])
    for (let n = 0; n < 10_000; n += 250) {
      const some = await Promise.all(Array.from({ length: 250 }, () => RawSocket.open(peer.kafka)))
      for (const raw of some) raw.write(partial)
      sockets.push(...some)
    }
    if (peer.elytra) {
      const { now } = memoryMb(peer.elytra.pid)
      console.log(`# ${Math.round(now)} MB with 10,000 half-open Kafka connections`)
      assert.ok(now < 300, `${now} MB`)
    }
    assert.equal((await exchange(frame(header(API_VERSIONS, 0)))).readInt16BE(8), 0)
    for (const one of sockets) one.destroy()
  })

  test('five hundred connections that announce 100 MiB each and send little cost little', async () => {
    const sockets = await Promise.all(Array.from({ length: 500 }, () => RawSocket.open(peer.kafka)))
    for (const raw of sockets) raw.write(Buffer.concat([int32(104_857_600), header(0, 7), Buffer.alloc(1000)]))
    assert.equal((await exchange(frame(header(API_VERSIONS, 0)))).readInt16BE(8), 0)
    for (const raw of sockets) raw.destroy()
  })

  test('the witnesses lost nothing, and the broker stayed under 300 MB', async () => {
    await assertUnharmed(peer, witness)
  })
})
