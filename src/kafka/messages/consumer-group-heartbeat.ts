import { array, int16, int32, nullable, since, string, struct, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ConsumerGroupHeartbeat (key 68): a member of a group of KIP-848 joins, is alive, changes what it wants, leaves. What has not
 * changed since the last heartbeat is null or -1. 1 has regular expressions, and member ids that the client makes (KIP-1082).
 */

const TOPIC_PARTITIONS = {
  topicId: uuid,
  partitions: array(int32),
}

export const ConsumerGroupHeartbeatRequest = message(
  { key: 68, name: 'ConsumerGroupHeartbeatRequest', versions: [0, 1], flexible: 0 },
  {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    instanceId: withDefault(nullable(string), null),
    rackId: withDefault(nullable(string), null),
    rebalanceTimeoutMs: withDefault(int32, -1),
    subscribedTopicNames: withDefault(nullable(array(string)), null),
    subscribedTopicRegex: since(1, nullable(string), null),
    serverAssignor: withDefault(nullable(string), null),
    topicPartitions: withDefault(nullable(array(TOPIC_PARTITIONS)), null),
  },
)
export type ConsumerGroupHeartbeatRequest = Infer<typeof ConsumerGroupHeartbeatRequest>

export const ConsumerGroupHeartbeatResponse = message(
  { key: 68, name: 'ConsumerGroupHeartbeatResponse', versions: [0, 1], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: withDefault(nullable(string), null),
    memberId: withDefault(nullable(string), null),
    memberEpoch: withDefault(int32, 0),
    heartbeatIntervalMs: withDefault(int32, 0),
    assignment: withDefault(nullable(struct({ topicPartitions: array(TOPIC_PARTITIONS) })), null),
  },
)
export type ConsumerGroupHeartbeatResponse = Infer<typeof ConsumerGroupHeartbeatResponse>
