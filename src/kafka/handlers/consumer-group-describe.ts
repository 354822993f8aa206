import { ERRORS, isFailure } from '../../broker/errors.ts'
import type { ConsumerGroupDescription } from '../../broker/groups/group-description.ts'
import { authorizedOperations } from '../authorized-operations.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { ConsumerGroupDescribeRequest, ConsumerGroupDescribeResponse } from '../messages/consumer-group-describe.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof ConsumerGroupDescribeResponse>
type DescribedGroup = Response['groups'][number]

const CLASSIC_MEMBER = 0
const CONSUMER_MEMBER = 1

const HIDDEN_TOPICS = 'The group has described topic(s) that the client is not authorized to describe.'

/**
 * ConsumerGroupDescribe (69): state and members of groups of KIP-848; 69 for others, which clients then describe with
 * DescribeGroups. v1: by which protocol a member takes part.
 */
export const consumerGroupDescribe: Handler<ConsumerGroupDescribeRequest, Response> = (request, context) => ({
  groups: request.groupIds.map((groupId) => {
    const { security, groups } = context.broker
    if (!security.authorize(context.connection.principal, 'describe', 'group', groupId)) {
      return { ...NOTHING, groupId, errorCode: ERRORS.groupAuthorizationFailed.kafka }
    }
    if (groupId === '') return { ...NOTHING, groupId, errorCode: ERRORS.invalidGroupId.kafka }
    const group = groups.describeConsumerGroup(groupId)
    if (isFailure(group)) return { ...NOTHING, groupId, errorCode: group.error.kafka, errorMessage: group.message }
    if (!mayDescribeTopics(group, context)) return { ...NOTHING, groupId, errorCode: ERRORS.topicAuthorizationFailed.kafka, errorMessage: HIDDEN_TOPICS }
    const described = toResponse(group)
    return request.includeAuthorizedOperations ? { ...described, authorizedOperations: authorizedOperations(context, 'group', groupId) } : described
  }),
})

const NOTHING = { groupState: '', groupEpoch: 0, assignmentEpoch: 0, assignorName: '', members: [] } as const

function mayDescribeTopics({ members }: ConsumerGroupDescription, context: RequestContext): boolean {
  const names = new Set<string>()
  for (const { topicNames, owned, target } of members) {
    for (const name of topicNames) names.add(name)
    for (const { topicName } of [...owned, ...target]) names.add(topicName)
  }
  const { principal } = context.connection
  for (const name of names) if (!context.broker.security.authorize(principal, 'describe', 'topic', name)) return false
  return true
}

function toResponse({ groupId, state, groupEpoch, targetEpoch, assignor, members }: ConsumerGroupDescription): DescribedGroup {
  return {
    errorCode: 0,
    groupId,
    groupState: state,
    groupEpoch,
    assignmentEpoch: targetEpoch,
    assignorName: assignor,
    members: members.map((member) => ({
      memberId: member.memberId,
      instanceId: member.instanceId,
      rackId: member.rackId,
      memberEpoch: member.memberEpoch,
      clientId: member.clientId,
      clientHost: member.clientHost,
      subscribedTopicNames: member.topicNames,
      // Kafka has no null here.
      subscribedTopicRegex: member.topicRegex ?? '',
      assignment: { topicPartitions: member.owned },
      targetAssignment: { topicPartitions: member.target },
      memberType: member.usesClassicProtocol ? CLASSIC_MEMBER : CONSUMER_MEMBER,
    })),
  }
}
