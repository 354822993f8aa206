import { CooperativeModel } from '../commit-model.ts'
import { KafkaClient } from '../kafka-client.ts'
import { actor, type Workload } from '../stage.ts'
import { CooperativeMember, fetchCommitted } from '../workloads/cooperative-member.ts'
import { ExactReader } from '../workloads/exact-reader.ts'
import { ExactWriter } from '../workloads/exact-writer.ts'
import { GrowingTopic } from '../workloads/growing-topic.ts'
import { createTopic } from '../workloads/kafka-readers.ts'

const TOPIC = 'growing'
const FIRST_PARTITIONS = 2
/** The members of each group; a null is a dynamic one. */
const GROUPS = { north: [null, null, 'static-n'], south: [null, null] } as const
const WRITER_PAUSE_MS = 400
const ANY_CREATE_TIME = { name: 'message.timestamp.after.max.ms', value: String(Number.MAX_SAFE_INTEGER) }

/** Two groups with cooperative rebalances share a topic that grows while it is written. */
export const groupCooperative: Workload = {
  topics: [],
  start({ world, actors }) {
    const topic = new GrowingTopic(world, TOPIC, FIRST_PARTITIONS)
    const writer = new ExactWriter(world, 'grower', topic.partitions, WRITER_PAUSE_MS)
    const reader = new ExactReader(world, topic.partitions)
    topic.onGrown.push((partition) => writer.add(partition))
    topic.onGrown.push((partition) => reader.add(partition))
    actors.push(actor('growing topic', () => topic.done))
    actors.push(actor(`writer of ${TOPIC}`, () => writer.idle))
    actors.push(actor(`reader of ${TOPIC}`, () => reader.done))
    const members: CooperativeMember[] = []
    const groups = Object.entries(GROUPS).map(([groupId, instances]) => {
      const group = new CooperativeModel(world, groupId)
      instances.forEach((instance, i) => {
        members.push(new CooperativeMember(world, group, { name: `${groupId}-${i}`, topic: TOPIC, instance, partitions: topic.partitions }))
      })
      const behind = () => topic.partitions.find(({ name, durableEnd }) => group.commits(name).offset < durableEnd)
      actors.push(
        actor(
          `group ${groupId}`,
          () => behind() === undefined,
          () => `it is behind on ${behind()?.name}`,
        ),
      )
      return group
    })
    void (async () => {
      await createTopic(world, TOPIC, FIRST_PARTITIONS, [ANY_CREATE_TIME])
      for (const part of [topic, writer, reader, ...members]) void part.run()
    })()
    return {
      verify: async () => {
        for (const member of members) member.stopped = true
        const client = await KafkaClient.open(world)
        await topic.look(client)
        await reader.readAll(client)
        for (const group of groups) for (const { index } of topic.partitions) await fetchCommitted(world, client, group, TOPIC, index)
        client.close()
      },
    }
  },
}
