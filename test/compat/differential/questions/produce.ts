import { ProduceRequest, ProduceResponse } from '../../../../src/kafka/messages/produce.ts'
import { buildBatch, TRANSACTIONAL_BIT } from '../../../../src/log/record-batch.ts'
import { crc32c } from '../../../../src/util/crc32c.ts'
import { ZERO_UUID } from '../../../../src/util/uuid.ts'
import { batchOf } from '../../../kafka/lib/batches.ts'
import type { Peer, Question } from '../question.ts'
import { type AskedTopic, makeTopic, oncePerPeer, T0, versions } from './topics-for-questions.ts'

const PRODUCE = [ProduceRequest, ProduceResponse] as const
const FIRST_WITH_ID = 13
const NO_ID = 'AAAAAAAAAAAAAAAAAAAB7w'

interface Sent {
  readonly topic?: { readonly name: string; readonly id: string }
  readonly index?: number
  readonly records: Uint8Array | null
  readonly acks?: number
  readonly transactionalId?: string | null
}

/** What the answer says of each partition; `closed` where there is none. */
async function send(peer: Peer, version: number, parts: readonly Sent[]): Promise<unknown> {
  const topicData = parts.map(({ topic = { name: '', id: ZERO_UUID }, index = 0, records }) => ({
    name: topic.name,
    topicId: topic.id,
    partitionData: [{ index, records }],
  }))
  const { acks = -1, transactionalId = null } = parts[0] as Sent
  const answer = await peer.ask(PRODUCE, version, { transactionalId, acks, timeoutMs: 5_000, topicData }).catch(() => 'closed' as const)
  if (answer === 'closed') return answer
  // Kafka gathers partitions by topic, in no order.
  return answer.responses
    .flatMap(({ name, topicId, partitionResponses }) =>
      partitionResponses.map((one) => [
        parts.findIndex(({ topic }) => (version >= FIRST_WITH_ID ? topic?.id === topicId : topic?.name === name)),
        one.index,
        one.errorCode,
        one.baseOffset,
        one.logAppendTimeMs > 0 ? 'a time' : one.logAppendTimeMs,
        // Of a refused batch Kafka tells it by some errors and not by others; here it is -1.
        one.errorCode === 0 ? one.logStartOffset : 'none',
        one.recordErrors.map(({ batchIndex }) => batchIndex),
      ]),
    )
    .toSorted((left, right) => `${left}`.localeCompare(`${right}`))
}

const GOOD = (): Uint8Array => batchOf(['a', 'b'])

/** The batch with other bytes, and the CRC that they want. */
function changed(change: (bytes: Buffer) => void, batch = GOOD()): Uint8Array {
  const bytes = Buffer.from(batch)
  change(bytes)
  bytes.writeUInt32BE(crc32c(bytes.subarray(21)), 17)
  return bytes
}

/** A message set of magic 0 or 1, as clients before 0.11 made it. */
function oldSet(magic: number): Uint8Array {
  const value = Buffer.from('old')
  const timestamp = magic === 1 ? 8 : 0
  const message = Buffer.alloc(4 + 1 + 1 + timestamp + 4 + 4 + value.length)
  message.writeInt8(magic, 4)
  if (magic === 1) message.writeBigInt64BE(BigInt(T0), 6)
  message.writeInt32BE(-1, 6 + timestamp)
  message.writeInt32BE(value.length, 10 + timestamp)
  value.copy(message, 14 + timestamp)
  const head = Buffer.alloc(12)
  head.writeInt32BE(message.length, 8)
  return Buffer.concat([head, message])
}

interface Wrong {
  readonly what: string
  readonly records: () => Uint8Array
}

