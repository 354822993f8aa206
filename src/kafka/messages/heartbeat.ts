import { int16, int32, nullable, since, string } from '../wire/fields.ts'
import type { Infer } from '../wire/message.ts'
import { message } from '../wire/message.ts'

/**
 * Heartbeat (key 12): a member of a classic group is alive. 3 has static members (KIP-345); 4 is flexible.
 */

export const HeartbeatRequest = message(
  { key: 12, name: 'HeartbeatRequest', versions: [0, 4], flexible: 4 },
  {
    groupId: string,
    generationId: int32,
    memberId: string,
    groupInstanceId: since(3, nullable(string), null),
  },
)
export type HeartbeatRequest = Infer<typeof HeartbeatRequest>

export const HeartbeatResponse = message(
  { key: 12, name: 'HeartbeatResponse', versions: [0, 4], flexible: 4 },
  {
    throttleTimeMs: since(1, int32, 0),
    errorCode: int16,
  },
)
export type HeartbeatResponse = Infer<typeof HeartbeatResponse>
