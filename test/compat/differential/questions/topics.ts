import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../../../src/kafka/messages/create-partitions.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../../src/kafka/messages/create-topics.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../../src/kafka/messages/delete-records.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../../../src/kafka/messages/delete-topics.ts'
import { DescribeClusterRequest, DescribeClusterResponse } from '../../../../src/kafka/messages/describe-cluster.ts'
import { MetadataRequest, MetadataResponse } from '../../../../src/kafka/messages/metadata.ts'
import { ZERO_UUID } from '../../../../src/util/uuid.ts'
import { batchOf } from '../../../kafka/lib/batches.ts'
import { type Peer, type Question, stripped } from '../question.ts'
import { emptyTopic, makeTopic, produceTo, versions } from './topics-for-questions.ts'

const CREATE = [CreateTopicsRequest, CreateTopicsResponse] as const
const GROW = [CreatePartitionsRequest, CreatePartitionsResponse] as const
const DELETE = [DeleteTopicsRequest, DeleteTopicsResponse] as const
const TRIM = [DeleteRecordsRequest, DeleteRecordsResponse] as const
const METADATA = [MetadataRequest, MetadataResponse] as const
const CLUSTER = [DescribeClusterRequest, DescribeClusterResponse] as const
const NO_ID = 'AAAAAAAAAAAAAAAAAAAB7w'

interface NewTopic {
  readonly name?: string
  readonly numPartitions?: number
  readonly replicationFactor?: number
  readonly assignments?: readonly (readonly [partitionIndex: number, ...brokerIds: number[]])[]
  readonly configs?: Readonly<Record<string, string | null>>
}

/** Topics in one request; a name that is left out is a fresh one. */
const CREATIONS: Readonly<Record<string, readonly NewTopic[]>> = {
  'one of 2 partitions': [{ numPartitions: 2 }],
  'the default number of partitions': [{ numPartitions: -1, replicationFactor: -1 }],
  '0 partitions': [{ numPartitions: 0 }],
  '-2 partitions': [{ numPartitions: -2 }],
  'replication factor 0': [{ replicationFactor: 0 }],
  'replication factor 2': [{ replicationFactor: 2 }],
  'replication factor -2': [{ replicationFactor: -2 }],
  'the empty name': [{ name: '' }],
  'a name with a space': [{ name: 'a b' }],
  'a name of 250 letters': [{ name: 'x'.repeat(250) }],
  'a name of 249 letters and one twice': [{ name: `${'y'.repeat(242)}` }, { name: 'twice' }, { name: 'twice' }],
  'the name .': [{ name: '.' }],
  'the name ..': [{ name: '..' }],
  'an unknown config': [{ configs: { 'no.such.config': '1' } }],
  'a bad value': [{ configs: { 'retention.ms': 'x' } }],
  'a null value': [{ configs: { 'retention.ms': null } }],
  'a config': [{ configs: { 'retention.ms': '5000' } }],
  'no topics': [],
  'an assignment': [
    {
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [
        [0, 1],
        [1, 1],
      ],
    },
  ],
  'an assignment and a number': [{ numPartitions: 2, replicationFactor: -1, assignments: [[0, 1]] }],
  'an assignment and a factor': [{ numPartitions: -1, replicationFactor: 1, assignments: [[0, 1]] }],
  'an assignment to an unknown broker': [{ numPartitions: -1, replicationFactor: -1, assignments: [[0, 9]] }],
  'an assignment to a broker twice': [{ numPartitions: -1, replicationFactor: -1, assignments: [[0, 1, 1]] }],
  'an assignment to nobody': [{ numPartitions: -1, replicationFactor: -1, assignments: [[0]] }],
  'an assignment with a hole': [
    {
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [
        [0, 1],
        [2, 1],
      ],
    },
  ],
  'an assignment from 1 on': [{ numPartitions: -1, replicationFactor: -1, assignments: [[1, 1]] }],
  'an assignment of a partition twice': [
    {
      numPartitions: -1,
      replicationFactor: -1,
      assignments: [
        [0, 1],
        [0, 1],
      ],
    },
  ],
  'an assignment of partition -1': [{ numPartitions: -1, replicationFactor: -1, assignments: [[-1, 1]] }],
  'good and bad ones': [{}, { name: 'a b' }, { numPartitions: 0 }, { configs: { x: 'y' } }, {}],
}

