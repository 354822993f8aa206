import { STATE_KINDS } from '../../../src/broker/state-kinds.ts'
import type { AppendGroup, LogStore, ReadResult } from '../../../src/log/ports.ts'
import type { Clock } from '../../../src/runtime/clock.ts'
import { callbacksOf, withAppend, withPartitions, withVerdict, withWatermark } from './log-wrappers.ts'
import type { PlantedFault } from './planted-fault.ts'

/** Long enough for a crash to come in between. */
const LATE_MS = 100
/** Topics are deleted seldom. */
const LATE_DELETION_MS = 800

/** What appends, reads and offsets may get wrong. */
export const LOG_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'acknowledges before the commit': {
    withinSeeds: 20,
    wrapLog: (log) => withAppend(log, (group) => (group.state.length === 0 ? { ...group, durability: 'written', ...callbacksOf(group) } : group)),
  },
  'a failed write is acknowledged': {
    withinSeeds: 20,
    wrapLog: (log) => withAppend(log, (group) => ({ ...group, ...callbacksOf(group), onDone: () => group.onDone(null) })),
  },
  'state is kept a little after its batches': { withinSeeds: 20, wrapLog: splitGroups },
  'the high watermark one too low': {
    withinSeeds: 20,
    wrapLog: (log) => withPartitions(log, (partition) => withWatermark(partition, (offset) => Math.max(partition.logStartOffset, offset - 1))),
  },
  'the high watermark at the log end': {
    withinSeeds: 20,
    wrapLog: (log) => withPartitions(log, (partition) => withWatermark(partition, () => partition.logEndOffset)),
  },
  'the high watermark goes back for a moment': {
    withinSeeds: 20,
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        let reads = 0
        withWatermark(partition, (offset) => (++reads % 97 === 0 ? Math.max(partition.logStartOffset, offset - 3) : offset))
      }),
  },
  'a retry of an idempotent batch is new': { withinSeeds: 20, wrapLog: (log) => withVerdict(log, 'duplicate', 'append') },
  'a gap in the sequence is no gap': { withinSeeds: 20, wrapLog: (log) => withVerdict(log, 'out-of-order', 'append') },
  'producers are forgotten by a restart': { withinSeeds: 20, wrapLog: forgetProducers },
  'a read begins one record late': {
    withinSeeds: 20,
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        const { read, readTail } = partition
        const late = (offset: number): number => (offset % 50 === 49 ? offset + 1 : offset)
        partition.read = (offset, limits) => read.call(partition, late(offset), limits)
        partition.readTail = (offset, limits) => readTail.call(partition, late(offset), limits)
      }),
  },
  // What an offset index does that is one batch late; the log itself believes an entry only where its batch stands.
  'a lookup by offset is one batch late': {
    withinSeeds: 20,
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        const { read } = partition
        partition.read = async (offset, limits) => {
          const result = await read.call(partition, offset, limits)
          const [first, ...rest] = 'batches' in result ? result.batches : []
          return first === undefined || rest.length === 0 ? result : { batches: rest, sizeBytes: rest.reduce((sum, { length }) => sum + length, 0) }
        }
      }),
  },
  'a lookup by time is one record late': {
    withinSeeds: 20,
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        const { offsetForTime } = partition
        partition.offsetForTime = async (timestampMs) => {
          const found = await offsetForTime.call(partition, timestampMs)
          return found !== null && 'offset' in found && found.offset + 1 < partition.highWatermark ? { ...found, offset: found.offset + 1 } : found
        }
      }),
  },
  'a cached batch outlives its topic': { withinSeeds: 20, wrapLog: cacheByName },
  'retention cuts what nobody told it to': {
    withinSeeds: 20,
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        let checks = 0
        const { checkProducer } = partition
        partition.checkProducer = (batch) => {
          if (++checks % 40 === 0) partition.raiseStart(partition.highWatermark, () => {})
          return checkProducer.call(partition, batch)
        }
      }),
  },
  'files are deleted before the deletion is kept': { withinSeeds: 20, wrapLog: deleteEarly },
  'markers and the state of their transaction are two groups': {
    withinSeeds: 40,
    wrapLog: (log, clock) => splitGroups(log, clock, ({ state }) => state.some(({ kind }) => kind === STATE_KINDS.transaction)),
  },
  'the last stable offset ignores open transactions': {
    withinSeeds: 20,
    wrapLog: (log) =>
      withPartitions(log, (partition) => {
        Object.defineProperty(partition, 'lastStableOffset', { get: () => partition.highWatermark })
      }),
  },
  'aborted transactions are forgotten by a restart': { withinSeeds: 20, wrapLog: forgetAborted },
  'an offset commit is answered before it is kept': {
    withinSeeds: 20,
    wrapLog: (log) =>
      withAppend(log, (group) => {
        if (group.state.length === 0 || !group.state.every(({ kind }) => kind === STATE_KINDS.groupOffset)) return group
        queueMicrotask(() => group.onDone(null))
        return { ...group, ...callbacksOf(group), onDone: () => {} }
      }),
  },
}

/** A batch and the state that belongs to it: no longer both or neither. */
function splitGroups(log: LogStore, clock: Clock, isSplit: (group: AppendGroup) => boolean = () => true): LogStore {
  const append = log.append.bind(log)
  log.append = (group) => {
    if (group.batches.length === 0 || group.state.length === 0 || !isSplit(group)) {
      append(group)
      return
    }
    append({ ...group, state: [], ...callbacksOf(group) })
    clock.after(LATE_MS, () => append({ batches: [], state: group.state, durability: 'durable', onDone: () => {} }))
  }
  return log
}

/** Whoever has not written since the start is unknown, and may begin anywhere. */
function forgetProducers(log: LogStore): LogStore {
  return withPartitions(log, (partition) => {
    const known = new Set<number>()
    const { checkProducer } = partition
    partition.checkProducer = (batch) => {
      const verdict = checkProducer.call(partition, batch)
      if (known.has(batch.producerId)) return verdict
      known.add(batch.producerId)
      return { ...verdict, outcome: 'append' }
    }
  })
}

/** Of what ended before the start nobody knows that it was aborted. */
function forgetAborted(log: LogStore): LogStore {
  return withPartitions(log, (partition) => {
    const { abortedTransactions } = partition
    const startedAt = partition.logEndOffset
    partition.abortedTransactions = (from, end) => abortedTransactions.call(partition, from, end).filter(({ lastOffset }) => lastOffset >= startedAt)
  })
}

/** The tail that was read last is kept by the topic's name. */
function cacheByName(log: LogStore): LogStore {
  const cache = new Map<string, ReadResult>()
  return withPartitions(log, (partition) => {
    const { readTail } = partition
    const key = `${partition.topicName}-${partition.index}`
    partition.readTail = (offset, limits) => {
      const cached = offset === 0 ? cache.get(key) : undefined
      const result = cached ?? readTail.call(partition, offset, limits)
      if (offset === 0 && result !== undefined && result.batches.length > 0) cache.set(key, result)
      return result
    }
  })
}

/** Files go when the deletion is asked for; that it was is kept a little later. */
function deleteEarly(log: LogStore, clock: Clock): LogStore {
  const append = log.append.bind(log)
  log.append = (group) => {
    const gone = group.state.filter(({ kind, value }) => kind === STATE_KINDS.topic && value === null)
    for (const { key } of gone) log.deleteTopic(key)
    if (gone.length === 0) append(group)
    else clock.after(LATE_DELETION_MS, () => append(group))
  }
  return log
}
