import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../../src/kafka/messages/delete-groups.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../../src/kafka/messages/describe-groups.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../../src/kafka/messages/list-groups.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../../src/kafka/messages/offset-delete.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { BookmarkModel } from '../bookmark-model.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { EXCUSED } from './kafka-readers.ts'

const GROUP_ID_NOT_FOUND = 69
const LAST_WITH_RETENTION = 4
/** One that ends within a run, and one that only a jump of clocks ends. */
const RETENTIONS_MS = [1_500, 1_800_000]
const COMMIT_VERSIONS = [2, 3, 4, 5, 6, 7, 8, 9]

/** Keeps offsets without being a member (as tools and stream processors do), deletes them, and asks what groups there are. */
export class GroupClerk {
  done = false
  readonly #world: World
  readonly #model: BookmarkModel
  readonly #topic: string
  readonly #partitions: number

  constructor(world: World, groupId: string, topic: string, partitions: number) {
    this.#world = world
    this.#model = new BookmarkModel(world, groupId, partitions)
    this.#topic = topic
    this.#partitions = partitions
  }

  async run(): Promise<void> {
    await onConnections(this.#world, 200, (client) => this.#once(client))
    this.done = true
  }

  /** For the end of a run too: what expired before `goneBeforeMs` is gone. Rejects with Disconnected. */
  async check(client: KafkaClient, goneBeforeMs: number): Promise<void> {
    const overdue = Array.from({ length: this.#partitions }, (_, index) => this.#model.isOverdue(index, goneBeforeMs))
    const told = await this.#fetch(client)
    overdue.forEach((isOverdue, index) => {
      if (isOverdue && (told.get(index) ?? -1) >= 0) this.#world.violate(`group ${this.#model.groupId}: partition ${index} has an offset that expired`)
    })
    await this.#list(client)
    await this.#describe(client)
  }

  async #once(client: KafkaClient): Promise<void> {
    const { random } = this.#world
    if (random.chance(0.5)) await this.#commit(client)
    else if (random.chance(0.2)) await this.#deleteOffset(client)
    else if (random.chance(0.1)) await this.#deleteGroup(client)
    else if (random.chance(0.6)) await this.#fetch(client)
    else await (random.chance(0.5) ? this.#list(client) : this.#describe(client))
    await this.#world.sleep(random.below(300))
  }

  async #commit(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { random, time } = world
    const { groupId } = this.#model
    const version = random.pick(COMMIT_VERSIONS)
    const expires = version <= LAST_WITH_RETENTION && random.chance(0.5)
    const before = time.wallMs
    const retentionMs = random.pick(RETENTIONS_MS)
    const states = Array.from({ length: this.#partitions }, (_, index) => ({
      index,
      offset: random.below(1_000_000),
      metadata: `words ${random.below(1_000_000)}`,
    }))
      .filter(() => random.chance(0.6))
      .map((state) => ({ ...state, expiresAtMs: expires ? before + retentionMs : Number.POSITIVE_INFINITY }))
    if (states.length === 0) return
    for (const state of states) this.#model.send(state.index, state)
    const partitions = states.map(({ index, offset, metadata }) => ({ partitionIndex: index, committedOffset: offset, committedMetadata: metadata }))
    const topics = [{ name: this.#topic, topicId: ZERO_UUID, partitions }]
    const retention = version <= LAST_WITH_RETENTION ? { retentionTimeMs: expires ? retentionMs : -1 } : {}
    const answer = await client.request(OffsetCommitRequest, OffsetCommitResponse, version, { groupId, memberId: '', ...retention, topics })
    world.count('bookmarks')
    world.trace('bookmark', `${groupId} ${JSON.stringify(states)}: ${JSON.stringify(answer.topics[0]?.partitions)}`)
    for (const { partitionIndex, errorCode } of answer.topics[0]?.partitions ?? []) {
      const state = states.find(({ index }) => index === partitionIndex)
      if (state === undefined) world.violate(`OffsetCommit answered for partition ${partitionIndex}, which was not asked for`)
      // Clocks may have jumped back meanwhile: then it expires that much earlier.
      else if (errorCode === 0)
        this.#model.decide(partitionIndex, { ...state, expiresAtMs: expires ? Math.min(before, time.wallMs) + retentionMs : state.expiresAtMs })
      else if (!EXCUSED.has(errorCode)) world.violate(`OffsetCommit of ${groupId} without a member answered ${errorCode}`)
    }
  }

  /** What is told, by partition. */
  async #fetch(client: KafkaClient): Promise<ReadonlyMap<number, number>> {
    const world = this.#world
    const { groupId } = this.#model
    const indexes = Array.from({ length: this.#partitions }, (_, index) => index)
    const all = world.random.chance(0.5)
    const request = { groupId, topics: all ? null : [{ name: this.#topic, partitionIndexes: indexes }], groups: [], requireStable: false }
    const answer = await client.request(OffsetFetchRequest, OffsetFetchResponse, world.random.pick([5, 6, 7]), request)
    const told = new Map<number, number>()
    if (answer.errorCode !== 0) {
      if (!EXCUSED.has(answer.errorCode)) world.violate(`OffsetFetch of ${groupId} answered ${answer.errorCode}`)
      return told
    }
    const parts = answer.topics.find(({ name }) => name === this.#topic)?.partitions ?? []
    for (const index of indexes) {
      const part = parts.find(({ partitionIndex }) => partitionIndex === index)
      if (part !== undefined && part.errorCode !== 0) {
        if (!EXCUSED.has(part.errorCode)) world.violate(`OffsetFetch of ${groupId} answered ${part.errorCode} for partition ${index}`)
        continue
      }
      this.#model.fetched(index, part?.committedOffset ?? -1, part?.metadata ?? '')
      told.set(index, part?.committedOffset ?? -1)
    }
    return told
  }

  async #deleteOffset(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { groupId, mustExist } = this.#model
    const index = world.random.below(this.#partitions)
    this.#model.send(index, null)
    const topics = [{ name: this.#topic, partitions: [{ partitionIndex: index }] }]
    const answer = await client.request(OffsetDeleteRequest, OffsetDeleteResponse, 0, { groupId, topics })
    world.count('bookmarks removed')
    const code = answer.errorCode !== 0 ? answer.errorCode : (answer.topics[0]?.partitions[0]?.errorCode ?? -1)
    world.trace('offset-delete', `${groupId} ${index}: ${code}`)
    if (code === 0) this.#model.decide(index, null)
    else if (code === GROUP_ID_NOT_FOUND) this.#notThere('OffsetDelete', mustExist)
    else if (!EXCUSED.has(code)) world.violate(`OffsetDelete of ${groupId} answered ${code}`)
  }

  async #deleteGroup(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { groupId, mustExist } = this.#model
    this.#model.sendDeletion()
    const answer = await client.request(DeleteGroupsRequest, DeleteGroupsResponse, world.random.below(4), { groupsNames: [groupId] })
    world.count('groups deleted')
    const code = answer.results[0]?.errorCode ?? -1
    world.trace('delete-group', `${groupId}: ${code}`)
    if (code === 0) this.#model.deleted()
    else if (code === GROUP_ID_NOT_FOUND) this.#notThere('DeleteGroups', mustExist)
    else if (!EXCUSED.has(code)) world.violate(`DeleteGroups of ${groupId} answered ${code}`)
  }

  async #list(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { groupId, mustExist, mustBeGone } = this.#model
    const version = world.random.pick([3, 4, 5])
    const answer = await client.request(ListGroupsRequest, ListGroupsResponse, version, { statesFilter: [], typesFilter: [] })
    if (answer.errorCode !== 0) {
      if (!EXCUSED.has(answer.errorCode)) world.violate(`ListGroups answered ${answer.errorCode}`)
      return
    }
    const listed = answer.groups.find((group) => group.groupId === groupId)
    if (listed === undefined && mustExist) world.violate(`ListGroups leaves out ${groupId}, which has offsets`)
    if (listed !== undefined && mustBeGone) world.violate(`ListGroups has ${groupId}, which was deleted`)
    if (listed !== undefined && (listed.protocolType !== '' || (version >= 4 && listed.groupState !== 'Empty')))
      world.violate(`ListGroups says of ${groupId}: ${JSON.stringify(listed)}`)
  }

  async #describe(client: KafkaClient): Promise<void> {
    const world = this.#world
    const { groupId, mustExist, mustBeGone } = this.#model
    const answer = await client.request(DescribeGroupsRequest, DescribeGroupsResponse, world.random.pick([3, 5]), {
      groups: [groupId],
      includeAuthorizedOperations: false,
    })
    const group = answer.groups[0]
    if (group === undefined || group.errorCode !== 0) {
      if (!EXCUSED.has(group?.errorCode ?? -1)) world.violate(`DescribeGroups of ${groupId} answered ${group?.errorCode}`)
      return
    }
    const isThere = group.groupState === 'Empty'
    if ((!isThere && group.groupState !== 'Dead') || group.members.length > 0) world.violate(`DescribeGroups says of ${groupId}: ${JSON.stringify(group)}`)
    if (mustExist && !isThere) world.violate(`DescribeGroups says that ${groupId} is ${group.groupState}, it has offsets`)
    if (mustBeGone && isThere) world.violate(`DescribeGroups says that ${groupId} is ${group.groupState}, it was deleted`)
  }

  #notThere(what: string, mustExist: boolean): void {
    if (mustExist) this.#world.violate(`${what} says that there is no group ${this.#model.groupId}, it has offsets`)
    this.#model.deleted()
  }
}
