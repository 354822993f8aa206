import { FetchRequest, FetchResponse } from '../../../../src/kafka/messages/fetch.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../../src/kafka/messages/list-offsets.ts'
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../../../../src/kafka/messages/offset-for-leader-epoch.ts'
import { readBatchHeader } from '../../../../src/log/record-batch.ts'
import { ZERO_UUID } from '../../../../src/util/uuid.ts'
import type { Peer, Question } from '../question.ts'
import { emptyTopic, filledTopic, T0, versions } from './topics-for-questions.ts'

const FETCH = [FetchRequest, FetchResponse] as const
const LIST = [ListOffsetsRequest, ListOffsetsResponse] as const
const EPOCHS = [OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse] as const
const FIRST_WITH_ID = 13
const NO_ID = 'AAAAAAAAAAAAAAAAAAAB7w'

interface Part {
  readonly partition?: number
  readonly fetchOffset?: number
  readonly partitionMaxBytes?: number
  readonly currentLeaderEpoch?: number
  readonly lastFetchedEpoch?: number
  readonly logStartOffset?: number
  readonly topic?: 'filled' | 'empty' | 'unknown' | 'zero'
}

interface Asked {
  readonly maxWaitMs?: number
  readonly minBytes?: number
  readonly maxBytes?: number
  readonly isolationLevel?: number
  readonly replicaId?: number
  readonly rackId?: string
  readonly clusterId?: string | null
  readonly parts: readonly Part[]
  /** From this version on: the field is not there before. */
  readonly since?: number
}

/** Whole batches, by their base offsets: Kafka may send part of another one behind them. */
function basesOf(records: readonly Uint8Array[] | null): number[] | null {
  if (records === null) return null
  const bytes = Buffer.concat(records)
  const bases: number[] = []
  for (let at = 0; at + 61 <= bytes.length; ) {
    const { baseOffset, sizeBytes } = readBatchHeader(bytes, at)
    if (at + sizeBytes > bytes.length) break
    bases.push(baseOffset)
    at += sizeBytes
  }
  return bases
}

async function fetch(peer: Peer, version: number, { parts, since: _, ...asked }: Asked): Promise<unknown> {
  const topicOf = async (which: Part['topic']) => {
    if (which === 'unknown') return { name: 'nowhere-at-all', id: NO_ID }
    if (which === 'zero') return { name: '', id: ZERO_UUID }
    return which === 'empty' ? emptyTopic(peer) : filledTopic(peer)
  }
  const topics = []
  const named = new Map<string, string>()
  for (const { topic, ...part } of parts) {
    const { name, id } = await topicOf(topic)
    named.set(version < FIRST_WITH_ID ? name : id, topic ?? 'filled')
    topics.push({
      topic: name,
      topicId: id,
      partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000_000, replicaDirectoryId: ZERO_UUID, ...part }],
    })
  }
  const { replicaId = -1, ...fields } = asked
  const answer = await peer
    .ask(FETCH, version, {
      maxWaitMs: 0,
      minBytes: 0,
      ...fields,
      ...(version < 15 ? { replicaId } : { replicaState: { replicaId, replicaEpoch: -1 } }),
      topics,
      forgottenTopicsData: [],
    })
    .catch(() => 'closed' as const)
  if (answer === 'closed') return answer
  return [
    answer.errorCode,
    answer.sessionId,
    // In the order of the request by name or id, which Kafka does not keep.
    answer.responses
      .flatMap(({ topic, topicId, partitions }) => partitions.map((found) => ({ which: named.get(version < FIRST_WITH_ID ? topic : topicId), ...found })))
      .map((one) => [
        one.which,
        one.partitionIndex,
        one.errorCode,
        one.highWatermark,
        one.lastStableOffset,
        one.logStartOffset,
        one.divergingEpoch,
        one.currentLeader,
        one.abortedTransactions,
        one.preferredReadReplica,
        basesOf(one.records),
      ])
      .toSorted((left, right) => `${left[0]}-${left[1]}`.localeCompare(`${right[0]}-${right[1]}`)),
  ]
}

const one = (part: Part = {}, asked: Omit<Asked, 'parts'> = {}): Asked => ({ ...asked, parts: [part] })

