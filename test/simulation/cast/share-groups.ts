import { DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse } from '../../../src/kafka/messages/describe-share-group-offsets.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../src/kafka/messages/incremental-alter-configs.ts'
import { KafkaClient, onConnections } from '../kafka-client.ts'
import type { LogModel } from '../log-model.ts'
import { ShareModel } from '../share-model.ts'
import { actor, type Workload } from '../stage.ts'
import { Producer } from '../workloads/kafka-producers.ts'
import { EXCUSED } from '../workloads/kafka-readers.ts'
import { ShareClerk } from '../workloads/share-clerk.ts'
import { ShareMember } from '../workloads/share-member.ts'
import type { World } from '../world.ts'
import { topicIds } from './group-848.ts'

const TOPICS = ['parcels', 'letters']
const PARTITIONS = 2
const ALL = TOPICS.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, index) => ({ topic, index, partition: `${topic}-${index}` })))
const MEMBERS = [[TOPICS], [TOPICS, ['parcels']], [TOPICS, ['letters', 'nothing'], ['parcels']]] as const
/** Groups that nobody is in. */
const DESKS = ['desk-1', 'desk-2']
const GROUP_CONFIG = 32

/** One share group (KIP-932) works off what two producers write. */
export const shareGroups: Workload = {
  topics: TOPICS.map((name) => ({ name, partitions: PARTITIONS, alwaysDurable: true })),
  start({ world, model, actors }) {
    for (const topic of TOPICS) {
      const producer = new Producer(world, model, { name: `for-${topic}`, topic, partitions: PARTITIONS, acks: -1, idempotent: true })
      actors.push(actor(`producer for ${topic}`, () => producer.idle))
      void producer.run()
    }
    const group = new ShareModel(world, 'postmen')
    const members: ShareMember[] = []
    void beginEarliest(world, group.groupId)
      .then(() => topicIds(world, TOPICS))
      .then((ids) => {
        MEMBERS.forEach((wishes, i) => {
          members.push(new ShareMember(world, model, group, { name: `postman-${i}`, wishes, topicIds: ids }))
        })
        for (const member of members) void member.run()
        void onConnections(world, 300, (client) => watch(world, model, group, client), { ends: () => isDone })
      })
    const clerk = new ShareClerk(world, DESKS, TOPICS, PARTITIONS)
    void clerk.run()
    let isDone = false
    const behind = () => ALL.find(({ topic, index, partition }) => group.start(partition) < model.of(topic, index).durableEnd)
    actors.push(
      actor(
        'share group postmen',
        () => behind() === undefined,
        () => `it is behind on ${JSON.stringify(behind())} at ${ALL.map(({ partition }) => group.start(partition))}`,
      ),
    )
    return {
      verify: async () => {
        isDone = true
        clerk.stopped = true
        const client = await KafkaClient.open(world)
        await clerk.verify(client)
        client.close()
        for (const member of members) member.stopped = true
        for (const { topic, index, partition } of ALL) group.verify(partition, model.of(topic, index).durableEnd)
      },
    }
  },
}

/** Nothing is passed over from the beginning on. */
async function beginEarliest(world: World, groupId: string): Promise<void> {
  for (;;) {
    const client = await KafkaClient.open(world)
    try {
      const configs = [{ name: 'share.auto.offset.reset', configOperation: 0, value: 'earliest' }]
      const answer = await client.request(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, 1, {
        resources: [{ resourceType: GROUP_CONFIG, resourceName: groupId, configs }],
        validateOnly: false,
      })
      const errorCode = answer.responses[0]?.errorCode ?? -1
      if (errorCode === 0) return
      if (!EXCUSED.has(errorCode)) world.violate(`the configs of share group ${groupId} were answered ${errorCode}`)
    } catch {
      // Asked again.
    } finally {
      client.close()
    }
    await world.sleep(200)
  }
}

/** Where the group begins never goes back; nor does what is left ever pass the end. */
async function watch(world: World, model: LogModel, group: ShareModel, client: KafkaClient): Promise<void> {
  const { groups } = await client.request(DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse, 1, {
    groups: [{ groupId: group.groupId, topics: null }],
  })
  for (const { topicName, partitions } of groups[0]?.topics ?? []) {
    for (const { partitionIndex, startOffset, lag } of partitions) {
      if (startOffset < 0) continue
      const { writtenEnd } = model.of(topicName, partitionIndex)
      if (lag < 0)
        world.violate(`share group ${group.groupId} has a lag of ${lag} in ${topicName}-${partitionIndex} from ${startOffset} on; ${writtenEnd} is written`)
      group.startSeen(`${topicName}-${partitionIndex}`, startOffset)
    }
  }
  await world.sleep(300 + world.random.below(300))
}
