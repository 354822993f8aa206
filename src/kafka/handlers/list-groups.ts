import type { Handler } from '../handler.ts'
import type { ListGroupsRequest, ListGroupsResponse } from '../messages/list-groups.ts'
import type { Input } from '../wire/message.ts'

/**
 * ListGroups (16): the groups that the client may describe. v4: filtered by states. v5: and by types (KIP-848).
 */
export const listGroups: Handler<ListGroupsRequest, Input<typeof ListGroupsResponse>> = (request, context) => {
  const { security, groups } = context.broker
  const { principal } = context.connection
  // As in Kafka: whoever may describe the cluster sees all.
  const seesAll = security.authorize(principal, 'describe', 'cluster', 'kafka-cluster')
  const listed = groups
    .list({ states: request.statesFilter, types: request.typesFilter })
    .filter(({ groupId }) => seesAll || security.authorize(principal, 'describe', 'group', groupId))
    .map(({ groupId, protocolType, state, type }) => ({ groupId, protocolType, groupState: state, groupType: type }))
  return { errorCode: 0, groups: listed }
}
