import { ERRORS } from '../../broker/errors.ts'
import { type JoinResult, joinRefused } from '../../broker/groups/group-requests.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { JoinGroupRequest, JoinGroupResponse } from '../messages/join-group.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof JoinGroupResponse>

/** First versions with their own rebalance timeout, with KIP-394's member ids, with a nullable protocol, and with KIP-814. */
const FIRST_WITH_REBALANCE_TIMEOUT = 1
const FIRST_WITH_KNOWN_MEMBER_ID = 4
const FIRST_WITH_NULL_PROTOCOL = 7
const FIRST_WITH_SKIP_ASSIGNMENT = 9

/**
 * JoinGroup (11): answered when the next generation of the group begins (rules 16 to 18, 22).
 *
 * v0: the session timeout is the rebalance timeout too. v4: a dynamic member must come back with the id it was given.
 * v5: static members. v7: protocol type and a nullable name. v8: a reason, which is not used. v9: SkipAssignment.
 */
export const joinGroup: Handler<JoinGroupRequest, Response> = (request, context) => {
  const { security, groups } = context.broker
  if (!security.authorize(context.connection.principal, 'read', 'group', request.groupId)) {
    return toResponse(joinRefused(ERRORS.groupAuthorizationFailed, request.memberId), context)
  }
  return new Promise((resolve) => {
    groups.join(
      {
        groupId: request.groupId,
        memberId: request.memberId,
        instanceId: request.groupInstanceId,
        clientId: context.clientId,
        // The slash is how Java prints an address without a name; tools expect it.
        clientHost: `/${context.connection.remoteAddress}`,
        connection: context.connection,
        protocolType: request.protocolType,
        protocols: request.protocols,
        sessionTimeoutMs: request.sessionTimeoutMs,
        rebalanceTimeoutMs: context.version >= FIRST_WITH_REBALANCE_TIMEOUT ? request.rebalanceTimeoutMs : request.sessionTimeoutMs,
        requiresKnownMemberId: context.version >= FIRST_WITH_KNOWN_MEMBER_ID,
        canSkipAssignment: context.version >= FIRST_WITH_SKIP_ASSIGNMENT,
      },
      (result) => resolve(toResponse(result, context)),
    )
  })
}

function toResponse(result: JoinResult, context: RequestContext): Response {
  return {
    errorCode: result.error?.kafka ?? 0,
    generationId: result.generation,
    protocolType: result.protocolType,
    protocolName: result.protocolName ?? (context.version >= FIRST_WITH_NULL_PROTOCOL ? null : ''),
    leader: result.leader,
    skipAssignment: result.skipAssignment,
    memberId: result.memberId,
    members: result.members.map(({ memberId, instanceId, metadata }) => ({ memberId, groupInstanceId: instanceId, metadata })),
  }
}
