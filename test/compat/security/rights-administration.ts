import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../../src/kafka/messages/alter-client-quotas.ts'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../../../src/kafka/messages/describe-client-quotas.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from '../../../src/kafka/messages/describe-log-dirs.ts'
import { DescribeProducersRequest, DescribeProducersResponse } from '../../../src/kafka/messages/describe-producers.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from '../../../src/kafka/messages/describe-quorum.ts'
import { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from '../../../src/kafka/messages/describe-topic-partitions.ts'
import { ElectLeadersRequest, ElectLeadersResponse } from '../../../src/kafka/messages/elect-leaders.ts'
import { ListConfigResourcesRequest, ListConfigResourcesResponse } from '../../../src/kafka/messages/list-config-resources.ts'
import { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse } from '../../../src/kafka/messages/list-partition-reassignments.ts'
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from '../../../src/kafka/messages/update-features.ts'
import type { RightsPeer } from './rights-peer.ts'

const NAMES = ['orders', 'secret', 'missing']

/** What bob may ask as an administrator: codes and names. */
export async function askAdministration(peer: RightsPeer): Promise<unknown> {
  const producers = await peer.ask([DescribeProducersRequest, DescribeProducersResponse] as const, 0, {
    topics: NAMES.map((name) => ({ name, partitionIndexes: [0] })),
  })
  const dirs = await peer.ask([DescribeLogDirsRequest, DescribeLogDirsResponse] as const, 5, { topics: [{ topic: 'orders', partitions: [0] }] })
  const quorum = await peer.ask([DescribeQuorumRequest, DescribeQuorumResponse] as const, 2, {
    topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }],
  })
  const pages = await peer.ask([DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse] as const, 0, {
    topics: NAMES.map((name) => ({ name })),
    responsePartitionLimit: 100,
    cursor: null,
  })
  const elections = await peer.ask([ElectLeadersRequest, ElectLeadersResponse] as const, 2, {
    electionType: 0,
    topicPartitions: [{ topic: 'orders', partitions: [0] }],
  })
  const moves = await peer.ask([ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse] as const, 0, { topics: null })
  const quotas = await peer.ask([DescribeClientQuotasRequest, DescribeClientQuotasResponse] as const, 1, { components: [], strict: false })
  const limited = await peer.ask([AlterClientQuotasRequest, AlterClientQuotasResponse] as const, 1, {
    entries: [{ entity: [{ entityType: 'user', entityName: 'u' }], ops: [{ key: 'producer_byte_rate', value: 1e6, remove: false }] }],
    validateOnly: true,
  })
  const features = await peer.ask([UpdateFeaturesRequest, UpdateFeaturesResponse] as const, 2, { featureUpdates: [], validateOnly: true })
  const resources = await peer.ask([ListConfigResourcesRequest, ListConfigResourcesResponse] as const, 1, { resourceTypes: [2] })
  return {
    producers: producers.topics.map(({ name, partitions }) => `${name}: ${partitions[0]?.errorCode}`).sort(),
    dirs: [dirs.errorCode, dirs.results.map(({ errorCode, topics }) => [errorCode, topics.map(({ name }) => name)])],
    quorum: [quorum.errorCode, quorum.topics.length],
    pages: pages.topics.map(({ name, errorCode, topicAuthorizedOperations }) => `${name}: ${errorCode} ${topicAuthorizedOperations}`).sort(),
    elections: [elections.errorCode, elections.replicaElectionResults.map(({ partitionResult }) => partitionResult[0]?.errorCode)],
    moves: moves.errorCode,
    quotas: quotas.errorCode,
    limited: limited.entries.map(({ errorCode }) => errorCode),
    features: features.errorCode,
    resources: [
      resources.errorCode,
      resources.configResources
        .map(({ resourceName }) => resourceName)
        .filter((name) => NAMES.includes(name))
        .sort(),
    ],
  }
}
