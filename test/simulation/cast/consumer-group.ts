import { GroupModel } from '../group-model.ts'
import { KafkaClient } from '../kafka-client.ts'
import { actor, type Workload } from '../stage.ts'
import { GroupInspector, verifyDescribed } from '../workloads/group-inspector.ts'
import { committedOffset, Member } from '../workloads/group-member.ts'
import { Producer } from '../workloads/kafka-producers.ts'
import type { World } from '../world.ts'

const TOPICS = ['tasks', 'chores']
const PARTITIONS = 2
const GROUP_PARTITIONS = TOPICS.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, index) => ({ topic, index })))
/** A null is a dynamic member. */
const INSTANCES = [null, null, 'static-1']

/** One group of the classic protocol shares what two producers write. */
export const consumerGroup: Workload = {
  topics: TOPICS.map((name) => ({ name, partitions: PARTITIONS, alwaysDurable: true })),
  start({ world, model, actors }) {
    for (const topic of TOPICS) {
      const producer = new Producer(world, model, { name: `for-${topic}`, topic, partitions: PARTITIONS, acks: -1, idempotent: true })
      actors.push(actor(`producer for ${topic}`, () => producer.idle))
      void producer.run()
    }
    const group = new GroupModel(world, 'readers')
    const members = INSTANCES.map((instance, i) => new Member(world, group, { name: `member ${i}`, topics: TOPICS, partitions: PARTITIONS, instance }))
    for (const member of members) void member.run()
    void new GroupInspector(world.drawingFrom('inspector of readers'), group.groupId).run()
    // Everything that is there was read and committed by somebody.
    const behind = () => GROUP_PARTITIONS.find(({ topic, index }) => group.committed(`${topic}-${index}`) < model.of(topic, index).durableEnd)
    actors.push(
      actor(
        'group readers',
        () => behind() === undefined,
        () => `it is behind on ${JSON.stringify(behind())}`,
      ),
    )
    return {
      verify: async () => {
        const client = await KafkaClient.open(world)
        await verifyDescribed(world, client, group)
        client.close()
        for (const member of members) member.stopped = true
        await verifyCommitted(world, group)
      },
    }
  },
}

async function verifyCommitted(world: World, group: GroupModel): Promise<void> {
  const client = await KafkaClient.open(world)
  for (const { topic, index } of GROUP_PARTITIONS) {
    const offset = await committedOffset(world, client, group.groupId, topic, index).catch(() => null)
    group.fetched(`${topic}-${index}`, offset ?? -1, group.committed(`${topic}-${index}`))
  }
  client.close()
}
