import { KafkaClient } from '../kafka-client.ts'
import { actor, type Workload } from '../stage.ts'
import { GroupClerk } from '../workloads/group-clerk.ts'

const TOPIC = 'bookmarks'
const PARTITIONS = 3
/** Twice the interval in which the broker looks for expired offsets. */
const EXPIRY_CHECKS_MS = 6_000

/** Groups without members, whose offsets are committed, looked up, deleted, and expire. */
export const groupOffsets: Workload = {
  topics: [{ name: TOPIC, partitions: PARTITIONS, alwaysDurable: true }],
  start({ world, actors }) {
    const clerks = ['clerk-0', 'clerk-1'].map((groupId) => new GroupClerk(world, groupId, TOPIC, PARTITIONS))
    for (const [i, clerk] of clerks.entries()) {
      actors.push(actor(`clerk ${i}`, () => clerk.done))
      void clerk.run()
    }
    return {
      verify: async () => {
        const sinceMs = world.time.wallMs
        await world.sleep(EXPIRY_CHECKS_MS)
        const client = await KafkaClient.open(world)
        for (const clerk of clerks) await clerk.check(client, sinceMs)
        client.close()
      },
    }
  },
}
