import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { LeaveGroupRequest, LeaveGroupResponse } from '../messages/leave-group.ts'
import { whenAnswered } from '../when-answered.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof LeaveGroupResponse>

/** First version in which several members leave at once (KIP-345). */
const FIRST_WITH_MEMBERS = 3

/**
 * LeaveGroup (13): members leave, or an administrator removes static ones by their instance ids (rule 21).
 *
 * Before v3: one member, whose error is the answer's. v5: reasons, which are not used.
 */
export const leaveGroup: Handler<LeaveGroupRequest, Response> = (request, context) => {
  const leaving =
    context.version >= FIRST_WITH_MEMBERS
      ? request.members.map(({ memberId, groupInstanceId }) => ({ memberId, instanceId: groupInstanceId }))
      : [{ memberId: request.memberId, instanceId: null }]
  if (!context.broker.security.authorize(context.connection.principal, 'read', 'group', request.groupId)) {
    return { errorCode: ERRORS.groupAuthorizationFailed.kafka, members: [] }
  }
  return whenAnswered<Response>((respond) => {
    context.broker.groups.leave(request.groupId, leaving, (result) =>
      respond(isForAll(result) ? { errorCode: result.kafka, members: [] } : toResponse(request, result, context)),
    )
  })
}

function toResponse(request: LeaveGroupRequest, errors: readonly (ErrorRow | null)[], context: RequestContext): Response {
  if (context.version < FIRST_WITH_MEMBERS) return { errorCode: errors[0]?.kafka ?? 0, members: [] }
  const members = request.members.map(({ memberId, groupInstanceId }, index) => ({ memberId, groupInstanceId, errorCode: errors[index]?.kafka ?? 0 }))
  return { errorCode: 0, members }
}

function isForAll(result: ErrorRow | readonly (ErrorRow | null)[]): result is ErrorRow {
  return 'kafka' in result
}
