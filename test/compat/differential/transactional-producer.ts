import { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from '../../../src/kafka/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxnRequest, AddPartitionsToTxnResponse } from '../../../src/kafka/messages/add-partitions-to-txn.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { DescribeTransactionsRequest, DescribeTransactionsResponse } from '../../../src/kafka/messages/describe-transactions.ts'
import { EndTxnRequest, EndTxnResponse } from '../../../src/kafka/messages/end-txn.ts'
import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/kafka/messages/find-coordinator.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../src/kafka/messages/list-offsets.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '../../../src/kafka/messages/txn-offset-commit.ts'
import { buildBatch, readBatchHeader, TRANSACTIONAL_BIT } from '../../../src/log/record-batch.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import type { Peer } from './question.ts'

/** The coordinator is being loaded, or ends what was before: asked again. */
const NOT_YET = new Set([14, 15, 16])
const CONCURRENT = 51
const TRIES = 100

/** One transactional producer and what it is told; ids are left out, epochs are told. */
export class TransactionalProducer {
  readonly #peer: Peer
  readonly transactionalId: string
  readonly topic: string
  readonly groupId: string
  producerId = -1
  epoch = -1

  constructor(peer: Peer) {
    this.#peer = peer
    this.transactionalId = peer.name('txn')
    this.topic = peer.name('txn-topic')
    this.groupId = peer.name('txn-group')
  }

  async makeTopic(): Promise<void> {
    const topics = [{ name: this.topic, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] }]
    await this.#peer.ask([CreateTopicsRequest, CreateTopicsResponse], 7, { topics })
    await again(async () => {
      const answer = await this.#peer.ask([ListOffsetsRequest, ListOffsetsResponse], 5, {
        replicaId: -1,
        isolationLevel: 0,
        timeoutMs: 0,
        topics: [{ name: this.topic, partitions: [0, 1].map((partitionIndex) => ({ partitionIndex, timestamp: -1 })) }],
      })
      return answer.topics[0]?.partitions.some(({ errorCode }) => errorCode !== 0) ? NOT_YET_CODE : 0
    })
  }

  /** A Kafka makes the topics of its coordinators when somebody looks for one. */
  async findCoordinators(): Promise<void> {
    for (const [keyType, key] of [
      [0, this.groupId],
      [1, this.transactionalId],
    ] as const) {
      await again(async () => {
        const answer = await this.#peer.ask([FindCoordinatorRequest, FindCoordinatorResponse], 4, { key: '', keyType, coordinatorKeys: [key] })
        return answer.coordinators[0]?.errorCode ?? 0
      })
    }
  }

  /** InitProducerId; takes over what it is given. `expected`: with its own id and this epoch. */
  async init({ version = 5, timeoutMs = 60_000, expected = -1, once = false } = {}): Promise<string> {
    const code = await again(async () => {
      const answer = await this.#peer.ask([InitProducerIdRequest, InitProducerIdResponse], version, {
        transactionalId: this.transactionalId,
        transactionTimeoutMs: timeoutMs,
        producerId: expected === -1 ? -1 : this.producerId,
        producerEpoch: expected,
      })
      if (answer.errorCode === 0) Object.assign(this, { producerId: answer.producerId, epoch: answer.producerEpoch })
      return answer.errorCode
    }, once)
    return code === 0 ? `epoch ${this.epoch}` : `error ${code}`
  }

  async add(partitions: readonly number[], { version = 3, epoch = this.epoch, producerId = this.producerId, topic = this.topic } = {}): Promise<unknown> {
    let results: unknown
    await again(async () => {
      const answer = await this.#peer.ask([AddPartitionsToTxnRequest, AddPartitionsToTxnResponse], version, {
        transactions: [],
        v3AndBelowTransactionalId: this.transactionalId,
        v3AndBelowProducerId: producerId,
        v3AndBelowProducerEpoch: epoch,
        v3AndBelowTopics: [{ name: topic, partitions }],
      })
      const codes = answer.resultsByTopicV3AndBelow.flatMap(({ resultsByPartition }) => resultsByPartition.map(({ partitionErrorCode }) => partitionErrorCode))
      results = codes.toSorted((a, b) => a - b)
      return codes.includes(CONCURRENT) ? NOT_YET_CODE : (codes[0] ?? 0)
    })
    return results
  }

  async produce(
    partition: number,
    sequence: number,
    options: { version?: number; epoch?: number; transactional?: boolean; withId?: boolean; count?: number; padBytes?: number } = {},
  ) {
    const { version = 12, epoch = this.epoch, transactional = true, withId = true, count = 1, padBytes = 0 } = options
    const textOf = (i: number) => Buffer.from(`${sequence + i}`.padStart(padBytes))
    const records = Array.from({ length: count }, (_, i) => ({ key: null, value: textOf(i), timestampMs: 1_700_000_000_000 }))
    let offset = -1
    const code = await again(async () => {
      const answer = await this.#peer.ask([ProduceRequest, ProduceResponse], version, {
        transactionalId: withId ? this.transactionalId : null,
        acks: -1,
        timeoutMs: 5_000,
        topicData: [
          {
            name: this.topic,
            topicId: ZERO_UUID,
            partitionData: [
              {
                index: partition,
                records: buildBatch(records, {
                  attributes: transactional ? TRANSACTIONAL_BIT : 0,
                  producerId: this.producerId,
                  producerEpoch: epoch,
                  baseSequence: sequence,
                }),
              },
            ],
          },
        ],
      })
      const part = answer.responses[0]?.partitionResponses[0]
      offset = part?.baseOffset ?? -1
      return part?.errorCode === CONCURRENT ? NOT_YET_CODE : (part?.errorCode ?? -99)
    })
    return code === 0 ? `at ${offset}` : `error ${code}`
  }

  /** EndTxn; from v5 on takes over the next epoch. */
  async end(commit: boolean, { version = 5, epoch = this.epoch, producerId = this.producerId, once = false } = {}): Promise<string> {
    let told = ''
    const code = await again(async () => {
      const answer = await this.#peer.ask([EndTxnRequest, EndTxnResponse], version, {
        transactionalId: this.transactionalId,
        producerId,
        producerEpoch: epoch,
        committed: commit,
      })
      if (answer.errorCode === 0 && version >= 5) Object.assign(this, { producerId: answer.producerId, epoch: answer.producerEpoch })
      told = `epoch ${answer.producerEpoch}`
      return answer.errorCode === CONCURRENT && !once ? NOT_YET_CODE : answer.errorCode
    })
    return code === 0 ? told : `error ${code}`
  }

  async addOffsets({ version = 4, epoch = this.epoch } = {}): Promise<number> {
    return again(async () => {
      const { transactionalId, producerId, groupId } = this
      const answer = await this.#peer.ask([AddOffsetsToTxnRequest, AddOffsetsToTxnResponse], version, {
        transactionalId,
        producerId,
        producerEpoch: epoch,
        groupId,
      })
      return answer.errorCode === CONCURRENT ? NOT_YET_CODE : answer.errorCode
    })
  }

  async commitOffset(
    offset: number,
    options: { version?: number; epoch?: number; generation?: number; memberId?: string; partition?: number } = {},
  ): Promise<number> {
    const { version = 5, epoch = this.epoch, generation = -1, memberId = '', partition = 0 } = options
    return again(async () => {
      const answer = await this.#peer.ask([TxnOffsetCommitRequest, TxnOffsetCommitResponse], version, {
        transactionalId: this.transactionalId,
        groupId: this.groupId,
        producerId: this.producerId,
        producerEpoch: epoch,
        generationIdOrMemberEpoch: generation,
        memberId,
        topics: [
          {
            name: this.topic,
            topicId: ZERO_UUID,
            partitions: [{ partitionIndex: partition, committedOffset: offset, committedLeaderEpoch: -1, committedMetadata: '' }],
          },
        ],
      })
      const code = answer.topics[0]?.partitions[0]?.errorCode ?? -99
      return code === CONCURRENT ? NOT_YET_CODE : code
    })
  }

  async committed(requireStable: boolean): Promise<string> {
    let offset = -2
    const code = await again(async () => {
      const answer = await this.#peer.ask([OffsetFetchRequest, OffsetFetchResponse], 8, {
        groupId: '',
        topics: [],
        groups: [{ groupId: this.groupId, topics: [{ name: this.topic, topicId: ZERO_UUID, partitionIndexes: [0] }] }],
        requireStable,
      })
      const part = answer.groups[0]?.topics[0]?.partitions[0]
      offset = part?.committedOffset ?? -2
      return answer.groups[0]?.errorCode ? answer.groups[0].errorCode : (part?.errorCode ?? -99)
    })
    return code === 0 ? `offset ${offset}` : `error ${code}`
  }

  /** What a reader gets of partition 0, Fetch by Fetch up to the end: the batches, and the transactions that it must leave out. */
  async fetch(isolationLevel: number, fetchOffset = 0): Promise<unknown> {
    const batches: string[] = []
    const aborted = new Set<number>()
    for (let offset = fetchOffset; ; ) {
      const answer = await this.#peer.ask([FetchRequest, FetchResponse], 12, {
        maxWaitMs: 0,
        minBytes: 1,
        isolationLevel,
        topics: [{ topic: this.topic, topicId: ZERO_UUID, partitions: [{ partition: 0, fetchOffset: offset, partitionMaxBytes: 1_000_000 }] }],
        forgottenTopicsData: [],
      })
      const part = answer.responses[0]?.partitions[0]
      const bytes = Buffer.concat(part?.records ?? [])
      if (bytes.length === 0) {
        return {
          batches,
          aborted: [...aborted],
          isTold: part?.abortedTransactions !== null,
          lastStableOffset: part?.lastStableOffset,
          highWatermark: part?.highWatermark,
        }
      }
      for (const { firstOffset } of part?.abortedTransactions ?? []) aborted.add(firstOffset)
      for (let at = 0; at + 61 <= bytes.length; ) {
        const header = readBatchHeader(bytes, at)
        batches.push(`${header.baseOffset}+${header.recordCount} attributes ${header.attributes} epoch ${header.producerEpoch} sequence ${header.baseSequence}`)
        at += header.sizeBytes
        offset = header.baseOffset + header.lastOffsetDelta + 1
      }
    }
  }

  latest(isolationLevel: number): Promise<number | undefined> {
    return this.#listOffset(isolationLevel, -1)
  }

  earliest(): Promise<number | undefined> {
    return this.#listOffset(0, -2)
  }

  /** The first record at or after a time. */
  offsetAt(isolationLevel: number, timestampMs: number): Promise<number | undefined> {
    return this.#listOffset(isolationLevel, timestampMs)
  }

  async #listOffset(isolationLevel: number, timestamp: number): Promise<number | undefined> {
    const answer = await this.#peer.ask([ListOffsetsRequest, ListOffsetsResponse], 5, {
      replicaId: -1,
      isolationLevel,
      timeoutMs: 0,
      topics: [{ name: this.topic, partitions: [{ partitionIndex: 0, timestamp }] }],
    })
    return answer.topics[0]?.partitions[0]?.offset
  }

  /** Where the transaction stands, once no end of it is under way: Kafka answers EndTxn before its markers are written. */
  async describe(): Promise<unknown> {
    let told: unknown
    await again(async () => {
      const answer = await this.#peer.ask([DescribeTransactionsRequest, DescribeTransactionsResponse], 0, { transactionalIds: [this.transactionalId] })
      const state = answer.transactionStates[0]
      told = {
        ...state,
        transactionalId: '',
        producerId: 0,
        transactionStartTimeMs: Math.sign(state?.transactionStartTimeMs ?? 0),
        topics: state?.topics.map(({ partitions }) => partitions.toSorted()),
      }
      return state?.transactionState.startsWith('Prepare') ? NOT_YET_CODE : 0
    })
    return told
  }
}

export const NOT_YET_CODE = 14

/** Asks until it is answered otherwise than "not yet". */
export async function again(ask: () => Promise<number>, once = false): Promise<number> {
  for (let tries = 0; ; tries++) {
    const code = await ask()
    if (!NOT_YET.has(code) || once || tries === TRIES) return code
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}
