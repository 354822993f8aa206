import { KafkaClient } from '../kafka-client.ts'
import { actor, type Workload } from '../stage.ts'
import { TopicChurn } from '../workloads/topic-churn.ts'

const NAMES = ['churn-0', 'churn-1']

/** Topics that are made, written, deleted, and made again under the same name. */
export const topicLives: Workload = {
  topics: [],
  start({ world, actors }) {
    const churns = NAMES.map((name) => new TopicChurn(world, name))
    for (const churn of churns) {
      actors.push(actor(churn.name, () => churn.idle))
      void churn.run()
    }
    return {
      verify: async () => {
        const client = await KafkaClient.open(world)
        for (const churn of churns) await churn.check(client)
        client.close()
      },
    }
  },
}
