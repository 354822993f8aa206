import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { BATCH_HEADER_BYTES, batchCompression, batchSizeBytes } from '../../../src/log/record-batch.ts'
import { COMPRESSION_CODECS } from '../../../src/util/compression.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import type { ConfigModel } from '../config-model.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { LogModel } from '../log-model.ts'
import type { World } from '../world.ts'
import { packBatch, valueBytes } from './kafka-producers.ts'
import { EXCUSED } from './kafka-readers.ts'

const RECORDS_TOO_LARGE = 10
/** Processing and the wire take their time; what the broker told it rounded. */
const SLACK_MS = 2

export interface ThrottledOptions {
  readonly clientId: string
  readonly topic: string
  /** Its quotas are in the model, under `quota …`; without it has none and is never held up. */
  readonly hasQuotas: boolean
}

/**
 * Writes and reads a topic whose configs change, under quotas that change: every request is answered, a told throttle time is kept (KIP-219),
 * who has no quota is told none, and what is stored is compressed as the topic says.
 */
export class ThrottledClient {
  done = false
  readonly #world: World
  readonly #log: LogModel
  readonly #configs: ConfigModel
  readonly #options: ThrottledOptions
  #number = 0
  /** The broker reads nothing more of this connection before this. */
  #mutedUntilMs = 0

  constructor(world: World, log: LogModel, configs: ConfigModel, options: ThrottledOptions) {
    this.#world = world
    this.#log = log
    this.#configs = configs
    this.#options = options
  }

  async run(): Promise<void> {
    const { clientId } = this.#options
    const opened = () => {
      this.#mutedUntilMs = 0
    }
    await onConnections(this.#world, 200, (client) => this.#once(client), { opened, clientId })
    this.done = true
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const written = await this.#produce(client)
    if (written !== null) await this.#fetch(client, written.offset, written.askedMs)
    await world.sleep(world.random.below(world.random.pick([50, 600])))
  }

  async #produce(client: KafkaClient): Promise<{ readonly offset: number; readonly askedMs: number } | null> {
    const world = this.#world
    const { topic, clientId } = this.#options
    const number = this.#number++
    const value = `${clientId}.${number}`
    const sent = this.#log.send({ value, topic, sender: clientId, number, guarantee: 'at-most-once', durable: true })
    sent.sends = 1
    const askedMs = world.time.nowMs
    const bytes = valueBytes(value, world.random.below(6_000))
    const records = packBatch([{ key: null, value: bytes, timestampMs: world.time.wallMs }], 0, {})
    const topicData = [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }]
    const answer = await client.request(ProduceRequest, ProduceResponse, 9, { acks: -1, timeoutMs: 30_000, topicData })
    this.#throttled(answer.throttleTimeMs, askedMs)
    const { errorCode = -1, baseOffset = -1 } = answer.responses[0]?.partitionResponses[0] ?? {}
    if (errorCode !== 0) {
      if (!EXCUSED.has(errorCode) && errorCode !== RECORDS_TOO_LARGE) world.violate(`Produce of ${value} answered ${errorCode}`)
      return null
    }
    sent.acknowledged = true
    this.#log.note(topic, 0, baseOffset, value, true)
    return { offset: baseOffset, askedMs }
  }

  /** What was just written. */
  async #fetch(client: KafkaClient, offset: number, writtenMs: number): Promise<void> {
    const world = this.#world
    const { topic } = this.#options
    const askedMs = world.time.nowMs
    const partitions = [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1 }]
    const topics = [{ topic, topicId: ZERO_UUID, partitions }]
    const answer = await client.request(FetchRequest, FetchResponse, 11, { maxWaitMs: 0, minBytes: 1, maxBytes: 1, topics, forgottenTopicsData: [] })
    this.#throttled(answer.throttleTimeMs, askedMs)
    const bytes = Buffer.concat(answer.responses[0]?.partitions[0]?.records ?? [])
    if (bytes.length < BATCH_HEADER_BYTES || bytes.length < batchSizeBytes(bytes, 0)) return
    const codec = batchCompression(bytes)
    const types: (string | null)[] = [...this.#configs.possible(`2/${topic}/compression.type`, writtenMs)]
    const codecs: number[] = types.map((type) => (type === null || type === 'producer' || type === 'uncompressed' ? 0 : COMPRESSION_CODECS[type as 'gzip']))
    if (!codecs.includes(codec))
      world.violate(`${topic}: the batch at ${offset} is packed with codec ${codec}, compression.type can only be ${types.join(' or ')}`)
    world.count(`batches packed with codec ${codec}`)
  }

  #throttled(throttleTimeMs: number, askedMs: number): void {
    const world = this.#world
    const { clientId, hasQuotas } = this.#options
    if (throttleTimeMs > 0) world.count('answers with a throttle time')
    if (throttleTimeMs > 0 && !hasQuotas) world.violate(`${clientId}, which has no quota, was told to wait ${throttleTimeMs} ms`)
    if (world.time.nowMs + SLACK_MS < this.#mutedUntilMs) {
      world.violate(`${clientId} was answered ${Math.round(this.#mutedUntilMs - world.time.nowMs)} ms before its throttle time was over`)
    }
    this.#mutedUntilMs = Math.max(this.#mutedUntilMs, askedMs + throttleTimeMs)
  }
}
