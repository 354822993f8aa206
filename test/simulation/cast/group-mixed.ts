import { KafkaClient } from '../kafka-client.ts'
import { OwnershipModel } from '../ownership-model.ts'
import { actor, type Workload } from '../stage.ts'
import { GroupInspector } from '../workloads/group-inspector.ts'
import { Producer } from '../workloads/kafka-producers.ts'
import { MixedClassicMember } from '../workloads/mixed-classic-member.ts'
import { committedBy, NewMember, type Wish } from '../workloads/new-member.ts'
import type { World } from '../world.ts'
import { topicIds } from './group-848.ts'

const TOPICS = ['mixed']
const PARTITIONS = 4
const ALL = TOPICS.flatMap((topic) => Array.from({ length: PARTITIONS }, (_, index) => ({ topic, index })))
const EVERYTHING: Wish = { names: TOPICS }
const CLASSIC = 2
const NEW = 2
/** How long a member stays, and how long its place is empty then. */
const STAYS_MS = 9_000
const AWAY_MS = 7_000

/** Members of the classic protocol and of KIP-848 in one group, which is of one kind and the other in turn (KIP-848, online migration). */
export const groupMixed: Workload = {
  topics: TOPICS.map((name) => ({ name, partitions: PARTITIONS, alwaysDurable: true })),
  start({ world, model, actors }) {
    const producer = new Producer(world, model, { name: 'for-mixed', topic: 'mixed', partitions: PARTITIONS, acks: -1, idempotent: true })
    actors.push(actor('producer for mixed', () => producer.idle))
    void producer.run()
    const group = new OwnershipModel(world, 'mixers')
    void new GroupInspector(world.drawingFrom('inspector of mixers'), group.groupId).run()
    const places: Places = { members: new Set(), closed: false }
    void topicIds(world, TOPICS).then((ids) => {
      for (let i = 0; i < CLASSIC; i++)
        void keepAround(world, places, () => new MixedClassicMember(world, group, { name: `old-${i}`, topics: TOPICS, partitions: PARTITIONS }))
      for (let i = 0; i < NEW; i++) {
        let lives = 0
        const options = { instance: null, wishes: [EVERYTHING], topicIds: ids, leavesAtEnd: true }
        void keepAround(world, places, () => new NewMember(world, group, { ...options, name: `new-${i}.${lives++}` }))
      }
    })
    // Everything that is there was read and committed by somebody.
    const behind = () => ALL.find(({ topic, index }) => group.committed(`${topic}-${index}`) < model.of(topic, index).durableEnd)
    actors.push(
      actor(
        'group mixers',
        () => behind() === undefined,
        () => `it is behind on ${JSON.stringify(behind())}`,
      ),
    )
    return {
      verify: async () => {
        places.closed = true
        for (const member of places.members) member.stopped = true
        const client = await KafkaClient.open(world)
        for (const { topic, index } of ALL) {
          const offset = await committedBy(world, client, { groupId: group.groupId, topic, index }).catch(() => null)
          group.fetched(`${topic}-${index}`, offset ?? -1, group.committed(`${topic}-${index}`))
        }
        client.close()
      },
    }
  },
}

interface Mortal {
  stopped: boolean
  run(): Promise<void>
}

interface Places {
  readonly members: Set<Mortal>
  closed: boolean
}

/** One after the other takes a place, with times in which nobody does; at the end somebody has it. */
async function keepAround(world: World, places: Places, next: () => Mortal): Promise<void> {
  const { random } = world
  await world.sleep(random.below(STAYS_MS))
  while (!places.closed) {
    const member = next()
    places.members.add(member)
    const ended = member.run()
    if (world.stopping) return
    await world.sleep(1_000 + random.below(STAYS_MS))
    if (world.stopping) return
    member.stopped = true
    await ended
    places.members.delete(member)
    if (!world.stopping) await world.sleep(random.below(AWAY_MS))
  }
}
