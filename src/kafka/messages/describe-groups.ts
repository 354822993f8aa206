import { array, bool, bytes, int16, int32, nullable, since, string } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * DescribeGroups (key 15): state and members of classic groups. 3 has authorized operations (KIP-430); 4 static members; 5 is
 * flexible; 6 has an error message and an error for groups that do not exist (KIP-1043).
 */

export const DescribeGroupsRequest = message(
  { key: 15, name: 'DescribeGroupsRequest', versions: [0, 6], flexible: 5 },
  {
    groups: array(string),
    includeAuthorizedOperations: since(3, bool),
  },
)
export type DescribeGroupsRequest = Infer<typeof DescribeGroupsRequest>

export const DescribeGroupsResponse = message(
  { key: 15, name: 'DescribeGroupsResponse', versions: [0, 6], flexible: 5 },
  {
    throttleTimeMs: since(1, int32, 0),
    groups: array({
      errorCode: int16,
      errorMessage: since(6, nullable(string), null),
      groupId: string,
      groupState: string,
      protocolType: string,
      protocolData: string,
      members: array({
        memberId: string,
        groupInstanceId: since(4, nullable(string), null),
        clientId: string,
        clientHost: string,
        memberMetadata: bytes,
        memberAssignment: bytes,
      }),
      authorizedOperations: since(3, int32, -2_147_483_648),
    }),
  },
)
export type DescribeGroupsResponse = Infer<typeof DescribeGroupsResponse>
