import { actor, type Workload } from '../stage.ts'
import { LateWillClient } from '../workloads/mqtt-late-wills.ts'
import { verifyRetainedAsLogged } from '../workloads/retained-log.ts'

const TOPIC = 'late'
const PARTITIONS = 2

/** Clients whose wills wait for a delay or the end of the session. */
export const mqttLateWills: Workload = {
  topics: [{ name: TOPIC, partitions: PARTITIONS, alwaysDurable: true }],
  start({ world, model, actors }) {
    for (const name of ['lw0', 'lw1']) {
      const client = new LateWillClient(world, model, TOPIC, name)
      actors.push(actor(`late will of ${name}`, () => client.idle))
      void client.run()
    }
    return { verify: () => verifyRetainedAsLogged(world, TOPIC, PARTITIONS) }
  },
}
