import { ApiTable, api } from './api-table.ts'
import { addOffsetsToTxn } from './handlers/add-offsets-to-txn.ts'
import { addPartitionsToTxn } from './handlers/add-partitions-to-txn.ts'
import { alterClientQuotas } from './handlers/alter-client-quotas.ts'
import { alterConfigs } from './handlers/alter-configs.ts'
import { alterShareGroupOffsets } from './handlers/alter-share-group-offsets.ts'
import { alterUserScramCredentials } from './handlers/alter-user-scram-credentials.ts'
import { apiVersions } from './handlers/api-versions.ts'
import { consumerGroupDescribe } from './handlers/consumer-group-describe.ts'
import { consumerGroupHeartbeat } from './handlers/consumer-group-heartbeat.ts'
import { createAcls } from './handlers/create-acls.ts'
import { createDelegationToken } from './handlers/create-delegation-token.ts'
import { createPartitions } from './handlers/create-partitions.ts'
import { createTopics } from './handlers/create-topics.ts'
import { deleteAcls } from './handlers/delete-acls.ts'
import { deleteGroups } from './handlers/delete-groups.ts'
import { deleteRecords } from './handlers/delete-records.ts'
import { deleteShareGroupOffsets } from './handlers/delete-share-group-offsets.ts'
import { deleteTopics } from './handlers/delete-topics.ts'
import { describeAcls } from './handlers/describe-acls.ts'
import { describeClientQuotas } from './handlers/describe-client-quotas.ts'
import { describeCluster } from './handlers/describe-cluster.ts'
import { describeConfigs } from './handlers/describe-configs.ts'
import { describeDelegationToken } from './handlers/describe-delegation-token.ts'
import { describeGroups } from './handlers/describe-groups.ts'
import { describeLogDirs } from './handlers/describe-log-dirs.ts'
import { describeProducers } from './handlers/describe-producers.ts'
import { describeQuorum } from './handlers/describe-quorum.ts'
import { describeShareGroupOffsets } from './handlers/describe-share-group-offsets.ts'
import { describeTopicPartitions } from './handlers/describe-topic-partitions.ts'
import { describeTransactions } from './handlers/describe-transactions.ts'
import { describeUserScramCredentials } from './handlers/describe-user-scram-credentials.ts'
import { electLeaders } from './handlers/elect-leaders.ts'
import { endTxn } from './handlers/end-txn.ts'
import { expireDelegationToken } from './handlers/expire-delegation-token.ts'
import { fetch } from './handlers/fetch.ts'
import { findCoordinator } from './handlers/find-coordinator.ts'
import { heartbeat } from './handlers/heartbeat.ts'
import { incrementalAlterConfigs } from './handlers/incremental-alter-configs.ts'
import { initProducerId } from './handlers/init-producer-id.ts'
import { joinGroup } from './handlers/join-group.ts'
import { leaveGroup } from './handlers/leave-group.ts'
import { listConfigResources } from './handlers/list-config-resources.ts'
import { listGroups } from './handlers/list-groups.ts'
import { listOffsets } from './handlers/list-offsets.ts'
import { listPartitionReassignments } from './handlers/list-partition-reassignments.ts'
import { listTransactions } from './handlers/list-transactions.ts'
import { metadata } from './handlers/metadata.ts'
import { offsetCommit } from './handlers/offset-commit.ts'
import { offsetDelete } from './handlers/offset-delete.ts'
import { offsetFetch } from './handlers/offset-fetch.ts'
import { offsetForLeaderEpoch } from './handlers/offset-for-leader-epoch.ts'
import { produce } from './handlers/produce.ts'
import { renewDelegationToken } from './handlers/renew-delegation-token.ts'
import { saslAuthenticate } from './handlers/sasl-authenticate.ts'
import { saslHandshake } from './handlers/sasl-handshake.ts'
import { shareAcknowledge } from './handlers/share-acknowledge.ts'
import { shareFetch } from './handlers/share-fetch.ts'
import { shareGroupDescribe } from './handlers/share-group-describe.ts'
import { shareGroupHeartbeat } from './handlers/share-group-heartbeat.ts'
import { syncGroup } from './handlers/sync-group.ts'
import { txnOffsetCommit } from './handlers/txn-offset-commit.ts'
import { updateFeatures } from './handlers/update-features.ts'
import { AddOffsetsToTxnRequest, AddOffsetsToTxnResponse } from './messages/add-offsets-to-txn.ts'
import { AddPartitionsToTxnRequest, AddPartitionsToTxnResponse } from './messages/add-partitions-to-txn.ts'
import { AlterClientQuotasRequest, AlterClientQuotasResponse } from './messages/alter-client-quotas.ts'
import { AlterConfigsRequest, AlterConfigsResponse } from './messages/alter-configs.ts'
import { AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse } from './messages/alter-share-group-offsets.ts'
import { AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse } from './messages/alter-user-scram-credentials.ts'
import { ApiVersionsRequest, ApiVersionsResponse } from './messages/api-versions.ts'
import { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from './messages/consumer-group-describe.ts'
import { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from './messages/consumer-group-heartbeat.ts'
import { CreateAclsRequest, CreateAclsResponse } from './messages/create-acls.ts'
import { CreateDelegationTokenRequest, CreateDelegationTokenResponse } from './messages/create-delegation-token.ts'
import { CreatePartitionsRequest, CreatePartitionsResponse } from './messages/create-partitions.ts'
import { CreateTopicsRequest, CreateTopicsResponse } from './messages/create-topics.ts'
import { DeleteAclsRequest, DeleteAclsResponse } from './messages/delete-acls.ts'
import { DeleteGroupsRequest, DeleteGroupsResponse } from './messages/delete-groups.ts'
import { DeleteRecordsRequest, DeleteRecordsResponse } from './messages/delete-records.ts'
import { DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse } from './messages/delete-share-group-offsets.ts'
import { DeleteTopicsRequest, DeleteTopicsResponse } from './messages/delete-topics.ts'
import { DescribeAclsRequest, DescribeAclsResponse } from './messages/describe-acls.ts'
import { DescribeClientQuotasRequest, DescribeClientQuotasResponse } from './messages/describe-client-quotas.ts'
import { DescribeClusterRequest, DescribeClusterResponse } from './messages/describe-cluster.ts'
import { DescribeConfigsRequest, DescribeConfigsResponse } from './messages/describe-configs.ts'
import { DescribeDelegationTokenRequest, DescribeDelegationTokenResponse } from './messages/describe-delegation-token.ts'
import { DescribeGroupsRequest, DescribeGroupsResponse } from './messages/describe-groups.ts'
import { DescribeLogDirsRequest, DescribeLogDirsResponse } from './messages/describe-log-dirs.ts'
import { DescribeProducersRequest, DescribeProducersResponse } from './messages/describe-producers.ts'
import { DescribeQuorumRequest, DescribeQuorumResponse } from './messages/describe-quorum.ts'
import { DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse } from './messages/describe-share-group-offsets.ts'
import { DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse } from './messages/describe-topic-partitions.ts'
import { DescribeTransactionsRequest, DescribeTransactionsResponse } from './messages/describe-transactions.ts'
import { DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse } from './messages/describe-user-scram-credentials.ts'
import { ElectLeadersRequest, ElectLeadersResponse } from './messages/elect-leaders.ts'
import { EndTxnRequest, EndTxnResponse } from './messages/end-txn.ts'
import { ExpireDelegationTokenRequest, ExpireDelegationTokenResponse } from './messages/expire-delegation-token.ts'
import { FetchRequest, FetchResponse } from './messages/fetch.ts'
import { FindCoordinatorRequest, FindCoordinatorResponse } from './messages/find-coordinator.ts'
import { HeartbeatRequest, HeartbeatResponse } from './messages/heartbeat.ts'
import { IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse } from './messages/incremental-alter-configs.ts'
import { InitProducerIdRequest, InitProducerIdResponse } from './messages/init-producer-id.ts'
import { JoinGroupRequest, JoinGroupResponse } from './messages/join-group.ts'
import { LeaveGroupRequest, LeaveGroupResponse } from './messages/leave-group.ts'
import { ListConfigResourcesRequest, ListConfigResourcesResponse } from './messages/list-config-resources.ts'
import { ListGroupsRequest, ListGroupsResponse } from './messages/list-groups.ts'
import { ListOffsetsRequest, ListOffsetsResponse } from './messages/list-offsets.ts'
import { ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse } from './messages/list-partition-reassignments.ts'
import { ListTransactionsRequest, ListTransactionsResponse } from './messages/list-transactions.ts'
import { MetadataRequest, MetadataResponse } from './messages/metadata.ts'
import { OffsetCommitRequest, OffsetCommitResponse } from './messages/offset-commit.ts'
import { OffsetDeleteRequest, OffsetDeleteResponse } from './messages/offset-delete.ts'
import { OffsetFetchRequest, OffsetFetchResponse } from './messages/offset-fetch.ts'
import { OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse } from './messages/offset-for-leader-epoch.ts'
import { ProduceRequest, ProduceResponse } from './messages/produce.ts'
import { RenewDelegationTokenRequest, RenewDelegationTokenResponse } from './messages/renew-delegation-token.ts'
import { SaslAuthenticateRequest, SaslAuthenticateResponse } from './messages/sasl-authenticate.ts'
import { SaslHandshakeRequest, SaslHandshakeResponse } from './messages/sasl-handshake.ts'
import { ShareAcknowledgeRequest, ShareAcknowledgeResponse } from './messages/share-acknowledge.ts'
import { ShareFetchRequest, ShareFetchResponse } from './messages/share-fetch.ts'
import { ShareGroupDescribeRequest, ShareGroupDescribeResponse } from './messages/share-group-describe.ts'
import { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from './messages/share-group-heartbeat.ts'
import { SyncGroupRequest, SyncGroupResponse } from './messages/sync-group.ts'
import { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from './messages/txn-offset-commit.ts'
import { UpdateFeaturesRequest, UpdateFeaturesResponse } from './messages/update-features.ts'

/**
 * Every API this broker serves, a line each: messages, handler, versions. ApiVersions answers what stands here, so nothing
 * is advertised that is not served, but for Produce 0 to 2: librdkafka before 2.11.1 compresses only where it sees them
 * (KAFKA-18659); a client that sends one is closed, as Kafka 4 does.
 */
export const KAFKA_APIS = new ApiTable([
  api(ProduceRequest, ProduceResponse, produce, [3, 13], { advertises: [0, 13], appends: true }),
  api(FetchRequest, FetchResponse, fetch, [4, 18], { exclusive: true }),
  api(ListOffsetsRequest, ListOffsetsResponse, listOffsets, [1, 11]),
  api(MetadataRequest, MetadataResponse, metadata, [0, 13]),
  api(OffsetCommitRequest, OffsetCommitResponse, offsetCommit, [2, 10]),
  api(OffsetFetchRequest, OffsetFetchResponse, offsetFetch, [1, 10]),
  api(FindCoordinatorRequest, FindCoordinatorResponse, findCoordinator, [0, 6]),
  api(JoinGroupRequest, JoinGroupResponse, joinGroup, [0, 9]),
  api(HeartbeatRequest, HeartbeatResponse, heartbeat, [0, 4]),
  api(LeaveGroupRequest, LeaveGroupResponse, leaveGroup, [0, 5]),
  api(SyncGroupRequest, SyncGroupResponse, syncGroup, [0, 5]),
  api(DescribeGroupsRequest, DescribeGroupsResponse, describeGroups, [0, 6]),
  api(ListGroupsRequest, ListGroupsResponse, listGroups, [0, 5]),
  api(SaslHandshakeRequest, SaslHandshakeResponse, saslHandshake, [0, 1], { exclusive: true }),
  api(ApiVersionsRequest, ApiVersionsResponse, apiVersions, [0, 5]),
  api(CreateTopicsRequest, CreateTopicsResponse, createTopics, [2, 7]),
  api(DeleteTopicsRequest, DeleteTopicsResponse, deleteTopics, [1, 6]),
  api(DeleteRecordsRequest, DeleteRecordsResponse, deleteRecords, [0, 2]),
  api(InitProducerIdRequest, InitProducerIdResponse, initProducerId, [0, 5]),
  api(OffsetForLeaderEpochRequest, OffsetForLeaderEpochResponse, offsetForLeaderEpoch, [2, 4]),
  api(AddPartitionsToTxnRequest, AddPartitionsToTxnResponse, addPartitionsToTxn, [0, 3]),
  api(AddOffsetsToTxnRequest, AddOffsetsToTxnResponse, addOffsetsToTxn, [0, 4]),
  api(EndTxnRequest, EndTxnResponse, endTxn, [0, 5], { appends: true }),
  api(TxnOffsetCommitRequest, TxnOffsetCommitResponse, txnOffsetCommit, [0, 6]),
  api(DescribeAclsRequest, DescribeAclsResponse, describeAcls, [1, 3]),
  api(CreateAclsRequest, CreateAclsResponse, createAcls, [1, 3]),
  api(DeleteAclsRequest, DeleteAclsResponse, deleteAcls, [1, 3]),
  api(DescribeConfigsRequest, DescribeConfigsResponse, describeConfigs, [1, 4]),
  api(AlterConfigsRequest, AlterConfigsResponse, alterConfigs, [0, 2]),
  api(DescribeLogDirsRequest, DescribeLogDirsResponse, describeLogDirs, [1, 5]),
  api(SaslAuthenticateRequest, SaslAuthenticateResponse, saslAuthenticate, [0, 2], { exclusive: true }),
  api(CreatePartitionsRequest, CreatePartitionsResponse, createPartitions, [0, 3]),
  api(CreateDelegationTokenRequest, CreateDelegationTokenResponse, createDelegationToken, [1, 3]),
  api(RenewDelegationTokenRequest, RenewDelegationTokenResponse, renewDelegationToken, [1, 2]),
  api(ExpireDelegationTokenRequest, ExpireDelegationTokenResponse, expireDelegationToken, [1, 2]),
  api(DescribeDelegationTokenRequest, DescribeDelegationTokenResponse, describeDelegationToken, [1, 3]),
  api(DeleteGroupsRequest, DeleteGroupsResponse, deleteGroups, [0, 3]),
  api(ElectLeadersRequest, ElectLeadersResponse, electLeaders, [0, 2]),
  api(IncrementalAlterConfigsRequest, IncrementalAlterConfigsResponse, incrementalAlterConfigs, [0, 1]),
  api(ListPartitionReassignmentsRequest, ListPartitionReassignmentsResponse, listPartitionReassignments, [0, 0]),
  api(OffsetDeleteRequest, OffsetDeleteResponse, offsetDelete, [0, 0]),
  api(DescribeClientQuotasRequest, DescribeClientQuotasResponse, describeClientQuotas, [0, 1]),
  api(AlterClientQuotasRequest, AlterClientQuotasResponse, alterClientQuotas, [0, 1]),
  api(DescribeUserScramCredentialsRequest, DescribeUserScramCredentialsResponse, describeUserScramCredentials, [0, 0]),
  api(AlterUserScramCredentialsRequest, AlterUserScramCredentialsResponse, alterUserScramCredentials, [0, 0]),
  api(DescribeQuorumRequest, DescribeQuorumResponse, describeQuorum, [0, 2]),
  api(UpdateFeaturesRequest, UpdateFeaturesResponse, updateFeatures, [0, 2]),
  api(DescribeClusterRequest, DescribeClusterResponse, describeCluster, [0, 2]),
  api(DescribeProducersRequest, DescribeProducersResponse, describeProducers, [0, 0]),
  api(DescribeTransactionsRequest, DescribeTransactionsResponse, describeTransactions, [0, 0]),
  api(ListTransactionsRequest, ListTransactionsResponse, listTransactions, [0, 2]),
  api(ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse, consumerGroupHeartbeat, [0, 1]),
  api(ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse, consumerGroupDescribe, [0, 1]),
  api(ListConfigResourcesRequest, ListConfigResourcesResponse, listConfigResources, [0, 1]),
  api(ShareFetchRequest, ShareFetchResponse, shareFetch, [1, 2], { exclusive: true }),
  api(ShareAcknowledgeRequest, ShareAcknowledgeResponse, shareAcknowledge, [1, 2]),
  api(DescribeTopicPartitionsRequest, DescribeTopicPartitionsResponse, describeTopicPartitions, [0, 0]),
  api(ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse, shareGroupHeartbeat, [1, 1]),
  api(ShareGroupDescribeRequest, ShareGroupDescribeResponse, shareGroupDescribe, [1, 1]),
  api(DescribeShareGroupOffsetsRequest, DescribeShareGroupOffsetsResponse, describeShareGroupOffsets, [0, 1]),
  api(AlterShareGroupOffsetsRequest, AlterShareGroupOffsetsResponse, alterShareGroupOffsets, [0, 0]),
  api(DeleteShareGroupOffsetsRequest, DeleteShareGroupOffsetsResponse, deleteShareGroupOffsets, [0, 0]),
])
