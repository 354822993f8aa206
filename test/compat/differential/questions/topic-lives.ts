import { AlterConfigsRequest, AlterConfigsResponse } from '../../../../src/kafka/messages/alter-configs.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../../src/kafka/messages/delete-records.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../../src/kafka/messages/describe-configs.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from '../../../../src/kafka/messages/describe-log-dirs.ts'
import { FetchRequest, FetchResponse } from '../../../../src/kafka/messages/fetch.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../../src/kafka/messages/incremental-alter-configs.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../../src/kafka/messages/list-offsets.ts'
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../../../../src/kafka/messages/offset-for-leader-epoch.ts'
import { ProduceRequest, ProduceResponse } from '../../../../src/kafka/messages/produce.ts'
import { batchSizeBytes, buildBatch, readBatchHeader } from '../../../../src/log/record-batch.ts'
import { compressSync } from '../../../../src/util/compression.ts'
import { ZERO_UUID } from '../../../../src/util/uuid.ts'
import type { Peer, Question } from '../question.ts'
import { type AskedTopic, makeTopic, T0 } from './topics-for-questions.ts'

const TOPIC = 2
const SET = 0
const DELETE = 1
const APPEND = 2
const SUBTRACT = 3
const CODECS = { gzip: 1, snappy: 2, lz4: 3, zstd: 4 } as const
type Codec = keyof typeof CODECS

/** One topic that things are done to, one after the other; what is answered is kept. */
class Life {
  readonly told: unknown[] = []
  readonly #peer: Peer
  readonly #topic: AskedTopic

  private constructor(peer: Peer, topic: AskedTopic) {
    this.#peer = peer
    this.#topic = topic
  }

  static async of(peer: Peer, configs: Readonly<Record<string, string>> = {}): Promise<Life> {
    return new Life(peer, await makeTopic(peer, { configs }))
  }

