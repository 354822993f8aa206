import { AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse } from '../../../src/kafka/messages/alter-share-group-offsets.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../../src/kafka/messages/delete-groups.ts'
import { DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse } from '../../../src/kafka/messages/delete-share-group-offsets.ts'
import { DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse } from '../../../src/kafka/messages/describe-share-group-offsets.ts'
import { ShareGroupDescribeRequest, ShareGroupDescribeResponse } from '../../../src/kafka/messages/share-group-describe.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { EXCUSED } from './kafka-readers.ts'

const ERROR = { unknownTopicOrPartition: 3, groupIdNotFound: 69 }

/** What a share group may be: where it begins in each topic, in all partitions alike; null where it was never told. */
type Starts = Readonly<Record<string, number>> | null

/** An administrator of share groups that nobody is in: moves where they begin, forgets topics, deletes groups, and looks. */
export class ShareClerk {
  readonly #world: World
  readonly #groupIds: readonly string[]
  readonly #topics: readonly string[]
  readonly #partitions: number
  /** What each group is: the first one was acknowledged, the others may have come since. */
  readonly #states: Map<string, Starts[]>
  stopped = false

  constructor(world: World, groupIds: readonly string[], topics: readonly string[], partitions: number) {
    this.#world = world
    this.#groupIds = groupIds
    this.#topics = topics
    this.#partitions = partitions
    this.#states = new Map(groupIds.map((groupId) => [groupId, [null]]))
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 300, (client) => this.#once(client), { ends: () => this.stopped || this.#world.stopping })
  }

  /** A last look at all of them. */
  async verify(client: KafkaClient): Promise<void> {
    for (const groupId of this.#groupIds) await this.#look(client, groupId)
  }

  async #once(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    const groupId = random.pick(this.#groupIds)
    const dice = random.fraction()
    if (dice < 0.35) await this.#alter(client, groupId)
    else if (dice < 0.5) await this.#forget(client, groupId)
    else if (dice < 0.6) await this.#delete(client, groupId)
    else await this.#look(client, groupId)
    await this.#world.sleep(random.below(400))
  }

  async #alter(client: KafkaClient, groupId: string): Promise<void> {
    const { random } = this.#world
    const startOffset = random.below(1_000)
    const topicNames = random.chance(0.5) ? this.#topics : [random.pick(this.#topics)]
    const all = Array.from({ length: this.#partitions }, (_, partitionIndex) => ({ partitionIndex, startOffset }))
    const settle = this.#changing(groupId, (before) => ({ ...before, ...Object.fromEntries(topicNames.map((name) => [name, startOffset])) }))
    const { errorCode, responses } = await client.request(AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse, 0, {
      groupId,
      topics: topicNames.map((topicName) => ({ topicName, partitions: all })),
    })
    const errors = new Set([errorCode, ...responses.flatMap(({ partitions }) => partitions.map((part) => part.errorCode))])
    this.#world.count(`share offsets altered ${[...errors]}`)
    if (errors.size === 1 && errorCode === 0) settle()
    else this.#check(errorCode, `AlterShareGroupOffsets of ${groupId}`)
  }

  async #forget(client: KafkaClient, groupId: string): Promise<void> {
    const topicName = this.#world.random.pick(this.#topics)
    const before = this.#possible(groupId)
    const settle = this.#changing(groupId, (starts) => without(starts, topicName))
    const { errorCode, responses } = await client.request(DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse, 0, {
      groupId,
      topics: [{ topicName }],
    })
    const topicError = responses[0]?.errorCode ?? errorCode
    this.#world.count(`share offsets deleted ${errorCode} ${topicError}`)
    if (errorCode === 0 && topicError === 0) {
      if (before.every((starts) => starts?.[topicName] === undefined)) this.#world.violate(`share group ${groupId} had nothing of ${topicName}, but forgot it`)
      settle()
    } else if (errorCode === ERROR.groupIdNotFound) {
      this.#mayBe(groupId, 'is not there', (starts) => starts === null)
    } else if (topicError === ERROR.unknownTopicOrPartition) {
      this.#mayBe(groupId, `keeps nothing of ${topicName}`, (starts) => starts !== null && starts[topicName] === undefined)
    } else {
      this.#check(errorCode === 0 ? topicError : errorCode, `DeleteShareGroupOffsets of ${groupId}`)
    }
  }