/** Batches, most of them wrong. Each goes to a topic of its own. */
const BATCHES: readonly Wrong[] = [
  { what: 'a good batch', records: GOOD },
  { what: 'no bytes', records: () => new Uint8Array(0) },
  { what: 'two batches', records: () => Buffer.concat([GOOD(), GOOD()]) },
  { what: 'magic 0', records: () => oldSet(0) },
  { what: 'magic 1', records: () => oldSet(1) },
  { what: 'a batch without its last byte', records: () => GOOD().subarray(0, -1) },
  { what: 'magic 3', records: () => changed((b) => b.writeInt8(3, 16)) },
  { what: 'magic -1', records: () => changed((b) => b.writeInt8(-1, 16)) },
  { what: 'a byte behind it', records: () => Buffer.concat([GOOD(), Buffer.alloc(1)]) },
  { what: 'sixteen bytes behind it', records: () => Buffer.concat([GOOD(), GOOD().subarray(0, 16)]) },
  { what: 'a cut batch behind it', records: () => Buffer.concat([GOOD(), GOOD().subarray(0, -1)]) },
  { what: 'twelve zeros behind it', records: () => Buffer.concat([GOOD(), Buffer.alloc(12)]) },
  { what: 'a cut batch of magic 3 behind it', records: () => Buffer.concat([GOOD(), changed((b) => b.writeInt8(3, 16)).subarray(0, 30)]) },
  { what: 'twenty bytes', records: () => GOOD().subarray(0, 20) },
  { what: 'twenty bytes of magic 3', records: () => changed((b) => b.writeInt8(3, 16)).subarray(0, 20) },
  { what: 'a length of 13', records: () => changed((b) => b.writeInt32BE(13, 8)) },
  { what: 'a length of 14', records: () => changed((b) => b.writeInt32BE(14, 8)) },
  { what: 'codec 5 and a count of 0', records: () => changed((b) => b.writeInt16BE(5, 21) && b.writeInt32BE(0, 57)) },
  { what: 'codec 5 and base offset 5', records: () => changed((b) => b.writeInt16BE(5, 21) && b.writeBigInt64BE(5n, 0)) },
  { what: 'a header alone', records: () => GOOD().subarray(0, 61) },
  { what: 'ten bytes', records: () => GOOD().subarray(0, 10) },
  { what: 'a length that is negative', records: () => changed((b) => b.writeInt32BE(-1, 8)) },
  { what: 'a length that is too short for a header', records: () => changed((b) => b.writeInt32BE(20, 8)) },
  { what: 'a length of a million', records: () => changed((b) => b.writeInt32BE(1_000_000, 8)) },
  { what: 'a wrong CRC', records: () => Buffer.from(GOOD()).fill(1, 17, 21) },
  { what: 'a flipped bit in a record', records: () => Buffer.from(GOOD()).fill(0xff, GOOD().length - 1) },
  { what: 'base offset 5', records: () => changed((b) => b.writeBigInt64BE(5n, 0)) },
  { what: 'base offset -1', records: () => changed((b) => b.writeBigInt64BE(-1n, 0)) },
  { what: 'leader epoch 7', records: () => changed((b) => b.writeInt32BE(7, 12)) },
  { what: 'last offset delta 5 for 2 records', records: () => changed((b) => b.writeInt32BE(5, 23)) },
  { what: 'last offset delta 0 for 2 records', records: () => changed((b) => b.writeInt32BE(0, 23)) },
  { what: 'last offset delta -1', records: () => changed((b) => b.writeInt32BE(-1, 23)) },
  {
    what: 'a count of 3 for 2 records',
    records: () =>
      changed((b) => {
        b.writeInt32BE(2, 23)
        b.writeInt32BE(3, 57)
      }),
  },
  {
    what: 'a count of 1 for 2 records',
    records: () =>
      changed((b) => {
        b.writeInt32BE(0, 23)
        b.writeInt32BE(1, 57)
      }),
  },
  {
    what: 'a count of 0',
    records: () =>
      changed((b) => {
        b.writeInt32BE(-1, 23)
        b.writeInt32BE(0, 57)
      }),
  },
  { what: 'a count of -1', records: () => changed((b) => b.writeInt32BE(-1, 57)) },
  { what: 'the control bit', records: () => changed((b) => b.writeInt16BE(0x20, 21)) },
  { what: 'the transactional and the control bit', records: () => changed((b) => b.writeInt16BE(0x30, 21)) },
  { what: 'the LogAppendTime bit', records: () => changed((b) => b.writeInt16BE(0x08, 21)) },
  { what: 'the delete horizon bit', records: () => changed((b) => b.writeInt16BE(0x40, 21)) },
  { what: 'bits of attributes that mean nothing', records: () => changed((b) => b.writeInt16BE(0x7f80, 21)) },
  { what: 'codec 5', records: () => changed((b) => b.writeInt16BE(5, 21)) },
  { what: 'codec 7', records: () => changed((b) => b.writeInt16BE(7, 21)) },
  { what: 'timestamps of -1', records: () => batchOf(['a'], { timestampMs: -1 }) },
  { what: 'timestamps of 0', records: () => batchOf(['a'], { timestampMs: 0 }) },
  { what: 'a timestamp of next year', records: () => batchOf(['a', 'b'], { timestampMs: Date.now() + 31_536_000_000 }) },
  { what: 'a producer id without a sequence', records: () => batchOf(['a'], { producerId: 5_000, producerEpoch: 0, baseSequence: -1 }) },
  { what: 'a producer id without an epoch', records: () => batchOf(['a'], { producerId: 5_001, producerEpoch: -1, baseSequence: 0 }) },
  { what: 'a sequence without a producer id', records: () => batchOf(['a'], { producerId: -1, producerEpoch: 0, baseSequence: 0 }) },
  { what: 'a first sequence of 7', records: () => batchOf(['a'], { producerId: 5_002, producerEpoch: 0, baseSequence: 7 }) },
  { what: 'sequences that wrap', records: () => batchOf(['a', 'b', 'c'], { producerId: 5_003, producerEpoch: 0, baseSequence: 2_147_483_646 }) },
  {
    what: 'a transactional batch without a transactional id',
    records: () => batchOf(['a'], { attributes: TRANSACTIONAL_BIT, producerId: 5_004, producerEpoch: 0, baseSequence: 0 }),
  },
  { what: 'a transactional batch without a producer id', records: () => batchOf(['a'], { attributes: TRANSACTIONAL_BIT }) },
  { what: 'a batch of a megabyte', records: () => buildBatch([{ key: null, value: Buffer.alloc(1_100_000), timestampMs: T0 }]) },
]

