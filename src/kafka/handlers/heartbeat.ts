import { ERRORS } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { HeartbeatRequest, HeartbeatResponse } from '../messages/heartbeat.ts'
import type { Input } from '../wire/message.ts'

/**
 * Heartbeat (12): keeps a member's session alive and tells it of rebalances (rule 20). v3: static members.
 */
export const heartbeat: Handler<HeartbeatRequest, Input<typeof HeartbeatResponse>> = (request, context) => {
  const { connection, broker } = context
  const { groupId, memberId, groupInstanceId: instanceId, generationId: generation } = request
  const allowed = broker.security.authorize(connection.principal, 'read', 'group', groupId)
  const error = allowed ? broker.groups.heartbeat({ groupId, memberId, instanceId, generation, connection }) : ERRORS.groupAuthorizationFailed
  return { errorCode: error?.kafka ?? 0 }
}
