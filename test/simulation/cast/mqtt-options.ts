import { actor, startReceivers, type Workload } from '../stage.ts'
import { ExpiringSubscriber } from '../workloads/expiring-subscriber.ts'
import { OptionAsker, verifyRetained } from '../workloads/option-asker.ts'
import { OptionHistory } from '../workloads/option-history.ts'
import { OptionWriter } from '../workloads/option-writer.ts'

const TOPIC = 'opts'
const EVERYTHING = `${TOPIC}/#`
const KEYS = ['a', 'b', 'c/d']

const SESSIONS = [
  { name: 'o-often-away', filter: EVERYTHING, qos: 1 },
  { name: 'o-exactly', filter: EVERYTHING, qos: 2 },
] as const

/** Retain handling, retain as published, No Local, identifiers and message expiry. */
export const mqttOptions: Workload = {
  topics: [{ name: TOPIC, partitions: 2, alwaysDurable: true }],
  start(stage) {
    const { world, model, actors } = stage
    const history = new OptionHistory(world, model)
    KEYS.forEach((key, i) => {
      const writer = new OptionWriter(world, history, { name: `o${i}`, topic: TOPIC, key })
      actors.push(actor(`option writer ${i}`, () => writer.idle))
      void writer.run()
    })
    const filters = [EVERYTHING, ...KEYS.map((key) => `${TOPIC}/${key}`)]
    for (const name of ['o-asks', 'o-asks-too']) void new OptionAsker(world, history, name, filters).run()
    const receivers = startReceivers(
      stage,
      SESSIONS.map((options) => [`subscriber ${options.name}`, new ExpiringSubscriber(world, history, options)]),
    )
    return { ...receivers, verify: () => verifyRetained(world, history, EVERYTHING) }
  },
}
