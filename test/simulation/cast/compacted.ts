import { CompactedModel } from '../compacted-model.ts'
import { actor, type Workload } from '../stage.ts'
import { TableReplayer, TableWriter } from '../workloads/compacted-table.ts'
import { createTopic } from '../workloads/kafka-readers.ts'
import { TransactionalTableWriter } from '../workloads/transactional-table.ts'

const TOPIC = 'table'
/** The last one is written by transactions. */
const PARTITIONS = 3
const DELETE_RETENTION_MS = 2_500

/** A compacted topic: one writer per partition, and readers who read it from the start to the end again and again. */
export const compacted: Workload = {
  topics: [],
  start({ world, actors }) {
    const configs = {
      'cleanup.policy': 'compact',
      // No segment is full within a run: they are closed by their age.
      'segment.ms': String(world.random.pick([150, 400, 1_000])),
      'min.cleanable.dirty.ratio': String(world.random.pick([0.01, 0.3, 0.5])),
      'delete.retention.ms': String(DELETE_RETENTION_MS),
      // Clocks jump, and what a batch says is said again when it is sent again.
      'message.timestamp.after.max.ms': '9223372036854775807',
    }
    const parts = Array.from({ length: PARTITIONS }, (_, index) => {
      const isTransactional = index === PARTITIONS - 1
      const place = { topic: TOPIC, index, isTransactional }
      const model = new CompactedModel(world, `${TOPIC}-${index}`, DELETE_RETENTION_MS)
      const own = world.drawingFrom(`writer of ${TOPIC}-${index}`)
      const writer = isTransactional ? new TransactionalTableWriter(own, model, place) : new TableWriter(own, model, place)
      const replayers = [0, 1].map((i) => new TableReplayer(world.drawingFrom(`replayer ${i} of ${TOPIC}-${index}`), model, place))
      actors.push(actor(`writer of ${TOPIC}-${index}`, () => writer.done))
      for (const replayer of replayers) actors.push(actor(`replayer of ${TOPIC}-${index}`, () => replayer.done))
      return { writer, replayers }
    })
    void (async () => {
      await createTopic(
        world,
        TOPIC,
        PARTITIONS,
        Object.entries(configs).map(([name, value]) => ({ name, value })),
      )
      for (const { writer, replayers } of parts) for (const client of [writer, ...replayers]) void client.run()
    })()
    return {
      verify: async () => {
        for (const { replayers } of parts) await replayers[0]?.verify()
      },
    }
  },
}
