import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { Disconnected, type KafkaClient, onConnections } from '../kafka-client.ts'
import type { LogModel, Sent } from '../log-model.ts'
import type { World } from '../world.ts'
import { packBatch, valueBytes } from './kafka-producers.ts'
import { EXCUSED, fetchOnce } from './kafka-readers.ts'

const ACKS = [0, 1, -1] as const
const REQUESTS_AT_ONCE = 12
/** All topics. */
const METADATA = { topics: null, includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false }

export interface MixedAcksOptions {
  readonly name: string
  readonly topic: string
  readonly partitions: number
}

/**
 * One connection on which everything goes at once: batches with acks 0, 1 and all to the same partitions, long polls and questions in
 * between. All answers come in the order of the requests (KafkaClient looks), none for acks=0, and what a connection wrote stands in its
 * order whatever it wanted to hear of it.
 */
export class MixedAcks {
  done = false
  readonly #world: World
  readonly #model: LogModel
  readonly #options: MixedAcksOptions
  #connections = 0
  /** Of this connection, by partition: the next number, and the last offset that was told. */
  #numbers: number[] = []
  #offsets: number[] = []
  #failed = false

  constructor(world: World, model: LogModel, options: MixedAcksOptions) {
    this.#world = world
    this.#model = model
    this.#options = options
  }

  async run(): Promise<void> {
    const opened = () => {
      this.#connections++
      this.#numbers = Array.from({ length: this.#options.partitions }, () => 0)
      this.#offsets = this.#numbers.map(() => -1)
      this.#failed = false
    }
    await onConnections(this.#world, 200, (client) => this.#burst(client), { opened })
    this.done = true
  }

  /** Many requests without waiting for one of them; then for all. */
  async #burst(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    const waiting: Promise<unknown>[] = []
    const ask = (answer: Promise<unknown>): void => {
      waiting.push(answer.catch(passDisconnects))
    }
    for (let i = random.below(REQUESTS_AT_ONCE); i >= 0 && !client.closed; i--) {
      if (random.chance(0.75)) ask(this.#produce(client))
      else if (random.chance(0.5)) ask(this.#poll(client))
      else ask(client.request(MetadataRequest, MetadataResponse, 9, METADATA))
      if (random.chance(0.2)) await world.sleep(random.below(20))
    }
    await Promise.all(waiting)
    world.count('bursts answered')
    // What follows a refusal on a connection would stand behind a hole.
    if (this.#failed || random.chance(0.05)) client.close()
    await world.sleep(random.below(random.pick([10, 500])))
  }

  async #produce(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    const { name, topic, partitions } = this.#options
    const index = random.below(partitions)
    const acks = random.pick(ACKS)
    const sender = `${name}.${this.#connections}.${index}`
    const sent: Sent[] = []
    for (let i = random.below(3); i >= 0; i--) {
      const number = this.#numbers[index]!++
      const each = this.#model.send({ value: `${sender}.${number}`, topic, sender, number, guarantee: 'at-most-once', durable: acks === -1 })
      each.sends = 1
      sent.push(each)
    }
    const padding = random.chance(0.05) ? random.below(20_000) : random.below(100)
    const records = sent.map(({ value }) => ({ key: null, value: valueBytes(value, padding), timestampMs: world.time.wallMs }))
    const partitionData = [{ index, records: packBatch(records, 0, {}) }]
    const request = { transactionalId: null, acks, timeoutMs: 30_000, topicData: [{ name: topic, topicId: ZERO_UUID, partitionData }] }
    world.trace('produce', `${sent[0]?.value} acks ${acks}`)
    if (acks === 0) {
      client.tell(ProduceRequest, 9, request)
      return
    }
    const connection = this.#connections
    const answer = await client.request(ProduceRequest, ProduceResponse, 9, request)
    const { errorCode = -1, baseOffset = -1 } = answer.responses[0]?.partitionResponses[0] ?? {}
    world.count(`mixed produce answered ${errorCode}`)
    if (errorCode !== 0) {
      this.#failed = true
      if (!EXCUSED.has(errorCode)) world.violate(`Produce of ${sent[0]?.value} answered ${errorCode}`)
      return
    }
    if (connection === this.#connections) {
      const before = this.#offsets[index] ?? -1
      if (baseOffset <= before)
        world.violate(`${topic}-${index}: ${sent[0]?.value} stands at ${baseOffset}, what was sent before it on its connection at ${before}`)
      this.#offsets[index] = baseOffset
    }
    sent.forEach((each, i) => {
      each.acknowledged = true
      this.#model.note(topic, index, baseOffset + i, each.value, acks === -1)
    })
  }

  /** A long poll at the end of a partition: it holds back the answers of what comes behind it. */
  async #poll(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { topic, partitions } = this.#options
    const index = world.random.below(partitions)
    const offset = this.#model.of(topic, index).durableEnd
    const { errorCode } = await fetchOnce(world, client, { topic, index, offset }, { maxWaitMs: world.random.below(300), maxBytes: 10_000 })
    if (errorCode !== 0 && !EXCUSED.has(errorCode)) world.violate(`Fetch of ${topic}-${index} at ${offset}, which was durable, answered ${errorCode}`)
  }
}

/** Whoever waits for an answer hears of the end of the connection; that is enough. */
function passDisconnects(error: unknown): void {
  if (!(error instanceof Disconnected)) throw error
}
