import { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from '../../../../src/kafka/messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxnRequest, AddPartitionsToTxnResponse } from '../../../../src/kafka/messages/add-partitions-to-txn.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/kafka/messages/create-topics.ts'
import { DescribeTransactionsRequest, DescribeTransactionsResponse } from '../../../../src/kafka/messages/describe-transactions.ts'
import { EndTxnRequest, EndTxnResponse } from '../../../../src/kafka/messages/end-txn.ts'
import { FetchRequest, FetchResponse } from '../../../../src/kafka/messages/fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../../src/kafka/messages/find-coordinator.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../../src/kafka/messages/init-producer-id.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../../src/kafka/messages/list-offsets.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../../src/kafka/messages/offset-fetch.ts'
import { ProduceRequest, ProduceResponse } from '../../../../src/kafka/messages/produce.ts'
import { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '../../../../src/kafka/messages/txn-offset-commit.ts'
import { buildBatch, readBatchHeader, TRANSACTIONAL_BIT } from '../../../../src/log/record-batch.ts'
import { ZERO_UUID } from '../../../../src/util/uuid.ts'
import type { Peer, Question } from '../question.ts'

/** The coordinator is being loaded, or ends what was before: asked again. */
const NOT_YET = new Set([14, 15, 16])
const CONCURRENT = 51
const TRIES = 100

/** One transactional producer and what it is told; ids are left out, epochs are told. */
class Producer {
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
    options: { version?: number; epoch?: number; transactional?: boolean; withId?: boolean; count?: number } = {},
  ) {
    const { version = 12, epoch = this.epoch, transactional = true, withId = true, count = 1 } = options
    const records = Array.from({ length: count }, (_, i) => ({ key: null, value: Buffer.from(`${sequence + i}`), timestampMs: 1_700_000_000_000 }))
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

  async latest(isolationLevel: number): Promise<number | undefined> {
    const answer = await this.#peer.ask([ListOffsetsRequest, ListOffsetsResponse], 5, {
      replicaId: -1,
      isolationLevel,
      timeoutMs: 0,
      topics: [{ name: this.topic, partitions: [{ partitionIndex: 0, timestamp: -1 }] }],
    })
    return answer.topics[0]?.partitions[0]?.offset
  }

  async describe(): Promise<unknown> {
    const answer = await this.#peer.ask([DescribeTransactionsRequest, DescribeTransactionsResponse], 0, { transactionalIds: [this.transactionalId] })
    const state = answer.transactionStates[0]
    return {
      ...state,
      transactionalId: '',
      producerId: 0,
      transactionStartTimeMs: Math.sign(state?.transactionStartTimeMs ?? 0),
      topics: state?.topics.map(({ partitions }) => partitions.toSorted()),
    }
  }
}

const NOT_YET_CODE = 14

