import { ERRORS } from '../../broker/errors.ts'
import type { GroupDescription } from '../../broker/groups/group-description.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DescribeGroupsRequest, DescribeGroupsResponse } from '../messages/describe-groups.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof DescribeGroupsResponse>
type DescribedGroup = Response['groups'][number]

const FIRST_WITH_NOT_FOUND = 6

/**
 * DescribeGroups (15): state and members of classic groups.
 *
 * v3: authorized operations (KIP-430). v4: instance ids. Before v6 a group that is not there, or that is one of KIP-848, is
 * Dead without an error.
 */
export const describeGroups: Handler<DescribeGroupsRequest, Response> = (request, context) => ({
  groups: request.groups.map((groupId) => {
    if (!context.broker.security.authorize(context.connection.principal, 'describe', 'group', groupId)) {
      return { ...NOBODY, groupId, groupState: '', errorCode: ERRORS.groupAuthorizationFailed.kafka }
    }
    const group = context.broker.groups.describe(groupId)
    const described = group === null ? notFound(groupId, context) : toResponse(group)
    return request.includeAuthorizedOperations && described.errorCode === 0
      ? { ...described, authorizedOperations: authorizedOperations(context, 'group', groupId) }
      : described
  }),
})

const NOBODY = { errorCode: 0, protocolType: '', protocolData: '', members: [] } as const

function notFound(groupId: string, context: RequestContext): DescribedGroup {
  if (context.version < FIRST_WITH_NOT_FOUND) return { ...NOBODY, groupId, groupState: 'Dead' }
  const isOther = context.broker.groups.typeOf(groupId) !== undefined
  const errorMessage = `Group ${groupId} ${isOther ? 'is not a classic group' : 'not found'}.`
  return { ...NOBODY, groupId, groupState: 'Dead', errorCode: ERRORS.groupIdNotFound.kafka, errorMessage }
}

function toResponse({ groupId, state, protocolType, protocolName, members }: GroupDescription): DescribedGroup {
  return {
    errorCode: 0,
    groupId,
    groupState: state,
    protocolType,
    protocolData: protocolName,
    members: members.map((member) => ({
      memberId: member.memberId,
      groupInstanceId: member.instanceId,
      clientId: member.clientId,
      clientHost: member.clientHost,
      memberMetadata: member.metadata,
      memberAssignment: member.assignment,
    })),
  }
}
