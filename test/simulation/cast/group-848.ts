import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from '../../../src/kafka/messages/consumer-group-describe.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { KafkaClient } from '../kafka-client.ts'
import { OwnershipModel } from '../ownership-model.ts'
import { actor, type Workload } from '../stage.ts'
import { GroupInspector } from '../workloads/group-inspector.ts'
import { Producer } from '../workloads/kafka-producers.ts'
import { committedBy, NewMember, type Wish } from '../workloads/new-member.ts'
import type { World } from '../world.ts'

const TOPICS = ['jobs', 'errands']
const PARTITIONS = 3
const ALL = TOPICS.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, index) => ({ topic, index })))
const EVERYTHING: Wish = { names: TOPICS }
const WISHES: readonly Wish[] = [EVERYTHING, { names: ['jobs'] }, { names: ['errands', 'nothing'] }, { regex: '(jobs|errands)' }, { regex: 'err.*' }]
/** A null is a dynamic member. */
const MEMBERS = [
  { instance: null, wishes: [EVERYTHING] },
  { instance: null, wishes: WISHES },
  { instance: 'fixed-1', wishes: [EVERYTHING, { regex: '(jobs|errands)' }] },
] as const
const SETTLES_WITHIN_MS = 60_000

/** One group of KIP-848 shares what two producers write. */
export const group848: Workload = {
  topics: TOPICS.map((name) => ({ name, partitions: PARTITIONS, alwaysDurable: true })),
  start({ world, model, actors }) {
    for (const topic of TOPICS) {
      const producer = new Producer(world, model, { name: `for-${topic}`, topic, partitions: PARTITIONS, acks: -1, idempotent: true })
      actors.push(actor(`producer for ${topic}`, () => producer.idle))
      void producer.run()
    }
    const group = new OwnershipModel(world, 'workers')
    const members: NewMember[] = []
    void new GroupInspector(world.drawingFrom('inspector of workers'), group.groupId).run()
    void topicIds(world, TOPICS).then((ids) => {
      MEMBERS.forEach(({ instance, wishes }, i) => {
        members.push(new NewMember(world, group, { name: `worker-${i}`, instance, wishes, topicIds: ids }))
      })
      for (const member of members) void member.run()
    })
    // Everything that is there was read and committed by somebody.
    const behind = () => ALL.find(({ topic, index }) => group.committed(`${topic}-${index}`) < model.of(topic, index).durableEnd)
    actors.push(
      actor(
        'group workers',
        () => behind() === undefined,
        () => `it is behind on ${JSON.stringify(behind())}`,
      ),
    )
    return {
      verify: async () => {
        const client = await KafkaClient.open(world)
        await verifySettled(world, client, group)
        for (const member of members) member.stopped = true
        for (const { topic, index } of ALL) {
          const offset = await committedBy(world, client, { groupId: group.groupId, topic, index }).catch(() => null)
          group.fetched(`${topic}-${index}`, offset ?? -1, group.committed(`${topic}-${index}`))
        }
        client.close()
      },
    }
  },
}

export async function topicIds(world: World, names: readonly string[]): Promise<ReadonlyMap<string, string>> {
  for (;;) {
    const client = await KafkaClient.open(world)
    try {
      const topics = names.map((name) => ({ name, topicId: ZERO_UUID }))
      const answer = await client.request(MetadataRequest, MetadataResponse, 12, {
        topics,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: false,
      })
      const found = answer.topics.filter(({ errorCode }) => errorCode === 0)
      if (found.length === names.length) return new Map(found.map(({ name, topicId }) => [name ?? '', topicId]))
    } catch {
      // Asked again.
    } finally {
      client.close()
    }
    await world.sleep(100)
  }
}

/** With nobody coming or going, every partition finds its one member. */
async function verifySettled(world: World, client: KafkaClient, group: OwnershipModel): Promise<void> {
  const untilMs = world.time.nowMs + SETTLES_WITHIN_MS
  const { groupId } = group
  for (;;) {
    let isAsTold = true
    const { groups } = await client.request(ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, 1, {
      groupIds: [groupId],
      includeAuthorizedOperations: false,
    })
    const owners = new Map<string, number>()
    for (const { memberId, assignment } of groups[0]?.members ?? []) {
      for (const { topicName, partitions } of assignment.topicPartitions) {
        for (const partition of partitions.map((index) => `${topicName}-${index}`)) {
          owners.set(partition, (owners.get(partition) ?? 0) + 1)
          isAsTold &&= group.ownerOf(partition) === memberId
        }
      }
    }
    const isShared = ALL.every(({ topic, index }) => owners.get(`${topic}-${index}`) === 1)
    if (groups[0]?.groupState === 'Stable' && isShared && isAsTold) return
    if (world.time.nowMs > untilMs) {
      world.violate(
        `group ${groupId} does not settle: ${groups[0]?.groupState} ${JSON.stringify([...owners])}${isAsTold ? '' : ', its members were told otherwise'}`,
      )
      return
    }
    await world.sleep(500)
  }
}
