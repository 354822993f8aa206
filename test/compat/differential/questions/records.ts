import zlib from 'node:zlib'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../../src/kafka/messages/list-offsets.ts'
import { ProduceRequest, ProduceResponse } from '../../../../src/kafka/messages/produce.ts'
import { compressSync } from '../../../../src/util/compression.ts'
import { crc32c } from '../../../../src/util/crc32c.ts'
import { varintSize, writeVarint } from '../../../../src/util/varint.ts'
import { batchOf } from '../../../kafka/lib/batches.ts'
import type { Peer, Question } from '../question.ts'
import { type AskedTopic, makeTopic, T0 } from './topics-for-questions.ts'

const HEADER_BYTES = 61
const YEAR_MS = 31_536_000_000

const varint = (value: number): Buffer => {
  const bytes = Buffer.alloc(varintSize(value))
  writeVarint(bytes, 0, value)
  return bytes
}
const blob = (text: string | null): Buffer => (text === null ? varint(-1) : Buffer.concat([varint(Buffer.byteLength(text)), Buffer.from(text)]))

/** The fields of a record as they are written, each of which may be wrong. */
interface RecordParts {
  readonly attributes?: number
  readonly timestampDelta?: number | Buffer
  readonly offsetDelta?: number | Buffer
  readonly key?: Buffer
  readonly value?: Buffer
  readonly headers?: Buffer
  /** Added to the true length. */
  readonly longer?: number
  /** In place of the length. */
  readonly length?: Buffer
}

function record({
  attributes = 0,
  timestampDelta = 0,
  offsetDelta = 0,
  key = blob('k'),
  value = blob('v'),
  headers = varint(0),
  longer = 0,
  length,
}: RecordParts = {}): Buffer {
  const number = (given: number | Buffer): Buffer => (typeof given === 'number' ? varint(given) : given)
  const body = Buffer.concat([Buffer.from([attributes]), number(timestampDelta), number(offsetDelta), key, value, headers])
  return Buffer.concat([length ?? varint(body.length + longer), body])
}

interface BatchParts {
  readonly count: number
  readonly codec?: number
  readonly baseTimestampMs?: number
  readonly maxTimestampMs?: number
}

