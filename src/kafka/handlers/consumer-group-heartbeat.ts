import { ERRORS, type ErrorRow, isFailure } from '../../broker/errors.ts'
import type { HeartbeatRequest } from '../../broker/groups/consumer/heartbeat-request.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { ConsumerGroupHeartbeatRequest, ConsumerGroupHeartbeatResponse } from '../messages/consumer-group-heartbeat.ts'
import { whenAnswered } from '../when-answered.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof ConsumerGroupHeartbeatResponse>

const FIRST_WITH_OWN_MEMBER_ID = 1

/**
 * ConsumerGroupHeartbeat (68, KIP-848): joins, stays in, changes its wishes in, leaves a group whose partitions the broker
 * assigns (rule 25); answered when what it tells is durable. v1: regular expressions; the client makes its member id.
 */
export const consumerGroupHeartbeat: Handler<ConsumerGroupHeartbeatRequest, Response> = (request, context) => {
  const refused = refuse(request, context)
  if (refused !== null) return { errorCode: refused.kafka, errorMessage: refused.message }
  return whenAnswered<Response>((respond) => {
    context.broker.groups.consumerHeartbeat(toHeartbeat(request, context), (answer) => {
      if (isFailure(answer)) {
        respond({ errorCode: answer.error.kafka, errorMessage: answer.message })
        return
      }
      const { memberId, memberEpoch, heartbeatIntervalMs, assignment } = answer
      respond({ errorCode: 0, memberId, memberEpoch, heartbeatIntervalMs, assignment: assignment === null ? null : { topicPartitions: assignment } })
    })
  })
}

function refuse({ groupId, subscribedTopicNames }: ConsumerGroupHeartbeatRequest, context: RequestContext): ErrorRow | null {
  const { principal } = context.connection
  const { security } = context.broker
  if (!security.authorize(principal, 'read', 'group', groupId)) return ERRORS.groupAuthorizationFailed
  const mayDescribeAll = (subscribedTopicNames ?? []).every((name) => security.authorize(principal, 'describe', 'topic', name))
  return mayDescribeAll ? null : ERRORS.topicAuthorizationFailed
}

function toHeartbeat(request: ConsumerGroupHeartbeatRequest, context: RequestContext): HeartbeatRequest {
  const { principal, remoteAddress } = context.connection
  return {
    groupId: request.groupId,
    memberId: request.memberId,
    memberEpoch: request.memberEpoch,
    instanceId: request.instanceId,
    rackId: request.rackId,
    rebalanceTimeoutMs: request.rebalanceTimeoutMs,
    topicNames: request.subscribedTopicNames,
    topicRegex: request.subscribedTopicRegex,
    assignor: request.serverAssignor,
    owned: request.topicPartitions,
    clientId: context.clientId,
    // The slash is how Java prints an address without a name; tools expect it.
    clientHost: `/${remoteAddress}`,
    connection: context.connection,
    makesOwnMemberId: context.version >= FIRST_WITH_OWN_MEMBER_ID,
    mayDescribe: (topicName) => context.broker.security.authorize(principal, 'describe', 'topic', topicName),
  }
}
