import { ERRORS } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { OffsetCommitRequest, OffsetCommitResponse } from '../messages/offset-commit.ts'
import type { Input } from '../wire/message.ts'
import { OffsetPlaces } from './offset-places.ts'

type Response = Input<typeof OffsetCommitResponse>

const FIRST_WITH_GROUP_ID_NOT_FOUND = 9
const FIRST_WITH_TOPIC_ID = 10

/**
 * OffsetCommit (8): keeps a group's offsets, answered when they are durable (rule 23).
 *
 * v2-v4: the client may say how long they are kept. v6: leader epochs. v7: static members. v9: 69 for a group that is not
 * there; members of KIP-848 (rule 26), whose epoch stands for the generation. v10: topics by id.
 */
export const offsetCommit: Handler<OffsetCommitRequest, Response> = (request, context) => {
  const { connection, broker } = context
  const places = new OffsetPlaces(request.topics, context, context.version >= FIRST_WITH_TOPIC_ID)
  if (!broker.security.authorize(connection.principal, 'read', 'group', request.groupId)) return places.refuse(ERRORS.groupAuthorizationFailed)
  if (places.offsets.length === 0) return places.answer([])
  return new Promise((resolve) => {
    broker.groups.commit(
      {
        groupId: request.groupId,
        memberId: request.memberId,
        instanceId: request.groupInstanceId,
        generation: request.generationIdOrMemberEpoch,
        connection,
        knowsGroupIdNotFound: context.version >= FIRST_WITH_GROUP_ID_NOT_FOUND,
        retentionMs: request.retentionTimeMs,
        offsets: places.offsets,
      },
      (result) => resolve(places.answer(result)),
    )
  })
}
