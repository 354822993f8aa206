import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { COMPRESSION_CODECS } from '../../../src/util/compression.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import type { CompactedModel, Replay } from '../compacted-model.ts'
import { KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { packBatch, valueBytes } from './kafka-producers.ts'
import { EXCUSED } from './kafka-readers.ts'
import { fetchTable } from './table-fetch.ts'

const INVALID_RECORD = 87
const KEYS = 40
const MAX_BYTES = 1_000_000

export interface TablePlace {
  readonly topic: string
  readonly index: number
  /** Written by transactions, and read by whom they are not shown before they are committed. */
  readonly isTransactional?: boolean
}

/** The one writer of a compacted partition: an idempotent producer that sends a batch until it is acknowledged, then the next. */
export class TableWriter {
  readonly #world: World
  readonly #model: CompactedModel
  readonly #place: TablePlace
  #producer: { producerId: number; epoch: number } | null = null
  #sequence = 0
  #number = 0
  /** What is under way, packed; null: the next may be made. */
  #batch: Uint8Array | null = null
  #records: readonly { readonly key: string; readonly value: string | null }[] = []
  done = false

  constructor(world: World, model: CompactedModel, place: TablePlace) {
    this.#world = world
    this.#model = model
    this.#place = place
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 200, (client) => this.#once(client), { ends: () => this.#world.stopping && this.#batch === null })
    this.done = true
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    if (this.#producer === null) {
      await this.#begin(client)
      return
    }
    if (this.#batch === null && random.chance(0.03)) await this.#keyless(client)
    this.#batch ??= this.#pack()
    const answer = await this.#produce(client, this.#batch)
    if (answer.errorCode !== 0) {
      world.count(`table produce error ${answer.errorCode}`)
      if (!EXCUSED.has(answer.errorCode)) world.violate(`Produce to ${this.#place.topic}-${this.#place.index} answered ${answer.errorCode}`)
      await world.sleep(100 + random.below(300))
      return
    }
    world.count('table batches')
    this.#model.acknowledged(new Map([[answer.baseOffset, this.#records]]))
    this.#sequence += this.#records.length
    this.#batch = null
    if (random.chance(0.3)) await world.sleep(random.below(random.pick([20, 200, 1_500])))
  }

  async #begin(client: KafkaClient): Promise<void> {
    const answer = await client.request(InitProducerIdRequest, InitProducerIdResponse, 4, { transactionalId: null, transactionTimeoutMs: 0 })
    if (answer.errorCode === 0) this.#producer = { producerId: answer.producerId, epoch: answer.producerEpoch }
    else await this.#world.sleep(200)
  }

  #pack(): Uint8Array {
    const { random, time } = this.#world
    const records = Array.from({ length: 1 + random.below(random.pick([1, 4, 30])) }, () => ({
      key: `k${random.below(random.pick([3, KEYS]))}`,
      value: random.chance(0.2) ? null : `${this.#place.index}.${this.#number++}`,
    }))
    this.#records = records
    this.#model.sending(records)
    const padding = random.below(random.pick([10, 300]))
    return packBatch(
      records.map(({ key, value }) => ({ key: Buffer.from(key), value: value === null ? null : valueBytes(value, padding), timestampMs: time.wallMs })),
      random.pick(Object.values(COMPRESSION_CODECS)),
      { producerId: this.#producer?.producerId ?? -1, producerEpoch: this.#producer?.epoch ?? -1, baseSequence: this.#sequence },
    )
  }

  /** A compacted topic takes no record without a key, whatever stands beside it. */
  async #keyless(client: KafkaClient): Promise<void> {
    const { random, time } = this.#world
    const records = [
      { key: Buffer.from('k0'), value: null, timestampMs: time.wallMs },
      { key: null, value: Buffer.from('keyless'), timestampMs: time.wallMs },
    ]
    const { errorCode } = await this.#produce(client, packBatch(records, random.pick(Object.values(COMPRESSION_CODECS)), {}))
    this.#world.count(`keyless records answered ${errorCode}`)
    if (errorCode !== INVALID_RECORD && !EXCUSED.has(errorCode)) this.#world.violate(`a record without a key was answered ${errorCode}`)
  }

  async #produce(client: KafkaClient, records: Uint8Array): Promise<{ readonly errorCode: number; readonly baseOffset: number }> {
    const { topic, index } = this.#place
    const topicData = [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index, records: Uint8Array.from(records) }] }]
    const answer = await client.request(ProduceRequest, ProduceResponse, 9, { transactionalId: null, acks: -1, timeoutMs: 30_000, topicData })
    return answer.responses[0]?.partitionResponses[0] ?? { errorCode: -1, baseOffset: -1 }
  }
}

/** Reads a compacted partition from its start to its end, again and again. */
export class TableReplayer {
  readonly #world: World
  readonly #model: CompactedModel
  readonly #place: TablePlace
  #replay: Replay | null = null
  /** The end when it began. */
  #endOffset = -1
  done = false

  constructor(world: World, model: CompactedModel, place: TablePlace) {
    this.#world = world
    this.#model = model
    this.#place = place
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 100, (client) => this.#once(client))
    this.done = true
  }

  async #once(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    await this.step(client, random.pick([1, 200, 2_000, MAX_BYTES]), false)
    if (random.chance(0.3)) await this.#world.sleep(random.below(random.pick([50, 1_000])))
  }

  /** One Fetch; answers whether a replay has come to its end. */
  async step(client: KafkaClient, maxBytes: number, isStill: boolean): Promise<boolean> {
    const world = this.#world
    this.#replay ??= this.#model.begin()
    const replay = this.#replay
    const got = await fetchTable(world, client, { ...this.#place, offset: replay.nextOffset }, maxBytes)
    if (got.errorCode !== 0) {
      world.count(`fetch error ${got.errorCode}`)
      if (!EXCUSED.has(got.errorCode)) world.violate(`Fetch of ${this.#place.topic}-${this.#place.index} at ${replay.nextOffset} answered ${got.errorCode}`)
      await world.sleep(200)
      return false
    }
    if (got.isDamaged) replay.isTorn = true
    else if (this.#endOffset < 0) this.#endOffset = got.endOffset
    for (const { offset, key, value } of got.records) this.#model.show(replay, offset, key, value)
    replay.nextOffset = Math.max(replay.nextOffset, got.nextOffset)
    if (this.#endOffset < 0 || replay.nextOffset < this.#endOffset) return false
    this.#model.end(replay, this.#endOffset, isStill)
    this.#replay = null
    this.#endOffset = -1
    return true
  }

  /** At the end of the run: once from the start, with nothing else going on. */
  async verify(): Promise<void> {
    this.#replay = null
    this.#endOffset = -1
    for (;;) {
      const client = await KafkaClient.open(this.#world)
      try {
        while (!(await this.step(client, MAX_BYTES, true)));
        return
      } catch {
        await this.#world.sleep(100)
      } finally {
        client.close()
      }
    }
  }
}
