import { decodeAssignment } from '../../../src/cli/kafka-client/assignment.ts'
import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from '../../../src/kafka/messages/consumer-group-describe.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../../src/kafka/messages/describe-groups.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../../src/kafka/messages/list-groups.ts'
import type { GroupModel } from '../group-model.ts'
import { type KafkaClient, onConnections } from '../kafka-client.ts'
import type { World } from '../world.ts'
import { EXCUSED } from './kafka-readers.ts'

const GROUP_ID_NOT_FOUND = 69
const CLASSIC_STATES = new Set(['PreparingRebalance', 'CompletingRebalance', 'Stable', 'Empty', 'Dead'])
const CONSUMER_STATES = new Set(['Empty', 'Assigning', 'Reconciling', 'Stable', 'Dead'])
const SETTLES_WITHIN_MS = 60_000
const LOOK_EVERY_MS = 500

/** Asks all the time what a group with members is like: whatever the answer, nobody shares a partition, and epochs fit together. */
export class GroupInspector {
  readonly #world: World
  readonly #groupId: string

  constructor(world: World, groupId: string) {
    this.#world = world
    this.#groupId = groupId
  }

  async run(): Promise<void> {
    const { random } = this.#world
    await onConnections(this.#world, 300, async (client) => {
      await random.pick([() => this.#describeClassic(client), () => this.#describeConsumer(client), () => this.#list(client)])()
      await this.#world.sleep(random.below(700))
    })
  }

  async #describeClassic(client: KafkaClient): Promise<void> {
    const group = await describeClassic(this.#world, client, this.#groupId)
    if (group === null) return
    if (!CLASSIC_STATES.has(group.groupState)) this.#violate(`DescribeGroups says ${group.groupState}`)
    if (group.groupState === 'Empty' && group.members.length > 0) this.#violate(`DescribeGroups says that it is empty, and has ${group.members.length} members`)
    this.#alone(assignmentsOf(group))
    this.#world.count(`described as ${group.groupState}`)
  }

  async #describeConsumer(client: KafkaClient): Promise<void> {
    const request = { groupIds: [this.#groupId], includeAuthorizedOperations: false }
    const { groups } = await client.request(ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, 1, request)
    const group = groups[0]
    if (group === undefined || group.errorCode !== 0) {
      if (!EXCUSED.has(group?.errorCode ?? -1) && group?.errorCode !== GROUP_ID_NOT_FOUND) this.#violate(`ConsumerGroupDescribe answered ${group?.errorCode}`)
      return
    }
    const { groupState, groupEpoch, assignmentEpoch, members } = group
    if (!CONSUMER_STATES.has(groupState)) this.#violate(`ConsumerGroupDescribe says ${groupState}`)
    if (assignmentEpoch > groupEpoch) this.#violate(`the target is of epoch ${assignmentEpoch}, the group of ${groupEpoch}`)
    for (const { memberId, memberEpoch } of members) {
      if (memberEpoch > assignmentEpoch) this.#violate(`${memberId} is described with epoch ${memberEpoch}, the target is of ${assignmentEpoch}`)
    }
    this.#alone(
      members.map(({ memberId, assignment }) => [
        memberId,
        assignment.topicPartitions.flatMap(({ topicName, partitions }) => partitions.map((index) => `${topicName}-${index}`)),
      ]),
    )
    this.#alone(
      members.map(({ memberId, targetAssignment }) => [
        memberId,
        targetAssignment.topicPartitions.flatMap(({ topicName, partitions }) => partitions.map((index) => `${topicName}-${index}`)),
      ]),
    )
    this.#world.count(`described as a consumer group, ${groupState}`)
  }

  async #list(client: KafkaClient): Promise<void> {
    const answer = await client.request(ListGroupsRequest, ListGroupsResponse, 5, { statesFilter: [], typesFilter: [] })
    if (answer.errorCode !== 0) {
      if (!EXCUSED.has(answer.errorCode)) this.#violate(`ListGroups answered ${answer.errorCode}`)
      return
    }
    const listed = answer.groups.filter(({ groupId }) => groupId === this.#groupId)
    if (listed.length > 1) this.#violate(`ListGroups has it ${listed.length} times`)
    for (const { groupType, groupState, protocolType } of listed) {
      const states = groupType === 'consumer' ? CONSUMER_STATES : CLASSIC_STATES
      if (!states.has(groupState)) this.#violate(`ListGroups says that a ${groupType} group is ${groupState}`)
      if (protocolType !== 'consumer' && protocolType !== '') this.#violate(`ListGroups says that its protocol is ${protocolType}`)
    }
  }

  #alone(members: readonly (readonly [memberId: string, partitions: readonly string[]])[]): void {
    const owners = new Map<string, string>()
    for (const [memberId, partitions] of members) {
      for (const partition of partitions) {
        const other = owners.get(partition)
        if (other !== undefined) this.#violate(`${partition} is described as that of ${other} and of ${memberId}`)
        owners.set(partition, memberId)
      }
    }
  }

  #violate(what: string): void {
    this.#world.violate(`group ${this.#groupId}: ${what}`)
  }
}

type ClassicGroup = Awaited<ReturnType<typeof describeClassic>> & object

async function describeClassic(world: World, client: KafkaClient, groupId: string) {
  const request = { groups: [groupId], includeAuthorizedOperations: false }
  const { groups } = await client.request(DescribeGroupsRequest, DescribeGroupsResponse, world.random.pick([5, 6]), request)
  const group = groups[0]
  if (group !== undefined && group.errorCode === 0) return group
  if (!EXCUSED.has(group?.errorCode ?? -1) && group?.errorCode !== GROUP_ID_NOT_FOUND) {
    world.violate(`DescribeGroups of ${groupId} answered ${group?.errorCode}`)
  }
  return null
}

/** Of a stable group; before that it has none. */
function assignmentsOf({ members }: ClassicGroup): (readonly [memberId: string, partitions: string[]])[] {
  return members.map(({ memberId, memberAssignment }) => {
    const assigned = memberAssignment.length === 0 ? [] : decodeAssignment(memberAssignment)
    return [memberId, assigned.flatMap(({ topic, partitions }) => partitions.map((index) => `${topic}-${index}`))] as const
  })
}

/** With nobody coming or going, a classic group is described as its members were told. */
export async function verifyDescribed(world: World, client: KafkaClient, group: GroupModel): Promise<void> {
  const untilMs = world.time.nowMs + SETTLES_WITHIN_MS
  for (;;) {
    const described = await describeClassic(world, client, group.groupId)
    const assignments = described === null ? [] : assignmentsOf(described)
    const differs = assignments.find(([memberId, partitions]) => group.told.get(memberId) !== partitions.sort().join(' '))
    if (described?.groupState === 'Stable' && assignments.length > 0 && differs === undefined) return
    if (world.time.nowMs > untilMs) {
      const told = differs === undefined ? '' : `; ${differs[0]} was told ${group.told.get(differs[0])}, described is ${differs[1].join(' ')}`
      world.violate(`group ${group.groupId} is described as ${described?.groupState} with ${assignments.length} members at the end${told}`)
      return
    }
    await world.sleep(LOOK_EVERY_MS)
  }
}
