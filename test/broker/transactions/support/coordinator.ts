import assert from 'node:assert/strict'
import type { BrokerContext } from '../../../../src/broker/broker.ts'
import type { ErrorRow } from '../../../../src/broker/errors.ts'
import type { OffsetChange } from '../../../../src/broker/groups/offsets.ts'
import { ProducerIds } from '../../../../src/broker/producers/producer-ids.ts'
import type { Partition } from '../../../../src/broker/topics/partition.ts'
import type { ProducerIdAndEpoch } from '../../../../src/broker/transactions/producer-epoch.ts'
import { TransactionCoordinator } from '../../../../src/broker/transactions/transaction-coordinator.ts'
import { DEFAULT_TRANSACTION_SETTINGS } from '../../../../src/broker/transactions/transaction-settings.ts'
import type { AppendGroup } from '../../../../src/log/ports.ts'
import { ManualClock } from '../../../../src/testing/manual-clock.ts'
import { StateLog } from '../../groups/support/state-log.ts'

export const ID = 'payments'
export const LAST_EPOCH = 32_766
const SETTINGS = { ...DEFAULT_TRANSACTION_SETTINGS, abortCheckIntervalMs: 1_000, idExpirationMs: 60_000, expiryCheckIntervalMs: 10_000, maxOffsets: 5 }

/** A coordinator over a log whose appends wait for the test, and one topic of two partitions. */
export function start(durable = new StateLog().durable, clock = new ManualClock()) {
  const log = new StateLog(durable)
  const appended: AppendGroup[] = []
  const append = log.append.bind(log)
  log.append = (group) => {
    appended.push(group)
    append(group)
  }
  const topic = { id: 'topic', partitions: [] as Partition[] }
  for (const index of [0, 1]) topic.partitions.push({ topic, index, log: log.createPartition('topic', 'topic', index) } as unknown as Partition)
  const known = new Map([[topic.id, topic]])
  const topics = { getById: (id: string) => known.get(id) }
  const context = { clock, log, topics } as unknown as BrokerContext
  const ids = new ProducerIds(log, { blockSize: 10, maxWaiting: 10 })
  const committed: string[] = []
  const groups = {
    stageOffsets: (groupId: string, changes: readonly OffsetChange[]) => {
      const said = changes.map(({ topicName, partition, value }) => `${groupId} ${topicName}-${partition} ${value?.offset}`)
      return { records: [], settle: (ok: boolean) => void (ok && committed.push(...said)) }
    },
  }
  const coordinator = new TransactionCoordinator(context, ids, groups, SETTINGS)
  log.replay()
  coordinator.open()
  const told = <T>(ask: (respond: (result: T) => void) => void, disk: 'works' | 'refuses' | 'waits' = 'works'): T | undefined => {
    let answer: T | undefined
    ask((result) => {
      answer = result
    })
    if (disk === 'works') log.commit()
    if (disk === 'refuses') log.fail()
    return answer
  }
  type Answer = ProducerIdAndEpoch | ErrorRow
  const init = (expected: ProducerIdAndEpoch | null = null, disk?: 'works' | 'refuses' | 'waits') =>
    told<Answer>((respond) => coordinator.init({ transactionalId: ID, timeoutMs: 5_000, expected }, respond), disk)
  const add = ({ producerId, producerEpoch }: ProducerIdAndEpoch, partition: number, disk?: 'works' | 'refuses' | 'waits') =>
    told<ErrorRow | null>(
      (respond) => coordinator.addPartitions({ transactionalId: ID, producerId, producerEpoch }, [topic.partitions[partition] as Partition], respond),
      disk,
    )
  const end = (by: ProducerIdAndEpoch, version: 0 | 2, commit = true, disk?: 'works' | 'refuses' | 'waits') =>
    told<Answer>((respond) => coordinator.end(ID, { ...by, commit, version }, respond), disk)
  const offset = ({ producerId, producerEpoch }: ProducerIdAndEpoch, groupId: string, topicId: string, value: number, version: 0 | 2 = 2) => {
    const pending = { topicName: 'topic', partition: 0, value: { topicId, offset: value, leaderEpoch: -1, metadata: '', committedAtMs: 0, expiresAtMs: -1 } }
    return told<ErrorRow | null>((respond) =>
      coordinator.commitOffsets({ transactionalId: ID, producerId, producerEpoch }, groupId, [{ ...pending }], version, respond),
    )
  }
  const check = (by: ProducerIdAndEpoch, partition: number, version: 0 | 2 = 2) =>
    coordinator.checkBatch({ transactionalId: ID, ...by }, topic.partitions[partition] as Partition, version)
  return { log, clock, appended, committed, coordinator, topic, known, init, add, end, offset, check, record: () => coordinator.get(ID) }
}

export const errorOf = (answer: ProducerIdAndEpoch | ErrorRow | null | undefined): string | undefined =>
  answer !== null && answer !== undefined && 'kafka' in answer ? answer.name : undefined
export const producerOf = (answer: ProducerIdAndEpoch | ErrorRow | undefined): ProducerIdAndEpoch => {
  assert.ok(answer !== undefined && 'producerId' in answer, JSON.stringify(answer))
  return answer
}