  async #delete(client: KafkaClient, groupId: string): Promise<void> {
    const settle = this.#changing(groupId, () => null)
    const { results } = await client.request(DeleteGroupsRequest, DeleteGroupsResponse, 2, { groupsNames: [groupId] })
    const errorCode = results[0]?.errorCode ?? -1
    this.#world.count(`share groups deleted ${errorCode}`)
    if (errorCode === 0) settle()
    // What a failing disk refused may be there after a restart: this says nothing of that.
    else if (errorCode === ERROR.groupIdNotFound) this.#mayBe(groupId, 'is not there', (starts) => starts === null)
    else this.#check(errorCode, `DeleteGroups of ${groupId}`)
  }

  async #look(client: KafkaClient, groupId: string): Promise<void> {
    const group = await client.request(ShareGroupDescribeRequest, ShareGroupDescribeResponse, 1, { groupIds: [groupId], includeAuthorizedOperations: false })
    const errorCode = group.groups[0]?.errorCode ?? -1
    if (errorCode === ERROR.groupIdNotFound) this.#mayBe(groupId, 'is not there', (starts) => starts === null)
    else if (errorCode === 0) this.#mayBe(groupId, 'is there', (starts) => starts !== null)
    else this.#check(errorCode, `ShareGroupDescribe of ${groupId}`)
    const { groups } = await client.request(DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse, 1, { groups: [{ groupId, topics: null }] })
    const seen: Record<string, number> = {}
    for (const { topicName, partitions } of groups[0]?.topics ?? []) {
      const offsets = new Set(partitions.map(({ startOffset }) => startOffset))
      if (offsets.size !== 1 || partitions.length !== this.#partitions) {
        this.#world.violate(`share group ${groupId} begins in ${topicName} at ${[...offsets]}, of ${partitions.length} partitions: half of a change`)
      }
      seen[topicName] = partitions[0]?.startOffset ?? -1
    }
    const shown = JSON.stringify(sorted(seen))
    this.#mayBe(groupId, `begins at ${shown}`, (starts) => JSON.stringify(sorted(starts ?? {})) === shown)
  }

  /** What is asked for now may happen from now on; the function says that it did. */
  #changing(groupId: string, change: (starts: Starts) => Starts): () => void {
    const before = this.#possible(groupId)
    const after = distinct(before.map(change))
    this.#states.set(groupId, distinct([...before, ...after]))
    return () => void this.#states.set(groupId, after)
  }

  #possible(groupId: string): Starts[] {
    return this.#states.get(groupId) as Starts[]
  }

  #mayBe(groupId: string, what: string, allows: (starts: Starts) => boolean): void {
    const possible = this.#possible(groupId)
    if (!possible.some(allows)) this.#world.violate(`share group ${groupId} ${what}, but may be ${JSON.stringify(possible)}`)
  }

  #check(errorCode: number, what: string): void {
    if (!EXCUSED.has(errorCode)) this.#world.violate(`${what} answered ${errorCode}`)
  }
}

function distinct(states: readonly Starts[]): Starts[] {
  return [...new Map(states.map((starts) => [starts === null ? 'null' : JSON.stringify(sorted(starts)), starts])).values()]
}

function without(starts: Starts, topicName: string): Starts {
  return starts === null ? null : Object.fromEntries(Object.entries(starts).filter(([name]) => name !== topicName))
}

function sorted(starts: Readonly<Record<string, number>>) {
  return Object.entries(starts).sort(([left], [right]) => (left < right ? -1 : 1))
}
