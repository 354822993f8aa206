import { ERRORS, isFailure } from '../../broker/errors.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { ShareGroupHeartbeatRequest, ShareGroupHeartbeatResponse } from '../messages/share-group-heartbeat.ts'
import { whenAnswered } from '../when-answered.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof ShareGroupHeartbeatResponse>

const MAX_MEMBER_ID_LENGTH = 36

/**
 * ShareGroupHeartbeat (76, KIP-932): joins, stays in, changes its wishes in, leaves a group whose members share partitions;
 * answered when what it tells is durable.
 */
export const shareGroupHeartbeat: Handler<ShareGroupHeartbeatRequest, Response> = (request, context) => {
  const refused = refuse(request, context)
  if (refused !== null) return { errorCode: refused.kafka }
  const { groupId, memberId, memberEpoch, rackId, subscribedTopicNames } = request
  return whenAnswered<Response>((respond) => {
    context.broker.groups.share.heartbeat(
      {
        groupId,
        memberId,
        memberEpoch,
        rackId,
        topicNames: subscribedTopicNames,
        clientId: context.clientId,
        // The slash is how Java prints an address without a name; tools expect it.
        clientHost: `/${context.connection.remoteAddress}`,
        connection: context.connection,
      },
      (answer) => {
        if (isFailure(answer)) {
          respond({ errorCode: answer.error.kafka, errorMessage: answer.message })
          return
        }
        const { assignment, ...rest } = answer
        respond({ errorCode: 0, ...rest, assignment: assignment === null ? null : { topicPartitions: assignment } })
      },
    )
  })
}

function refuse({ groupId, memberId, subscribedTopicNames }: ShareGroupHeartbeatRequest, { broker, connection }: RequestContext) {
  const { security } = broker
  if (!security.authorize(connection.principal, 'read', 'group', groupId)) return ERRORS.groupAuthorizationFailed
  if (memberId === '' || memberId.length > MAX_MEMBER_ID_LENGTH) return ERRORS.invalidRequest
  const mayDescribeAll = (subscribedTopicNames ?? []).every((name) => security.authorize(connection.principal, 'describe', 'topic', name))
  return mayDescribeAll ? null : ERRORS.topicAuthorizationFailed
}
