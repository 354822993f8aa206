import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import type { CompressionCodec } from '../../../src/util/compression.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import type { ExactPartition } from '../exact-log.ts'
import { KafkaClient } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { packBatch, valueBytes } from './kafka-producers.ts'
import { EXCUSED } from './kafka-readers.ts'

const MAX_IN_FLIGHT = 5
const MAX_WAITING = 8
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
const INVALID_PRODUCER_EPOCH = 47
const LAST_SEQUENCE = 0x7fff_ffff
const MAX_EPOCH = 32_000
const PRODUCE_VERSIONS = [7, 9, 11, 12]
const CODECS: readonly CompressionCodec[] = [0, 1, 2, 3, 4]
/** A connection that is silent for this long is given up, though it may only be slow: what it holds comes late, and twice. */
const IMPATIENCE_MS = 1_500

interface Batch {
  readonly partition: ExactPartition
  readonly baseOffset: number
  readonly count: number
  readonly producerId: number
  readonly epoch: number
  readonly baseSequence: number
  readonly bytes: Uint8Array
  state: 'waiting' | 'in-flight'
}

/** A partition's batches that are not acknowledged, in order, and what the next one is called. */
interface Lane {
  readonly partition: ExactPartition
  readonly queue: Batch[]
  nextSequence: number
  /** Of the last acknowledged batch. */
  knownEpoch: number
  failing: boolean
}

/**
 * An idempotent producer over several partitions: batches of several of them in one request, five requests under way, every codec.
 * Now and then it gives a slow connection up and sends everything again on another one, takes a new producer id, or a new epoch.
 */
export class ExactWriter {
  readonly name: string
  readonly #world: World
  readonly #lanes: Lane[] = []
  readonly #pauseMs: number
  #client: KafkaClient | null = null
  #producerId = -1
  #epoch = 0
  #inFlight = 0
  #lastAnswerMs = 0
  #finished = false

  constructor(world: World, name: string, partitions: readonly ExactPartition[], pauseMs = 150) {
    this.#world = world
    this.name = name
    this.#pauseMs = pauseMs
    for (const partition of partitions) this.add(partition)
  }

  /** The topic grew. */
  add(partition: ExactPartition): void {
    this.#lanes.push({ partition, queue: [], nextSequence: 0, knownEpoch: -1, failing: false })
  }

  get idle(): boolean {
    return this.#finished && this.#settled
  }

