import { ERRORS, isFailure } from '../../broker/errors.ts'
import type { ShareGroupDescription } from '../../broker/groups/share/share-group-description.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { ShareGroupDescribeRequest, ShareGroupDescribeResponse } from '../messages/share-group-describe.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof ShareGroupDescribeResponse>
type DescribedGroup = Response['groups'][number]

const HIDDEN_TOPICS = 'The group has described topic(s) that the client is not authorized to describe.'

/** ShareGroupDescribe (77, KIP-932): state and members of share groups; 69 for others. */
export const shareGroupDescribe: Handler<ShareGroupDescribeRequest, Response> = (request, context) => ({
  groups: request.groupIds.map((groupId) => {
    const { security, groups } = context.broker
    if (!security.authorize(context.connection.principal, 'describe', 'group', groupId)) {
      return { ...NOTHING, groupId, errorCode: ERRORS.groupAuthorizationFailed.kafka }
    }
    if (groupId === '') return { ...NOTHING, groupId, errorCode: ERRORS.invalidGroupId.kafka }
    const group = groups.share.describe(groupId)
    if (isFailure(group)) return { ...NOTHING, groupId, errorCode: group.error.kafka, errorMessage: group.message }
    if (!mayDescribeTopics(group, context)) return { ...NOTHING, groupId, errorCode: ERRORS.topicAuthorizationFailed.kafka, errorMessage: HIDDEN_TOPICS }
    const described = toResponse(group)
    return request.includeAuthorizedOperations ? { ...described, authorizedOperations: authorizedOperations(context, 'group', groupId) } : described
  }),
})

const NOTHING = { groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] } as const

function mayDescribeTopics({ members }: ShareGroupDescription, { broker, connection }: RequestContext): boolean {
  const names = new Set(members.flatMap(({ assigned }) => assigned.map(({ topicName }) => topicName)))
  for (const name of names) if (!broker.security.authorize(connection.principal, 'describe', 'topic', name)) return false
  return true
}

function toResponse({ groupId, state, groupEpoch, targetEpoch, members }: ShareGroupDescription): DescribedGroup {
  return {
    errorCode: 0,
    groupId,
    groupState: state,
    groupEpoch,
    assignmentEpoch: targetEpoch,
    assignorName: 'simple',
    members: members.map(({ topicNames, assigned, ...member }) => ({
      ...member,
      subscribedTopicNames: topicNames,
      assignment: { topicPartitions: assigned },
    })),
  }
}
