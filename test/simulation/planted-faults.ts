import type { AppendGroup, LogStore, PartitionLog } from '../../src/log/ports.ts'
import type { PlantedFault } from './world.ts'

/**
 * Faults that the simulation must find, or it proves nothing. Each stands between the broker and its log, or in the disk; none is
 * in the broker's code.
 */
export const PLANTED_FAULTS: Readonly<Record<string, PlantedFault>> = {
  'the disk says it synced and did not': { syncLies: true },
  'acknowledges before the commit': {
    wrapLog: (log) => withAppend(log, (group) => ({ ...group, durability: group.state.length === 0 ? 'written' : group.durability })),
  },
  'every retry of an idempotent batch is new': {
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        const { checkProducer } = partition
        partition.checkProducer = function (batch) {
          const verdict = checkProducer.call(this, batch)
          return verdict.outcome === 'duplicate' ? { ...verdict, outcome: 'append' } : verdict
        }
      }),
  },
  'the high watermark one too low': { wrapLog: (log) => withPartitions(log, (partition) => shiftWatermark(partition, -1)) },
  'the high watermark at the log end': {
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        Object.defineProperty(partition, 'highWatermark', { get: () => partition.logEndOffset })
      }),
  },
}

function shiftWatermark(partition: PartitionLog, by: number): void {
  const getter = watermarkGetter(partition)
  Object.defineProperty(partition, 'highWatermark', { get: () => Math.max(partition.logStartOffset, getter() + by) })
}

function watermarkGetter(partition: PartitionLog): () => number {
  const descriptor = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(partition), 'highWatermark')
  return () => descriptor?.get?.call(partition) as number
}

/** The same log with other appends. Its methods keep their object: they have private fields. */
function withAppend(log: LogStore, change: (group: AppendGroup) => AppendGroup): LogStore {
  const append = log.append.bind(log)
  log.append = (group) => append(change(group))
  return log
}

type Writable<T> = { -readonly [K in keyof T]: T[K] }

function withPartitions(log: LogStore, change: (partition: Writable<PartitionLog>) => void): LogStore {
  const { openPartition, createPartition } = log
  log.openPartition = async (...given) => {
    const partition = await openPartition.apply(log, given)
    change(partition)
    return partition
  }
  log.createPartition = (...given) => {
    const partition = createPartition.apply(log, given)
    change(partition)
    return partition
  }
  return log
}
