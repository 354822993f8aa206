import { AlterClientQuotasRequest, AlterClientQuotasResponse } from '../../src/kafka/messages/alter-client-quotas.ts'
import { AlterConfigsRequest, AlterConfigsResponse } from '../../src/kafka/messages/alter-configs.ts'
import { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from '../../src/kafka/messages/alter-user-scram-credentials.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from '../../src/kafka/messages/api-versions.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../src/kafka/messages/create-partitions.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../src/kafka/messages/create-topics.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../src/kafka/messages/delete-groups.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../src/kafka/messages/delete-records.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../src/kafka/messages/delete-topics.ts'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from '../../src/kafka/messages/describe-client-quotas.ts'
import { DescribeClusterRequest, DescribeClusterResponse } from '../../src/kafka/messages/describe-cluster.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../src/kafka/messages/describe-configs.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../src/kafka/messages/describe-groups.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from '../../src/kafka/messages/describe-log-dirs.ts'
import { DescribeProducersRequest, DescribeProducersResponse } from '../../src/kafka/messages/describe-producers.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from '../../src/kafka/messages/describe-quorum.ts'
import { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from '../../src/kafka/messages/describe-topic-partitions.ts'
import { DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse } from '../../src/kafka/messages/describe-user-scram-credentials.ts'
import { ElectLeadersRequest, ElectLeadersResponse } from '../../src/kafka/messages/elect-leaders.ts'
import { FetchRequest, FetchResponse } from '../../src/kafka/messages/fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../src/kafka/messages/find-coordinator.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../src/kafka/messages/heartbeat.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../src/kafka/messages/incremental-alter-configs.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../src/kafka/messages/init-producer-id.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../src/kafka/messages/leave-group.ts'
import { ListConfigResourcesRequest, ListConfigResourcesResponse } from '../../src/kafka/messages/list-config-resources.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../src/kafka/messages/list-groups.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../src/kafka/messages/list-offsets.ts'
import { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse } from '../../src/kafka/messages/list-partition-reassignments.ts'
import { MetadataRequest, MetadataResponse } from '../../src/kafka/messages/metadata.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../src/kafka/messages/offset-commit.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../src/kafka/messages/offset-delete.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../src/kafka/messages/offset-fetch.ts'
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../../src/kafka/messages/offset-for-leader-epoch.ts'
import { ProduceRequest, ProduceResponse } from '../../src/kafka/messages/produce.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from '../../src/kafka/messages/sasl-handshake.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../src/kafka/messages/sync-group.ts'
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from '../../src/kafka/messages/update-features.ts'
import type { Shape } from '../../src/kafka/wire/fields.ts'
import type { Input, Message } from '../../src/kafka/wire/message.ts'
import { exchange } from '../real-kafka/exchange.ts'

/**
 * One question for every API in every version, put to a broker by our own codec: its answers are bytes from elsewhere, and
 * that it answers without an error shows that it understood our bytes.
 */

/** What came back; null where the connection was closed. */
export interface Answer {
  readonly name: string
  readonly version: number
  readonly value: unknown
}

/** Asks everything, in an order that works on an empty broker. `batch` is a record batch without compression. */
export async function askEverything(address: { host: string; port: number }, batch: Uint8Array): Promise<readonly Answer[]> {
  const answers: Answer[] = []
  const topic = 'questions'
  const groupId = 'questions-group'

  async function ask<Req extends Shape, Res extends Shape>(
    request: Message<Req>,
    response: Message<Res>,
    question: (version: number) => Input<Message<Req>>,
  ): Promise<void> {
    for (let version = request.versions[0]; version <= request.versions[1]; version++) {
      const value = await exchange(address, request, response, version, question(version)).catch(() => null)
      answers.push({ name: request.name, version, value })
    }
  }

  const group = { groupId, groupInstanceId: null, memberId: '', generationId: -1 }
  const scram = { name: 'questions', mechanism: 1 }
  await ask(ApiVersionsRequest, ApiVersionsResponse, () => ({ clientSoftwareName: 'elytra', clientSoftwareVersion: '1.0' }))
  await ask(CreateTopicsRequest, CreateTopicsResponse, (version) => ({
    topics: [
      {
        name: version === 2 ? topic : `${topic}-${version}`,
        numPartitions: 2,
        replicationFactor: 1,
        assignments: [],
        configs: [{ name: 'retention.ms', value: '60000' }],
      },
      { name: 'not/legal', numPartitions: 1, replicationFactor: 1, assignments: [], configs: [] },
    ],
    timeoutMs: 10_000,
    validateOnly: false,
  }))
  const metadata = await exchange(address, MetadataRequest, MetadataResponse, 12, {
    topics: [{ name: topic, topicId: NO_ID }],
    includeClusterAuthorizedOperations: false,
    includeTopicAuthorizedOperations: false,
  })
  const topicId = metadata.topics[0]?.topicId ?? NO_ID
  await ask(MetadataRequest, MetadataResponse, () => ({
    topics: [{ name: topic, topicId: NO_ID }],
    includeClusterAuthorizedOperations: true,
    includeTopicAuthorizedOperations: true,
  }))
  await ask(ProduceRequest, ProduceResponse, () => ({
    acks: -1,
    timeoutMs: 10_000,
    topicData: [{ name: topic, topicId, partitionData: [{ index: 0, records: batch }] }],
  }))
  const entity = [{ entityType: 'client-id', entityName: 'questions' }]
  await ask(DescribeLogDirsRequest, DescribeLogDirsResponse, () => ({ topics: [{ topic, partitions: [0] }] }))
  await ask(ElectLeadersRequest, ElectLeadersResponse, () => ({ electionType: 0, topicPartitions: [{ topic, partitions: [0, 9] }] }))
  await ask(ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, () => ({ topics: [{ name: topic, partitionIndexes: [0] }] }))
  await ask(DescribeQuorumRequest, DescribeQuorumResponse, () => ({ topics: [{ topicName: '__cluster_metadata', partitions: [{ partitionIndex: 0 }] }] }))
  await ask(UpdateFeaturesRequest, UpdateFeaturesResponse, () => ({
    featureUpdates: [{ feature: 'no.such.feature', maxVersionLevel: 1, allowDowngrade: false }],
    validateOnly: true,
  }))
  await ask(DescribeProducersRequest, DescribeProducersResponse, () => ({ topics: [{ name: topic, partitionIndexes: [0, 9] }] }))
  await ask(ListConfigResourcesRequest, ListConfigResourcesResponse, () => ({ resourceTypes: [] }))
  await ask(DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, () => ({ topics: [{ name: topic }], responsePartitionLimit: 1 }))
  await ask(AlterClientQuotasRequest, AlterClientQuotasResponse, () => ({
    entries: [{ entity, ops: [{ key: 'consumer_byte_rate', value: 1e6, remove: false }] }],
    validateOnly: false,
  }))
  await ask(DescribeClientQuotasRequest, DescribeClientQuotasResponse, () => ({ components: [], strict: false }))
  await ask(ListOffsetsRequest, ListOffsetsResponse, () => ({
    replicaId: -1,
    isolationLevel: 0,
    timeoutMs: 1000,
    topics: [
      {
        name: topic,
        partitions: [
          { partitionIndex: 0, timestamp: -1 },
          { partitionIndex: 99, timestamp: -2 },
        ],
      },
    ],
  }))
  await ask(FetchRequest, FetchResponse, () => ({
    maxWaitMs: 100,
    minBytes: 1,
    topics: [
      {
        topic,
        topicId,
        partitions: [
          { partition: 0, fetchOffset: 0, partitionMaxBytes: 1500 },
          { partition: 1, fetchOffset: 5, partitionMaxBytes: 1500 },
        ],
      },
    ],
    forgottenTopicsData: [],
  }))
  await ask(OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, () => ({
    topics: [{ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] }],
  }))
  await ask(InitProducerIdRequest, InitProducerIdResponse, () => ({ transactionalId: null, transactionTimeoutMs: 60_000 }))
  await ask(FindCoordinatorRequest, FindCoordinatorResponse, () => ({ key: groupId, coordinatorKeys: [groupId] }))
  await ask(OffsetCommitRequest, OffsetCommitResponse, () => ({
    groupId,
    memberId: '',
    topics: [{ name: topic, topicId, partitions: [{ partitionIndex: 0, committedOffset: 3, committedLeaderEpoch: 0, committedMetadata: 'a note' }] }],
  }))
  const committed = [{ name: topic, topicId, partitionIndexes: [0, 1] }]
  await ask(OffsetFetchRequest, OffsetFetchResponse, () => ({
    groupId,
    topics: committed,
    groups: [{ groupId, topics: committed }],
  }))
  await ask(JoinGroupRequest, JoinGroupResponse, (version) => ({
    groupId: `${groupId}-${version}`,
    sessionTimeoutMs: 6000,
    rebalanceTimeoutMs: 6000,
    memberId: '',
    protocolType: 'consumer',
    protocols: [{ name: 'range', metadata: Buffer.from('00010000', 'hex') }],
  }))
  await ask(SyncGroupRequest, SyncGroupResponse, () => ({
    ...group,
    generationId: 1,
    memberId: 'nobody',
    protocolType: 'consumer',
    protocolName: 'range',
    assignments: [],
  }))
  await ask(HeartbeatRequest, HeartbeatResponse, () => ({ ...group, generationId: 1, memberId: 'nobody' }))
  await ask(LeaveGroupRequest, LeaveGroupResponse, () => ({ groupId, memberId: 'nobody', members: [{ memberId: 'nobody', groupInstanceId: null }] }))
  await ask(DescribeGroupsRequest, DescribeGroupsResponse, () => ({ groups: [`${groupId}-0`, 'no-such-group'], includeAuthorizedOperations: true }))
  await ask(ListGroupsRequest, ListGroupsResponse, () => ({ statesFilter: [], typesFilter: [] }))
  await ask(DescribeConfigsRequest, DescribeConfigsResponse, () => ({
    resources: [{ resourceType: 2, resourceName: topic, configurationKeys: ['retention.ms', 'cleanup.policy'] }],
    includeSynonyms: true,
    includeDocumentation: true,
  }))
  await ask(AlterConfigsRequest, AlterConfigsResponse, () => ({
    resources: [{ resourceType: 2, resourceName: topic, configs: [{ name: 'retention.ms', value: '60000' }] }],
    validateOnly: false,
  }))
  await ask(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, () => ({
    resources: [{ resourceType: 2, resourceName: topic, configs: [{ name: 'retention.ms', configOperation: 0, value: '60000' }] }],
    validateOnly: false,
  }))
  await ask(DescribeClusterRequest, DescribeClusterResponse, () => ({ includeClusterAuthorizedOperations: true, includeFencedBrokers: false }))
  await ask(CreatePartitionsRequest, CreatePartitionsResponse, (version) => ({
    topics: [{ name: topic, count: 3 + version, assignments: null }],
    timeoutMs: 10_000,
    validateOnly: false,
  }))
  await ask(DeleteRecordsRequest, DeleteRecordsResponse, () => ({
    topics: [{ name: topic, partitions: [{ partitionIndex: 0, offset: 1 }] }],
    timeoutMs: 10_000,
  }))
  await ask(AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, () => ({
    deletions: [],
    upsertions: [{ ...scram, iterations: 4096, salt: Buffer.from('saltsaltsalt'), saltedPassword: Buffer.alloc(32, 7) }],
  }))
  await ask(DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, () => ({ users: [{ name: 'questions' }] }))
  await ask(OffsetDeleteRequest, OffsetDeleteResponse, () => ({ groupId, topics: [{ name: topic, partitions: [{ partitionIndex: 0 }] }] }))
  await ask(DeleteGroupsRequest, DeleteGroupsResponse, () => ({ groupsNames: [groupId, 'no-such-group'] }))
  await ask(SaslHandshakeRequest, SaslHandshakeResponse, () => ({ mechanism: 'PLAIN' }))
  await ask(DeleteTopicsRequest, DeleteTopicsResponse, (version) => ({
    topics: [{ name: `${topic}-${version + 1}`, topicId: NO_ID }],
    topicNames: [`${topic}-${version + 1}`, 'no-such-topic'],
    timeoutMs: 10_000,
  }))
  return answers
}

const NO_ID = 'AAAAAAAAAAAAAAAAAAAAAA'
