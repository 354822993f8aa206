import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { OffsetToCommit } from '../../broker/groups/offset-commits.ts'
import type { PendingOffset } from '../../broker/transactions/transaction-record.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { TxnOffsetCommitRequest, TxnOffsetCommitResponse } from '../messages/txn-offset-commit.ts'
import type { Input } from '../wire/message.ts'
import { OffsetPlaces } from './offset-places.ts'
import { abortableFor, fencedFor, refuseTransactionalId } from './transactional-id.ts'

type Response = Input<typeof TxnOffsetCommitResponse>

/** From this version on the client speaks the second protocol of transactions (KIP-890). */
const FIRST_OF_SECOND_PROTOCOL = 5
const FIRST_WITH_TOPIC_ID = 6
const FIRST_WITH_ABORTABLE = 4

/**
 * TxnOffsetCommit (28): offsets of a group that count when the transaction commits. Produce's words for the producer: 47, never 90.
 *
 * v3: the member, so that one of a former generation is refused (KIP-447). v5: announces the group by itself. v6: topics by id.
 */
export const txnOffsetCommit: Handler<TxnOffsetCommitRequest, Response> = (request, context) => {
  const places = new OffsetPlaces(request.topics, context, context.version >= FIRST_WITH_TOPIC_ID)
  const refused = refuse(request, context)
  if (refused !== null) return places.refuse(refused)
  if (places.offsets.length === 0) return places.answer([])
  return new Promise((resolve) => commit(request, places, context, (result) => resolve(places.answer(result))))
}

function refuse({ transactionalId, groupId }: TxnOffsetCommitRequest, context: RequestContext): ErrorRow | null {
  const { security } = context.broker
  const refused = refuseTransactionalId(context, 'write', transactionalId)
  if (refused !== null) return refused
  return security.authorize(context.connection.principal, 'read', 'group', groupId) ? null : ERRORS.groupAuthorizationFailed
}

function commit(
  request: TxnOffsetCommitRequest,
  { offsets }: OffsetPlaces,
  context: RequestContext,
  respond: (result: ErrorRow | readonly (ErrorRow | null)[]) => void,
): void {
  const { groups, transactions, clock } = context.broker
  const { transactionalId, producerId, producerEpoch, groupId } = request
  const claim = {
    groupId,
    memberId: request.memberId,
    instanceId: request.groupInstanceId,
    generation: request.generationIdOrMemberEpoch,
    connection: context.connection,
    knowsGroupIdNotFound: false,
    retentionMs: -1,
    offsets,
  }
  const checked = groups.checkTransactionalCommit(claim, transactions.isPendingGroup(groupId))
  if ('kafka' in checked) {
    respond(checked)
    return
  }
  const version = context.version >= FIRST_OF_SECOND_PROTOCOL ? 2 : 0
  const accepted = offsets.filter((_, index) => checked[index] === null).map((offset) => pending(offset, clock.now()))
  transactions.commitOffsets({ transactionalId, producerId, producerEpoch }, groupId, accepted, version, (failed) => {
    const error = failed === null ? null : abortableFor(fencedFor(failed, false), context.version >= FIRST_WITH_ABORTABLE)
    respond(checked.map((own) => own ?? error))
  })
}

function pending({ topic, partition, offset, leaderEpoch, metadata }: OffsetToCommit, nowMs: number): PendingOffset {
  return { topicName: topic.name, partition, value: { topicId: topic.id, offset, leaderEpoch, metadata, committedAtMs: nowMs, expiresAtMs: -1 } }
}
