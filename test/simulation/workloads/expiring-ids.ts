import { DescribeProducersRequest, DescribeProducersResponse } from '../../../src/kafka/messages/describe-producers.ts'
import { DescribeTransactionsRequest, DescribeTransactionsResponse } from '../../../src/kafka/messages/describe-transactions.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { LogModel } from '../log-model.ts'
import type { World } from '../world.ts'
import { packBatch, valueBytes } from './kafka-producers.ts'
import { EXCUSED } from './kafka-readers.ts'
import { type Identity, initProducerId } from './transactional-requests.ts'

/** `producer.id.expiration.ms`, `transactional.id.expiration.ms` and the looks for them, as the cast sets them. */
export const EXPIRY_MS = 4_000
export const LOOKS_EVERY_MS = 2_000
/** Until what is asked now has been answered, where nothing goes wrong. */
const ON_THE_WAY_MS = 1_000
const OUT_OF_ORDER_SEQUENCE_NUMBER = 45
const TRANSACTIONAL_ID_NOT_FOUND = 105
const CONCURRENT_TRANSACTIONS = 51

/** From a moment on: whether the id is surely known still, or surely forgotten. */
class Silence {
  readonly #world: World
  readonly #wallMs: number
  readonly #atMs: number
  readonly #jumps: number

  /** Made before something is sent that shows the id to be in use. */
  constructor(world: World) {
    this.#world = world
    this.#wallMs = world.time.wallMs
    this.#atMs = world.time.nowMs
    this.#jumps = this.#jumped
  }

  /** Also when what is sent now arrives; ask again when it was answered. */
  get isKnown(): boolean {
    return this.#jumped === this.#jumps && this.#world.time.wallMs - this.#wallMs < EXPIRY_MS
  }

  /** The broker was there all the time, and looked. */
  isForgotten(answeredMs: number): boolean {
    const { time, calmSinceMs } = this.#world
    return this.#jumped === this.#jumps && calmSinceMs < this.#atMs && time.nowMs - answeredMs > EXPIRY_MS + LOOKS_EVERY_MS + ON_THE_WAY_MS
  }

  get #jumped(): number {
    return this.#world.counts.get('clock jumps') ?? 0
  }
}

interface Batch {
  readonly value: string
  readonly sequence: number
  readonly offset: number
  readonly silence: Silence
  readonly answeredMs: number
}

/**
 * An idempotent producer that is silent for a while, or for longer than ids are remembered: until then what it sends again is known, and a
 * gap is refused; afterwards it is unknown, and may begin with any sequence.
 */
export class ExpiringProducer {
  done = false
  readonly #world: World
  readonly #model: LogModel
  readonly #topic: string
  readonly #name: string
  #lives = 0
  #number = 0

  constructor(world: World, model: LogModel, topic: string, name: string) {
    this.#world = world
    this.#model = model
    this.#topic = topic
    this.#name = name
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 300, (client) => this.#live(client))
    this.done = true
  }