/** Asks until it is answered otherwise than "not yet". */
async function again(ask: () => Promise<number>, once = false): Promise<number> {
  for (let tries = 0; ; tries++) {
    const code = await ask()
    if (!NOT_YET.has(code) || once || tries === TRIES) return code
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
}

type Script = (producer: Producer, peer: Peer) => AsyncGenerator<unknown>

/** Runs a script with a fresh producer, and gives all that it yields. */
function question(name: string, script: Script, difference?: string): Question {
  return {
    name: `transactions: ${name}`,
    ask: async (peer) => {
      const producer = new Producer(peer)
      await producer.makeTopic()
      await producer.findCoordinators()
      const told: unknown[] = []
      for await (const answer of script(producer, peer)) told.push(answer)
      return told
    },
    ...(difference === undefined ? {} : { difference }),
  }
}

/** Both protocols, with what begins a transaction in each. */
const PROTOCOLS = [
  { name: 'v1', produce: 11, end: 4, offsets: 4 },
  { name: 'v2', produce: 12, end: 5, offsets: 5 },
] as const

export const TRANSACTION_QUESTIONS: readonly Question[] = [
  question('InitProducerId bumps the epoch each time', async function* (p) {
    yield await p.init()
    yield await p.init()
    yield await p.init({ expected: 1 })
    yield await p.init({ expected: 1 })
    yield await p.init({ expected: 0 })
    yield await p.init({ expected: 0, version: 3 })
    yield await p.init({ timeoutMs: 0 })
    yield await p.init({ timeoutMs: 900_001 })
    yield await p.describe()
  }),
  question('InitProducerId of another producer id', async function* (p) {
    yield await p.init()
    p.producerId += 1000
    yield await p.init({ expected: 0 })
    yield await p.init({ expected: 0, version: 3 })
  }),
  question('requests of an unknown transactional id', async function* (p) {
    p.producerId = 5
    yield await p.add([0], { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
    yield await p.addOffsets({ epoch: 0 })
    yield await p.commitOffset(1, { epoch: 0 })
    yield await p.produce(0, 0, { epoch: 0 })
    yield await p.describe()
  }),
  question('an empty transactional id', async function* (p) {
    Object.assign(p, { transactionalId: '' })
    yield await p.init()
    yield await p.add([0], { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
    yield await p.addOffsets({ epoch: 0 })
    yield await p.describe()
  }),
  question('partitions that are not there', async function* (p) {
    yield await p.init()
    yield await p.add([0, 7, 1])
    yield await p.add([0], { topic: 'no-such-topic' })
    yield await p.describe()
  }),
  question('a wrong epoch or producer id', async function* (p) {
    yield await p.init()
    yield await p.init()
    for (const version of [0, 1, 2, 3]) yield await p.add([0], { version, epoch: 0 })
    for (const version of [0, 1, 2, 3]) yield await p.add([0], { version, epoch: 5 })
    yield await p.add([0], { producerId: p.producerId + 1 })
    for (const version of [0, 1, 2, 3, 4]) yield await p.end(true, { version, epoch: 0 })
    yield await p.end(true, { version: 4, epoch: 5 })
    yield await p.end(true, { epoch: 5 })
    yield await p.end(true, { producerId: p.producerId + 1 })
    for (const version of [0, 1, 2, 3, 4]) yield await p.addOffsets({ version, epoch: 0 })
    yield await p.commitOffset(1, { epoch: 0 })
    yield await p.commitOffset(1, { epoch: 0, version: 3 })
    yield await p.produce(0, 0, { epoch: 0 })
    yield await p.produce(0, 0, { epoch: 0, version: 11 })
  }),
  question('v1: produce without AddPartitionsToTxn', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0, { version: 11 })
    yield await p.add([0])
    yield await p.produce(0, 0, { version: 11 })
    yield await p.produce(1, 0, { version: 11 })
    yield await p.end(true, { version: 4 })
    await again(async () => ((await p.latest(1)) === 2 ? 0 : NOT_YET_CODE))
    yield await p.produce(0, 1, { version: 11 })
    yield await p.produce(0, 1, { version: 10 })
  }),
  question('v2: the first sequence is 0', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 3)
    yield await p.produce(0, 0)
    yield await p.end(true)
    yield await p.produce(0, 1)
    yield await p.produce(0, 0)
  }),
  question('batches that do not belong to the transaction', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.produce(0, 1, { transactional: false })
    yield await p.produce(0, 1, { transactional: false, withId: false })
    yield await p.produce(0, 1, { withId: false })
    yield await p.produce(1, 0, { transactional: false, withId: false })
    yield await p.end(true)
  }),
  question('v1: the end in every state', async function* (p) {
    yield await p.init()
    yield await p.end(true, { version: 4 })
    yield await p.end(false, { version: 4 })
    yield await p.add([0])
    yield await p.end(true, { version: 4 })
    yield await p.end(true, { version: 4 })
    yield await p.end(false, { version: 4 })
    yield await p.add([0])
    yield await p.end(false, { version: 4 })
    yield await p.end(false, { version: 4 })
    yield await p.end(true, { version: 4 })
    yield await p.describe()
  }),
  question('v2: the end with nothing open', async function* (p) {
    yield await p.init()
    yield await p.end(true)
    yield await p.end(true, { epoch: p.epoch - 1 })
    yield await p.end(false)
    yield await p.end(false)
    yield await p.describe()
  }),
  question('v2: an abort of Empty that is repeated with the epoch before', async function* (p) {
    yield await p.init()
    yield await p.init()
    yield await p.end(false, { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
  }),
  question('v2: a commit, and all that may follow', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.end(true)
    yield await p.end(true, { epoch: 0 })
    yield await p.end(false, { epoch: 0 })
    yield await p.end(true)
    yield await p.end(false)
    yield await p.describe()
  }),
  question('v2: an abort, and all that may follow', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.end(false)
    yield await p.end(false, { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
    yield await p.end(true)
    yield await p.end(false)
    yield await p.describe()
  }),
  question('v2: the epoch before, while a transaction is open', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.end(true)
    yield await p.produce(0, 0)
    yield await p.end(true, { epoch: 0 })
    yield await p.end(false, { epoch: 0 })
    yield await p.produce(0, 1, { epoch: 0 })
    yield await p.end(true)
  }),
  question('InitProducerId while a transaction is open', async function* (p) {
    yield await p.init()
    yield await p.produce(0, 0)
    yield await p.init({ once: true })
    await again(async () => ((await p.latest(1)) === 2 ? 0 : NOT_YET_CODE))
    yield await p.fetch(1)
    yield await p.init()
    yield await p.fetch(1)
    yield await p.produce(0, 1, { epoch: 0 })
    yield await p.end(true, { epoch: 0 })
    yield await p.describe()
  }),
  ...PROTOCOLS.map(({ name, produce, end }) =>
    question(`${name}: what readers see`, async function* (p) {
      yield await p.init()
      if (name === 'v1') yield await p.add([0, 1])
      yield await p.produce(0, 0, { version: produce, count: 3 })
      yield await p.fetch(0)
      yield await p.fetch(1)
      yield [await p.latest(0), await p.latest(1)]
      yield await p.describe()
      yield await p.end(false, { version: end })
      await again(async () => ((await p.latest(1)) === 4 ? 0 : NOT_YET_CODE))
      yield await p.fetch(0)
      yield await p.fetch(1)
      yield await p.fetch(1, 3)
      if (name === 'v1') yield await p.add([0])
      yield await p.produce(0, name === 'v1' ? 3 : 0, { version: produce, count: 2 })
      yield await p.end(true, { version: end })
      await again(async () => ((await p.latest(1)) === 7 ? 0 : NOT_YET_CODE))
      yield await p.fetch(1)
      yield await p.fetch(1, 4)
      yield await p.describe()
    }),
  ),
  ...PROTOCOLS.map(({ name, offsets, end }) =>
    question(`${name}: offsets of a group`, async function* (p) {
      yield await p.init()
      yield await p.commitOffset(5, { version: offsets })
      yield await p.addOffsets({ version: offsets === 5 ? 4 : 3 })
      yield await p.commitOffset(5, { version: offsets })
      yield [await p.committed(false), await p.committed(true)]
      yield await p.end(true, { version: end })
      await again(async () => ((await p.committed(true)) === 'offset 5' ? 0 : NOT_YET_CODE))
      yield [await p.committed(false), await p.committed(true)]
      yield await p.addOffsets({ version: offsets === 5 ? 4 : 3 })
      yield await p.commitOffset(9, { version: offsets })
      yield await p.end(false, { version: end })
      await again(async () => ((await p.committed(true)) === 'offset 5' ? 0 : NOT_YET_CODE))
      yield await p.committed(true)
    }),
  ),
  question('offsets of members that are not there', async function* (p) {
    yield await p.init()
    yield await p.addOffsets({ version: 3 })
    yield await p.commitOffset(5, { version: 3, generation: 1 })
    yield await p.commitOffset(5, { version: 3, memberId: 'nobody' })
    yield await p.commitOffset(5, { version: 3, partition: 9 })
    yield await p.commitOffset(5, { version: 2 })
    yield await p.commitOffset(5, { version: 3, memberId: 'nobody' })
    yield await p.end(true, { version: 4 })
  }),
  question(
    'offsets of members of a group that only an open transaction has',
    async function* (p) {
      yield await p.init()
      yield await p.addOffsets({ version: 3 })
      yield await p.commitOffset(5, { version: 2 })
      yield await p.commitOffset(5, { version: 3, memberId: 'nobody', generation: 1 })
    },
    'the group is made when the transaction commits: until then a generation is illegal (22), in Kafka the member is unknown (25)',
  ),
]
