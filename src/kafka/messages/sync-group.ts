import { array, bytes, int16, int32, nullable, since, string } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * SyncGroup (key 14): the leader hands in the assignment, everyone gets their part. 3 has static members (KIP-345); 4 is flexible; 5
 * names the protocol in request and answer (KIP-559).
 */

export const SyncGroupRequest = message(
  { key: 14, name: 'SyncGroupRequest', versions: [0, 5], flexible: 4 },
  {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullable(string), null),
    protocolType: since(5, nullable(string), null),
    protocolName: since(5, nullable(string), null),
    assignments: array({
      memberId: string,
      assignment: bytes,
    }),
  },
)
export type SyncGroupRequest = Infer<typeof SyncGroupRequest>

export const SyncGroupResponse = message(
  { key: 14, name: 'SyncGroupResponse', versions: [0, 5], flexible: 4 },
  {
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
    protocolType: since(5, nullable(string), null),
    protocolName: since(5, nullable(string), null),
    assignment: bytes,
  },
)
export type SyncGroupResponse = Infer<typeof SyncGroupResponse>
