import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { type BatchOptions, buildBatch, type RecordHeader, type RecordInput } from '../../../src/log/record-batch.ts'
import { COMPRESSION_CODECS, type CompressionCodec, compressSync } from '../../../src/util/compression.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { KafkaClient } from '../kafka-client.ts'
import type { LogModel, Sent } from '../log-model.ts'
import type { World } from '../world.ts'

const PRODUCE_VERSIONS = [3, 7, 9, 11, 12]
/** KIP-110. */
const FIRST_WITH_ZSTD = 7
const ZSTD = COMPRESSION_CODECS.zstd
const MAX_IN_FLIGHT = 5
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
/** Answers after which a producer tries again. */
const RETRIABLE = new Set([3, 5, 6, 7, 14, 15, 16, 19, 20, 56])
const PADDING = 'x'.repeat(40_000)

export interface ProducerOptions {
  readonly name: string
  readonly topic: string
  readonly partitions: number
  readonly acks: 0 | 1 | -1
  readonly idempotent: boolean
  /** A batch is packed with one of them; where absent, not at all. */
  readonly codecs?: readonly CompressionCodec[]
  /** What its record `number` is beside its value; the same whenever it is asked. Where absent, nothing. */
  readonly recordOf?: (number: number) => RecordShape
}

/** What a record is beside its value. */
export interface RecordShape {
  readonly key: Uint8Array | null
  readonly headers?: readonly RecordHeader[]
  /** The MQTT topic that it is delivered under; absent where no subscriber is due it. */
  readonly mqttTopic?: string
}

interface Batch {
  readonly codec: CompressionCodec
  readonly partition: number
  readonly sent: readonly Sent[]
  readonly baseSequence: number
  state: 'waiting' | 'in-flight'
  /** Its answer was lost: it may be in the log. */
  inDoubt: boolean
}

/** A record's value on the wire: its identity, and something to make it large. */
export function valueBytes(value: string, padding: number): Buffer {
  return Buffer.from(`${value}|${PADDING.slice(0, padding)}`)
}

const PLAIN: RecordShape = { key: null }

export function packBatch(records: readonly RecordInput[], codec: CompressionCodec, producer: BatchOptions): Uint8Array {
  return buildBatch(records, codec === 0 ? producer : { ...producer, attributes: codec, compress: (section) => compressSync(codec, section) })
}

/** A record without a value says nothing of who sent it. */
export const NO_VALUE = 'null'

export function identityOf(bytes: Uint8Array | null): string {
  if (bytes === null) return NO_VALUE
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length).toString('latin1')
  const bar = text.indexOf('|')
  return bar < 0 ? text : text.slice(0, bar)
}

/**
 * A producer as librdkafka and Java's are: up to five requests under way, batches of a partition in order, and after a failure
 * everything that was not acknowledged again, in the same order and with the same sequence numbers. Without idempotence it never sends
 * a batch twice unless acks=-1, and then it counts how often.
 */
export class Producer {
  readonly options: ProducerOptions
  readonly #world: World
  readonly #model: LogModel
  readonly #queues: Batch[][]
  readonly #numbers: number[]
  readonly #sequences: number[]
  readonly #failing = new Set<number>()
  #client: KafkaClient | null = null
  #producerId = -1
  #epoch = -1
  #inFlight = 0
  #finished = false

  constructor(world: World, model: LogModel, options: ProducerOptions) {
    this.#world = world
    this.#model = model
    this.options = options
    this.#queues = Array.from({ length: options.partitions }, () => [])
    this.#numbers = this.#queues.map(() => 0)
    this.#sequences = this.#queues.map(() => 0)
  }

  /** Nothing is left to send, and everything was answered. */
  get idle(): boolean {
    return this.#finished && this.#inFlight === 0 && this.#queues.every((queue) => queue.length === 0)
  }

  get client(): KafkaClient | null {
    return this.#client
  }

