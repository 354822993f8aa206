import type { AppendGroup, LogStore, PartitionLog, ProducerVerdict, StateRecord } from '../../../src/log/ports.ts'

/** Ways to stand between the broker and its log. Methods keep their object: they have private fields. */

export type Writable<T> = { -readonly [K in keyof T]: T[K] }

/** The same log with other appends. */
export function withAppend(log: LogStore, change: (group: AppendGroup) => AppendGroup): LogStore {
  const append = log.append.bind(log)
  log.append = (group) => append(change(group))
  return log
}

/** State that the broker believes it kept: neither its record nor a snapshot has it. */
export function withoutState(log: LogStore, isLost: (record: StateRecord) => boolean): LogStore {
  const register = log.register.bind(log)
  log.register = (machine) =>
    register({
      kind: machine.kind,
      apply: (key, value) => machine.apply(key, value),
      *entries() {
        for (const [key, value] of machine.entries()) if (!isLost({ kind: machine.kind, key, value })) yield [key, value] as const
      },
    })
  return withAppend(log, (group) => ({ ...group, state: group.state.filter((record) => !isLost(record)), ...callbacksOf(group) }))
}

/** Methods of the group's own class are not copied with it. */
export function callbacksOf(group: AppendGroup): Pick<AppendGroup, 'onAssigned' | 'onDone'> {
  return { onAssigned: (offsets) => group.onAssigned?.(offsets), onDone: (failure) => group.onDone(failure) }
}

/** Every partition as it is opened or made. */
export function withPartitions(log: LogStore, change: (partition: Writable<PartitionLog>) => void): LogStore {
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

export function withVerdict(log: LogStore, from: ProducerVerdict['outcome'], to: ProducerVerdict['outcome']): LogStore {
  return withPartitions(log, (partition) => {
    const { checkProducer } = partition
    partition.checkProducer = (batch) => {
      const verdict = checkProducer.call(partition, batch)
      return verdict.outcome === from ? { ...verdict, outcome: to } : verdict
    }
  })
}

/** What a partition says its high watermark is. */
export function withWatermark(partition: PartitionLog, change: (highWatermark: number) => number): void {
  const descriptor = Object.getOwnPropertyDescriptor(Object.getPrototypeOf(partition), 'highWatermark')
  Object.defineProperty(partition, 'highWatermark', { get: () => change(descriptor?.get?.call(partition) as number) })
}
