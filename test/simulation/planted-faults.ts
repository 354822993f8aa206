import { STATE_KINDS } from '../../src/broker/state-kinds.ts'
import type { AppendGroup, LogStore, PartitionLog, ProducerVerdict, StateRecord } from '../../src/log/ports.ts'
import type { PlantedFault } from './world.ts'

/**
 * Faults that the simulation must find, or it proves nothing. Each stands between the broker and its log, or in the disk; none is
 * in the broker's code.
 */
export const PLANTED_FAULTS: Readonly<Record<string, PlantedFault>> = {
  // The disk.
  'the disk says it synced and did not': { lies: ['sync'] },
  'only names are not synced': { lies: ['names'] },
  'only writing through is not': { lies: ['write-through'] },

  // The log.
  'acknowledges before the commit': {
    wrapLog: (log) => withAppend(log, (group) => (group.state.length === 0 ? { ...group, durability: 'written', ...callbacksOf(group) } : group)),
  },
  'state and batches in two groups': { wrapLog: splitGroups },
  'the high watermark one too low': { wrapLog: (log) => withPartitions(log, (partition) => shiftWatermark(partition, -1)) },
  'the high watermark at the log end': {
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        Object.defineProperty(partition, 'highWatermark', { get: () => partition.logEndOffset })
      }),
  },
  'a retry of an idempotent batch is new': { wrapLog: (log) => withVerdict(log, 'duplicate', 'append') },
  'a gap in the sequence is no gap': { wrapLog: (log) => withVerdict(log, 'out-of-order', 'append') },
  'a read begins one record late': {
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        const { read, readTail } = partition
        const late = (offset: number): number => (offset % 50 === 49 ? offset + 1 : offset)
        partition.read = (offset, limits) => read.call(partition, late(offset), limits)
        partition.readTail = (offset, limits) => readTail.call(partition, late(offset), limits)
      }),
  },

  // What the coordinators keep.
  'packet ids of QoS 2 are not kept': { wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.sessionQos2) },
  'exchanges of QoS 2 with subscribers are not kept': {
    wrapLog: (log) => withoutState(log, ({ kind, key }) => kind === STATE_KINDS.sessionAck && key.includes('\0o')),
  },
  'subscriptions are not kept': { wrapLog: (log) => withoutState(log, ({ kind, key }) => kind === STATE_KINDS.session && key.includes('#')) },
  'wills are not kept': { wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.will) },
  'committed offsets are not kept': { wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.groupOffset) },
  'generations are not kept': { wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.group) },
  'producer ids are given twice': { wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.producerIds) },
  'deletions of topics are not kept': { wrapLog: (log) => withoutState(log, ({ kind, value }) => kind === STATE_KINDS.topic && value === null) },
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

/** State that the broker believes it kept. */
function withoutState(log: LogStore, isLost: (record: StateRecord) => boolean): LogStore {
  return withAppend(log, (group) => ({ ...group, state: group.state.filter((record) => !isLost(record)), ...callbacksOf(group) }))
}

/** A batch and the state that belongs to it: no longer both or neither. */
function splitGroups(log: LogStore): LogStore {
  const append = log.append.bind(log)
  log.append = (group) => {
    if (group.batches.length === 0 || group.state.length === 0) {
      append(group)
      return
    }
    append({ ...group, state: [], ...callbacksOf(group) })
    append({ batches: [], state: group.state, durability: 'durable', onDone: () => {} })
  }
  return log
}

/** Methods of the group's own class are not copied with it. */
function callbacksOf(group: AppendGroup): Pick<AppendGroup, 'onAssigned' | 'onDone'> {
  return { onAssigned: (offsets) => group.onAssigned?.(offsets), onDone: (failure) => group.onDone(failure) }
}

function withVerdict(log: LogStore, from: ProducerVerdict['outcome'], to: ProducerVerdict['outcome']): LogStore {
  return withPartitions(log, (partition) => {
    const { checkProducer } = partition
    partition.checkProducer = (batch) => {
      const verdict = checkProducer.call(partition, batch)
      return verdict.outcome === from ? { ...verdict, outcome: to } : verdict
    }
  })
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