/** A batch whose header and CRC are right, whatever its records are. */
function batch(section: Uint8Array, { count, codec = 0, baseTimestampMs = T0, maxTimestampMs = baseTimestampMs }: BatchParts): Buffer {
  const bytes = Buffer.concat([batchOf(['x']).subarray(0, HEADER_BYTES), section])
  bytes.writeInt32BE(bytes.length - 12, 8)
  bytes.writeInt16BE(codec, 21)
  bytes.writeInt32BE(count - 1, 23)
  bytes.writeBigInt64BE(BigInt(baseTimestampMs), 27)
  bytes.writeBigInt64BE(BigInt(maxTimestampMs), 35)
  bytes.writeInt32BE(count, 57)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

const two = (first: RecordParts, second: RecordParts = { offsetDelta: 1 }): Buffer => batch(Buffer.concat([record(first), record(second)]), { count: 2 })
const one = (parts: RecordParts, rest: Partial<BatchParts> = {}): Buffer => batch(record(parts), { count: 1, ...rest })

const LONG_VARINT = Buffer.from('ffffffffffffffffff7f', 'hex')
const header = (key: Buffer, value: Buffer): Buffer => Buffer.concat([varint(1), key, value])

interface Asked {
  readonly records: () => Buffer
  readonly configs?: Readonly<Record<string, string>>
  /** Left out: none. */
  readonly difference?: string
}

const OFFSETS_ARE_COUNTED = 'records have the offsets that their batch counts, whatever they say themselves: Kafka tells other ones for a time'

/** Uncompressed batches whose header and CRC are right. */
const UNCOMPRESSED: Readonly<Record<string, Asked>> = {
  'one good record': { records: () => one({}) },
  'two good records': { records: () => two({}) },
  'a length that is one too large': { records: () => one({ longer: 1 }) },
  'a length that is one too small': { records: () => one({ longer: -1 }) },
  'a first length that takes the second record in': { records: () => two({ longer: 9 }) },
  'a length of 0': { records: () => one({ length: varint(0) }) },
  'a length of -1': { records: () => one({ length: varint(-1) }) },
  'a length of six bytes': { records: () => one({ length: Buffer.from('ffffffffff01', 'hex') }) },
  'a length of too many bytes for its value': { records: () => one({ length: Buffer.from([0x94, 0x80, 0x00]) }) },
  'bytes behind the last record': { records: () => batch(Buffer.concat([record(), Buffer.from('more')]), { count: 1 }) },
  'a byte behind the headers': { records: () => one({ headers: Buffer.concat([varint(0), Buffer.alloc(1)]) }) },
  'a key beyond the record': { records: () => one({ key: Buffer.concat([varint(100), Buffer.from('k')]) }) },
  'a key of -2': { records: () => one({ key: varint(-2) }) },
  'a null key and a null value': { records: () => one({ key: blob(null), value: blob(null) }) },
  'a value beyond the record': { records: () => one({ value: Buffer.concat([varint(100), Buffer.from('v')]) }) },
  'a value of -2': { records: () => one({ value: varint(-2) }) },
  'a value whose length is none': { records: () => one({ value: Buffer.from('ffffffffffff', 'hex') }) },
  '-1 headers': { records: () => one({ headers: varint(-1) }) },
  'more headers than bytes': { records: () => one({ headers: varint(1_000) }) },
  'one header that is not there': { records: () => one({ headers: varint(1) }) },
  'a header': { records: () => one({ headers: header(blob('h'), blob('v')) }) },
  'a header without a value': { records: () => one({ headers: header(blob('h'), blob(null)) }) },
  'a header with a value of -2': { records: () => one({ headers: header(blob('h'), varint(-2)) }) },
  'a header without a key': { records: () => one({ headers: header(blob(null), blob('v')) }) },
  'a header whose key is beyond the record': { records: () => one({ headers: header(varint(50), blob('v')) }) },
  'a header whose key is not UTF-8': { records: () => one({ headers: header(Buffer.concat([varint(2), Buffer.from([0xff, 0xfe])]), blob('v')) }) },
  'attributes of a record': { records: () => one({ attributes: 0x7f }) },
  'offset deltas 0 and 0': { records: () => two({}, {}) },
  'offset deltas 1 and 0': { records: () => two({ offsetDelta: 1 }, {}), difference: OFFSETS_ARE_COUNTED },
  'offset deltas 5 and 6': { records: () => two({ offsetDelta: 5 }, { offsetDelta: 6 }), difference: OFFSETS_ARE_COUNTED },
  'an offset delta of -1': { records: () => one({ offsetDelta: -1 }), difference: OFFSETS_ARE_COUNTED },
  'an offset delta that is none': { records: () => one({ offsetDelta: LONG_VARINT }) },
  'a timestamp delta that is none': { records: () => one({ timestampDelta: Buffer.from('ffffffffffffffffffff01', 'hex') }) },
  'a record of next year behind a header of today': {
    records: () => one({ timestampDelta: YEAR_MS }, { baseTimestampMs: Date.now() }),
  },
  'the second record of next year': {
    records: () => batch(Buffer.concat([record(), record({ offsetDelta: 1, timestampDelta: YEAR_MS })]), { count: 2, baseTimestampMs: Date.now() }),
  },
  'a header of next year before a record of today': {
    records: () => one({}, { baseTimestampMs: Date.now(), maxTimestampMs: Date.now() + YEAR_MS }),
  },
  'a first timestamp of next year and a record of today': {
    records: () => one({ timestampDelta: -YEAR_MS }, { baseTimestampMs: Date.now() + YEAR_MS, maxTimestampMs: Date.now() }),
  },
  'a largest timestamp that is too small': { records: () => one({ timestampDelta: 5_000 }, { maxTimestampMs: T0 }) },
  'a largest timestamp that is too large': { records: () => one({ timestampDelta: 5_000 }, { maxTimestampMs: T0 + 60_000 }) },
  'a largest timestamp of -1': { records: () => one({}, { maxTimestampMs: -1 }) },
  'records without a timestamp where they must be young': {
    configs: { 'message.timestamp.before.max.ms': '1000' },
    records: () => one({}, { baseTimestampMs: -1 }),
    difference: 'records without any time have no largest one: Kafka tells the first of them',
  },
  'an old record behind a young one': {
    configs: { 'message.timestamp.before.max.ms': '60000' },
    records: () => batch(Buffer.concat([record(), record({ offsetDelta: 1, timestampDelta: -YEAR_MS })]), { count: 2, baseTimestampMs: Date.now() }),
  },
  'a record below the times of Unix': { records: () => one({ timestampDelta: -1_000 }, { baseTimestampMs: 0 }) },
  'a keyless record and a malformed one on a compacted topic': {
    configs: { 'cleanup.policy': 'compact' },
    records: () => two({ key: blob(null) }, { offsetDelta: 1, longer: 5 }),
  },
  'a key of -2 on a compacted topic': { configs: { 'cleanup.policy': 'compact' }, records: () => one({ key: varint(-2) }) },
  'malformed records where they are compressed anew': { configs: { 'compression.type': 'gzip' }, records: () => one({ longer: 5 }) },
  'malformed records where the broker stamps them': { configs: { 'message.timestamp.type': 'LogAppendTime' }, records: () => one({ longer: 5 }) },
}

/** The partition's answer, then where it ends, and its largest timestamp. */
async function produced(peer: Peer, topic: AskedTopic, version: number, records: Uint8Array): Promise<unknown> {
  const topicData = [{ name: topic.name, topicId: topic.id, partitionData: [{ index: 0, records }] }]
  const answer = await peer.ask([ProduceRequest, ProduceResponse], version, { transactionalId: null, acks: -1, timeoutMs: 5_000, topicData })
  const part = answer.responses[0]?.partitionResponses[0]
  const at = async (timestamp: number): Promise<unknown> => {
    const told = await peer.ask([ListOffsetsRequest, ListOffsetsResponse], 7, {
      replicaId: -1,
      isolationLevel: 0,
      timeoutMs: 5_000,
      topics: [{ name: topic.name, partitions: [{ partitionIndex: 0, timestamp }] }],
    })
    const { errorCode, offset, timestamp: found } = told.topics[0]?.partitions[0] ?? {}
    // Kafka stamps and asks at other moments.
    return [errorCode, offset, found !== undefined && found > T0 + YEAR_MS ? 'now' : found]
  }
  return [part?.errorCode, part?.baseOffset, part?.recordErrors.map(({ batchIndex }) => batchIndex), await at(-1), part?.errorCode === 0 ? await at(-3) : null]
}

const uncompressed: readonly Question[] = Object.entries(UNCOMPRESSED).map(([what, { records, configs = {}, difference }]) => ({
  name: `Produce of records: ${what}`,
  ...(difference === undefined ? {} : { difference }),
  ask: async (peer: Peer) => produced(peer, await makeTopic(peer, { configs }), 9, records()),
}))

const GOOD = Buffer.concat([record(), record({ offsetDelta: 1 })])
const CODECS = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
const NOT_OPENED = 'a compressed batch is stored as it is: what is within is not looked at'
const NO_CODEC = 'bytes that do not begin as the codec does are 2, which Kafka calls unknown (-1) or, where there are none, 87'

const compressed: readonly Question[] = Object.entries(CODECS).flatMap(([name, codec]) => {
  const of = (what: string, section: () => Uint8Array, difference?: string): Question => ({
    name: `Produce of ${name}: ${what}`,
    ...(difference === undefined ? {} : { difference }),
    ask: async (peer: Peer) => produced(peer, await makeTopic(peer), 9, batch(section(), { count: 2, codec })),
  })
  const pack = (plain: Uint8Array): Uint8Array => compressSync(codec, plain)
  return [
    of('good records', () => pack(GOOD)),
    of('no bytes', () => new Uint8Array(0), NO_CODEC),
    of('garbage', () => Buffer.from('\x01this is not compressed at all'), NO_CODEC),
    // As raw snappy, which has no magic, they could be.
    of('records that are not compressed', () => GOOD, name === 'snappy' ? NOT_OPENED : NO_CODEC),
    of('a record too many', () => pack(Buffer.concat([GOOD, record({ offsetDelta: 2 })])), NOT_OPENED),
    of('a record too few', () => pack(record()), NOT_OPENED),
    of('malformed records', () => pack(two({ longer: 3 }).subarray(HEADER_BYTES)), NOT_OPENED),
    of('half of it', () => pack(GOOD).subarray(0, pack(GOOD).length >> 1), NOT_OPENED),
    of('bytes behind it', () => Buffer.concat([pack(GOOD), Buffer.from('more')]), name === 'snappy' || name === 'zstd' ? NOT_OPENED : undefined),
  ]
})

const levels: readonly Question[] = [1, 9].map((level) => ({
  name: `Produce of gzip at level ${level}`,
  ask: async (peer: Peer) => produced(peer, await makeTopic(peer), 9, batch(zlib.gzipSync(GOOD, { level }), { count: 2, codec: 1 })),
}))

/** What stands within a batch whose header is right (rule 11). */
export const RECORD_QUESTIONS: readonly Question[] = [...uncompressed, ...compressed, ...levels]
