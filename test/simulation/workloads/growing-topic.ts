import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../../src/kafka/messages/create-partitions.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { ExactPartition } from '../exact-log.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { EXCUSED } from './kafka-readers.ts'

const MOST_PARTITIONS = 6
const INVALID_PARTITIONS = 37
const NO_AUTO_CREATION = { allowAutoTopicCreation: false, includeClusterAuthorizedOperations: false, includeTopicAuthorizedOperations: false }

/** Lets a topic grow while others use it, and looks at Metadata: what was acknowledged is there, and never less. */
export class GrowingTopic {
  readonly name: string
  /** Those that were acknowledged. */
  readonly partitions: ExactPartition[] = []
  readonly onGrown: ((partition: ExactPartition) => void)[] = []
  done = false
  readonly #world: World
  #id: string | null = null
  #mostAsked: number

  constructor(world: World, name: string, partitions: number) {
    this.#world = world
    this.name = name
    this.#mostAsked = partitions
    for (let index = 0; index < partitions; index++) this.partitions.push(new ExactPartition(world, name, index))
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 300, (client) => this.#once(client))
    this.done = true
  }

  async #once(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    await this.look(client)
    if (this.partitions.length < MOST_PARTITIONS && random.chance(0.2)) await this.#grow(client)
    await this.#world.sleep(random.below(1_500))
  }

  /** For the end of a run too. Rejects with Disconnected. */
  async look(client: KafkaClient): Promise<void> {
    const world = this.#world
    const known = this.partitions.length
    const request = { topics: [{ topicId: ZERO_UUID, name: this.name }], ...NO_AUTO_CREATION }
    const answer = await client.request(MetadataRequest, MetadataResponse, world.random.pick([10, 11, 12]), request)
    const topic = answer.topics[0]
    if (topic === undefined || topic.errorCode !== 0) {
      world.violate(`Metadata of ${this.name} answered ${topic?.errorCode}`)
      return
    }
    const indexes = topic.partitions.map(({ partitionIndex }) => partitionIndex).sort((a, b) => a - b)
    if (indexes.length < known || indexes.length > this.#mostAsked || indexes.some((index, i) => index !== i))
      world.violate(`${this.name} has partitions ${indexes}; ${known} were acknowledged, ${this.#mostAsked} asked for`)
    const odd = topic.partitions.find(({ errorCode, leaderId, isrNodes }) => errorCode !== 0 || leaderId !== 1 || isrNodes.length !== 1)
    if (odd !== undefined) world.violate(`Metadata of ${this.name}-${odd.partitionIndex}: ${JSON.stringify(odd)}`)
    if (this.#id !== null && this.#id !== topic.topicId) world.violate(`${this.name} had id ${this.#id} and has ${topic.topicId}`)
    this.#id = topic.topicId
  }

  async #grow(client: KafkaClient): Promise<void> {
    const world = this.#world
    const count = Math.max(this.partitions.length + 1 + world.random.below(2), this.#mostAsked)
    this.#mostAsked = Math.max(this.#mostAsked, count)
    const topics = [{ name: this.name, count, assignments: null }]
    const answer = await client.request(CreatePartitionsRequest, CreatePartitionsResponse, world.random.below(4), {
      topics,
      timeoutMs: 10_000,
      validateOnly: false,
    })
    const code = answer.results[0]?.errorCode ?? -1
    world.trace('grow', `${this.name} to ${count}: ${code}`)
    if (code === 0) {
      world.count('partitions added')
      for (let index = this.partitions.length; index < count; index++) {
        const partition = new ExactPartition(world, this.name, index)
        this.partitions.push(partition)
        for (const told of this.onGrown) told(partition)
      }
    } else if (code === INVALID_PARTITIONS) {
      // An earlier request that had no answer did it, maybe: the next one, which is larger, will tell.
      this.#mostAsked = count + 1
    } else if (!EXCUSED.has(code)) world.violate(`CreatePartitions of ${this.name} to ${count} answered ${code}`)
  }
}
