import { array, bool, int16, int32, nullable, string, struct, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DescribeTopicPartitions (key 75, KIP-966): topics and partitions, a page at a time.
 */

export const DescribeTopicPartitionsRequest = message(
  { key: 75, name: 'DescribeTopicPartitionsRequest', versions: [0, 0], flexible: 0 },
  {
    topics: array({
      name: string,
    }),
    responsePartitionLimit: withDefault(int32, 2000),
    cursor: withDefault(
      nullable(
        struct({
          topicName: string,
          partitionIndex: int32,
        }),
      ),
      null,
    ),
  },
)
export type DescribeTopicPartitionsRequest = Infer<typeof DescribeTopicPartitionsRequest>

export const DescribeTopicPartitionsResponse = message(
  { key: 75, name: 'DescribeTopicPartitionsResponse', versions: [0, 0], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    topics: array({
      errorCode: int16,
      name: nullable(string),
      topicId: uuid,
      isInternal: withDefault(bool, false),
      partitions: array({
        errorCode: int16,
        partitionIndex: int32,
        leaderId: int32,
        leaderEpoch: withDefault(int32, -1),
        replicaNodes: array(int32),
        isrNodes: array(int32),
        eligibleLeaderReplicas: withDefault(nullable(array(int32)), null),
        lastKnownElr: withDefault(nullable(array(int32)), null),
        offlineReplicas: array(int32),
      }),
      topicAuthorizedOperations: withDefault(int32, -2147483648),
    }),
    nextCursor: withDefault(
      nullable(
        struct({
          topicName: string,
          partitionIndex: int32,
        }),
      ),
      null,
    ),
  },
)
export type DescribeTopicPartitionsResponse = Infer<typeof DescribeTopicPartitionsResponse>
