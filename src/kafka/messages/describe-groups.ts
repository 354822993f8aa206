import { array, bool, bytes, int16, int32, nullable, since, string } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

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