const batches: readonly Question[] = BATCHES.flatMap(({ what, records }) =>
  [3, 8, 13].map((version) => ({
    name: `Produce v${version} of ${what}`,
    ask: async (peer: Peer) => {
      const topic = await makeTopic(peer)
      const first = await send(peer, version, [{ topic, records: records() }])
      return [first, await send(peer, version, [{ topic, records: GOOD() }])]
    },
  })),
)

/** A topic that questions of no lasting effect share. */
const shared = oncePerPeer((peer) => makeTopic(peer, { partitions: 2 }))

const places: readonly Question[] = versions(3, 13).map((version) => ({
  name: `Produce v${version} to places that are not there`,
  ask: async (peer: Peer) => {
    const topic = await shared(peer)
    const to = (asked: AskedTopic, index = 0) => send(peer, version, [{ topic: asked, index, records: GOOD() }])
    return [
      await to(topic, 2),
      await to(topic, -1),
      await to({ name: peer.name('nowhere'), id: NO_ID }),
      await to({ name: '', id: ZERO_UUID }),
      ...(version < FIRST_WITH_ID
        ? [await to({ name: 'a b', id: NO_ID }), await to({ name: '..', id: NO_ID }), await to({ name: 'x'.repeat(250), id: NO_ID })]
        : []),
    ]
  },
}))

const acks: readonly Question[] = versions(3, 13).flatMap((version) =>
  [-2, 2, 1, -1, 0].map((asked) => ({
    name: `Produce v${version} with acks=${asked}, good and bad`,
    ask: async (peer: Peer) => {
      const topic = await makeTopic(peer)
      await using client = await peer.connect()
      const told: unknown[] = []
      for (const index of [0, 7]) {
        const topicData = [{ name: topic.name, topicId: topic.id, partitionData: [{ index, records: GOOD() }] }]
        const value = { transactionalId: null, acks: asked, timeoutMs: 5_000, topicData }
        if (asked === 0) {
          client.send(ProduceRequest, version, value)
          // The next request tells that there was no answer, or that the connection is closed.
          told.push(
            await client.ask(PRODUCE, version, { ...value, acks: -1 }).then(
              (answer) => answer.responses[0]?.partitionResponses[0]?.errorCode,
              () => 'closed',
            ),
          )
        } else {
          const answer = await client.ask(PRODUCE, version, value)
          const part = answer.responses[0]?.partitionResponses[0]
          told.push([part?.errorCode, part?.baseOffset, part?.logStartOffset])
        }
      }
      return told
    },
  })),
)

type Step = readonly [epoch: number, sequence: number, count?: number]

/** Stories of one idempotent producer: epoch, first sequence, records. */
const SEQUENCES: Readonly<Record<string, readonly Step[]>> = {
  'in order': [
    [0, 0],
    [0, 1, 3],
    [0, 4],
  ],
  'a gap': [
    [0, 0],
    [0, 2],
    [0, 1],
  ],
  'again and again': [
    [0, 0],
    [0, 0],
    [0, 1],
    [0, 0],
    [0, 1],
  ],
  'the sixth before': [
    [0, 0],
    [0, 1],
    [0, 2],
    [0, 3],
    [0, 4],
    [0, 5],
    [0, 0],
    [0, 1],
    [0, 5],
  ],
  'a repeat of another length': [
    [0, 0, 2],
    [0, 0, 1],
    [0, 0, 3],
    [0, 1, 1],
  ],
  'an overlap': [
    [0, 0, 3],
    [0, 2, 2],
    [0, 1, 2],
  ],
  'a new epoch from 0': [
    [0, 0],
    [1, 0],
    [0, 1],
    [1, 1],
  ],
  'a new epoch amid': [
    [0, 0],
    [0, 1],
    [1, 2],
    [1, 0],
  ],
  'an old epoch': [
    [5, 0],
    [4, 0],
    [4, 1],
    [5, 1],
  ],
  wrapping: [
    [0, 2_147_483_646],
    [0, 2_147_483_647],
    [0, 0],
    [0, 1],
  ],
  'wrapping within a batch': [
    [0, 2_147_483_645, 5],
    [0, 2],
    [0, 2_147_483_645, 5],
  ],
  'a repeat of what an epoch before sent': [
    [0, 0],
    [0, 1],
    [1, 0],
    [0, 0],
    [0, 1],
  ],
}

