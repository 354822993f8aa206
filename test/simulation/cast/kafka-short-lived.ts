import { actor, type Workload } from '../stage.ts'
import { ShortLivedProducers } from '../workloads/short-lived-producers.ts'

const TOPIC = 'shorts'

/** Producers that are new all the time. */
export const kafkaShortLived: Workload = {
  topics: [{ name: TOPIC, partitions: 1, alwaysDurable: true }],
  start({ world, model, actors }) {
    const producers = new ShortLivedProducers(world, model, TOPIC)
    actors.push(actor('short-lived producers', () => producers.idle))
    void producers.run()
    return {}
  },
}