async function create(peer: Peer, version: number, asked: readonly NewTopic[], validateOnly: boolean): Promise<unknown> {
  const stem = peer.name('made')
  const topics = asked.map(({ name, numPartitions = 1, replicationFactor = 1, assignments = [], configs = {} }, slot) => ({
    name: name === undefined ? `${stem}-${slot}` : name.startsWith('y') || name === 'twice' ? `${name}${stem.slice(-6)}` : name,
    numPartitions,
    replicationFactor,
    assignments: assignments.map(([partitionIndex, ...brokerIds]) => ({ partitionIndex, brokerIds })),
    configs: Object.entries(configs).map(([key, value]) => ({ name: key, value })),
  }))
  const ask = async () => {
    const answer = await peer.ask(CREATE, version, { topics, timeoutMs: 5_000, validateOnly }).catch(() => 'closed' as const)
    if (answer === 'closed') return answer
    return answer.topics
      .map(({ name, errorCode, numPartitions, replicationFactor, configs, topicConfigErrorCode, topicId }) => [
        topics.findIndex((topic) => topic.name === name),
        errorCode,
        numPartitions,
        replicationFactor,
        topicConfigErrorCode,
        // Of a topic that is only validated Kafka tells an id that nothing will have.
        validateOnly ? '' : topicId === ZERO_UUID,
        configs?.some((config) => config.name === 'retention.ms') ?? null,
      ])
      .toSorted((left, right) => Number(left[0]) - Number(right[0]))
  }
  return [await ask(), await ask()]
}

const creations: readonly Question[] = Object.entries(CREATIONS).flatMap(([what, asked]) =>
  [2, 4, 5, 7].flatMap((version) =>
    [false, true]
      .filter((validateOnly) => !validateOnly || version === 7)
      .map((validateOnly) => ({
        name: `CreateTopics v${version}${validateOnly ? ', validated only' : ''}: ${what}`,
        ask: (peer: Peer) => create(peer, version, asked, validateOnly),
      })),
  ),
)

type Growth = readonly [count: number, assignments: readonly (readonly number[])[] | null]

const GROWTHS: Readonly<Record<string, Growth>> = {
  'to 3': [3, null],
  'to the same': [2, null],
  'to fewer': [1, null],
  'to 0': [0, null],
  'to -1': [-1, null],
  'to 3, assigned': [3, [[1]]],
  'to 4, one assigned': [4, [[1]]],
  'to 3, two assigned': [3, [[1], [1]]],
  'to 3, assigned to nobody': [3, [[]]],
  'to 3, assigned to a stranger': [3, [[9]]],
  'to 3, assigned to one twice': [3, [[1, 1]]],
  'to 3, assigned without any': [3, []],
}

const growths: readonly Question[] = Object.entries(GROWTHS).flatMap(([what, [count, brokers]]) =>
  [0, 3].flatMap((version) =>
    [false, true].map((validateOnly) => ({
      name: `CreatePartitions v${version}${validateOnly ? ', validated only' : ''}: ${what}`,
      ask: async (peer: Peer) => {
        const { name } = await makeTopic(peer, { partitions: 2 })
        const assignments = brokers?.map((brokerIds) => ({ brokerIds: [...brokerIds] })) ?? null
        const answer = await peer.ask(GROW, version, { topics: [{ name, count, assignments }], timeoutMs: 5_000, validateOnly })
        return answer.results.map(({ errorCode }) => errorCode)
      },
    })),
  ),
)