const FETCHES: Readonly<Record<string, Asked>> = {
  'from the start': one(),
  'amid a batch': one({ fetchOffset: 1 }),
  'the last record': one({ fetchOffset: 5 }),
  'at the end': one({ fetchOffset: 6 }),
  'at the end, waiting 50 ms': one({ fetchOffset: 6 }, { maxWaitMs: 50, minBytes: 1 }),
  'behind the end': one({ fetchOffset: 7 }),
  'far behind the end': one({ fetchOffset: 9_007_199_254_740_991 }),
  'offset -1': one({ fetchOffset: -1 }),
  'an empty partition': one({ partition: 1 }),
  'an unknown partition': one({ partition: 9 }),
  'partition -1': one({ partition: -1 }),
  'an unknown topic': one({ topic: 'unknown' }),
  'a topic without name or id': one({ topic: 'zero' }),
  'no topics': { parts: [] },
  'no topics, waiting a second': { parts: [], maxWaitMs: 1_000, minBytes: 1 },
  'partition bytes 0': one({ partitionMaxBytes: 0 }),
  'partition bytes 1': one({ partitionMaxBytes: 1, fetchOffset: 2 }),
  'partition bytes -1': one({ partitionMaxBytes: -1 }),
  'partition bytes -1 at the end': one({ partitionMaxBytes: -1, fetchOffset: 6 }),
  'partition bytes -1 behind the end': one({ partitionMaxBytes: -1, fetchOffset: 7 }),
  'partition bytes -1 of the second': { parts: [{ fetchOffset: 6 }, { topic: 'empty' }, { partition: 1, partitionMaxBytes: -1 }] },
  'bytes 0': one({}, { maxBytes: 0 }),
  'bytes -1': one({}, { maxBytes: -1 }),
  'bytes for one of two partitions': { parts: [{}, { topic: 'filled', fetchOffset: 2 }], maxBytes: 75 },
  'min bytes -1': one({}, { minBytes: -1 }),
  'min bytes beyond the partition': one({}, { minBytes: 1_000_000, maxWaitMs: 30 }),
  'wait -1': one({ fetchOffset: 6 }, { maxWaitMs: -1, minBytes: 1 }),
  read_committed: one({}, { isolationLevel: 1 }),
  'isolation 2': one({}, { isolationLevel: 2 }),
  'isolation -1': one({}, { isolationLevel: -1 }),
  'isolation 2, good and bad partitions': { parts: [{}, { partition: 9 }, { topic: 'unknown' }], isolationLevel: 2 },
  'isolation 2, bad partitions alone': { parts: [{ topic: 'unknown' }], isolationLevel: 2 },
  'isolation 2, no topics': { parts: [], isolationLevel: 2 },
  'the same partition twice': { parts: [{}, { fetchOffset: 2 }] },
  'good and bad partitions': { parts: [{}, { partition: 9 }, { topic: 'unknown' }, { topic: 'empty' }], maxWaitMs: 1_000, minBytes: 1 },
  'the leader epoch 0': one({ currentLeaderEpoch: 0 }, { since: 9 }),
  'leader epoch 1': one({ currentLeaderEpoch: 1 }, { since: 9 }),
  'leader epoch -2': one({ currentLeaderEpoch: -2 }, { since: 9 }),
  'last fetched epoch 0': one({ lastFetchedEpoch: 0, fetchOffset: 2 }, { since: 12 }),
  'last fetched epoch 5': one({ lastFetchedEpoch: 5, fetchOffset: 2 }, { since: 12 }),
  'last fetched epoch -5': one({ lastFetchedEpoch: -5, fetchOffset: 2 }, { since: 12 }),
  'a rack': one({}, { rackId: 'here', since: 11 }),
  'another cluster': one({}, { clusterId: 'another', since: 12 }),
  'a log start of 3': one({ logStartOffset: 3 }, { since: 5 }),
}

const fetches: readonly Question[] = Object.entries(FETCHES).flatMap(([what, asked]) =>
  [4, 5, 7, 9, 11, 12, 13, 15, 17, 18]
    .filter((version) => version >= (asked.since ?? 4))
    // A zero id means nothing where topics are named.
    .map((version) => ({
      name: `Fetch v${version}: ${what}`,
      ask: (peer: Peer) => fetch(peer, version, asked),
    })),
)

/** What ListOffsets asks of one partition. */
const TIMES: readonly (readonly [what: string, timestamp: number, partition?: number])[] = [
  ...[-1, -2, -3, -4, -5, -6, -7, -100].map((special) => [`special ${special}`, special] as const),
  ...[-1, -2, -3, -4].map((special) => [`special ${special} of an empty partition`, special, 1] as const),
  ['time 0', 0],
  ['the first time', T0],
  ['between two', T0 + 1],
  ['the time of a later batch', T0 + 500],
  ['the largest', T0 + 1_000],
  ['behind the largest', T0 + 1_001],
  ['a time in an empty partition', T0, 1],
  ['an unknown partition', -1, 9],
  ['partition -1', -1, -1],
]

