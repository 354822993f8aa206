import type { Handler } from '../handler.ts'
import type { ShareAcknowledgeRequest, ShareAcknowledgeResponse } from '../messages/share-acknowledge.ts'
import type { Input } from '../wire/message.ts'
import { type AckAnswer, acknowledgeAll, checkShareMember, renewRules } from './share-acks.ts'

type Response = Input<typeof ShareAcknowledgeResponse>

/**
 * ShareAcknowledge (79): what became of records that ShareFetch gave (KIP-932); answered when it is durable. The request that closes
 * the session gives back everything else.
 *
 * v2: locks are renewed (KIP-1222).
 */
export const shareAcknowledge: Handler<ShareAcknowledgeRequest, Response> = (request, context) => {
  const { groupId, memberId, shareSessionEpoch: epoch } = request
  const { shareSessions, shares } = context.broker
  const member = { groupId: groupId ?? '', memberId: memberId ?? '' }
  const refused = checkShareMember(groupId, memberId, context) ?? shareSessions.acknowledge(member, epoch)
  if (refused !== null) return { errorCode: refused.kafka, responses: [] }
  const answers = acknowledgeAll(request.topics, member, renewRules(context.version, request.isRenewAck), context)
  shareSessions.closeIfLast(member, epoch)
  const { recordLockDurationMs } = shares.configsOf(member.groupId)
  return answers instanceof Promise ? answers.then((all) => responseOf(all, recordLockDurationMs)) : responseOf(answers, recordLockDurationMs)
}

function responseOf(answers: readonly AckAnswer[], acquisitionLockTimeoutMs: number): Response {
  const topics = new Map<string, Response['responses'][number]['partitions'][number][]>()
  for (const { topicId, partition, errorCode, errorMessage } of answers) {
    const partitions = topics.get(topicId) ?? []
    topics.set(topicId, partitions)
    partitions.push({ partitionIndex: partition, errorCode, errorMessage })
  }
  return { errorCode: 0, acquisitionLockTimeoutMs, responses: [...topics].map(([topicId, partitions]) => ({ topicId, partitions })) }
}
