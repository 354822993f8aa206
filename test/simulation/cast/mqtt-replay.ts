import { actor, type Workload } from '../stage.ts'
import { Publisher } from '../workloads/mqtt-publisher.ts'
import { Replayer } from '../workloads/mqtt-replayer.ts'

const TOPIC = 'mr'
const PARTITIONS = 2

/** Clients that begin with history, at the start, an offset, a time or a while ago, and go on with what comes. */
export const mqttReplay: Workload = {
  topics: [{ name: TOPIC, partitions: PARTITIONS, alwaysDurable: false }],
  start({ world, model, actors }) {
    const publisher = new Publisher(world, model, { name: 'rp', level: 4, topic: TOPIC, keys: ['a', 'b', 'c/d'] })
    actors.push(actor('publisher rp', () => publisher.idle))
    void publisher.run()
    const replayers = ['r0', 'r1'].map((name) => new Replayer(world, model, { name, topic: TOPIC, partitions: PARTITIONS }))
    for (const [i, replayer] of replayers.entries()) {
      actors.push(
        actor(
          `replayer r${i}`,
          () => replayer.missing() === null,
          () => `it was not given ${replayer.missing()}`,
        ),
      )
      void replayer.run()
    }
    return {
      close: () => {
        for (const replayer of replayers) replayer.closed = true
      },
    }
  },
}