const growthEdges: readonly Question[] = versions(0, 3).map((version) => ({
  name: `CreatePartitions v${version}: unknown, twice, none`,
  ask: async (peer: Peer) => {
    const { name } = await makeTopic(peer)
    const ask = async (names: readonly string[]) => {
      const topics = names.map((each) => ({ name: each, count: 2, assignments: null }))
      const answer = await peer.ask(GROW, version, { topics, timeoutMs: 5_000, validateOnly: false }).catch(() => 'closed' as const)
      return answer === 'closed' ? answer : answer.results.map((one) => [one.name === name, one.errorCode])
    }
    return [await ask(['nowhere-at-all']), await ask(['']), await ask([name, name]), await ask([])]
  },
}))

const deletions: readonly Question[] = versions(1, 6).map((version) => ({
  name: `DeleteTopics v${version}: known, unknown, twice, none, names and ids`,
  ask: async (peer: Peer) => {
    const [one, two, three] = [await makeTopic(peer), await makeTopic(peer), await makeTopic(peer)]
    const ask = async (topics: readonly (readonly [name: string | null, id: string])[]) => {
      const answer = await peer
        .ask(DELETE, version, {
          topics: topics.map(([name, topicId]) => ({ name, topicId })),
          topicNames: topics.map(([name]) => name ?? ''),
          timeoutMs: 5_000,
        })
        .catch(() => 'closed' as const)
      if (answer === 'closed') return answer
      return answer.responses
        .map(({ name, topicId, errorCode }) => [errorCode, name === null ? null : name === '' ? 'empty' : 'named', version < 6 ? '' : topicId === ZERO_UUID])
        .sort()
    }
    return [
      await ask([[one.name, ZERO_UUID]]),
      await ask([['nowhere-at-all', ZERO_UUID]]),
      await ask([['', ZERO_UUID]]),
      await ask([['a b', ZERO_UUID]]),
      await ask([]),
      await ask([
        [two.name, ZERO_UUID],
        [two.name, ZERO_UUID],
      ]),
      ...(version < 6
        ? []
        : [
            await ask([[null, three.id]]),
            await ask([[null, NO_ID]]),
            await ask([[null, ZERO_UUID]]),
            await ask([[two.name, two.id]]),
            await ask([
              [null, two.id],
              [two.name, ZERO_UUID],
            ]),
            await ask([
              [null, two.id],
              [null, two.id],
            ]),
          ]),
    ]
  },
}))

const trims: readonly Question[] = versions(0, 2).map((version) => ({
  name: `DeleteRecords v${version}: everywhere`,
  ask: async (peer: Peer) => {
    const topic = await makeTopic(peer, { partitions: 2 })
    for (const value of ['a', 'b', 'c', 'd']) await produceTo(peer, topic, 0, batchOf([value, value]))
    const ask = async (offset: number, partitionIndex = 0, name = topic.name) => {
      const answer = await peer
        .ask(TRIM, version, { topics: [{ name, partitions: [{ partitionIndex, offset }] }], timeoutMs: 5_000 })
        .catch(() => 'closed' as const)
      return answer === 'closed' ? answer : answer.topics.flatMap(({ partitions }) => partitions)
    }
    return [
      await ask(0),
      await ask(3),
      await ask(2),
      await ask(9),
      await ask(-2),
      await ask(8),
      await ask(-1),
      await ask(-1, 1),
      await ask(1, 1),
      await ask(0, 9),
      await ask(0, -1),
      await ask(0, 0, 'nowhere-at-all'),
      await ask(0, 0, ''),
      await peer.plain(TRIM, version, { topics: [], timeoutMs: 5_000 }),
      await peer.plain(TRIM, version, { topics: [{ name: 'nowhere-at-all', partitions: [] }], timeoutMs: 5_000 }),
    ]
  },
}))

