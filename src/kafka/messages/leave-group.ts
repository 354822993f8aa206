import { array, int16, int32, nullable, since, string, until, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * LeaveGroup (key 13): members leave a classic group. From 3 on several at once (KIP-345); 4 is flexible; 5 carries a reason
 * (KIP-800).
 */

export const LeaveGroupRequest = message(
  { key: 13, name: 'LeaveGroupRequest', versions: [0, 5], flexible: 4 },
  {
    groupId: string,
    memberId: until(2, string),
    members: since(
      3,
      array({
        memberId: string,
        groupInstanceId: withDefault(nullable(string), null),
        reason: since(5, nullable(string), null),
      }),
    ),
  },
)
export type LeaveGroupRequest = Infer<typeof LeaveGroupRequest>

export const LeaveGroupResponse = message(
  { key: 13, name: 'LeaveGroupResponse', versions: [0, 5], flexible: 4 },
  {
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    members: since(
      3,
      array({
        memberId: string,
        groupInstanceId: nullable(string),
        errorCode: int16,
      }),
    ),
  },
)
export type LeaveGroupResponse = Infer<typeof LeaveGroupResponse>
