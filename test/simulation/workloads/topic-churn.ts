import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../../src/kafka/messages/delete-topics.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { buildBatch } from '../../../src/log/record-batch.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { valueBytes } from './kafka-producers.ts'
import { EXCUSED, fetchOnce } from './kafka-readers.ts'

const UNKNOWN_TOPIC = 3
const ALREADY_EXISTS = 36
const NO_AUTO_CREATION = { allowAutoTopicCreation: false, includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false }

/** What the broker told of the topic: made, with this id; gone; or, while a request has no answer, either. */
type Known = { readonly state: 'exists'; readonly id: string } | { readonly state: 'absent' } | { readonly state: 'unknown' }

/** One life of the topic. */
interface Incarnation {
  readonly number: number
  /** Values acknowledged as durable, from offset 0. */
  readonly acknowledged: string[]
  sent: number
}

/** Makes a topic, writes to it, deletes it, makes it again under the same name: each time it is another one, and empty. */
export class TopicChurn {
  readonly name: string
  idle = false
  readonly #world: World
  #known: Known = { state: 'absent' }
  #made = 0
  readonly #incarnations = new Map<string, Incarnation>()
  #current: Incarnation = { number: 0, acknowledged: [], sent: 0 }

  constructor(world: World, name: string) {
    this.#world = world
    this.name = name
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 200, (client) => this.#once(client))
    this.idle = true
  }

  /** What is known must be true; for the end of a run too. */
  async check(client: KafkaClient): Promise<void> {
    const world = this.#world
    const request = { topics: [{ topicId: ZERO_UUID, name: this.name }], ...NO_AUTO_CREATION }
    const answer = await client.request(MetadataRequest, MetadataResponse, 10, request)
    const topic = answer.topics[0]
    if (topic === undefined) {
      world.violate(`Metadata says nothing of ${this.name}`)
      return
    }
    const seen: Known = topic.errorCode === UNKNOWN_TOPIC ? { state: 'absent' } : { state: 'exists', id: topic.topicId }
    const known = this.#known
    world.trace('metadata', `${this.name} ${topic.errorCode} ${topic.topicId}, known ${JSON.stringify(known)}`)
    if (known.state === 'exists' && (seen.state !== 'exists' || seen.id !== known.id)) {
      world.violate(`topic ${this.name} was made with id ${known.id}, and is ${seen.state} ${topic.topicId}`)
    }
    if (known.state === 'absent' && seen.state === 'exists') world.violate(`topic ${this.name} was deleted and is there, with id ${topic.topicId}`)
    this.#known = seen
    if (seen.state === 'exists') this.#lives(seen.id)
    if (seen.state === 'exists') await this.#checkRecords(client)
  }

  /** A topic whose making, or deletion, had no answer is known by its id. */
  #lives(id: string): void {
    const known = this.#incarnations.get(id)
    this.#current = known ?? { number: this.#made, acknowledged: [], sent: 0 }
    this.#incarnations.set(id, this.#current)
  }

  async #checkRecords(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { number } = this.#current
    const acknowledged = [...this.#current.acknowledged]
    const got = await fetchOnce(world, client, { topic: this.name, index: 0, offset: 0 }, { maxWaitMs: 0, maxBytes: 1_000_000 })
    if (got.errorCode !== 0) {
      if (!EXCUSED.has(got.errorCode) && got.errorCode !== UNKNOWN_TOPIC) world.violate(`Fetch of ${this.name} answered ${got.errorCode}`)
      return
    }
    const values = got.records.map(({ value }) => value)
    const stranger = values.find((value) => !value.startsWith(`${this.name}.${number}.`))
    if (stranger !== undefined) world.violate(`${this.name}, made for the ${number}th time, holds ${stranger}`)
    // With a full disk what is in the journal may wait for room before it is shown.
    if (world.diskFails && values.length < acknowledged.length) return
    const wrong = acknowledged.findIndex((value, i) => values[i] !== value)
    if (wrong >= 0) world.violate(`${this.name} offset ${wrong} should hold ${acknowledged[wrong]}, and holds ${values[wrong] ?? 'nothing'}`)
  }

  async #once(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random } = world
    await this.check(client)
    if (this.#known.state === 'absent') await this.#create(client)
    else if (random.chance(0.25)) await this.#delete(client)
    else await this.#produce(client)
    await world.sleep(random.below(600))
  }

  async #create(client: KafkaClient): Promise<void> {
    const world = this.#world
    this.#known = { state: 'unknown' }
    this.#made++
    const topics = [{ name: this.name, numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] }]
    const answer = await client.request(CreateTopicsRequest, CreateTopicsResponse, 7, { topics })
    const topic = answer.topics[0]
    world.count('topics created')
    world.trace('create', `${this.name} #${this.#made} ${topic?.errorCode} ${topic?.topicId}`)
    if (topic?.errorCode === 0) {
      this.#known = { state: 'exists', id: topic.topicId }
      this.#lives(topic.topicId)
    } else if (topic?.errorCode !== ALREADY_EXISTS && !EXCUSED.has(topic?.errorCode ?? -1))
      world.violate(`CreateTopics of ${this.name} answered ${topic?.errorCode}`)
  }

  async #delete(client: KafkaClient): Promise<void> {
    const world = this.#world
    this.#known = { state: 'unknown' }
    const answer = await client.request(DeleteTopicsRequest, DeleteTopicsResponse, 6, {
      topics: [{ name: this.name, topicId: ZERO_UUID }],
      topicNames: [],
      timeoutMs: 10_000,
    })
    const code = answer.responses[0]?.errorCode ?? -1
    world.count('topics deleted')
    world.trace('delete', `${this.name} #${this.#current.number} ${code}`)
    if (code === 0 || code === UNKNOWN_TOPIC) this.#known = { state: 'absent' }
    else if (!EXCUSED.has(code)) world.violate(`DeleteTopics of ${this.name} answered ${code}`)
  }

  /** Once per value: without an answer nothing more is written to this incarnation, so that offsets stay known. */
  async #produce(client: KafkaClient): Promise<void> {
    const world = this.#world
    const current = this.#current
    if (current.sent > current.acknowledged.length) return
    const value = `${this.name}.${current.number}.${current.sent++}`
    const records = buildBatch([{ key: null, value: valueBytes(value, 50), timestampMs: world.time.wallMs }])
    const topicData = [{ name: this.name, topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }]
    const answer = await client.request(ProduceRequest, ProduceResponse, 9, { acks: -1, timeoutMs: 10_000, topicData })
    const place = answer.responses[0]?.partitionResponses[0]
    if (place?.errorCode === 0) {
      if (place.baseOffset !== current.acknowledged.length)
        world.violate(`${value} was given offset ${place.baseOffset}, ${current.acknowledged.length} were written`)
      current.acknowledged.push(value)
    } else if (!EXCUSED.has(place?.errorCode ?? -1)) world.violate(`Produce to ${this.name} answered ${place?.errorCode}`)
  }
}