const metadata: readonly Question[] = versions(0, 13).map((version) => ({
  name: `Metadata v${version}: known, unknown, bad names, ids, none`,
  ask: async (peer: Peer) => {
    const topic = await emptyTopic(peer)
    const ask = async (topics: { name: string | null; topicId: string }[] | null, asked: { operations?: boolean } = {}) => {
      const answer = await peer
        .ask(METADATA, version, {
          topics,
          allowAutoTopicCreation: false,
          includeClusterAuthorizedOperations: asked.operations ?? false,
          includeTopicAuthorizedOperations: asked.operations ?? false,
        })
        .catch(() => 'closed' as const)
      if (answer === 'closed') return answer
      const told = answer.topics.map((one) => ({
        ...(stripped(one) as object),
        name: one.name === topic.name ? 'T' : one.name,
        zero: one.topicId === ZERO_UUID,
      }))
      const brokers = answer.brokers.map(({ nodeId, rack }) => [nodeId, rack])
      return [
        brokers,
        answer.controllerId,
        answer.clusterAuthorizedOperations,
        answer.errorCode,
        topics === null ? told.some(({ name }) => name === 'T') : told,
      ]
    }
    const named = (...names: (string | null)[]) => names.map((name) => ({ name, topicId: ZERO_UUID }))
    const withIds = version >= 10
    return [
      await ask(named(topic.name)),
      await ask(named(topic.name), { operations: true }),
      ...(version >= 4 ? [await ask(named('nowhere-at-all')), await ask(named('a b')), await ask(named('')), await ask(named('x'.repeat(250)))] : []),
      ...(version >= 1 ? [await ask([]), await ask(null)] : []),
      await ask(named(topic.name, topic.name)),
      ...(withIds
        ? [
            await ask([{ name: null, topicId: topic.id }]),
            await ask([{ name: null, topicId: NO_ID }]),
            ...(version < 12 ? [await ask([{ name: null, topicId: ZERO_UUID }])] : []),
            await ask([{ name: 'nowhere-at-all', topicId: topic.id }]),
            await ask([
              { name: null, topicId: topic.id },
              { name: topic.name, topicId: ZERO_UUID },
            ]),
          ]
        : []),
    ]
  },
}))

const unnamed: readonly Question[] = [12, 13].map((version) => ({
  name: `Metadata v${version} of a topic with neither name nor id`,
  ask: async (peer: Peer) => {
    const ask = async (names: readonly (string | null)[]) => {
      const answer = await peer.ask(METADATA, version, {
        topics: names.map((name) => ({ name, topicId: ZERO_UUID })),
        allowAutoTopicCreation: false,
        includeClusterAuthorizedOperations: false,
        includeTopicAuthorizedOperations: true,
      })
      const topics = answer.topics.map((topic) => [topic.errorCode, topic.name, topic.topicId, topic.isInternal, topic.topicAuthorizedOperations])
      return [answer.brokers.length, answer.controllerId, answer.clusterId === null, answer.errorCode, topics.sort()]
    }
    return [await ask([null]), await ask([null, 'nowhere-at-all', null])]
  },
}))

const clusters: readonly Question[] = versions(0, 2).flatMap((version) =>
  [0, 1, 2, 3].map((endpointType) => ({
    name: `DescribeCluster v${version} endpoint type ${endpointType}`,
    ask: async (peer: Peer) => {
      const told: unknown[] = []
      for (const includeClusterAuthorizedOperations of [false, true]) {
        const answer = await peer
          .ask(CLUSTER, version, { includeClusterAuthorizedOperations, endpointType, includeFencedBrokers: false })
          .catch(() => 'closed' as const)
        told.push(answer === 'closed' ? answer : { ...(stripped(answer) as object), clusterId: answer.clusterId === '' ? 'empty' : 'some' })
      }
      return told
    },
  })),
)

/** Topics (rules 7 to 9). */
export const TOPIC_QUESTIONS: readonly Question[] = [...creations, ...growths, ...growthEdges, ...deletions, ...trims, ...metadata, ...unnamed, ...clusters]
