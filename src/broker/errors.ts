/**
 * Expected failures: one row each, with the code every protocol has for it. Handlers pass rows around as values and map
 * them at their edge. Kafka codes are those of `org.apache.kafka.common.protocol.Errors`; MQTT reasons are those of MQTT 5.
 */
export interface ErrorRow {
  /** Kafka's name, without prefix: also the word in logs and metrics. */
  readonly name: string
  readonly kafka: number
  /** MQTT 5 reason code, 0x80 and above. */
  readonly mqtt: number
  /** What happened, for people; a caller may add the value. */
  readonly message: string
}

const row = (name: string, kafka: number, mqtt: number, message: string): ErrorRow => ({ name, kafka, mqtt, message })

export const ERRORS = {
  unknownServerError: row('UNKNOWN_SERVER_ERROR', -1, 0x80, 'the broker met an unexpected condition; its log says more'),
  offsetOutOfRange: row('OFFSET_OUT_OF_RANGE', 1, 0x80, 'the offset is outside the range the log holds'),
  corruptMessage: row('CORRUPT_MESSAGE', 2, 0x83, 'the record batch fails its CRC, or its length or payload is wrong'),
  unknownTopicOrPartition: row('UNKNOWN_TOPIC_OR_PARTITION', 3, 0x90, 'this broker has no such topic or partition'),
  leaderNotAvailable: row('LEADER_NOT_AVAILABLE', 5, 0x88, 'the partition is being opened; try again'),
  notLeaderOrFollower: row('NOT_LEADER_OR_FOLLOWER', 6, 0x88, 'this broker does not lead the partition'),
  requestTimedOut: row('REQUEST_TIMED_OUT', 7, 0x88, 'the request timed out'),
  messageTooLarge: row('MESSAGE_TOO_LARGE', 10, 0x97, 'the record batch is larger than max.message.bytes'),
  offsetMetadataTooLarge: row('OFFSET_METADATA_TOO_LARGE', 12, 0x95, 'the metadata of a committed offset is over 4,096 bytes'),
  coordinatorLoadInProgress: row('COORDINATOR_LOAD_IN_PROGRESS', 14, 0x88, 'the coordinator is loading'),
  coordinatorNotAvailable: row('COORDINATOR_NOT_AVAILABLE', 15, 0x88, 'the coordinator is not available'),
  notCoordinator: row('NOT_COORDINATOR', 16, 0x88, 'this broker does not coordinate the group'),
  invalidTopic: row('INVALID_TOPIC_EXCEPTION', 17, 0x90, 'the topic name is not legal'),
  invalidRequiredAcks: row('INVALID_REQUIRED_ACKS', 21, 0x83, 'acks must be -1, 0 or 1'),
  illegalGeneration: row('ILLEGAL_GENERATION', 22, 0x80, 'the generation is not the current one'),
  inconsistentGroupProtocol: row('INCONSISTENT_GROUP_PROTOCOL', 23, 0x80, 'the group uses another protocol'),
  invalidGroupId: row('INVALID_GROUP_ID', 24, 0x80, 'the group id is not legal'),
  unknownMemberId: row('UNKNOWN_MEMBER_ID', 25, 0x80, 'the group has no such member'),
  invalidSessionTimeout: row('INVALID_SESSION_TIMEOUT', 26, 0x80, 'the session timeout is outside group.min/max.session.timeout.ms'),
  rebalanceInProgress: row('REBALANCE_IN_PROGRESS', 27, 0x80, 'the group is rebalancing'),
  topicAuthorizationFailed: row('TOPIC_AUTHORIZATION_FAILED', 29, 0x87, 'the principal may not do this on the topic'),
  groupAuthorizationFailed: row('GROUP_AUTHORIZATION_FAILED', 30, 0x87, 'the principal may not do this on the group'),
  clusterAuthorizationFailed: row('CLUSTER_AUTHORIZATION_FAILED', 31, 0x87, 'the principal may not do this on the cluster'),
  invalidTimestamp: row('INVALID_TIMESTAMP', 32, 0x83, 'the timestamp is too far from the broker clock'),
  unsupportedSaslMechanism: row('UNSUPPORTED_SASL_MECHANISM', 33, 0x8c, 'the SASL mechanism is not offered'),
  illegalSaslState: row('ILLEGAL_SASL_STATE', 34, 0x82, 'the request is not allowed in this state of the SASL exchange'),
  unsupportedVersion: row('UNSUPPORTED_VERSION', 35, 0x84, 'the version is not supported'),
  topicAlreadyExists: row('TOPIC_ALREADY_EXISTS', 36, 0x83, 'a topic of this name exists'),
  invalidPartitions: row('INVALID_PARTITIONS', 37, 0x83, 'the number of partitions is not legal'),
  invalidReplicationFactor: row('INVALID_REPLICATION_FACTOR', 38, 0x83, 'the replication factor is larger than the number of brokers'),
  invalidReplicaAssignment: row('INVALID_REPLICA_ASSIGNMENT', 39, 0x83, 'the replica assignment is not legal'),
  invalidConfig: row('INVALID_CONFIG', 40, 0x83, 'the config key or value is not legal'),
  invalidRequest: row('INVALID_REQUEST', 42, 0x82, 'the request is not legal'),
  unsupportedForMessageFormat: row('UNSUPPORTED_FOR_MESSAGE_FORMAT', 43, 0x83, 'the message format is not supported'),
  policyViolation: row('POLICY_VIOLATION', 44, 0x83, 'a policy forbids this'),
  outOfOrderSequenceNumber: row('OUT_OF_ORDER_SEQUENCE_NUMBER', 45, 0x80, 'the sequence number is not the next one'),
  duplicateSequenceNumber: row('DUPLICATE_SEQUENCE_NUMBER', 46, 0x80, 'the sequence number was seen before'),
  invalidProducerEpoch: row('INVALID_PRODUCER_EPOCH', 47, 0x80, 'a newer producer epoch exists'),
  invalidTxnState: row('INVALID_TXN_STATE', 48, 0x80, 'the transaction is in a state that does not allow this'),
  invalidProducerIdMapping: row('INVALID_PRODUCER_ID_MAPPING', 49, 0x80, 'the producer id does not belong to the transactional id'),
  invalidTransactionTimeout: row('INVALID_TRANSACTION_TIMEOUT', 50, 0x80, 'the transaction timeout is not legal'),
  concurrentTransactions: row('CONCURRENT_TRANSACTIONS', 51, 0x80, 'the transaction of this transactional id is being ended; try again'),
  transactionAbortable: row('TRANSACTION_ABORTABLE', 120, 0x80, 'the transaction must be aborted: the partition was not added to it'),
  operationNotAttempted: row('OPERATION_NOT_ATTEMPTED', 55, 0x80, 'another part of the request was refused'),
  transactionalIdNotFound: row('TRANSACTIONAL_ID_NOT_FOUND', 105, 0x80, 'the transactional id is not known'),
  transactionalIdAuthorizationFailed: row('TRANSACTIONAL_ID_AUTHORIZATION_FAILED', 53, 0x87, 'the principal may not use the transactional id'),
  securityDisabled: row('SECURITY_DISABLED', 54, 0x83, 'no authorizer is configured'),
  kafkaStorageError: row('KAFKA_STORAGE_ERROR', 56, 0x80, 'the disk failed; the broker log says how'),
  logDirNotFound: row('LOG_DIR_NOT_FOUND', 57, 0x80, 'there is no such log directory'),
  saslAuthenticationFailed: row('SASL_AUTHENTICATION_FAILED', 58, 0x86, 'authentication failed'),
  delegationTokenNotFound: row('DELEGATION_TOKEN_NOT_FOUND', 62, 0x83, 'there is no such delegation token'),
  delegationTokenOwnerMismatch: row('DELEGATION_TOKEN_OWNER_MISMATCH', 63, 0x87, 'the principal is neither owner nor renewer of the delegation token'),
  delegationTokenRequestNotAllowed: row('DELEGATION_TOKEN_REQUEST_NOT_ALLOWED', 64, 0x87, 'delegation tokens are for users who logged in otherwise'),
  delegationTokenAuthorizationFailed: row('DELEGATION_TOKEN_AUTHORIZATION_FAILED', 65, 0x87, 'the principal may not use the delegation token'),
  delegationTokenExpired: row('DELEGATION_TOKEN_EXPIRED', 66, 0x87, 'the delegation token has expired'),
  invalidPrincipalType: row('INVALID_PRINCIPAL_TYPE', 67, 0x83, 'the only type of principals is User'),
  groupIdNotFound: row('GROUP_ID_NOT_FOUND', 69, 0x80, 'there is no such group'),
  nonEmptyGroup: row('NON_EMPTY_GROUP', 68, 0x80, 'the group has members'),
  fetchSessionIdNotFound: row('FETCH_SESSION_ID_NOT_FOUND', 70, 0x80, 'there is no such fetch session'),
  invalidFetchSessionEpoch: row('INVALID_FETCH_SESSION_EPOCH', 71, 0x80, 'the epoch of the fetch session is not the next one'),
  fencedLeaderEpoch: row('FENCED_LEADER_EPOCH', 74, 0x80, 'the leader epoch is older than the current one'),
  unknownLeaderEpoch: row('UNKNOWN_LEADER_EPOCH', 75, 0x80, 'the leader epoch is newer than the current one'),
  unsupportedCompressionType: row('UNSUPPORTED_COMPRESSION_TYPE', 76, 0x83, 'the compression type is not supported in this request version'),
  memberIdRequired: row('MEMBER_ID_REQUIRED', 79, 0x80, 'join again with the member id of this answer'),
  groupMaxSizeReached: row('GROUP_MAX_SIZE_REACHED', 81, 0x97, 'the group has group.max.size members'),
  fencedInstanceId: row('FENCED_INSTANCE_ID', 82, 0x80, 'another member uses the group instance id'),
  groupSubscribedToTopic: row('GROUP_SUBSCRIBED_TO_TOPIC', 86, 0x80, 'the group is subscribed to the topic'),
  invalidRecord: row('INVALID_RECORD', 87, 0x83, 'the record is not legal for this topic'),
  unstableOffsetCommit: row('UNSTABLE_OFFSET_COMMIT', 88, 0x80, 'a transaction on the offsets is open'),
  producerFenced: row('PRODUCER_FENCED', 90, 0x80, 'a newer producer uses the transactional id'),
  resourceNotFound: row('RESOURCE_NOT_FOUND', 91, 0x83, 'there is no such user'),
  duplicateResource: row('DUPLICATE_RESOURCE', 92, 0x83, 'the resource is named twice'),
  unacceptableCredential: row('UNACCEPTABLE_CREDENTIAL', 93, 0x83, 'the credential is not acceptable'),
  electionNotNeeded: row('ELECTION_NOT_NEEDED', 84, 0x80, 'the partition has the leader it should have'),
  throttlingQuotaExceeded: row('THROTTLING_QUOTA_EXCEEDED', 89, 0x97, 'a quota is used up; try again later'),
  invalidUpdateVersion: row('INVALID_UPDATE_VERSION', 95, 0x83, 'the feature has another level, or there is no such feature'),
  unknownTopicId: row('UNKNOWN_TOPIC_ID', 100, 0x90, 'this broker has no topic of this id'),
  inconsistentTopicId: row('INCONSISTENT_TOPIC_ID', 103, 0x90, 'the topic id does not belong to the topic'),
  fetchSessionTopicIdError: row('FETCH_SESSION_TOPIC_ID_ERROR', 106, 0x80, 'the fetch session mixes topic names and ids'),
  fencedMemberEpoch: row('FENCED_MEMBER_EPOCH', 110, 0x80, 'the member must give up its partitions and join again'),
  unreleasedInstanceId: row('UNRELEASED_INSTANCE_ID', 111, 0x80, 'another member holds the group instance id'),
  unsupportedAssignor: row('UNSUPPORTED_ASSIGNOR', 112, 0x83, 'the broker has no such assignor'),
  staleMemberEpoch: row('STALE_MEMBER_EPOCH', 113, 0x80, 'the member epoch is not the one of the last heartbeat'),
  mismatchedEndpointType: row('MISMATCHED_ENDPOINT_TYPE', 114, 0x83, 'the endpoint is of another type'),
  invalidRecordState: row('INVALID_RECORD_STATE', 121, 0x80, 'the member does not have the record (any more)'),
  shareSessionNotFound: row('SHARE_SESSION_NOT_FOUND', 122, 0x80, 'there is no such share session'),
  invalidShareSessionEpoch: row('INVALID_SHARE_SESSION_EPOCH', 123, 0x80, 'the epoch of the share session is not the next one'),
  shareSessionLimitReached: row('SHARE_SESSION_LIMIT_REACHED', 133, 0x97, 'the broker has group.share.max.share.sessions share sessions'),
  invalidRegularExpression: row('INVALID_REGULAR_EXPRESSION', 128, 0x83, 'the regular expression is not legal'),
  rebootstrapRequired: row('REBOOTSTRAP_REQUIRED', 129, 0x80, 'the client expected another cluster or node; it must look it up anew'),
  unsupportedEndpointType: row('UNSUPPORTED_ENDPOINT_TYPE', 115, 0x83, 'the endpoint type is not known'),
  invalidClientId: row('INVALID_CLIENT_ID', 42, 0x85, 'the client id is not allowed'),
  invalidTopicFilter: row('INVALID_TOPIC_FILTER', 17, 0x8f, 'the topic filter is not legal'),
  quotaExceeded: row('QUOTA_EXCEEDED', 44, 0x97, 'a limit of this broker is reached'),
  sharedSubscriptionsNotSupported: row('SHARED_SUBSCRIPTIONS_NOT_SUPPORTED', 35, 0x9e, 'shared subscriptions are not available'),
} as const satisfies Record<string, ErrorRow>

/** A failed operation: the row, and what it was about. */
export interface Failure {
  readonly error: ErrorRow
  /** The row's message with the value in it: `topic "a b" is not a legal name`. */
  readonly message: string
}

/** `failure(ERRORS.invalidTopic, 'topic "a b" …')`; without words of its own it says the row's. */
export function failure(error: ErrorRow, message: string = error.message): Failure {
  return { error, message }
}

/** Whether a result is a failure rather than a value. */
export function isFailure(value: unknown): value is Failure {
  return typeof value === 'object' && value !== null && 'error' in value && 'message' in value
}