  get #settled(): boolean {
    return this.#lanes.every(({ queue }) => queue.length === 0)
  }

  async run(): Promise<void> {
    const world = this.#world
    const { random } = world
    for (;;) {
      if (this.#client === null || this.#client.closed) await this.#connect()
      if (world.stopping) this.#finished = true
      if (this.idle) break
      if (this.#settled && random.chance(0.03)) this.#renew()
      if (this.#producerId < 0) await this.#initProducerId()
      if (this.#producerId >= 0 && !this.#finished) for (let i = random.below(3); i >= 0; i--) this.#makeBatch(random.pick(this.#lanes))
      this.#pump()
      if (this.#inFlight > 0 && world.time.nowMs - this.#lastAnswerMs > IMPATIENCE_MS && random.chance(0.3)) await this.#giveUp()
      await world.sleep(random.chance(0.05) ? random.below(1_500) : random.below(this.#pauseMs))
    }
    this.#client?.close()
  }

  async #connect(): Promise<void> {
    await this.#world.sleep(this.#world.random.below(50))
    this.#client = await KafkaClient.open(this.#world)
    this.#inFlight = 0
    this.#lastAnswerMs = this.#world.time.nowMs
    for (const lane of this.#lanes) {
      lane.failing = false
      for (const batch of lane.queue) batch.state = 'waiting'
    }
  }

  /** The old connection stays open: what is under way on it arrives after all of it was sent again on the new one. */
  async #giveUp(): Promise<void> {
    const old = this.#client
    this.#world.count('connections given up')
    await this.#connect()
    this.#world.time.after(5_000, null, () => old?.close())
  }

  /** Nothing is in doubt: a new id, or the next epoch of this one (KIP-360: a producer without transactions raises it itself). */
  #renew(): void {
    const { random } = this.#world
    if (this.#producerId >= 0 && this.#epoch < MAX_EPOCH && random.chance(0.5)) {
      this.#epoch++
      for (const lane of this.#lanes) lane.nextSequence = 0
      this.#world.count('epochs raised')
    } else this.#producerId = -1
  }

  async #initProducerId(): Promise<void> {
    const world = this.#world
    const client = this.#client as KafkaClient
    const answer = await client
      .request(InitProducerIdRequest, InitProducerIdResponse, 4, { transactionalId: null, transactionTimeoutMs: 60_000 })
      .catch(() => null)
    if (answer === null) return
    if (answer.errorCode !== 0) {
      if (!EXCUSED.has(answer.errorCode)) world.violate(`InitProducerId answered ${answer.errorCode}`)
      client.close()
      return
    }
    const known = world.counts.get(`producer id ${answer.producerId}`)
    if (known !== undefined) world.violate(`producer id ${answer.producerId} was given twice`)
    world.count('producer ids')
    this.#producerId = answer.producerId
    this.#epoch = answer.producerEpoch
    for (const lane of this.#lanes) {
      // The first sequence that a partition sees of a producer is not checked: soon it begins anew at 0.
      lane.nextSequence = world.random.chance(0.2) ? LAST_SEQUENCE - world.random.below(20) : 0
      lane.knownEpoch = -1
    }
  }

  #makeBatch(lane: Lane): void {
    const { random, time } = this.#world
    const { partition, queue } = lane
    if (queue.length >= MAX_WAITING) return
    const records = Array.from({ length: 1 + (random.chance(0.2) ? random.below(12) : random.below(3)) }, (_, i) => {
      // Clocks of applications: mostly now, sometimes earlier.
      const timestampMs = time.wallMs - (random.chance(0.2) ? random.below(2_000) : 0)
      const value = `${this.name}.${partition.index}.${partition.records.length + i}`
      return { value, timestampMs, bytes: valueBytes(value, random.chance(0.03) ? random.below(20_000) : random.below(150)) }
    })
    const codec = random.pick(CODECS)
    const producer = { producerId: this.#producerId, producerEpoch: this.#epoch, baseSequence: lane.nextSequence }
    const bytes = packBatch(
      records.map(({ bytes, timestampMs }) => ({ key: null, value: bytes, timestampMs })),
      codec,
      producer,
    )
    const baseOffset = partition.write(records, bytes.length)
    queue.push({
      partition,
      baseOffset,
      count: records.length,
      producerId: this.#producerId,
      epoch: this.#epoch,
      baseSequence: lane.nextSequence,
      bytes,
      state: 'waiting',
    })
    lane.nextSequence = (lane.nextSequence + records.length) % (LAST_SEQUENCE + 1)
  }

  /** Requests with one batch of each partition that has one. */
  #pump(): void {
    const client = this.#client
    while (client !== null && !client.closed && this.#inFlight < MAX_IN_FLIGHT) {
      const batches = this.#lanes.flatMap((lane) => {
        const next = lane.failing ? undefined : lane.queue.find(({ state }) => state === 'waiting')
        return next === undefined || this.#world.random.chance(0.3) ? [] : [next]
      })
      if (batches.length === 0) return
      this.#send(client, batches)
    }
  }

  #send(client: KafkaClient, batches: readonly Batch[]): void {
    const topics = new Map<string, Batch[]>()
    for (const batch of batches) {
      batch.state = 'in-flight'
      const { topic } = batch.partition
      topics.set(topic, [...(topics.get(topic) ?? []), batch])
    }
    const topicData = [...topics].map(([name, each]) => ({
      name,
      topicId: ZERO_UUID,
      // The broker may patch what it is given: each request has its own copy.
      partitionData: each.map(({ partition, bytes }) => ({ index: partition.index, records: Buffer.from(bytes) })),
    }))
    this.#inFlight++
    this.#world.count('exact requests')
    const request = { acks: -1, timeoutMs: 30_000, topicData }
    client.request(ProduceRequest, ProduceResponse, this.#world.random.pick(PRODUCE_VERSIONS), request).then(
      (answer) => {
        if (client !== this.#client) return
        this.#inFlight--
        this.#lastAnswerMs = this.#world.time.nowMs
        for (const batch of batches) {
          const topic = answer.responses.find(({ name }) => name === batch.partition.topic)
          const place = topic?.partitionResponses.find(({ index }) => index === batch.partition.index)
          if (place === undefined) this.#world.violate(`Produce says nothing of ${batch.partition.name}`)
          else this.#answered(batch, place)
        }
      },
      () => {},
    )
  }

  #answered(batch: Batch, { errorCode, baseOffset, logStartOffset }: { errorCode: number; baseOffset: number; logStartOffset: number }): void {
    const world = this.#world
    const lane = this.#lanes.find(({ partition }) => partition === batch.partition) as Lane
    const { queue, partition } = lane
    if (errorCode === 0) {
      if (queue[0] !== batch) world.violate(`${partition.name}: offset ${batch.baseOffset} was acknowledged before ${queue[0]?.baseOffset}`)
      queue.shift()
      lane.knownEpoch = batch.epoch
      partition.acknowledged(batch.baseOffset, batch.count, baseOffset)
      if (logStartOffset >= 0) partition.toldStart(logStartOffset, 0)
      if (world.random.chance(0.02) && batch.epoch > 0) void this.#haunt(lane, batch)
      return
    }
    world.count(`exact produce error ${errorCode}`)
    if (!EXCUSED.has(errorCode) && !(errorCode === OUT_OF_ORDER_SEQUENCE_NUMBER && queue[0] !== batch))
      world.violate(`${partition.name}: sequence ${batch.baseSequence} of producer ${batch.producerId} epoch ${batch.epoch} got error ${errorCode}`)
    batch.state = 'waiting'
    lane.failing = true
    const client = this.#client
    // Again from the first that failed, when all of the partition were answered.
    const wait = (): void => {
      if (client !== this.#client) return
      if (queue.some(({ state }) => state === 'in-flight')) world.time.after(20, null, wait)
      else lane.failing = false
    }
    world.time.after(100, null, wait)
  }

  /** A former self of the producer writes with its old epoch: it must be refused. */
  async #haunt(lane: Lane, { partition, producerId, epoch }: Batch): Promise<void> {
    const world = this.#world
    const records = packBatch([{ key: null, value: valueBytes(`ghost.${partition.name}`, 10), timestampMs: world.time.wallMs }], 0, {
      producerId,
      producerEpoch: epoch - 1,
      baseSequence: world.random.below(100),
    })
    const client = await KafkaClient.open(world)
    const topicData = [{ name: partition.topic, topicId: ZERO_UUID, partitionData: [{ index: partition.index, records }] }]
    const answer = await client.request(ProduceRequest, ProduceResponse, 9, { acks: -1, timeoutMs: 30_000, topicData }).catch(() => null)
    client.close()
    const code = answer?.responses[0]?.partitionResponses[0]?.errorCode ?? INVALID_PRODUCER_EPOCH
    if (code !== INVALID_PRODUCER_EPOCH && !EXCUSED.has(code))
      world.violate(`${partition.name}: a batch of epoch ${epoch - 1} got ${code}, the producer has ${lane.knownEpoch}`)
    world.count('ghosts refused')
  }
}
