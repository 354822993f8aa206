import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { TRANSACTIONAL_BIT } from '../../../src/log/record-batch.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import type { CompactedModel } from '../compacted-model.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import type { TablePlace } from './compacted-table.ts'
import { packBatch, valueBytes } from './kafka-producers.ts'
import { addPartitions, endTransaction, type Identity, initProducerId } from './transactional-requests.ts'

const KEYS = 30
const TIMEOUT_MS = 4_000
/** Answers after which a producer asks again. */
const AGAIN = new Set([5, 6, 7, 14, 15, 16, 51, 56])
/** The transaction is over by another hand: its timeout, or a broker that lost what nobody was promised. */
const OVER = new Set([45, 47, 48, 49, 90, 120])

type Records = readonly { readonly key: string; readonly value: string }[]

/** The one writer of a compacted partition: transaction after transaction, committed or aborted. */
export class TransactionalTableWriter {
  readonly #world: World
  readonly #model: CompactedModel
  readonly #place: TablePlace
  readonly #identity: Identity
  #isKnown = false
  #sequence = 0
  #number = 0
  /** Of the transaction that is under way, by their base offsets. */
  #written = new Map<number, Records>()
  #sent: Records = []
  done = false

  constructor(world: World, model: CompactedModel, place: TablePlace) {
    this.#world = world
    this.#model = model
    this.#place = place
    this.#identity = { transactionalId: `of ${place.topic}-${place.index}`, protocol: world.random.pick([1, 2]), producerId: -1, epoch: -1 }
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 200, async (client) => {
      try {
        await this.#transaction(client)
      } finally {
        // Cut off in the middle: it may have been committed.
        this.#model.inDoubt()
      }
    })
    this.done = true
  }

  async #transaction(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    this.#written = new Map()
    this.#sent = []
    // After a doubt the next producer of the id ends what the last one began.
    if (!this.#isKnown && !(await this.#ask(() => initProducerId(this.#world, client, this.#identity, TIMEOUT_MS, false)))) return
    if (!this.#isKnown) this.#sequence = 0
    this.#isKnown = false
    if (this.#identity.protocol === 1 && !(await this.#ask(() => addPartitions(this.#world, client, this.#identity, [this.#place])))) return
    for (let i = random.below(4); i >= 0; i--) {
      if (!(await this.#produce(client))) return
      if (random.chance(0.1)) await this.#world.sleep(random.below(1_000))
    }
    const commits = random.chance(0.6)
    const ended = await this.#ask(() => endTransaction(this.#world, client, this.#identity, commits))
    if (!ended) return
    this.#world.count(commits ? 'table transactions committed' : 'table transactions aborted')
    if (commits) this.#model.acknowledged(this.#written)
    else this.#model.aborted()
    // The second protocol has a new epoch after each end, with sequences from 0 on: a new producer is the simplest.
    this.#isKnown = this.#identity.protocol === 1
    if (random.chance(0.3)) await this.#world.sleep(random.below(500))
  }

  async #produce(client: KafkaClient): Promise<boolean> {
    const { random, time } = this.#world
    const { topic, index } = this.#place
    const records = Array.from({ length: 1 + random.below(random.pick([1, 8])) }, () => ({
      key: `k${random.below(random.pick([3, KEYS]))}`,
      value: `${topic}.${this.#number++}`,
    }))
    this.#sent = [...this.#sent, ...records]
    this.#model.sending(this.#sent)
    const { producerId, epoch, protocol, transactionalId } = this.#identity
    const padding = random.below(200)
    const inputs = records.map(({ key, value }) => ({ key: Buffer.from(key), value: valueBytes(value, padding), timestampMs: time.wallMs }))
    const packed = packBatch(inputs, 0, { attributes: TRANSACTIONAL_BIT, producerId, producerEpoch: epoch, baseSequence: this.#sequence })
    let baseOffset = -1
    const taken = await this.#ask(async () => {
      const topicData = [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index, records: Uint8Array.from(packed) }] }]
      const request = { transactionalId, acks: -1, timeoutMs: 30_000, topicData }
      const answer = await client.request(ProduceRequest, ProduceResponse, protocol === 2 ? 12 : 9, request)
      const partition = answer.responses[0]?.partitionResponses[0]
      baseOffset = partition?.baseOffset ?? -1
      return partition?.errorCode ?? -1
    })
    if (!taken) return false
    this.#sequence += records.length
    this.#written.set(baseOffset, records)
    return true
  }

  /** Asks until it is done; false where the transaction is over. Rejects with Disconnected. */
  async #ask(once: () => Promise<number>): Promise<boolean> {
    for (;;) {
      const code = await once()
      if (code === 0) return true
      this.#world.count(`table transactions answered ${code}`)
      if (OVER.has(code)) return false
      if (!AGAIN.has(code)) this.#world.violate(`a transaction of ${this.#place.topic} was answered ${code}`)
      await this.#world.sleep(50 + this.#world.random.below(200))
    }
  }
}
