import { array, bool, int8, int16, int32, nullable, since, string, struct, uuid, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * ConsumerGroupDescribe (key 69): state and members of groups of KIP-848. 1 says by which protocol a member takes part
 * (KIP-1099).
 */

const ASSIGNMENT = struct({
  topicPartitions: array({
    topicId: uuid,
    topicName: string,
    partitions: array(int32),
  }),
})

export const ConsumerGroupDescribeRequest = message(
  { key: 69, name: 'ConsumerGroupDescribeRequest', versions: [0, 1], flexible: 0 },
  {
    groupIds: array(string),
    includeAuthorizedOperations: bool,
  },
)
export type ConsumerGroupDescribeRequest = Infer<typeof ConsumerGroupDescribeRequest>

export const ConsumerGroupDescribeResponse = message(
  { key: 69, name: 'ConsumerGroupDescribeResponse', versions: [0, 1], flexible: 0 },
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
        instanceId: withDefault(nullable(string), null),
        rackId: withDefault(nullable(string), null),
        memberEpoch: int32,
        clientId: string,
        clientHost: string,
        subscribedTopicNames: array(string),
        subscribedTopicRegex: withDefault(nullable(string), null),
        assignment: ASSIGNMENT,
        targetAssignment: ASSIGNMENT,
        memberType: since(1, int8, -1),
      }),
      authorizedOperations: withDefault(int32, -2_147_483_648),
    }),
  },
)
export type ConsumerGroupDescribeResponse = Infer<typeof ConsumerGroupDescribeResponse>
