import { array, between, bool, int16, int32, nullable, nullableSince, since, string, uuid } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * Metadata (key 3): brokers, topics, partitions and their leaders. The empty list of topics means all of them in version 0,
 * none from 1 on, where null means all. Versions below 4 always make unknown topics, if the broker does so at all. 7 has
 * leader epochs; 8 authorized operations (KIP-430); 9 is flexible; 10 has topic ids, 12 asks by them (KIP-516); 11 drops the
 * cluster's authorized operations; 13 has an error of its own (KIP-1102).
 */

export const MetadataRequest = message(
  { key: 3, name: 'MetadataRequest', versions: [0, 13], flexible: 9 },
  {
    topics: nullableSince(
      1,
      array({
        topicId: since(10, uuid),
        name: nullableSince(10, string),
      }),
    ),
    allowAutoTopicCreation: since(4, bool, true),
    includeClusterAuthorizedOperations: between(8, 10, bool),
    includeTopicAuthorizedOperations: since(8, bool),
  },
)
export type MetadataRequest = Infer<typeof MetadataRequest>

export const MetadataResponse = message(
  { key: 3, name: 'MetadataResponse', versions: [0, 13], flexible: 9 },
  {
    throttleTimeMs: since(3, int32, 0),
    brokers: array({
      nodeId: int32,
      host: string,
      port: int32,
      rack: since(1, nullable(string), null),
    }),
    clusterId: since(2, nullable(string), null),
    controllerId: since(1, int32, -1),
    topics: array({
      errorCode: int16,
      name: nullableSince(12, string),
      topicId: since(10, uuid),
      isInternal: since(1, bool, false),
      partitions: array({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: since(7, int32, -1),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        offlineReplicas: since(5, array(int32)),
      }),
      topicAuthorizedOperations: since(8, int32, -2_147_483_648),
    }),
    clusterAuthorizedOperations: between(8, 10, int32, -2_147_483_648),
    errorCode: since(13, int16),
  },
)
export type MetadataResponse = Infer<typeof MetadataResponse>
