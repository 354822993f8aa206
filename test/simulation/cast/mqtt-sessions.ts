import { actor, startReceivers, type Workload } from '../stage.ts'
import { Publisher } from '../workloads/mqtt-publisher.ts'
import { SessionClient } from '../workloads/mqtt-session-client.ts'

const TOPIC = 'ms'
const KEYS = ['a', 'b', 'c/d']
const FILTERS = ['ms/#', 'ms/a', 'ms/+', 'ms/+/d', 'ms/b']

/** Clients whose sessions begin, expire, are taken over and change what they subscribe to. */
export const mqttSessions: Workload = {
  topics: [{ name: TOPIC, partitions: 2, alwaysDurable: false }],
  start(stage) {
    const { world, model, actors } = stage
    const publisher = new Publisher(world, model, { name: 'sp', level: 5, topic: TOPIC, keys: KEYS })
    actors.push(actor('publisher sp', () => publisher.idle))
    void publisher.run()
    const clients = ['sa', 'sb'].map((name) => new SessionClient(world, model, { name, topic: TOPIC, filters: FILTERS, keys: KEYS }))
    return startReceivers(
      stage,
      clients.map((client, i) => [`session client ${i}`, client]),
    )
  },
}