const lists: readonly Question[] = versions(1, 11).flatMap((version) =>
  (version < 2 ? [0] : [0, 1]).map((isolationLevel) => ({
    name: `ListOffsets v${version} isolation ${isolationLevel}: every kind of time`,
    ask: async (peer: Peer) => {
      const { name } = await filledTopic(peer)
      const told: unknown[] = []
      for (const [what, timestamp, partitionIndex = 0] of TIMES) {
        const topics = [{ name, partitions: [{ partitionIndex, timestamp }] }]
        const answer = await peer.ask(LIST, version, { replicaId: -1, isolationLevel, timeoutMs: 5_000, topics }).catch(() => 'closed' as const)
        told.push([what, answer === 'closed' ? answer : answer.topics.map(({ partitions }) => partitions)])
      }
      return told
    },
  })),
)

const listEdges: readonly Question[] = versions(1, 11).map((version) => ({
  name: `ListOffsets v${version}: unknown, twice, wrong epochs, other replicas`,
  ask: async (peer: Peer) => {
    const { name } = await filledTopic(peer)
    const ask = (
      replicaId: number,
      isolationLevel: number,
      topic: string,
      parts: { partitionIndex: number; timestamp: number; currentLeaderEpoch?: number }[],
    ) => peer.plain(LIST, version, { replicaId, isolationLevel, timeoutMs: 5_000, topics: [{ name: topic, partitions: parts }] })
    const unnamed = async (...args: Parameters<typeof ask>) => JSON.parse(JSON.stringify(await ask(...args)).replaceAll(name, 'T'))
    return [
      await unnamed(-1, 0, 'nowhere-at-all', [{ partitionIndex: 0, timestamp: -1 }]),
      await unnamed(-1, 0, '', [{ partitionIndex: 0, timestamp: -1 }]),
      await unnamed(-1, 0, name, [
        { partitionIndex: 0, timestamp: -1 },
        { partitionIndex: 0, timestamp: -2 },
      ]),
      await unnamed(-1, 0, name, []),
      await unnamed(-2, 0, name, [{ partitionIndex: 0, timestamp: -1 }]),
      await unnamed(-3, 0, name, [{ partitionIndex: 0, timestamp: -1 }]),
      await unnamed(1, 0, name, [{ partitionIndex: 0, timestamp: -1 }]),
      ...(version >= 4
        ? [
            await unnamed(-1, 0, name, [{ partitionIndex: 0, timestamp: -1, currentLeaderEpoch: 0 }]),
            await unnamed(-1, 0, name, [{ partitionIndex: 0, timestamp: -1, currentLeaderEpoch: 1 }]),
            await unnamed(-1, 0, name, [{ partitionIndex: 0, timestamp: T0, currentLeaderEpoch: -5 }]),
          ]
        : []),
    ]
  },
}))

const isolation: readonly Question[] = [2, 7, 11].flatMap((version) =>
  [2, -1].map((isolationLevel) => ({
    name: `ListOffsets v${version} isolation ${isolationLevel}`,
    ask: async (peer: Peer) => {
      const { name } = await filledTopic(peer)
      const partitions = [0, 0, 9].map((partitionIndex) => ({ partitionIndex, timestamp: -1 }))
      const topics = [
        { name, partitions },
        { name: 'nowhere-at-all', partitions },
        { name: 'nothing-asked', partitions: [] },
      ]
      return JSON.parse(JSON.stringify(await peer.plain(LIST, version, { replicaId: -1, isolationLevel, timeoutMs: 5_000, topics })).replaceAll(name, 'T'))
    },
  })),
)

const leaderEpochs: readonly Question[] = versions(2, 4).flatMap((version) =>
  [
    [-1, 0, 0],
    [-1, -1, 0],
    [-1, 5, 0],
    [0, 0, 0],
    [1, 0, 0],
    [-2, 0, 0],
    [-1, 0, 1],
    [-1, 0, 9],
  ].map(([currentLeaderEpoch, leaderEpoch, partition]) => ({
    name: `OffsetForLeaderEpoch v${version} of epoch ${leaderEpoch}, current ${currentLeaderEpoch}, partition ${partition}`,
    ask: async (peer: Peer) => {
      const { name } = await filledTopic(peer)
      const partitions = [{ partition: partition as number, currentLeaderEpoch: currentLeaderEpoch as number, leaderEpoch: leaderEpoch as number }]
      const answer = await peer.ask(EPOCHS, version, { replicaId: -1, topics: [{ topic: name, partitions }] })
      return answer.topics.map((topic) => topic.partitions)
    },
  })),
)

/** Fetch (rule 15), ListOffsets (rule 14), OffsetForLeaderEpoch. */
export const FETCH_QUESTIONS: readonly Question[] = [...fetches, ...lists, ...listEdges, ...isolation, ...leaderEpochs]