const sequences: readonly Question[] = Object.entries(SEQUENCES).flatMap(([what, steps]) =>
  [3, 13].map((version) => ({
    name: `Produce v${version} of an idempotent producer: ${what}`,
    ask: async (peer: Peer) => {
      const topic = await makeTopic(peer)
      const told: unknown[] = []
      for (const [producerEpoch, baseSequence, count = 1] of steps) {
        const records = batchOf(
          Array.from({ length: count }, (_, i) => `${baseSequence}-${i}`),
          { producerId: 77_000, producerEpoch, baseSequence },
        )
        told.push(await send(peer, version, [{ topic, records }]))
      }
      return told
    },
  })),
)

/** Topics that want something of their records. */
const CONFIGURED: Readonly<Record<string, { readonly configs: Readonly<Record<string, string>>; readonly records: () => Uint8Array }>> = {
  LogAppendTime: { configs: { 'message.timestamp.type': 'LogAppendTime' }, records: GOOD },
  'LogAppendTime and a timestamp of next year': {
    configs: { 'message.timestamp.type': 'LogAppendTime' },
    records: () => batchOf(['a'], { timestampMs: Date.now() + 31_536_000_000 }),
  },
  'max.message.bytes 100': { configs: { 'max.message.bytes': '100' }, records: () => batchOf(['x'.repeat(100)]) },
  'max.message.bytes as long as the batch': { configs: { 'max.message.bytes': `${batchOf(['abc']).length}` }, records: () => batchOf(['abc']) },
  'a compacted topic and records without keys': { configs: { 'cleanup.policy': 'compact' }, records: GOOD },
  'a compacted topic and one record of three without a key': {
    configs: { 'cleanup.policy': 'compact,delete' },
    records: () => buildBatch([Buffer.from('k'), null, Buffer.from('')].map((key) => ({ key, value: Buffer.from('v'), timestampMs: T0 }))),
  },
  'message.timestamp.before.max.ms': { configs: { 'message.timestamp.before.max.ms': '1000' }, records: GOOD },
  'message.timestamp.after.max.ms of a year and more': {
    configs: { 'message.timestamp.after.max.ms': '40000000000' },
    records: () => batchOf(['a'], { timestampMs: Date.now() + 31_536_000_000 }),
  },
  'compression.type gzip': { configs: { 'compression.type': 'gzip' }, records: GOOD },
  'compression.type zstd': { configs: { 'compression.type': 'zstd' }, records: GOOD },
  'segment.bytes below the batch': {
    configs: { 'segment.bytes': '1048576' },
    records: () => buildBatch([{ key: null, value: Buffer.alloc(1_048_500), timestampMs: T0 }]),
  },
}

const configured: readonly Question[] = Object.entries(CONFIGURED).flatMap(([what, { configs, records }]) =>
  [3, 7, 8, 13].map((version) => ({
    name: `Produce v${version} to a topic with ${what}`,
    ask: async (peer: Peer) => {
      const topic = await makeTopic(peer, { configs })
      return [await send(peer, version, [{ topic, records: records() }]), await send(peer, version, [{ topic, records: records() }])]
    },
  })),
)

const mixed: readonly Question[] = versions(3, 13).map((version) => ({
  name: `Produce v${version} of good and bad partitions in one request`,
  ask: async (peer: Peer) => {
    const [one, two] = [await makeTopic(peer, { partitions: 2 }), await makeTopic(peer)]
    const records = GOOD()
    const bad = Buffer.from(GOOD()).fill(1, 17, 21)
    return [
      await send(peer, version, [
        { topic: one, index: 0, records },
        { topic: two, index: 0, records: bad },
        { topic: one, index: 1, records },
        { topic: two, index: 3, records },
      ]),
      await send(peer, version, [{ topic: one, index: 0, records, transactionalId: 'unused' }]),
    ]
  },
}))

/** Produce (rules 10 to 13). */
export const PRODUCE_QUESTIONS: readonly Question[] = [...batches, ...places, ...acks, ...sequences, ...configured, ...mixed]
