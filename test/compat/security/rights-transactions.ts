import { setTimeout as sleep } from 'node:timers/promises'
import { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from '../../../src/kafka/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxnRequest, AddPartitionsToTxnResponse } from '../../../src/kafka/messages/add-partitions-to-txn.ts'
import { DescribeTransactionsRequest, DescribeTransactionsResponse } from '../../../src/kafka/messages/describe-transactions.ts'
import { EndTxnRequest, EndTxnResponse } from '../../../src/kafka/messages/end-txn.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/kafka/messages/find-coordinator.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { ListTransactionsRequest, ListTransactionsResponse } from '../../../src/kafka/messages/list-transactions.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '../../../src/kafka/messages/txn-offset-commit.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { batchOf } from '../../kafka/lib/batches.ts'
import type { RightsPeer } from './rights-peer.ts'

const COORDINATOR_LOADS = 14
const COORDINATOR_NOT_AVAILABLE = 15
const NOT_COORDINATOR = 16
const CONCURRENT_TRANSACTIONS = 51
/** Of a batch's attributes. */
const TRANSACTIONAL_BIT = 0x10
const PASSING: ReadonlySet<number> = new Set([COORDINATOR_LOADS, COORDINATOR_NOT_AVAILABLE, NOT_COORDINATOR, CONCURRENT_TRANSACTIONS])

/** What bob may do with the transactional id `t` from its begin to its end; codes alone. */
export async function lifeOfATransaction(peer: RightsPeer): Promise<unknown> {
  const find = await untilSettled(
    () => peer.ask([FindCoordinatorRequest, FindCoordinatorResponse] as const, 4, { key: '', keyType: 1, coordinatorKeys: ['t'] }),
    ({ coordinators }) => coordinators.map(({ errorCode }) => errorCode),
  )
  const init = await untilSettled(
    () => peer.ask([InitProducerIdRequest, InitProducerIdResponse] as const, 4, { transactionalId: 't', transactionTimeoutMs: 60_000 }),
    ({ errorCode }) => [errorCode],
  )
  const { producerId, producerEpoch } = init
  const producer = { transactionalId: 't', producerId, producerEpoch }
  const topics = ['orders', 'secret', 'missing'].map((name) => ({ name, partitions: [0] }))
  const add = (names: typeof topics) =>
    untilSettled(
      () =>
        peer.ask([AddPartitionsToTxnRequest, AddPartitionsToTxnResponse] as const, 3, {
          transactions: [],
          v3AndBelowTransactionalId: 't',
          v3AndBelowProducerId: producerId,
          v3AndBelowProducerEpoch: producerEpoch,
          v3AndBelowTopics: names,
        }),
      ({ resultsByTopicV3AndBelow: results }) => results.flatMap(({ resultsByPartition }) => resultsByPartition.map((result) => result.partitionErrorCode)),
    )
  const added = [await add(topics), await add(topics.slice(0, 1))].map(({ resultsByTopicV3AndBelow: results }) =>
    results.map(({ name, resultsByPartition }) => `${name} ${resultsByPartition[0]?.partitionErrorCode}`).sort(),
  )
  const produced = await peer.ask([ProduceRequest, ProduceResponse] as const, 9, {
    transactionalId: 't',
    acks: -1,
    timeoutMs: 10_000,
    topicData: [
      {
        name: 'orders',
        topicId: ZERO_UUID,
        partitionData: [
          { index: 0, records: batchOf(['x'], { timestampMs: Date.now(), producerId, producerEpoch, baseSequence: 0, attributes: TRANSACTIONAL_BIT }) },
        ],
      },
    ],
  })
  const offsets = await untilSettled(
    () => peer.ask([AddOffsetsToTxnRequest, AddOffsetsToTxnResponse] as const, 3, { ...producer, groupId: 'g' }),
    ({ errorCode }) => [errorCode],
  )
  const committed = await untilSettled(
    () =>
      peer.ask([TxnOffsetCommitRequest, TxnOffsetCommitResponse] as const, 3, {
        ...producer,
        groupId: 'g',
        topics: ['orders', 'secret'].map((name) => ({
          name,
          topicId: ZERO_UUID,
          partitions: [{ partitionIndex: 0, committedOffset: 0, committedMetadata: '' }],
        })),
      }),
    ({ topics: all }) => all.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)),
  )
  const described = await untilSettled(
    () => peer.ask([DescribeTransactionsRequest, DescribeTransactionsResponse] as const, 0, { transactionalIds: ['t'] }),
    ({ transactionStates }) => transactionStates.map(({ errorCode }) => errorCode),
  )
  const listed = await peer.ask([ListTransactionsRequest, ListTransactionsResponse] as const, 1, { stateFilters: [], producerIdFilters: [] })
  const ended = await untilSettled(
    () => peer.ask([EndTxnRequest, EndTxnResponse] as const, 3, { ...producer, committed: false }),
    ({ errorCode }) => [errorCode],
  )
  return {
    find: find.coordinators.map(({ errorCode }) => errorCode),
    init: init.errorCode,
    added,
    produced: produced.responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode)),
    offsets: offsets.errorCode,
    committed: committed.topics.map(({ name, partitions }) => `${name} ${partitions[0]?.errorCode}`).sort(),
    described: described.transactionStates.map(({ errorCode, topics: seen }) => [
      errorCode,
      seen.map(({ topic }) => topic).filter((topic) => !topic.startsWith('__')),
    ]),
    listed: listed.transactionStates.map(({ transactionalId }) => transactionalId),
    ended: ended.errorCode,
  }
}

/** A real Kafka says for a moment that a coordinator is not there yet, or still ends the transaction before. */
async function untilSettled<T>(ask: () => Promise<T>, codesOf: (answer: T) => readonly number[]): Promise<T> {
  for (;;) {
    const answer = await ask()
    if (!codesOf(answer).some((code) => PASSING.has(code))) return answer
    await sleep(50)
  }
}
