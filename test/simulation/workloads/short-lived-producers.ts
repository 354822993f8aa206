import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { LogModel } from '../log-model.ts'
import type { World } from '../world.ts'
import { packBatch, valueBytes } from './kafka-producers.ts'
import { EXCUSED } from './kafka-readers.ts'

const OUT_OF_ORDER_SEQUENCE_NUMBER = 45

/**
 * Idempotent producers that come, write two records, and go: each has an id that nobody had before, whatever crashed in between, and is
 * refused what leaves a gap in its sequence.
 */
export class ShortLivedProducers {
  idle = false
  readonly #world: World
  readonly #model: LogModel
  readonly #topic: string
  /** Every id that was ever given. */
  readonly #ids = new Set<number>()

  constructor(world: World, model: LogModel, topic: string) {
    this.#world = world
    this.#model = model
    this.#topic = topic
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 300, (client) => this.#live(client))
    this.idle = true
  }

  async #live(client: KafkaClient): Promise<void> {
    const world = this.#world
    await world.sleep(world.random.below(700))
    const producerId = await this.#newId(client)
    if (producerId === null || !(await this.#write(client, producerId, 0))) return
    const gap = world.random.between(2, 9)
    const code = await this.#send(client, producerId, gap, `gap.${producerId}`)
    if (code !== OUT_OF_ORDER_SEQUENCE_NUMBER && !EXCUSED.has(code))
      world.violate(`${this.#topic}: producer ${producerId} wrote sequence 0, then ${gap}, and was answered ${code}`)
    world.count('gaps refused')
    await this.#write(client, producerId, 1)
  }

  async #newId(client: KafkaClient): Promise<number | null> {
    const world = this.#world
    const answer = await client.request(InitProducerIdRequest, InitProducerIdResponse, 4, { transactionalId: null, transactionTimeoutMs: 60_000 })
    if (answer.errorCode !== 0) {
      if (!EXCUSED.has(answer.errorCode)) world.violate(`InitProducerId answered ${answer.errorCode}`)
      await world.sleep(200)
      return null
    }
    const { producerId } = answer
    if (this.#ids.has(producerId)) world.violate(`producer id ${producerId} was given twice`)
    this.#ids.add(producerId)
    world.trace('producer', `${producerId}`)
    return producerId
  }

  /** Once: whoever has no answer never learns more. True where it was acknowledged. */
  async #write(client: KafkaClient, producerId: number, sequence: number): Promise<boolean> {
    const sender = `short.${producerId}`
    const value = `${sender}.${sequence}`
    const sent = this.#model.send({ value, topic: this.#topic, sender, number: sequence, guarantee: 'exactly-once', durable: true })
    sent.sends = 1
    const code = await this.#send(client, producerId, sequence, value)
    if (code === 0) sent.acknowledged = true
    else if (!EXCUSED.has(code)) this.#world.violate(`${this.#topic}: sequence ${sequence} of producer ${producerId} was answered ${code}`)
    return code === 0
  }

  async #send(client: KafkaClient, producerId: number, baseSequence: number, value: string): Promise<number> {
    const records = packBatch([{ key: null, value: valueBytes(value, 20), timestampMs: this.#world.time.wallMs }], 0, {
      producerId,
      producerEpoch: 0,
      baseSequence,
    })
    const topicData = [{ name: this.#topic, topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }]
    const answer = await client.request(ProduceRequest, ProduceResponse, 9, { acks: -1, timeoutMs: 30_000, topicData })
    return answer.responses[0]?.partitionResponses[0]?.errorCode ?? -1
  }
}