  async run(): Promise<void> {
    const { random } = this.#world
    for (;;) {
      if (this.#client === null || this.#client.closed) await this.#connect()
      if (this.#world.stopping) this.#finished = true
      if (this.idle) break
      if (!this.#finished && this.#queued() < 12) for (let i = random.below(3); i >= 0; i--) this.#makeBatch()
      this.#pump()
      await this.#world.sleep(random.chance(0.1) ? random.below(1_000) : random.below(120))
    }
    this.#client?.close()
  }

  async #connect(): Promise<void> {
    await this.#world.sleep(this.#world.random.below(50))
    const client = await KafkaClient.open(this.#world)
    this.#failing.clear()
    this.#inFlight = 0
    for (const queue of this.#queues) {
      if (!this.#retries) queue.splice(0)
      for (const batch of queue) {
        if (batch.state === 'in-flight') batch.inDoubt = true
        batch.state = 'waiting'
      }
    }
    this.#client = client
    if (this.options.idempotent && this.#producerId < 0) await this.#initProducerId(client)
  }

  async #initProducerId(client: KafkaClient): Promise<void> {
    const answer = await client
      .request(InitProducerIdRequest, InitProducerIdResponse, 4, { transactionalId: null, transactionTimeoutMs: 60_000 })
      .catch(() => null)
    if (answer === null) return
    if (answer.errorCode !== 0) {
      if (!RETRIABLE.has(answer.errorCode)) this.#world.violate(`InitProducerId answered ${answer.errorCode}`)
      client.close()
      return
    }
    this.#producerId = answer.producerId
    this.#epoch = answer.producerEpoch
  }

  get #retries(): boolean {
    return this.options.acks === -1
  }

  #queued(): number {
    return this.#queues.reduce((sum, queue) => sum + queue.length, 0)
  }

  #makeBatch(): void {
    const { random } = this.#world
    const { name, topic, partitions, acks, idempotent, recordOf, codecs = [0] } = this.options
    const partition = random.below(partitions)
    const sent: Sent[] = []
    for (let i = random.chance(0.2) ? random.below(20) : random.below(3); i >= 0; i--) {
      const number = this.#numbers[partition]!++
      const guarantee = idempotent ? 'exactly-once' : acks === -1 ? 'at-least-once' : 'at-most-once'
      const { mqttTopic } = recordOf?.(number) ?? PLAIN
      const mqtt = mqttTopic === undefined ? {} : { mqttTopic }
      const identity = { value: `${name}.${partition}.${number}`, topic, sender: `${name}.${partition}`, number }
      sent.push(this.#model.send({ ...identity, guarantee, durable: acks === -1, ...mqtt }))
    }
    const baseSequence = this.#sequences[partition] as number
    this.#queues[partition]?.push({ codec: random.pick(codecs), partition, sent, baseSequence, state: 'waiting', inDoubt: false })
    this.#sequences[partition]! += sent.length
  }

  #pump(): void {
    const client = this.#client
    if (client === null || client.closed || (this.options.idempotent && this.#producerId < 0)) return
    for (const queue of this.#queues) {
      for (const batch of [...queue]) {
        if (this.#inFlight >= MAX_IN_FLIGHT || this.#failing.has(batch.partition)) break
        if (batch.state === 'waiting') this.#send(client, batch)
      }
    }
  }

  #send(client: KafkaClient, batch: Batch): void {
    const { random } = this.#world
    const { acks, topic, idempotent, recordOf } = this.options
    const padding = random.chance(0.03) ? random.below(30_000) : random.below(200)
    const records = batch.sent.map((sent) => ({
      ...(recordOf?.(sent.number) ?? PLAIN),
      // The same bytes when it is sent again.
      value: valueBytes(sent.value, (padding * 7 + sent.number) % (padding + 1)),
      timestampMs: this.#world.time.wallMs,
    }))
    for (const sent of batch.sent) sent.sends++
    const producer = idempotent ? { producerId: this.#producerId, producerEpoch: this.#epoch, baseSequence: batch.baseSequence } : {}
    const version = random.pick(PRODUCE_VERSIONS.filter((each) => batch.codec !== ZSTD || each >= FIRST_WITH_ZSTD))
    const partitionData = [{ index: batch.partition, records: packBatch(records, batch.codec, producer) }]
    const request = { transactionalId: null, acks, timeoutMs: 30_000, topicData: [{ name: topic, topicId: ZERO_UUID, partitionData }] }
    this.#world.count('produce requests')
    if (acks === 0) {
      client.tell(ProduceRequest, version, request)
      this.#drop(batch)
      return
    }
    batch.state = 'in-flight'
    this.#inFlight++
    client.request(ProduceRequest, ProduceResponse, version, request).then(
      (answer) => {
        const place = answer.responses[0]?.partitionResponses[0]
        if (client !== this.#client || place === undefined) return
        this.#inFlight--
        this.#answered(batch, place.errorCode, place.baseOffset)
      },
      () => {},
    )
  }

  #answered(batch: Batch, errorCode: number, baseOffset: number): void {
    const { topic, acks } = this.options
    const queue = this.#queues[batch.partition] as Batch[]
    if (errorCode === 0) {
      // Without idempotence a batch that was refused may be overtaken by one that was sent behind it. One that is in the log already may be refused
      // when it is sent again to a disk without room, and then there is room.
      const ahead = queue.slice(0, queue.indexOf(batch))
      if (this.options.idempotent && ahead.some(({ inDoubt }) => !inDoubt)) {
        this.#world.violate(`${batch.sent[0]?.value} was acknowledged before the batch in front of it`)
      }
      this.#drop(batch)
      this.#world.count('produce acknowledged')
      batch.sent.forEach((sent, i) => {
        sent.acknowledged = true
        this.#model.note(topic, batch.partition, baseOffset + i, sent.value, acks === -1)
      })
      return
    }
    this.#world.trace('produce-error', `${batch.sent[0]?.value} ${errorCode}`)
    this.#world.count(`produce error ${errorCode}`)
    const isFirst = queue[0] === batch
    const mayRetry = RETRIABLE.has(errorCode) || (errorCode === OUT_OF_ORDER_SEQUENCE_NUMBER && !isFirst)
    if (!mayRetry) this.#world.violate(`producer ${this.options.name} got error ${errorCode} for ${batch.sent[0]?.value} (sequence ${batch.baseSequence})`)
    if (!this.#retries) {
      this.#drop(batch)
      return
    }
    batch.state = 'waiting'
    this.#failing.add(batch.partition)
    // Again from the first that failed, when all of the partition were answered.
    const wait = (): void => {
      if (queue.some(({ state }) => state === 'in-flight')) this.#world.time.after(20, null, wait)
      else this.#failing.delete(batch.partition)
    }
    this.#world.time.after(100, null, wait)
  }

  #drop(batch: Batch): void {
    const queue = this.#queues[batch.partition] as Batch[]
    const at = queue.indexOf(batch)
    if (at >= 0) queue.splice(at, 1)
  }
}
