import { array, bool, bytes, int16, int32, nullable, nullableSince, since, string, withDefault } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * JoinGroup (key 11): enters or keeps up with a classic group. 1 has a rebalance timeout; from 4 on a member without id is given one
 * first (KIP-394); 5 has static members (KIP-345); 6 is flexible; 7 names the protocol's type in the answer; 8 carries a reason
 * (KIP-800); 9 may tell the leader to skip the assignment (KIP-814).
 */

export const JoinGroupRequest = message(
  { key: 11, name: 'JoinGroupRequest', versions: [0, 9], flexible: 6 },
  {
    groupId: string,
    sessionTimeoutMs: int32,
    rebalanceTimeoutMs: since(1, int32, -1),
    memberId: string,
    groupInstanceId: since(5, nullable(string), null),
    protocolType: string,
    protocols: array({
      name: string,
      metadata: bytes,
    }),
    reason: since(8, nullable(string), null),
  },
)
export type JoinGroupRequest = Infer<typeof JoinGroupRequest>

export const JoinGroupResponse = message(
  { key: 11, name: 'JoinGroupResponse', versions: [0, 9], flexible: 6 },
  {
    throttleTimeMs: since(2, int32, 0),
    errorCode: int16,
    generationId: withDefault(int32, -1),
    protocolType: since(7, nullable(string), null),
    protocolName: nullableSince(7, string),
    leader: string,
    skipAssignment: since(9, bool, false),
    memberId: string,
    members: array({
      memberId: string,
      groupInstanceId: since(5, nullable(string), null),
      metadata: bytes,
    }),
  },
)
export type JoinGroupResponse = Infer<typeof JoinGroupResponse>
