import { actor, startReceivers, type Workload } from '../stage.ts'
import { Publisher } from '../workloads/mqtt-publisher.ts'
import { Subscriber } from '../workloads/mqtt-subscriber.ts'

const TOPIC = 'mq'
const LEVELS = [4, 5] as const

const SUBSCRIBERS = [
  { name: 's-at-most', level: 4, filter: 'mq/#', qos: 0, receiveMaximum: 100, clean: false },
  { name: 's-at-least', level: 4, filter: 'mq/#', qos: 1, receiveMaximum: 100, clean: false },
  { name: 's-exactly', level: 5, filter: 'mq/#', qos: 2, receiveMaximum: 5, clean: false },
  { name: 's-one', level: 5, filter: 'mq/a', qos: 2, receiveMaximum: 100, clean: false },
  { name: 's-clean', level: 5, filter: 'mq/#', qos: 2, receiveMaximum: 20, clean: true },
] as const

/** Publishers and subscribers of every QoS. */
export const mqttDelivery: Workload = {
  topics: [{ name: TOPIC, partitions: 2, alwaysDurable: false }],
  start(stage) {
    const { world, model, actors } = stage
    for (const [i, level] of LEVELS.entries()) {
      const publisher = new Publisher(world, model, { name: `m${i}`, level, topic: TOPIC, keys: ['a', 'b', 'c/d'] })
      actors.push(actor(`publisher m${i}`, () => publisher.idle))
      void publisher.run()
    }
    return startReceivers(
      stage,
      SUBSCRIBERS.map((options) => [`subscriber ${options.name}`, new Subscriber(world, model, options)]),
    )
  },
}