  /** Once: what has no answer ends the life of an id. */
  async #live(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    this.#lives++
    this.#number = 0
    const id = await client.request(InitProducerIdRequest, InitProducerIdResponse, 4, { transactionalId: null, transactionTimeoutMs: 60_000 })
    if (id.errorCode !== 0) {
      if (!EXCUSED.has(id.errorCode)) world.violate(`InitProducerId answered ${id.errorCode}`)
      await world.sleep(200)
      return
    }
    for (let sequence = 0, i = random.between(1, 6); i > 0 && !world.stopping; i--) {
      const last = await this.#write(client, id.producerId, sequence)
      if (last === null) return
      await world.sleep(random.pick([random.below(500), random.below(EXPIRY_MS), EXPIRY_MS + LOOKS_EVERY_MS + ON_THE_WAY_MS + random.below(1_500)]))
      if (world.stopping) return
      const isForgotten = last.silence.isForgotten(last.answeredMs)
      if (isForgotten) await this.#lookForgotten(client, id.producerId)
      else if (last.silence.isKnown) await this.#probe(client, id.producerId, last)
      sequence += isForgotten ? random.between(1, 50) : 1
      if (isForgotten) world.count('producers forgotten')
    }
  }

  /** Known for certain: a repetition changes nothing, a gap is refused. */
  async #probe(client: KafkaClient, producerId: number, last: Batch): Promise<void> {
    const world = this.#world
    if (world.random.chance(0.5)) {
      const { errorCode, baseOffset } = await this.#send(client, producerId, last.sequence, last.value)
      if (!last.silence.isKnown || EXCUSED.has(errorCode)) return
      if (errorCode !== 0 || baseOffset !== last.offset)
        world.violate(`${last.value} was sent again and answered ${errorCode}, offset ${baseOffset}; it stands at ${last.offset}`)
      world.count('repetitions known')
      return
    }
    // Clocks may jump before it arrives: then it may be taken.
    const gap = { value: `gap.${last.value}`, topic: this.#topic, sender: 'gaps', number: 0 }
    this.#model.send({ ...gap, guarantee: 'exactly-once', durable: true })
    const { errorCode } = await this.#send(client, producerId, last.sequence + 5, gap.value)
    const isRefused = errorCode === OUT_OF_ORDER_SEQUENCE_NUMBER || EXCUSED.has(errorCode)
    if (!isRefused && (errorCode !== 0 || last.silence.isKnown)) world.violate(`a gap behind ${last.value} was answered ${errorCode}`)
  }

  async #lookForgotten(client: KafkaClient, producerId: number): Promise<void> {
    const topics = [{ name: this.#topic, partitionIndexes: [0] }]
    const answer = await client.request(DescribeProducersRequest, DescribeProducersResponse, 0, { topics })
    const { errorCode = -1, activeProducers = [] } = answer.topics[0]?.partitions[0] ?? {}
    if (errorCode !== 0 && !EXCUSED.has(errorCode)) this.#world.violate(`DescribeProducers of ${this.#topic}-0 answered ${errorCode}`)
    if (activeProducers.some((active) => active.producerId === producerId)) {
      this.#world.violate(`${this.#topic}-0 has producer ${producerId}, which was silent for longer than ids are remembered`)
    }
  }

  async #write(client: KafkaClient, producerId: number, sequence: number): Promise<Batch | null> {
    const world = this.#world
    const number = this.#number++
    const sender = `${this.#name}.${this.#lives}`
    const value = `${sender}.${number}`
    const sent = this.#model.send({ value, topic: this.#topic, sender, number, guarantee: 'exactly-once', durable: true })
    sent.sends = 1
    const silence = new Silence(world)
    const { errorCode, baseOffset } = await this.#send(client, producerId, sequence, value)
    if (errorCode !== 0) {
      if (!EXCUSED.has(errorCode)) world.violate(`${value}, sequence ${sequence} of producer ${producerId}, was answered ${errorCode}`)
      return null
    }
    sent.acknowledged = true
    this.#model.note(this.#topic, 0, baseOffset, value, true)
    return { value, sequence, offset: baseOffset, silence, answeredMs: world.time.nowMs }
  }

  async #send(client: KafkaClient, producerId: number, baseSequence: number, value: string) {
    const records = packBatch([{ key: null, value: valueBytes(value, 20), timestampMs: this.#world.time.wallMs }], 0, {
      producerId,
      producerEpoch: 0,
      baseSequence,
    })
    const topicData = [{ name: this.#topic, topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }]
    const answer = await client.request(ProduceRequest, ProduceResponse, 9, { acks: -1, timeoutMs: 30_000, topicData })
    const { errorCode = -1, baseOffset = -1 } = answer.responses[0]?.partitionResponses[0] ?? {}
    return { errorCode, baseOffset }
  }
}

/** A transactional id that is used, forgotten, and used again: while it is known its producer id stays and its epoch rises; afterwards all is new. */
export class ExpiringTransactionalId {
  done = false
  readonly #world: World
  readonly #identity: Identity

  constructor(world: World, transactionalId: string) {
    this.#world = world
    this.#identity = { transactionalId, protocol: 1, producerId: -1, epoch: -1 }
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 300, (client) => this.#once(client))
    this.done = true
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    const first = await this.#take(client)
    if (first === null) return
    await world.sleep(random.pick([random.below(EXPIRY_MS), EXPIRY_MS + LOOKS_EVERY_MS + ON_THE_WAY_MS + random.below(1_500)]))
    if (world.stopping) return
    const { transactionalId } = this.#identity
    const isForgotten = first.silence.isForgotten(first.answeredMs)
    if (isForgotten) {
      const answer = await client.request(DescribeTransactionsRequest, DescribeTransactionsResponse, 0, { transactionalIds: [transactionalId] })
      const errorCode = answer.transactionStates[0]?.errorCode ?? -1
      if (errorCode !== TRANSACTIONAL_ID_NOT_FOUND && !EXCUSED.has(errorCode)) {
        world.violate(`transactional id ${transactionalId} was silent for longer than ids are remembered; DescribeTransactions answered ${errorCode}`)
      }
    }
    const second = await this.#take(client)
    if (second === null) return
    if (isForgotten) {
      world.count('transactional ids forgotten')
      if (second.producerId === first.producerId || second.epoch !== 0) {
        world.violate(`${transactionalId} was forgotten, and has producer ${second.producerId} with epoch ${second.epoch} again`)
      }
    } else if (first.silence.isKnown && (second.producerId !== first.producerId || second.epoch !== first.epoch + 1)) {
      world.violate(`${transactionalId} had producer ${first.producerId} with epoch ${first.epoch}, and has ${second.producerId} with epoch ${second.epoch}`)
    }
  }

  async #take(client: KafkaClient) {
    const world = this.#world
    const silence = new Silence(world)
    const errorCode = await initProducerId(world, client, this.#identity, 30_000, false)
    if (errorCode !== 0) {
      if (!EXCUSED.has(errorCode) && errorCode !== CONCURRENT_TRANSACTIONS)
        world.violate(`InitProducerId of ${this.#identity.transactionalId} answered ${errorCode}`)
      await world.sleep(200)
      return null
    }
    const { producerId, epoch } = this.#identity
    return { producerId, epoch, silence, answeredMs: world.time.nowMs }
  }
}
