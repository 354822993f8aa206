import { actor, type Workload } from '../stage.ts'
import { EXPIRY_MS, ExpiringProducer, ExpiringTransactionalId, LOOKS_EVERY_MS } from '../workloads/expiring-ids.ts'

const TOPIC = 'short-memory'

/** Producer ids and transactional ids that are forgotten while the run lasts. */
export const kafkaExpiry: Workload = {
  topics: [{ name: TOPIC, partitions: 1, alwaysDurable: true }],
  settings: {
    'producer.id.expiration.ms': EXPIRY_MS,
    'log.retention.check.interval.ms': LOOKS_EVERY_MS,
    'transactional.id.expiration.ms': EXPIRY_MS,
    'transaction.remove.expired.transaction.cleanup.interval.ms': LOOKS_EVERY_MS,
  },
  start({ world, model, actors }) {
    const clients = [
      ...['ep0', 'ep1', 'ep2'].map((name) => new ExpiringProducer(world, model, TOPIC, name)),
      ...['et0', 'et1'].map((name) => new ExpiringTransactionalId(world, name)),
    ]
    for (const [i, client] of clients.entries()) {
      actors.push(actor(`expiring id ${i}`, () => client.done))
      void client.run()
    }
    return {}
  },
}
