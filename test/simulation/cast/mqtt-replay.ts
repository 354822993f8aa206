import { actor, startReceivers, type Workload } from '../stage.ts'
import { Publisher } from '../workloads/mqtt-publisher.ts'
import { Replayer } from '../workloads/mqtt-replayer.ts'

const TOPIC = 'mr'
const PARTITIONS = 2

/** Clients that begin with history, at the start, an offset, a time or a while ago, and go on with what comes. */
export const mqttReplay: Workload = {
  topics: [{ name: TOPIC, partitions: PARTITIONS, alwaysDurable: false }],
  start(stage) {
    const { world, model, actors } = stage
    const publisher = new Publisher(world, model, { name: 'rp', level: 4, topic: TOPIC, keys: ['a', 'b', 'c/d'] })
    actors.push(actor('publisher rp', () => publisher.idle))
    void publisher.run()
    const replayers = ['r0', 'r1'].map((name) => new Replayer(world, model, { name, topic: TOPIC, partitions: PARTITIONS }))
    return startReceivers(
      stage,
      replayers.map((replayer, i) => [`replayer r${i}`, replayer]),
    )
  },
}
