import { ERRORS } from '../../broker/errors.ts'
import { type SyncResult, syncRefused } from '../../broker/groups/group-requests.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { SyncGroupRequest, SyncGroupResponse } from '../messages/sync-group.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof SyncGroupResponse>

/** First version in which the member says which protocol it means (KIP-559). */
const FIRST_WITH_PROTOCOL = 5

/**
 * SyncGroup (14): answered with the member's assignment once the leader's word is durable (rule 19).
 *
 * v3: static members. v5: protocol type and name must be there and must be the group's.
 */
export const syncGroup: Handler<SyncGroupRequest, Response> = (request, context) => {
  const refused = refuse(request, context)
  if (refused !== null) return toResponse(syncRefused(refused))
  return new Promise((resolve) => {
    context.broker.groups.sync(
      {
        groupId: request.groupId,
        generation: request.generationId,
        memberId: request.memberId,
        instanceId: request.groupInstanceId,
        connection: context.connection,
        protocolType: request.protocolType,
        protocolName: request.protocolName,
        assignments: request.assignments,
      },
      (result) => resolve(toResponse(result)),
    )
  })
}

function refuse(request: SyncGroupRequest, context: RequestContext) {
  const namesProtocol = request.protocolType !== null && request.protocolName !== null
  if (context.version >= FIRST_WITH_PROTOCOL && !namesProtocol) return ERRORS.inconsistentGroupProtocol
  const allowed = context.broker.security.authorize(context.connection.principal, 'read', 'group', request.groupId)
  return allowed ? null : ERRORS.groupAuthorizationFailed
}

function toResponse({ error, protocolType, protocolName, assignment }: SyncResult): Response {
  return { errorCode: error?.kafka ?? 0, protocolType, protocolName, assignment }
}
