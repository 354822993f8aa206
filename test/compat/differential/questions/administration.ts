import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../../../src/kafka/messages/alter-client-quotas.ts'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../../../../src/kafka/messages/describe-client-quotas.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from '../../../../src/kafka/messages/describe-log-dirs.ts'
import { DescribeProducersRequest, DescribeProducersResponse } from '../../../../src/kafka/messages/describe-producers.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from '../../../../src/kafka/messages/describe-quorum.ts'
import { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from '../../../../src/kafka/messages/describe-topic-partitions.ts'
import { ElectLeadersRequest, ElectLeadersResponse } from '../../../../src/kafka/messages/elect-leaders.ts'
import { ListConfigResourcesRequest, ListConfigResourcesResponse } from '../../../../src/kafka/messages/list-config-resources.ts'
import { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse } from '../../../../src/kafka/messages/list-partition-reassignments.ts'
import { ProduceRequest, ProduceResponse } from '../../../../src/kafka/messages/produce.ts'
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from '../../../../src/kafka/messages/update-features.ts'
import { ZERO_UUID } from '../../../../src/util/uuid.ts'
import { batchOf } from '../../../kafka/lib/batches.ts'
import { type Peer, type Question, stripped } from '../question.ts'
import { makeTopic as makeAskedTopic, versions } from './topics-for-questions.ts'

async function makeTopic(peer: Peer, partitions: number, name = peer.name('admin')): Promise<string> {
  return (await makeAskedTopic(peer, { partitions }, name)).name
}

const LOG_DIRS = [DescribeLogDirsRequest, DescribeLogDirsResponse] as const
const ELECT = [ElectLeadersRequest, ElectLeadersResponse] as const
const REASSIGNMENTS = [ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse] as const
const QUORUM = [DescribeQuorumRequest, DescribeQuorumResponse] as const
const FEATURES = [UpdateFeaturesRequest, UpdateFeaturesResponse] as const
const PRODUCERS = [DescribeProducersRequest, DescribeProducersResponse] as const
const RESOURCES = [ListConfigResourcesRequest, ListConfigResourcesResponse] as const
const PARTITIONS = [DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse] as const
const ALTER_QUOTAS = [AlterClientQuotasRequest, AlterClientQuotasResponse] as const
const QUOTAS = [DescribeClientQuotasRequest, DescribeClientQuotasResponse] as const

const logDirs: readonly Question[] = versions(1, 5).flatMap((version) =>
  ['known', 'unknown', 'none'].map((what) => ({
    name: `DescribeLogDirs v${version} of ${what} topics`,
    ask: async (peer: Peer) => {
      const topic = await makeTopic(peer, 2)
      const topics = what === 'none' ? [] : [{ topic: what === 'known' ? topic : 'nowhere', partitions: [0, 1, 9] }]
      const answer = await peer.ask(LOG_DIRS, version, { topics })
      return [
        answer.errorCode,
        answer.results.map(({ errorCode, isCordoned, topics: found }) => ({
          errorCode,
          isCordoned,
          partitions: found.map(({ partitions }) => partitions.toSorted((left, right) => left.partitionIndex - right.partitionIndex)),
        })),
      ]
    },
  })),
)

const elections: readonly Question[] = versions(0, 2).flatMap((version) =>
  [0, 1, 2].map((electionType) => ({
    name: `ElectLeaders v${version} of type ${electionType}`,
    ask: async (peer: Peer) => {
      const topic = await makeTopic(peer, 1)
      const some = {
        electionType,
        topicPartitions: [
          { topic, partitions: [0, 7] },
          { topic: 'nowhere', partitions: [0] },
        ],
      }
      const codes = async (request: { electionType: number; topicPartitions: typeof some.topicPartitions | null }) => {
        const answer = await peer.ask(ELECT, version, request).catch(() => 'closed' as const)
        if (answer === 'closed') return answer
        return [
          answer.errorCode,
          answer.replicaElectionResults.flatMap((one) => one.partitionResult.map(({ partitionId, errorCode }) => [partitionId, errorCode].join())).sort(),
        ]
      }
      return [
        await codes(some),
        await codes({ electionType, topicPartitions: [] }),
        electionType === 0 ? await codes({ electionType, topicPartitions: null }) : null,
      ]
    },
  })),
)

const quorum: readonly Question[] = versions(0, 2).flatMap((version) =>
  [[['__cluster_metadata', 0]], [['__cluster_metadata', 1]], [['nowhere', 0]], []].map((asked) => ({
    name: `DescribeQuorum v${version} of ${JSON.stringify(asked)}`,
    ask: async (peer: Peer) => {
      const topics = asked.map(([topicName, partitionIndex]) => ({
        topicName: topicName as string,
        partitions: [{ partitionIndex: partitionIndex as number }],
      }))
      const answer = await peer.ask(QUORUM, version, { topics })
      const found = answer.topics.flatMap(({ partitions }) =>
        partitions.map((one) => [one.partitionIndex, one.errorCode, one.leaderId, one.currentVoters.map(({ replicaId }) => replicaId), one.observers.length]),
      )
      return [answer.errorCode, found, answer.nodes.map(({ nodeId, listeners }) => [nodeId, listeners.map(({ name }) => name)])]
    },
  })),
)

const features: readonly Question[] = versions(0, 2).flatMap((version) =>
  [
    ['no.such.feature', 1, 1],
    ['group.version', 1, 1],
    ['group.version', 9, 1],
    ['', 1, 1],
    ['group.version', 1, 0],
    ['group.version', 1, 9],
  ].map(([feature, maxVersionLevel, upgradeType]) => ({
    name: `UpdateFeatures v${version} ${feature} to ${maxVersionLevel} by ${upgradeType}, validated only`,
    ask: (peer: Peer) =>
      peer.plain(FEATURES, version, {
        featureUpdates: [{ feature: feature as string, maxVersionLevel: maxVersionLevel as number, allowDowngrade: false, upgradeType: upgradeType as number }],
        validateOnly: true,
      }),
  })),
)

/** Rule 4 says which levels there are here. */
const LEVELS = 'the levels of features are what this broker does (rule 4): none is changed'
const levels: readonly Question[] = (
  [
    ['transaction.version', 1, 1],
    ['transaction.version', 1, 2, LEVELS],
    ['transaction.version', 0, 3, LEVELS],
    ['transaction.version', 3, 1],
    ['transaction.version', 2, 2],
    ['group.version', 0, 1],
    ['group.version', 0, 2, LEVELS],
    ['group.version', 2, 1],
    ['group.version', -1, 1],
    ['group.version', 1, 4],
    ['share.version', 0, 2, LEVELS],
    ['share.version', 1, 2],
    ['share.version', 2, 1, LEVELS],
    ['share.version', 3, 1],
    ['metadata.version', 1, 2],
    ['no.such.feature', 0, 2],
  ] as const
).map(([feature, maxVersionLevel, upgradeType, difference]) => ({
  name: `UpdateFeatures to another level: ${feature} ${maxVersionLevel} by ${upgradeType}, validated only`,
  ...(difference === undefined ? {} : { difference }),
  ask: (peer: Peer) =>
    peer.plain(FEATURES, 2, { featureUpdates: [{ feature, maxVersionLevel, allowDowngrade: upgradeType > 1, upgradeType }], validateOnly: true }),
}))

const partitions: readonly Question[] = [
  { names: ['a', 'b', 'nowhere', 'a b', ''], limit: 2_000, cursor: null },
  { names: ['a', '', ''], limit: 2_000, cursor: null },
  { names: ['a', ''], limit: 2_000, cursor: ['a', 0] },
  { names: ['a', ''], limit: 2_000, cursor: ['a', -1] },
  { names: ['b', 'a', 'a'], limit: 3, cursor: null },
  { names: ['a', 'b'], limit: 2, cursor: null },
  { names: ['a', 'b'], limit: 0, cursor: null },
  { names: ['a', 'b'], limit: -1, cursor: null },
  { names: ['a', 'b'], limit: 1, cursor: ['a', 1] },
  { names: ['a', 'b'], limit: 1, cursor: ['a', 2] },
  { names: ['a', 'b'], limit: 5, cursor: ['b', 0] },
  { names: ['a', 'b'], limit: 5, cursor: ['a', -1] },
  { names: ['a', 'b'], limit: 5, cursor: ['aa', 1] },
].map(({ names, limit, cursor }) => ({
  name: `DescribeTopicPartitions of ${names.join()} limit ${limit} from ${cursor}`,
  ask: async (peer: Peer) => {
    const stem = peer.name('pages')
    await makeTopic(peer, 2, `${stem}-a`)
    await makeTopic(peer, 3, `${stem}-b`)
    const full = (name: string) => (name === '' ? '' : `${stem}-${name}`)
    const answer = await peer
      .ask(PARTITIONS, 0, {
        topics: names.map((name) => ({ name: full(name) })),
        responsePartitionLimit: limit,
        cursor: cursor === null ? null : { topicName: full(cursor[0] as string), partitionIndex: cursor[1] as number },
      })
      .catch(() => 'closed' as const)
    if (answer === 'closed') return answer
    return [
      answer.topics
        .map((topic) => [
          topic.errorCode,
          topic.name,
          topic.topicId === ZERO_UUID,
          topic.isInternal,
          topic.topicAuthorizedOperations,
          stripped(topic.partitions),
        ])
        .sort(),
      answer.nextCursor,
    ]
  },
}))

type Part = readonly [type: string, name: string | null]
type Op = readonly [key: string, value: number, remove?: boolean]

async function alterQuotas(peer: Peer, entity: readonly Part[], ops: readonly Op[], validateOnly = false, version = 1): Promise<number[]> {
  const entry = {
    entity: entity.map(([entityType, entityName]) => ({ entityType, entityName })),
    ops: ops.map(([key, value, remove = false]) => ({ key, value, remove })),
  }
  return (await peer.ask(ALTER_QUOTAS, version, { entries: [entry], validateOnly })).entries.map(({ errorCode }) => errorCode)
}

async function quotas(peer: Peer, components: readonly (readonly [string, number, string | null])[], strict: boolean, version = 1): Promise<unknown> {
  await new Promise((resolve) => setTimeout(resolve, 60))
  const asked = components.map(([entityType, matchType, match]) => ({ entityType, matchType, match }))
  const answer = await peer.ask(QUOTAS, version, { components: asked, strict })
  return [
    answer.errorCode,
    answer.entries
      ?.map(({ entity, values }) => JSON.stringify([entity.map((one) => JSON.stringify(one)).sort(), values.map((one) => JSON.stringify(one)).sort()]))
      .sort() ?? null,
  ]
}

/** A quota of an address, set, asked and taken away; one so high that nobody meets it. */
const addresses: readonly Question[] = [0, 1].map((version) => ({
  name: `quotas of addresses set, asked and taken away, v${version}`,
  ask: async (peer: Peer) => {
    const ip = `10.1.${version}.${process.pid % 250}`
    const told: unknown[] = [await alterQuotas(peer, [['ip', ip]], [['connection_creation_rate', 1e6]], false, version)]
    told.push(await quotas(peer, [['ip', 0, ip]], false, version), await quotas(peer, [['ip', 0, ip]], true, version))
    told.push(await quotas(peer, [['ip', 1, null]], false, version), await quotas(peer, [['user', 2, null]], true, version))
    told.push(await alterQuotas(peer, [['ip', ip]], [['connection_creation_rate', 0, true]], false, version))
    told.push(await quotas(peer, [['ip', 0, ip]], false, version))
    return told
  },
}))

const SOME: readonly Op[] = [['producer_byte_rate', 1_000_000]]

const quotaQuestions: readonly Question[] = [
  ...(
    [
      [[['user', 'q']], SOME],
      [[['user', null]], SOME],
      [[['client-id', 'c']], SOME],
      [
        [
          ['user', 'q'],
          ['client-id', 'c'],
        ],
        SOME,
      ],
      [
        [
          ['user', ''],
          ['client-id', 'c'],
        ],
        SOME,
      ],
      [[], SOME],
      [[['group', 'g']], SOME],
      [
        [
          ['user', 'a'],
          ['user', 'b'],
        ],
        SOME,
      ],
      [
        [
          ['user', 'q'],
          ['ip', '127.0.0.1'],
        ],
        SOME,
      ],
      [[['user', 'q']], [['no_such_quota', 1]]],
      [[['user', 'q']], [['producer_byte_rate', 0]]],
      [[['user', 'q']], [['producer_byte_rate', -1]]],
      [[['user', 'q']], [['producer_byte_rate', 1.5]]],
      [[['user', 'q']], [['request_percentage', 12.5]]],
      [[['user', 'q']], [['controller_mutation_rate', 0.5]]],
      [[['user', 'q']], [['connection_creation_rate', 5]]],
      [[['user', 'q']], [['consumer_byte_rate', 5, true]]],
      [[['user', 'q']], [['no_such_quota', 5, true]]],
      [[['user', 'q']], []],
      [[['ip', '127.0.0.1']], [['connection_creation_rate', 5]]],
      [[['ip', '::1']], [['connection_creation_rate', 5]]],
      [[['ip', null]], [['connection_creation_rate', 5]]],
      [[['ip', '127.0.0.1']], [['connection_creation_rate', 5, true]]],
      [[['ip', '127.0.0.1']], [['connection_creation_rate', 0]]],
      [[['ip', '127.0.0.1']], [['connection_creation_rate', 1.5]]],
      [[['ip', '127.0.0.1']], [['producer_byte_rate', 5]]],
      [[['ip', '127.0.0.1']], [['no_such_quota', 5, true]]],
      [[['ip', '']], [['connection_creation_rate', 5]]],
      [[['ip', 'no address']], [['connection_creation_rate', 5]]],
      [[['ip', '300.1.1.1']], [['connection_creation_rate', 5]]],
    ] as const
  ).map(([entity, ops]) => ({
    name: `quota of ${JSON.stringify(entity)}: ${JSON.stringify(ops)}, validated only`,
    ask: (peer: Peer) => alterQuotas(peer, entity, ops, true),
  })),
  ...(
    [
      [[['user', 3, null]], false],
      [[['user', 0, null]], false],
      [[['user', 1, 'x']], false],
      [[['user', 2, 'x']], false],
      [[['', 2, null]], false],
      [[['group', 2, null]], false],
      [
        [
          ['user', 2, null],
          ['user', 1, null],
        ],
        false,
      ],
      [
        [
          ['user', 2, null],
          ['ip', 2, null],
        ],
        false,
      ],
    ] as const
  ).map(([components, strict]) => ({
    name: `quotas asked by ${JSON.stringify(components)}`,
    ask: (peer: Peer) => quotas(peer, components, strict),
  })),
  ...[0, 1].map((version) => ({
    name: `quotas set, asked and taken away, v${version}`,
    ask: async (peer: Peer) => {
      const [user, client] = [peer.name('user'), peer.name('client')]
      const entities: readonly (readonly Part[])[] = [
        [['user', user]],
        [
          ['user', user],
          ['client-id', client],
        ],
        [
          ['user', user],
          ['client-id', null],
        ],
        [['client-id', client]],
      ]
      const told: unknown[] = []
      for (const [index, entity] of entities.entries())
        told.push(
          await alterQuotas(
            peer,
            entity,
            [
              ['producer_byte_rate', 1e9 + index],
              ['request_percentage', 99.5],
            ],
            false,
            version,
          ),
        )
      told.push(await quotas(peer, [['user', 0, user]], false, version))
      told.push(await quotas(peer, [['user', 0, user]], true, version))
      told.push(
        await quotas(
          peer,
          [
            ['user', 0, user],
            ['client-id', 1, null],
          ],
          false,
          version,
        ),
      )
      told.push(
        await quotas(
          peer,
          [
            ['user', 0, user],
            ['client-id', 2, null],
          ],
          true,
          version,
        ),
      )
      told.push(await quotas(peer, [['client-id', 0, client]], false, version))
      for (const entity of entities)
        told.push(
          await alterQuotas(
            peer,
            entity,
            [
              ['producer_byte_rate', 0, true],
              ['request_percentage', 0, true],
            ],
            false,
            version,
          ),
        )
      told.push(await quotas(peer, [['user', 0, user]], false, version))
      return told
    },
  })),
]

/** What administrators ask. */
export const ADMINISTRATION_QUESTIONS: readonly Question[] = [
  ...logDirs,
  ...elections,
  ...quorum,
  ...features,
  ...levels,
  ...partitions,
  ...quotaQuestions,
  ...addresses,
  {
    name: 'ListPartitionReassignments of all, of some, of none',
    ask: async (peer) => {
      const topic = await makeTopic(peer, 1)
      return [
        await peer.plain(REASSIGNMENTS, 0, { topics: null }),
        await peer.plain(REASSIGNMENTS, 0, { topics: [{ name: topic, partitionIndexes: [0, 5] }] }),
        await peer.plain(REASSIGNMENTS, 0, { topics: [{ name: 'nowhere', partitionIndexes: [0] }] }),
        await peer.plain(REASSIGNMENTS, 0, { topics: [] }),
      ]
    },
  },
  ...[0, 1].flatMap((version) =>
    [[], [2], [4], [8], [16], [32], [4, 4], [99], [2, 1]].map((resourceTypes) => ({
      name: `ListConfigResources v${version} of ${resourceTypes.join()}`,
      ask: async (peer: Peer) => {
        const topic = await makeTopic(peer, 1)
        const answer = await peer.ask(RESOURCES, version, { resourceTypes })
        const told = answer.configResources.filter(({ resourceName }) => resourceName === topic || resourceName === '1')
        return [
          answer.errorCode,
          told.map(({ resourceName, resourceType }) => [resourceName === topic ? 'the topic' : resourceName, resourceType].join()).sort(),
        ]
      },
    })),
  ),
  {
    name: 'DescribeProducers',
    ask: async (peer) => {
      const topic = await makeTopic(peer, 1)
      const records = batchOf(['a', 'b'], { producerId: 424_242, producerEpoch: 3, baseSequence: 0, timestampMs: Date.now() })
      const topicData = [{ name: topic, topicId: ZERO_UUID, partitionData: [{ index: 0, records }] }]
      await peer.ask([ProduceRequest, ProduceResponse], 9, { acks: -1, timeoutMs: 5_000, topicData })
      const asked = [topic, 'nowhere', 'a b'].map((name) => ({ name, partitionIndexes: [0, 5] }))
      const answer = await peer.ask(PRODUCERS, 0, { topics: asked })
      return answer.topics.map(({ partitions: found }) =>
        found.map((one) => [one.errorCode, one.activeProducers.map((producer) => ({ ...producer, lastTimestamp: producer.lastTimestamp > 0 }))]),
      )
    },
  },
]