  async alter(...changes: readonly (readonly [name: string, operation: number, value: string | null])[]): Promise<void> {
    const configs = changes.map(([name, configOperation, value]) => ({ name, configOperation, value }))
    const resources = [{ resourceType: TOPIC, resourceName: this.#topic.name, configs }]
    const { responses } = await this.#peer.ask([IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse], 1, { resources, validateOnly: false })
    await this.#settle()
    this.told.push(['altered', ...changes.flat(), responses.map(({ errorCode }) => errorCode), ...(await this.#own())])
  }

  async replace(configs: Readonly<Record<string, string>>): Promise<void> {
    const resources = [{ resourceType: TOPIC, resourceName: this.#topic.name, configs: Object.entries(configs).map(([name, value]) => ({ name, value })) }]
    const { responses } = await this.#peer.ask([AlterConfigsRequest, AlterConfigsResponse], 2, { resources, validateOnly: false })
    await this.#settle()
    this.told.push(['replaced', responses.map(({ errorCode }) => errorCode), ...(await this.#own())])
  }

  async produce(records: Uint8Array): Promise<void> {
    const topicData = [{ name: this.#topic.name, topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }]
    const answer = await this.#peer.ask([ProduceRequest, ProduceResponse], 9, { transactionalId: null, acks: -1, timeoutMs: 5_000, topicData })
    const part = answer.responses[0]?.partitionResponses[0]
    this.told.push([
      'produced',
      part?.errorCode,
      part?.baseOffset,
      part?.logAppendTimeMs === -1 ? -1 : 'stamped',
      part?.errorCode === 0 ? part.logStartOffset : 'none',
    ])
  }

  async trim(offset: number): Promise<void> {
    const topics = [{ name: this.#topic.name, partitions: [{ partitionIndex: 0, offset }] }]
    const answer = await this.#peer.ask([DeleteRecordsRequest, DeleteRecordsResponse], 2, { topics, timeoutMs: 5_000 })
    this.told.push(['trimmed', offset, answer.topics[0]?.partitions[0]])
  }

  /** Where these times stand; a time of now is told as such. */
  async offsets(...times: readonly number[]): Promise<void> {
    for (const timestamp of times) {
      const answer = await this.#peer.ask([ListOffsetsRequest, ListOffsetsResponse], 9, {
        replicaId: -1,
        isolationLevel: 0,
        timeoutMs: 5_000,
        topics: [{ name: this.#topic.name, partitions: [{ partitionIndex: 0, timestamp }] }],
      })
      const found = answer.topics[0]?.partitions[0]
      this.told.push(['at', timestamp > T0 * 1.01 ? 'later' : timestamp, found?.errorCode, found?.offset, age(found?.timestamp), found?.leaderEpoch])
    }
  }

  /** The batches from an offset on, by what their headers say. */
  async fetch(offset: number): Promise<void> {
    const batches: unknown[] = []
    // A real Kafka's answer ends with the segment it begins in.
    for (let next = offset; ; ) {
      const partitions = [{ partition: 0, fetchOffset: next, partitionMaxBytes: 1_000_000, currentLeaderEpoch: -1, lastFetchedEpoch: -1, logStartOffset: -1 }]
      const answer = await this.#peer.ask([FetchRequest, FetchResponse], 11, {
        replicaId: -1,
        maxWaitMs: 0,
        minBytes: 0,
        topics: [{ topic: this.#topic.name, topicId: ZERO_UUID, partitions }],
        forgottenTopicsData: [],
      })
      const part = answer.responses[0]?.partitions[0]
      const bytes = Buffer.concat((part?.records ?? []).map((chunk) => Buffer.from(chunk)))
      for (let at = 0; at + 61 <= bytes.length; at += batchSizeBytes(bytes, at)) {
        const { baseOffset, attributes, lastOffsetDelta, recordCount, baseTimestampMs, maxTimestampMs } = readBatchHeader(bytes, at)
        batches.push([baseOffset, attributes, lastOffsetDelta, recordCount, age(baseTimestampMs), age(maxTimestampMs)])
        next = baseOffset + lastOffsetDelta + 1
      }
      if (part?.errorCode === 0 && bytes.length > 0 && next < part.highWatermark) continue
      this.told.push(['fetched', offset, part?.errorCode, part?.highWatermark, part?.logStartOffset, batches])
      return
    }
  }

  async size(): Promise<void> {
    const answer = await this.#peer.ask([DescribeLogDirsRequest, DescribeLogDirsResponse], 4, { topics: [{ topic: this.#topic.name, partitions: [0] }] })
    this.told.push(['size', answer.results.map(({ topics }) => topics.map(({ partitions }) => partitions))])
  }

  async epochEnd(leaderEpoch: number): Promise<void> {
    const topics = [{ topic: this.#topic.name, partitions: [{ partition: 0, currentLeaderEpoch: -1, leaderEpoch }] }]
    const answer = await this.#peer.ask([OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse], 4, { replicaId: -1, topics })
    this.told.push(['epoch', leaderEpoch, answer.topics[0]?.partitions[0]])
  }

  /** A real Kafka's broker learns of a change from the controller's log, as it learns of a topic that was made later. */
  async #settle(): Promise<void> {
    await makeTopic(this.#peer)
    await new Promise((resolve) => setTimeout(resolve, 20))
  }

  async #own(): Promise<string[]> {
    const resources = [{ resourceType: TOPIC, resourceName: this.#topic.name, configurationKeys: null }]
    const answer = await this.#peer.ask([DescribeConfigsRequest, DescribeConfigsResponse], 4, { resources, includeSynonyms: false })
    return (answer.results[0]?.configs ?? [])
      .filter(({ configSource }) => configSource === 1)
      .map(({ name, value }) => `${name}=${value}`)
      .sort()
  }
}

const HOUR_MS = 3_600_000
const age = (timestampMs: number | undefined): unknown => (timestampMs !== undefined && timestampMs > Date.now() - HOUR_MS / 2 ? 'now' : timestampMs)

/** A batch of records with keys; `step`: between their timestamps. */
function batch(values: readonly string[], { codec, timestampMs = T0, step = 0 }: { codec?: Codec; timestampMs?: number; step?: number } = {}): Uint8Array {
  const records = values.map((value, index) => ({ key: Buffer.from(`k${index}`), value: Buffer.from(value), timestampMs: timestampMs + index * step }))
  if (codec === undefined) return buildBatch(records)
  return buildBatch(records, { attributes: CODECS[codec], compress: (section) => compressSync(CODECS[codec], section) })
}

const LIVES: Readonly<Record<string, (peer: Peer) => Promise<Life>>> = {
  'items of cleanup.policy': async (peer) => {
    const life = await Life.of(peer)
    await life.alter(['cleanup.policy', APPEND, 'compact'])
    await life.alter(['cleanup.policy', APPEND, 'compact'])
    await life.alter(['cleanup.policy', SUBTRACT, 'delete'])
    await life.alter(['cleanup.policy', SUBTRACT, 'delete,compact'])
    await life.alter(['cleanup.policy', APPEND, 'delete,compact'])
    await life.alter(['cleanup.policy', APPEND, 'nothing'])
    await life.alter(['cleanup.policy', APPEND, ''])
    await life.alter(['cleanup.policy', SUBTRACT, 'nothing'])
    await life.alter(['cleanup.policy', SUBTRACT, ''])
    await life.alter(['cleanup.policy', APPEND, null])
    await life.alter(['cleanup.policy', DELETE, 'x'])
    return life
  },
  'items of throttled replicas': async (peer) => {
    const life = await Life.of(peer)
    for (const key of ['leader.replication.throttled.replicas', 'follower.replication.throttled.replicas']) {
      await life.alter([key, APPEND, '0:1'])
      await life.alter([key, APPEND, '1:1,2:1'])
      await life.alter([key, APPEND, '0:1,3:1'])
      await life.alter([key, SUBTRACT, '1:1'])
      await life.alter([key, APPEND, '*'])
      await life.alter([key, APPEND, 'x'])
      await life.alter([key, SUBTRACT, '0:1,2:1,3:1'])
      await life.alter([key, SET, '*'])
      await life.alter([key, APPEND, '*'])
      await life.alter([key, APPEND, '1:1'])
    }
    return life
  },
  'configs that are replaced, changed together, and refused together': async (peer) => {
    const life = await Life.of(peer, { 'retention.ms': '1000', 'segment.ms': '500' })
    await life.replace({ 'retention.bytes': '7' })
    await life.replace({ 'retention.bytes': 'x', 'retention.ms': '5' })
    await life.replace({ 'no.such.key': 'x' })
    await life.replace({})
    await life.alter(['retention.ms', SET, '5'], ['cleanup.policy', APPEND, 'compact'], ['segment.ms', DELETE, null])
    await life.alter(['retention.ms', SET, '6'], ['no.such.key', SET, '1'])
    await life.alter(['min.compaction.lag.ms', SET, '100'], ['max.compaction.lag.ms', SET, '100'])
    await life.alter(['max.compaction.lag.ms', SET, '99'])
    await life.alter(['min.compaction.lag.ms', SET, '101'])
    await life.alter(['max.compaction.lag.ms', DELETE, null])
    await life.alter(['local.retention.ms', SET, '7'])
    await life.alter(['local.retention.bytes', SET, '7'], ['retention.bytes', SET, '6'])
    await life.alter(['segment.jitter.ms', SET, '7'], ['segment.ms', SET, '6'])
    await life.alter(['segment.bytes', SET, '1048576'], ['max.message.bytes', SET, '2000000'])
    return life
  },
  'whose clock stamps records, changed in between': async (peer) => {
    const life = await Life.of(peer)
    await life.produce(batch(['a', 'b'], { step: 1_000 }))
    await life.alter(['message.timestamp.type', SET, 'LogAppendTime'])
    await life.produce(batch(['c', 'd'], { step: 1_000 }))
    for (const codec of Object.keys(CODECS) as Codec[]) await life.produce(batch(['e', 'f', 'g'], { codec, step: 1_000 }))
    await life.alter(['message.timestamp.type', DELETE, null])
    await life.produce(batch(['h'], { timestampMs: T0 + 500 }))
    await life.fetch(0)
    await life.offsets(-1, -2, T0, T0 + 1, T0 + 1_000, T0 + 1_001, Date.now() + HOUR_MS)
    return life
  },
  'LogAppendTime as the topic is made, with times that would be refused': async (peer) => {
    const life = await Life.of(peer, {
      'message.timestamp.type': 'LogAppendTime',
      'message.timestamp.before.max.ms': '5',
      'message.timestamp.after.max.ms': '5',
    })
    await life.produce(batch(['a', 'b'], { timestampMs: T0, step: 1_000_000_000 }))
    await life.produce(batch(['a', 'b'], { codec: 'gzip', timestampMs: Date.now() + 100 * HOUR_MS }))
    await life.produce(batch(['a'], { timestampMs: -1 }))
    await life.fetch(0)
    return life
  },
  'how old and how new a record may be, raised and lowered': async (peer) => {
    const life = await Life.of(peer)
    const now = Date.now()
    const at = (timestampMs: number, codec?: Codec) => life.produce(batch(['x'], codec === undefined ? { timestampMs } : { timestampMs, codec }))
    for (const codec of [undefined, 'gzip'] as const) {
      await at(now + 2 * HOUR_MS, codec)
      await life.alter(['message.timestamp.after.max.ms', SET, `${3 * HOUR_MS}`])
      await at(now + 2 * HOUR_MS, codec)
      await life.alter(['message.timestamp.before.max.ms', SET, `${HOUR_MS}`])
      await at(now - 2 * HOUR_MS, codec)
      await at(now - HOUR_MS / 2, codec)
      await life.alter(['message.timestamp.before.max.ms', SET, '0'], ['message.timestamp.after.max.ms', SET, '0'])
      await at(now - HOUR_MS / 2, codec)
      await at(-1, codec)
      await life.alter(['message.timestamp.before.max.ms', DELETE, null], ['message.timestamp.after.max.ms', DELETE, null])
    }
    return life
  },
  'max.message.bytes lowered and raised, with and without compression': async (peer) => {
    const life = await Life.of(peer)
    const large = ['x'.repeat(5_000), 'x'.repeat(5_000)]
    await life.produce(batch(large))
    await life.alter(['max.message.bytes', SET, '1000'])
    await life.produce(batch(large))
    await life.produce(batch(large, { codec: 'gzip' }))
    await life.alter(['compression.type', SET, 'gzip'])
    await life.produce(batch(large))
    await life.alter(['compression.type', SET, 'uncompressed'])
    await life.produce(batch(large, { codec: 'gzip' }))
    await life.alter(['max.message.bytes', SET, '20000'])
    await life.produce(batch(large, { codec: 'gzip' }))
    await life.fetch(0)
    return life
  },
  'every codec recompressed to every other, with levels': async (peer) => {
    const life = await Life.of(peer, { 'compression.gzip.level': '1', 'compression.lz4.level': '17', 'compression.zstd.level': '-5' })
    for (const type of ['gzip', 'snappy', 'lz4', 'zstd', 'uncompressed', 'producer']) {
      await life.alter(['compression.type', SET, type])
      await life.produce(batch(['plain', 'text'], { step: 10 }))
      for (const codec of Object.keys(CODECS) as Codec[]) await life.produce(batch(['some', 'text', codec], { codec, step: 10 }))
    }
    await life.fetch(0)
    await life.offsets(-3, T0 + 5, T0 + 20)
    return life
  },
  'records deleted, to the end, amid a batch, and beyond': async (peer) => {
    const life = await Life.of(peer)
    await life.offsets(-1, -2, -3, -4, T0)
    await life.trim(-1)
    for (let count = 0; count < 3; count++) await life.produce(batch(['a', 'b', 'c', 'd'], { timestampMs: T0 + count * 100, step: 10 }))
    await life.trim(5)
    await life.offsets(-2, -3, -4, T0, T0 + 105, T0 + 115)
    for (const offset of [0, 4, 5, 6]) await life.fetch(offset)
    await life.trim(3)
    await life.trim(13)
    await life.trim(-2)
    await life.trim(-1)
    await life.offsets(-1, -2, T0)
    for (const offset of [0, 11, 12, 13]) await life.fetch(offset)
    await life.epochEnd(0)
    await life.produce(batch(['e']))
    await life.offsets(-1, -2, T0)
    await life.trim(12)
    await life.size()
    return life
  },
  'the bytes of a partition': async (peer) => {
    const life = await Life.of(peer)
    await life.size()
    await life.produce(batch(['a', 'b']))
    await life.size()
    await life.produce(batch(['x'.repeat(5_000)]))
    await life.produce(batch(['x'.repeat(5_000)], { codec: 'gzip' }))
    await life.size()
    await life.epochEnd(0)
    await life.epochEnd(1)
    await life.epochEnd(-1)
    return life
  },
  'a compacted topic that becomes an ordinary one': async (peer) => {
    const life = await Life.of(peer, { 'cleanup.policy': 'compact' })
    const keyless = () => buildBatch([{ key: null, value: Buffer.from('v'), timestampMs: T0 }])
    await life.produce(keyless())
    await life.trim(0)
    await life.produce(batch(['a', 'b']))
    await life.trim(1)
    await life.alter(['cleanup.policy', APPEND, 'delete'])
    await life.trim(1)
    await life.produce(keyless())
    await life.alter(['cleanup.policy', SUBTRACT, 'compact'])
    await life.produce(keyless())
    await life.alter(['cleanup.policy', SET, ''])
    await life.produce(keyless())
    await life.trim(2)
    await life.fetch(0)
    await life.fetch(2)
    return life
  },
}

/** What happens to a topic and its records over its life. */
export const TOPIC_LIFE_QUESTIONS: readonly Question[] = Object.entries(LIVES).map(([what, live]) => ({
  name: `the life of a topic: ${what}`,
  ask: async (peer: Peer) => (await live(peer)).told,
}))
