import { actor, type Workload } from '../stage.ts'
import { RetainedWriter, readRetained } from '../workloads/mqtt-retained.ts'
import { WillClient } from '../workloads/mqtt-wills.ts'
import { verifyRetainedAsLogged } from '../workloads/retained-log.ts'

const RETAINED = 'kept'
const WILLS = 'wills'
const PARTITIONS = 2
const READER_PAUSE_MS = 3_000

/** Retained messages and those who ask for them. */
export const mqttRetained: Workload = {
  topics: [{ name: RETAINED, partitions: PARTITIONS, alwaysDurable: true }],
  start({ world, model, actors }) {
    const writers = ['x', 'y'].map((key) => new RetainedWriter(world, model, RETAINED, key))
    for (const writer of writers) {
      actors.push(actor(writer.name, () => writer.idle))
      void writer.run()
    }
    void (async () => {
      while (!world.stopping) {
        await readRetained(world, writers, RETAINED, { everyTopic: false })
        await world.sleep(world.random.below(READER_PAUSE_MS))
      }
    })()
    return {
      verify: async () => {
        if (!(await readRetained(world, writers, RETAINED, { everyTopic: true }))) world.violate('at the end, nobody could subscribe')
        await verifyRetainedAsLogged(world, RETAINED, PARTITIONS)
      },
    }
  },
}

/** Clients with wills, which vanish or say goodbye. */
export const mqttWills: Workload = {
  topics: [{ name: WILLS, partitions: PARTITIONS, alwaysDurable: true }],
  start({ world, model, actors }) {
    for (const name of ['w0', 'w1']) {
      const client = new WillClient(world, model, WILLS, name)
      actors.push(actor(`will of ${name}`, () => client.idle))
      void client.run()
    }
    return { verify: () => verifyRetainedAsLogged(world, WILLS, PARTITIONS) }
  },
}
