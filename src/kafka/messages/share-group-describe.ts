import { array, bool, int16, int32, nullable, string, struct, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/** ShareGroupDescribe (key 77, KIP-932): state and members of share groups. */

export const ShareGroupDescribeRequest = message(
  { key: 77, name: 'ShareGroupDescribeRequest', versions: [1, 1], flexible: 0 },
  {
    groupIds: array(string),
    includeAuthorizedOperations: bool,
  },
)
export type ShareGroupDescribeRequest = Infer<typeof ShareGroupDescribeRequest>

export const ShareGroupDescribeResponse = message(
  { key: 77, name: 'ShareGroupDescribeResponse', versions: [1, 1], flexible: 0 },
  {
    throttleTimeMs: withDefault(int32, 0),
    groups: array({
      errorCode: int16,
      errorMessage: withDefault(nullable(string), null),
      groupId: string,
      groupState: string,
      groupEpoch: int32,
      assignmentEpoch: int32,
      assignorName: string,
      members: array({
        memberId: string,
        rackId: withDefault(nullable(string), null),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        assignment: struct({ topicPartitions: array({ topicId: uuid, topicName: string, partitions: array(int32) }) }),
      }),
      authorizedOperations: withDefault(int32, -2_147_483_648),
    }),
  },
)
export type ShareGroupDescribeResponse = Infer<typeof ShareGroupDescribeResponse>
