import { array, int16, int32, nullable, string, struct, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ShareGroupHeartbeat (key 76, KIP-932): a member of a share group joins, is alive, changes what it wants, leaves. What has
 * not changed since the last heartbeat is null.
 */

export const ShareGroupHeartbeatRequest = message(
  { key: 76, name: 'ShareGroupHeartbeatRequest', versions: [1, 1], flexible: 0 },
  {
    groupId: string,
    memberId: string,
    memberEpoch: int32,
    rackId: withDefault(nullable(string), null),
    subscribedTopicNames: withDefault(nullable(array(string)), null),
  },
)
export type ShareGroupHeartbeatRequest = Infer<typeof ShareGroupHeartbeatRequest>

export const ShareGroupHeartbeatResponse = message(
  { key: 76, name: 'ShareGroupHeartbeatResponse', versions: [1, 1], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    errorCode: int16,
    errorMessage: withDefault(nullable(string), null),
    memberId: withDefault(nullable(string), null),
    memberEpoch: withDefault(int32, 0),
    heartbeatIntervalMs: withDefault(int32, 0),
    assignment: withDefault(nullable(struct({ topicPartitions: array({ topicId: uuid, partitions: array(int32) }) })), null),
  },
)
export type ShareGroupHeartbeatResponse = Infer<typeof ShareGroupHeartbeatResponse>
