import { STATE_KINDS } from '../../../src/broker/state-kinds.ts'
import type { BatchAppend, LogStore, StateMachine } from '../../../src/log/ports.ts'
import { callbacksOf, withAppend, withoutState } from './log-wrappers.ts'
import type { PlantedFault } from './planted-fault.ts'

/** What the coordinators may fail to keep. */
export const STATE_PLANTS: Readonly<Record<string, PlantedFault>> = {
  'packet ids of QoS 2 are not kept': { withinSeeds: 40, wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.sessionQos2) },
  'exchanges of QoS 2 with subscribers are not kept': {
    withinSeeds: 20,
    wrapLog: (log) => withoutState(log, ({ kind, key }) => kind === STATE_KINDS.sessionAck && key.includes('\0o')),
  },
  'subscriptions are not kept': {
    withinSeeds: 20,
    wrapLog: (log) => withoutState(log, ({ kind, key }) => kind === STATE_KINDS.session && key.includes('#')),
  },
  'retained messages are not kept': { withinSeeds: 20, wrapLog: withoutRetained },
  'wills are not kept': { withinSeeds: 40, wrapLog: (log) => withoutState(log, ({ kind, value }) => kind === STATE_KINDS.will && value !== null) },
  'wills are kept after a goodbye': { withinSeeds: 20, wrapLog: (log) => withoutState(log, ({ kind, value }) => kind === STATE_KINDS.will && value === null) },
  'committed offsets are not kept': { withinSeeds: 20, wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.groupOffset) },
  'generations are not kept': { withinSeeds: 20, wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.group) },
  'groups of KIP-848 are not kept': { withinSeeds: 20, wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.consumerGroup) },
  'producer ids are given twice': { withinSeeds: 20, wrapLog: (log) => withoutState(log, ({ kind }) => kind === STATE_KINDS.producerIds) },
  'deletions of topics are not kept': {
    withinSeeds: 20,
    wrapLog: (log) => withoutState(log, ({ kind, value }) => kind === STATE_KINDS.topic && value === null),
  },
  'rights are not kept': { withinSeeds: 40, wrapLog: (log) => withoutState(log, ({ kind, value }) => kind === STATE_KINDS.acl && value !== null) },
  'rights that were taken away are kept': {
    withinSeeds: 40,
    wrapLog: (log) => withoutState(log, ({ kind, value }) => kind === STATE_KINDS.acl && value === null),
  },
  'a snapshot has half of the state': { withinSeeds: 20, wrapLog: halveSnapshots },
}

/** Where copies of retained messages are kept: beside the record, in the same group. */
const RETAINED_TOPIC = '__retained'

function withoutRetained(log: LogStore): LogStore {
  return withAppend(log, (group) => {
    const isLost = ({ partition }: BatchAppend): boolean => partition.topicName === RETAINED_TOPIC
    return {
      ...group,
      ...callbacksOf(group),
      batches: group.batches.filter((batch) => !isLost(batch)),
      onAssigned: (offsets) => {
        let next = 0
        group.onAssigned?.(group.batches.map((batch) => (isLost(batch) ? batch.partition.logEndOffset : (offsets[next++] as number))))
      },
    }
  })
}

function halveSnapshots(log: LogStore): LogStore {
  const register = log.register.bind(log)
  log.register = (machine) => register(halved(machine))
  return log
}

function halved(machine: StateMachine): StateMachine {
  return {
    kind: machine.kind,
    apply: (key, value) => machine.apply(key, value),
    *entries() {
      let i = 0
      for (const entry of machine.entries()) if (i++ % 2 === 0) yield entry
    },
  }
}
