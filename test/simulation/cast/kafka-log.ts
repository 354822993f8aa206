import { actor, type Workload } from '../stage.ts'
import { Producer } from '../workloads/kafka-producers.ts'

const PARTITIONS = 2

const PRODUCERS = [
  { topic: 'events', acks: -1, idempotent: true },
  { topic: 'events', acks: 0, idempotent: false },
  { topic: 'orders', acks: -1, idempotent: true },
  { topic: 'orders', acks: 1, idempotent: false },
  { topic: 'ledger', acks: -1, idempotent: true },
  { topic: 'ledger', acks: -1, idempotent: false },
] as const

/** Producers of every kind, several to a partition. */
export const kafkaLog: Workload = {
  topics: [
    { name: 'events', partitions: PARTITIONS, alwaysDurable: false },
    { name: 'orders', partitions: PARTITIONS, alwaysDurable: false },
    { name: 'ledger', partitions: PARTITIONS, alwaysDurable: true },
  ],
  start({ world, model, actors }) {
    PRODUCERS.forEach((kind, i) => {
      const producer = new Producer(world, model, { name: `p${i}`, partitions: PARTITIONS, ...kind })
      actors.push(actor(`producer p${i}`, () => producer.idle))
      void producer.run()
    })
    return {}
  },
}
