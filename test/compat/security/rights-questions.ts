import { AlterConfigsRequest, AlterConfigsResponse } from '../../../src/kafka/messages/alter-configs.ts'
import { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from '../../../src/kafka/messages/alter-user-scram-credentials.ts'
import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from '../../../src/kafka/messages/consumer-group-describe.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../../../src/kafka/messages/consumer-group-heartbeat.ts'
import { CreateAclsRequest, CreateAclsResponse } from '../../../src/kafka/messages/create-acls.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from '../../../src/kafka/messages/create-partitions.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from '../../../src/kafka/messages/create-topics.ts'
import { DeleteAclsRequest, DeleteAclsResponse } from '../../../src/kafka/messages/delete-acls.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from '../../../src/kafka/messages/delete-groups.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from '../../../src/kafka/messages/delete-records.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from '../../../src/kafka/messages/delete-topics.ts'
import { DescribeAclsRequest, DescribeAclsResponse } from '../../../src/kafka/messages/describe-acls.ts'
import { DescribeClusterRequest, DescribeClusterResponse } from '../../../src/kafka/messages/describe-cluster.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from '../../../src/kafka/messages/describe-configs.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from '../../../src/kafka/messages/describe-groups.ts'
import { DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse } from '../../../src/kafka/messages/describe-user-scram-credentials.ts'
import { FetchRequest, FetchResponse } from '../../../src/kafka/messages/fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from '../../../src/kafka/messages/find-coordinator.ts'
import { HeartbeatRequest, HeartbeatResponse } from '../../../src/kafka/messages/heartbeat.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from '../../../src/kafka/messages/incremental-alter-configs.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from '../../../src/kafka/messages/init-producer-id.ts'
import { JoinGroupRequest, JoinGroupResponse } from '../../../src/kafka/messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from '../../../src/kafka/messages/leave-group.ts'
import { ListGroupsRequest, ListGroupsResponse } from '../../../src/kafka/messages/list-groups.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from '../../../src/kafka/messages/list-offsets.ts'
import { MetadataRequest, MetadataResponse } from '../../../src/kafka/messages/metadata.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from '../../../src/kafka/messages/offset-commit.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from '../../../src/kafka/messages/offset-delete.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from '../../../src/kafka/messages/offset-fetch.ts'
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from '../../../src/kafka/messages/offset-for-leader-epoch.ts'
import { ProduceRequest, ProduceResponse } from '../../../src/kafka/messages/produce.ts'
import { SyncGroupRequest, SyncGroupResponse } from '../../../src/kafka/messages/sync-group.ts'
import type { OutOfShape, Shape } from '../../../src/kafka/wire/fields.ts'
import type { Input, Message } from '../../../src/kafka/wire/message.ts'
import { ZERO_UUID } from '../../../src/util/uuid.ts'
import { batchOf } from '../../kafka/lib/batches.ts'
import { askAdministration } from './rights-administration.ts'
import type { RightsPeer } from './rights-peer.ts'
import { askShareGroups } from './rights-shares.ts'
import { lifeOfTokens } from './rights-tokens.ts'
import { lifeOfATransaction } from './rights-transactions.ts'

/** Something bob asks; what is compared is the part of the answer that rights decide. */
export interface RightsQuestion {
  readonly name: string
  ask(peer: RightsPeer, gone: string): Promise<unknown>
}

const NAMES = ['orders', 'secret', 'missing']
const member = { groupId: 'g', generationId: 1, memberId: 'm', groupInstanceId: null }
const anyAcl = {
  resourceTypeFilter: 1,
  resourceNameFilter: null,
  patternTypeFilter: 1,
  principalFilter: null,
  hostFilter: null,
  operation: 1,
  permissionType: 1,
}
const config = (resourceType: number, resourceName: string) => ({ resourceType, resourceName, configurationKeys: ['retention.ms'] })
const sorted = <T>(items: readonly T[], key: (item: T) => string): T[] => [...items].sort((left, right) => (key(left) < key(right) ? -1 : 1))

/** One that is compared by what `tell` takes out of the answer. */
function question<Q extends Shape, R extends Shape>(
  name: string,
  messages: readonly [Message<Q>, Message<R>],
  version: number,
  value: (peer: RightsPeer, gone: string) => Input<Message<Q>>,
  tell: (answer: OutOfShape<R>) => unknown,
): RightsQuestion {
  return { name: `${name} v${version}`, ask: async (peer, gone) => tell(await peer.ask(messages, version, value(peer, gone))) }
}

/** In an order that does not depend on earlier answers; what is deleted is new in every scenario. */
export const RIGHTS_QUESTIONS: readonly RightsQuestion[] = [
  question(
    'Metadata of names',
    [MetadataRequest, MetadataResponse] as const,
    8,
    () => ({
      topics: NAMES.map((name) => ({ name, topicId: ZERO_UUID })),
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: true,
      includeClusterAuthorizedOperations: true,
    }),
    (answer) => [
      answer.clusterAuthorizedOperations,
      sorted(answer.topics, ({ name }) => name ?? '').map((t) => [t.name, t.errorCode, t.topicAuthorizedOperations]),
    ],
  ),
  question(
    'Metadata of ids',
    [MetadataRequest, MetadataResponse] as const,
    12,
    (peer) => ({
      topics: ['orders', 'secret'].map((name) => ({ name: null, topicId: peer.topicIds.get(name) ?? '' })),
      allowAutoTopicCreation: false,
      includeTopicAuthorizedOperations: false,
      includeClusterAuthorizedOperations: false,
    }),
    (answer) => sorted(answer.topics, ({ name }) => name ?? '').map((topic) => [topic.name, topic.errorCode, topic.topicId === ZERO_UUID]),
  ),
  question(
    'Metadata of all',
    [MetadataRequest, MetadataResponse] as const,
    12,
    () => ({ topics: null, allowAutoTopicCreation: true, includeTopicAuthorizedOperations: false, includeClusterAuthorizedOperations: false }),
    (answer) =>
      answer.topics
        .map(({ name }) => name)
        .filter((name) => NAMES.includes(name ?? ''))
        .sort(),
  ),
  question(
    'Metadata that makes a topic',
    [MetadataRequest, MetadataResponse] as const,
    9,
    (_, gone) => ({
      topics: [{ name: `new-${gone}`, topicId: ZERO_UUID }],
      allowAutoTopicCreation: true,
      includeTopicAuthorizedOperations: false,
      includeClusterAuthorizedOperations: false,
    }),
    // A real Kafka says 3 or 5 while it makes the topic.
    (answer) => answer.topics.map(({ errorCode }) => (errorCode === 3 || errorCode === 5 ? 0 : errorCode)),
  ),
  question(
    'Produce',
    [ProduceRequest, ProduceResponse] as const,
    9,
    () => ({
      acks: -1,
      timeoutMs: 10_000,
      topicData: NAMES.map((name) => ({ name, topicId: ZERO_UUID, partitionData: [{ index: 0, records: batchOf(['x'], { timestampMs: Date.now() }) }] })),
    }),
    (answer) =>
      sorted(answer.responses, ({ name }) => name).map(({ name, partitionResponses }) => [name, partitionResponses.map(({ errorCode }) => errorCode)]),
  ),
  question(
    'Produce by id',
    [ProduceRequest, ProduceResponse] as const,
    13,
    (peer) => ({
      acks: -1,
      timeoutMs: 10_000,
      topicData: ['orders', 'secret'].map((name) => ({
        name: '',
        topicId: peer.topicIds.get(name) ?? '',
        partitionData: [{ index: 0, records: batchOf(['x'], { timestampMs: Date.now() }) }],
      })),
    }),
    (answer) => answer.responses.flatMap(({ partitionResponses }) => partitionResponses.map(({ errorCode }) => errorCode)).sort(),
  ),
  question(
    'Fetch',
    [FetchRequest, FetchResponse] as const,
    12,
    () => ({
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1_000,
      topics: NAMES.map((topic) => ({ topic, topicId: ZERO_UUID, partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }] })),
      forgottenTopicsData: [],
    }),
    (answer) => sorted(answer.responses, ({ topic }) => topic).map(({ topic, partitions }) => [topic, partitions.map(({ errorCode }) => errorCode)]),
  ),
  question(
    'Fetch by id',
    [FetchRequest, FetchResponse] as const,
    13,
    (peer) => ({
      maxWaitMs: 0,
      minBytes: 0,
      maxBytes: 1_000,
      topics: ['orders', 'secret'].map((name) => ({
        topic: '',
        topicId: peer.topicIds.get(name) ?? '',
        partitions: [{ partition: 0, fetchOffset: 0, partitionMaxBytes: 1_000 }],
      })),
      forgottenTopicsData: [],
    }),
    (answer) => [answer.errorCode, answer.responses.flatMap(({ partitions }) => partitions.map(({ errorCode }) => errorCode)).sort()],
  ),
  question(
    'ListOffsets',
    [ListOffsetsRequest, ListOffsetsResponse] as const,
    7,
    () => ({ replicaId: -1, isolationLevel: 0, timeoutMs: 1_000, topics: NAMES.map((name) => ({ name, partitions: [{ partitionIndex: 0, timestamp: -2 }] })) }),
    (answer) => sorted(answer.topics, ({ name }) => name).map(({ name, partitions }) => [name, partitions.map(({ errorCode }) => errorCode)]),
  ),
  question(
    'OffsetForLeaderEpoch',
    [OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse] as const,
    4,
    () => ({ replicaId: -1, topics: NAMES.map((topic) => ({ topic, partitions: [{ partition: 0, leaderEpoch: 0 }] })) }),
    (answer) => sorted(answer.topics, ({ topic }) => topic).map(({ topic, partitions }) => [topic, partitions.map(({ errorCode }) => errorCode)]),
  ),
  question(
    'DeleteRecords',
    [DeleteRecordsRequest, DeleteRecordsResponse] as const,
    2,
    () => ({ timeoutMs: 1_000, topics: NAMES.map((name) => ({ name, partitions: [{ partitionIndex: 0, offset: 0 }] })) }),
    (answer) => sorted(answer.topics, ({ name }) => name).map(({ name, partitions }) => [name, partitions.map(({ errorCode }) => errorCode)]),
  ),
  question(
    'CreateTopics',
    [CreateTopicsRequest, CreateTopicsResponse] as const,
    7,
    () => ({
      timeoutMs: 10_000,
      validateOnly: true,
      topics: ['new-1', 'orders', 'other'].map((name) => ({ name, numPartitions: 2, replicationFactor: 1, assignments: [], configs: [] })),
    }),
    (answer) =>
      sorted(answer.topics, ({ name }) => name).map((t) => [
        t.name,
        t.errorCode,
        t.topicConfigErrorCode,
        t.numPartitions,
        t.replicationFactor,
        (t.configs ?? []).length > 0,
      ]),
  ),
  question(
    'CreatePartitions',
    [CreatePartitionsRequest, CreatePartitionsResponse] as const,
    3,
    () => ({ timeoutMs: 10_000, validateOnly: true, topics: NAMES.map((name) => ({ name, count: 5, assignments: null })) }),
    (answer) => sorted(answer.results, ({ name }) => name).map(({ name, errorCode }) => [name, errorCode]),
  ),
  question(
    'DeleteTopics of names',
    [DeleteTopicsRequest, DeleteTopicsResponse] as const,
    5,
    () => ({ timeoutMs: 10_000, topics: [], topicNames: ['missing', 'gone-missing'] }),
    (answer) => sorted(answer.responses, ({ name }) => name ?? '').map(({ name, errorCode }) => [name, errorCode]),
  ),
  question(
    'DeleteTopics of ids',
    [DeleteTopicsRequest, DeleteTopicsResponse] as const,
    6,
    (peer, gone) => ({ timeoutMs: 10_000, topicNames: [], topics: [{ name: null, topicId: peer.topicIds.get(gone) ?? '' }] }),
    (answer) => answer.responses.map(({ name, errorCode }) => [name === null, errorCode]),
  ),
  question(
    'DescribeConfigs',
    [DescribeConfigsRequest, DescribeConfigsResponse] as const,
    4,
    () => ({ resources: [...NAMES.map((name) => config(2, name)), config(4, '1')], includeSynonyms: false, includeDocumentation: false }),
    (answer) => sorted(answer.results, ({ resourceName }) => resourceName).map(({ resourceName, errorCode }) => [resourceName, errorCode]),
  ),
  question(
    'AlterConfigs',
    [AlterConfigsRequest, AlterConfigsResponse] as const,
    2,
    () => ({ validateOnly: true, resources: ['orders', 'secret'].map((resourceName) => ({ resourceType: 2, resourceName, configs: [] })) }),
    (answer) => sorted(answer.responses, ({ resourceName }) => resourceName).map(({ resourceName, errorCode }) => [resourceName, errorCode]),
  ),
  question(
    'IncrementalAlterConfigs',
    [IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse] as const,
    1,
    () => ({
      validateOnly: true,
      resources: ['orders', 'secret'].map((resourceName) => ({
        resourceType: 2,
        resourceName,
        configs: [{ name: 'retention.ms', configOperation: 0, value: '1000' }],
      })),
    }),
    (answer) => sorted(answer.responses, ({ resourceName }) => resourceName).map(({ resourceName, errorCode }) => [resourceName, errorCode]),
  ),
  question(
    'DescribeCluster',
    [DescribeClusterRequest, DescribeClusterResponse] as const,
    1,
    () => ({ includeClusterAuthorizedOperations: true, includeFencedBrokers: false }),
    (answer) => [answer.errorCode, answer.clusterAuthorizedOperations],
  ),
  question(
    'InitProducerId',
    [InitProducerIdRequest, InitProducerIdResponse] as const,
    4,
    () => ({ transactionalId: null, transactionTimeoutMs: 60_000 }),
    (answer) => answer.errorCode,
  ),
  question(
    'FindCoordinator of groups',
    [FindCoordinatorRequest, FindCoordinatorResponse] as const,
    4,
    () => ({ key: '', keyType: 0, coordinatorKeys: ['g', 'h'] }),
    (answer) => sorted(answer.coordinators, ({ key }) => key).map(({ key, errorCode }) => [key, errorCode]),
  ),
  question(
    'OffsetCommit',
    [OffsetCommitRequest, OffsetCommitResponse] as const,
    8,
    () => ({
      groupId: 'g',
      memberId: '',
      topics: NAMES.map((name) => ({
        name,
        topicId: ZERO_UUID,
        partitions: [{ partitionIndex: 0, committedOffset: 0, committedLeaderEpoch: -1, committedMetadata: '' }],
      })),
    }),
    (answer) => sorted(answer.topics, ({ name }) => name).map(({ name, partitions }) => [name, partitions.map(({ errorCode }) => errorCode)]),
  ),
  question(
    'OffsetFetch of names',
    [OffsetFetchRequest, OffsetFetchResponse] as const,
    8,
    () => ({
      groupId: '',
      topics: [],
      groups: ['g', 'h'].map((groupId) => ({ groupId, topics: NAMES.map((name) => ({ name, topicId: ZERO_UUID, partitionIndexes: [0] })) })),
    }),
    (answer) =>
      sorted(answer.groups, ({ groupId }) => groupId).map(({ groupId, errorCode, topics }) => [
        groupId,
        errorCode,
        sorted(topics, ({ name }) => name).map(({ name, partitions }) => [name, partitions.map((partition) => partition.errorCode)]),
      ]),
  ),
  question(
    'JoinGroup',
    [JoinGroupRequest, JoinGroupResponse] as const,
    5,
    () => ({
      groupId: 'h',
      sessionTimeoutMs: 6_000,
      rebalanceTimeoutMs: 6_000,
      memberId: '',
      protocolType: 'consumer',
      protocols: [{ name: 'range', metadata: Buffer.alloc(0) }],
    }),
    (answer) => answer.errorCode,
  ),
  question(
    'SyncGroup',
    [SyncGroupRequest, SyncGroupResponse] as const,
    5,
    () => ({ ...member, protocolType: 'consumer', protocolName: 'range', assignments: [] }),
    (answer) => answer.errorCode,
  ),
  question(
    'Heartbeat',
    [HeartbeatRequest, HeartbeatResponse] as const,
    4,
    () => member,
    (answer) => answer.errorCode,
  ),
  question(
    'LeaveGroup',
    [LeaveGroupRequest, LeaveGroupResponse] as const,
    4,
    () => ({ groupId: 'g', memberId: '', members: [{ memberId: 'm', groupInstanceId: null }] }),
    (answer) => [answer.errorCode, answer.members.map(({ errorCode }) => errorCode)],
  ),
  question(
    'DescribeGroups',
    [DescribeGroupsRequest, DescribeGroupsResponse] as const,
    5,
    () => ({ groups: ['g', 'h'], includeAuthorizedOperations: true }),
    (answer) =>
      sorted(answer.groups, ({ groupId }) => groupId).map(({ groupId, errorCode, authorizedOperations }) => [groupId, errorCode, authorizedOperations]),
  ),
  question(
    'ListGroups',
    [ListGroupsRequest, ListGroupsResponse] as const,
    4,
    () => ({ statesFilter: [], typesFilter: [] }),
    (answer) => [answer.errorCode, answer.groups.map(({ groupId }) => groupId).filter((groupId) => groupId === 'g')],
  ),
  question(
    'OffsetDelete',
    [OffsetDeleteRequest, OffsetDeleteResponse] as const,
    0,
    () => ({ groupId: 'g', topics: [{ name: 'secret', partitions: [{ partitionIndex: 0 }] }] }),
    (answer) => [answer.errorCode, answer.topics.map(({ name, partitions }) => [name, partitions.map(({ errorCode }) => errorCode)])],
  ),
  question(
    'DeleteGroups',
    [DeleteGroupsRequest, DeleteGroupsResponse] as const,
    2,
    () => ({ groupsNames: ['none'] }),
    (answer) => answer.results.map(({ errorCode }) => errorCode),
  ),
  question(
    'DescribeAcls',
    [DescribeAclsRequest, DescribeAclsResponse] as const,
    3,
    () => anyAcl,
    (answer) => [answer.errorCode, answer.resources.length],
  ),
  question(
    'CreateAcls',
    [CreateAclsRequest, CreateAclsResponse] as const,
    3,
    () => ({ creations: [{ resourceType: 2, resourceName: '', resourcePatternType: 3, principal: 'User:x', host: '*', operation: 3, permissionType: 3 }] }),
    (answer) => answer.results.map(({ errorCode }) => errorCode),
  ),
  question(
    'DeleteAcls',
    [DeleteAclsRequest, DeleteAclsResponse] as const,
    3,
    () => ({ filters: [{ ...anyAcl, principalFilter: 'User:nobody' }] }),
    (answer) => answer.filterResults.map(({ errorCode, matchingAcls }) => [errorCode, matchingAcls.length]),
  ),
  question(
    'DescribeUserScramCredentials',
    [DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse] as const,
    0,
    () => ({ users: [{ name: 'nobody' }] }),
    (answer) => [answer.errorCode, answer.results.map(({ errorCode }) => errorCode)],
  ),
  question(
    'AlterUserScramCredentials',
    [AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse] as const,
    0,
    () => ({ deletions: [{ name: 'nobody', mechanism: 1 }], upsertions: [] }),
    (answer) => answer.results.map(({ errorCode }) => errorCode),
  ),
  question(
    'DescribeConfigs of a group',
    [DescribeConfigsRequest, DescribeConfigsResponse] as const,
    4,
    () => ({ resources: [{ resourceType: 32, resourceName: 'g', configurationKeys: null }], includeSynonyms: false, includeDocumentation: false }),
    (answer) => answer.results.map(({ errorCode }) => errorCode),
  ),
  question(
    'IncrementalAlterConfigs of broker and group',
    [IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse] as const,
    1,
    () => ({
      validateOnly: true,
      resources: [
        { resourceType: 4, resourceName: '', configs: [{ name: 'log.retention.ms', configOperation: 0, value: '100000' }] },
        { resourceType: 32, resourceName: 'g', configs: [{ name: 'consumer.session.timeout.ms', configOperation: 0, value: '46000' }] },
      ],
    }),
    (answer) => sorted(answer.responses, ({ resourceName }) => resourceName).map(({ resourceName, errorCode }) => [resourceName, errorCode]),
  ),
  question(
    'ConsumerGroupHeartbeat that leaves',
    [ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse] as const,
    1,
    () => ({ groupId: 'g848', memberId: 'm', memberEpoch: -1, subscribedTopicNames: ['orders'], topicPartitions: null }),
    (answer) => answer.errorCode,
  ),
  question(
    'ConsumerGroupDescribe',
    [ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse] as const,
    1,
    () => ({ groupIds: ['g', 'g848'], includeAuthorizedOperations: true }),
    (answer) =>
      sorted(answer.groups, ({ groupId }) => groupId).map(({ groupId, errorCode, authorizedOperations }) => [groupId, errorCode, authorizedOperations]),
  ),
  { name: 'administration', ask: (peer) => askAdministration(peer) },
  { name: 'share groups', ask: (peer, gone) => askShareGroups(peer, gone) },
  { name: 'delegation tokens', ask: (peer) => lifeOfTokens(peer) },
  { name: 'a transaction', ask: (peer) => lifeOfATransaction(peer) },
]
