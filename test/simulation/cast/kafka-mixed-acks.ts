import { actor, type Workload } from '../stage.ts'
import { MixedAcks } from '../workloads/mixed-acks.ts'

const TOPIC = 'mixed-acks'
const PARTITIONS = 2

/** Connections that do everything at once. */
export const kafkaMixedAcks: Workload = {
  topics: [{ name: TOPIC, partitions: PARTITIONS, alwaysDurable: false }],
  start({ world, model, actors }) {
    for (const name of ['ma0', 'ma1']) {
      const client = new MixedAcks(world, model, { name, topic: TOPIC, partitions: PARTITIONS })
      actors.push(actor(`connection of ${name}`, () => client.done))
      void client.run()
    }
    return {}
  },
}
