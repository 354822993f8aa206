import { ExactPartition } from '../exact-log.ts'
import { KafkaClient } from '../kafka-client.ts'
import { actor, type Part, type Stage, type Workload } from '../stage.ts'
import { ExactAsker } from '../workloads/exact-asker.ts'
import { ExactReader } from '../workloads/exact-reader.ts'
import { ExactWriter } from '../workloads/exact-writer.ts'
import { createTopic } from '../workloads/kafka-readers.ts'
import type { World } from '../world.ts'

/** Clocks jump by hours; a batch keeps its timestamp when it is sent again. */
const ANY_CREATE_TIME = { name: 'message.timestamp.after.max.ms', value: String(Number.MAX_SAFE_INTEGER) }
/** Segments get larger than a run otherwise. */
const SHORT_SEGMENTS = { name: 'segment.ms', value: '700' }
const RETENTION_CHECK_MS = 2_000
const RETENTION_MS = 4_000
const RETENTION_BYTES = 20_000
const MIN_SEGMENT_BYTES = 1_048_576

interface Config {
  readonly name: string
  readonly value: string
}

/** A writer, readers and askers of partitions of which everything is known. */
function play(
  { world, actors }: Stage,
  topics: readonly { readonly partitions: readonly ExactPartition[]; readonly configs: readonly Config[] }[],
  deletes: boolean,
): Part {
  const partitions = topics.flatMap((topic) => topic.partitions)
  const writer = new ExactWriter(world, 'exact', partitions)
  const reader = new ExactReader(world, partitions)
  const asker = new ExactAsker(world, partitions, { deletes })
  const name = partitions[0]?.topic
  actors.push(actor(`writer of ${name}`, () => writer.idle))
  actors.push(actor(`reader of ${name}`, () => reader.done))
  actors.push(actor(`asker about ${name}`, () => asker.done))
  void (async () => {
    for (const topic of topics) await createTopic(world, topic.partitions[0]?.topic ?? '', topic.partitions.length, topic.configs)
    void writer.run()
    void reader.run()
    void asker.run()
  })()
  return {
    verify: async () => {
      await world.sleep(2 * RETENTION_CHECK_MS)
      const client = await KafkaClient.open(world)
      await asker.askAll(client)
      await reader.readAll(client)
      for (const partition of partitions) verifyRetention(world, partition)
      client.close()
    },
  }
}

/** What is beyond the limits is gone within two checks. */
function verifyRetention(world: World, partition: ExactPartition): void {
  const { retention, records, logStart, durableEnd } = partition
  // A segment is as young as its youngest record, though the log may begin behind that.
  const youngest = records.reduce((max, { timestampMs }) => Math.max(max, timestampMs), -1)
  const ageMs = world.time.wallMs - youngest
  const left = durableEnd - logStart
  if (retention.ms >= 0 && left > 0 && ageMs > retention.ms + 2 * RETENTION_CHECK_MS)
    world.violate(`${partition.name}: ${left} records are kept, the youngest is ${ageMs} ms old`)
  const bytes = partition.bytesFrom(logStart)
  if (retention.bytes >= 0 && bytes > retention.bytes + MIN_SEGMENT_BYTES) world.violate(`${partition.name}: ${bytes} bytes are kept`)
}

/** Partitions of one idempotent producer: where everything is can be asked, by time and by epoch. */
export const kafkaExact: Workload = {
  topics: [],
  start: (stage) => {
    const partitions = [0, 1, 2].map((index) => new ExactPartition(stage.world, 'exact', index))
    return play(stage, [{ partitions, configs: [ANY_CREATE_TIME] }], false)
  },
}

/** The same with a head that goes away: by age, by size, and by request. */
export const kafkaRetention: Workload = {
  topics: [],
  start: (stage) => {
    const { world } = stage
    const short = [ANY_CREATE_TIME, SHORT_SEGMENTS]
    const byAge = new ExactPartition(world, 'by-age', 0, { ms: RETENTION_MS, bytes: -1 })
    const bySize = new ExactPartition(world, 'by-size', 0, { ms: -1, bytes: RETENTION_BYTES })
    const byRequest = new ExactPartition(world, 'by-request', 0)
    const topics = [
      { partitions: [byAge], configs: [...short, { name: 'retention.ms', value: String(RETENTION_MS) }] },
      { partitions: [bySize], configs: [...short, { name: 'retention.bytes', value: String(RETENTION_BYTES) }] },
      { partitions: [byRequest], configs: short },
    ]
    return play(stage, topics, true)
  },
}
