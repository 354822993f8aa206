import { ERRORS, type ErrorRow } from '../../broker/errors.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { ShareFetchRequest, ShareFetchResponse } from '../messages/share-fetch.ts'
import { hasAcknowledgements, moveToEnd, type ShareMember, type ShareScope } from '../share-sessions.ts'
import type { Input } from '../wire/message.ts'
import { ParkedShareFetch, type PlaceAnswer, type SharePartitionResponse } from './parked-share-fetch.ts'
import { type AckAnswer, acknowledgeAll, checkShareMember, renewRules } from './share-acks.ts'

type Response = Input<typeof ShareFetchResponse>

/**
 * ShareFetch (78): opens, uses and closes a share session, acknowledges records, takes others (KIP-932). Whether the member is in its
 * group is not asked, as in Kafka.
 *
 * v2: no record more than `maxRecords` where the client says so (KIP-1206); locks are renewed, and then nothing is fetched (KIP-1222).
 */
export const shareFetch: Handler<ShareFetchRequest, Response> = (request, context) => {
  const { groupId, memberId, shareSessionEpoch: epoch } = request
  const { shareSessions } = context.broker
  const member = { groupId: groupId ?? '', memberId: memberId ?? '' }
  const refused = checkShareMember(groupId, memberId, context) ?? checkRenewal(request)
  if (refused !== null) return refusal(refused)
  const scope = shareSessions.begin(member, request, context.connection)
  if ('kafka' in scope) return scope === ERRORS.shareSessionLimitReached ? refuseLater(scope, request, context) : refusal(scope)
  const rules = renewRules(context.version, request.isRenewAck)
  const acks = hasAcknowledgements(request) ? acknowledgeAll(request.topics, member, rules, context) : []
  const fetched = request.isRenewAck || scope.places.length === 0 ? [] : new ParkedShareFetch(request, member, scope, context).result
  shareSessions.closeIfLast(member, epoch)
  return answer(member, scope, acks, fetched, context)
}

async function answer(
  member: ShareMember,
  scope: ShareScope,
  acks: AckAnswer[] | Promise<AckAnswer[]>,
  fetched: PlaceAnswer[] | Promise<PlaceAnswer[] | null>,
  context: RequestContext,
): Promise<Response | null> {
  const [acknowledged, places] = await Promise.all([acks, fetched])
  if (places === null) return null
  const { recordLockDurationMs } = context.broker.shares.configsOf(member.groupId)
  return { errorCode: 0, acquisitionLockTimeoutMs: recordLockDurationMs, responses: joined(news(scope, places), acknowledged) }
}

function refusal(error: ErrorRow): Response {
  return { errorCode: error.kafka, responses: [] }
}

/** A client without a session would ask again at once. */
function refuseLater(error: ErrorRow, { maxWaitMs }: ShareFetchRequest, { broker, connection }: RequestContext): Promise<Response | null> {
  return new Promise((resolve) => {
    const timer = broker.clock.after(Math.max(0, maxWaitMs), () => {
      forgetClose()
      resolve(refusal(error))
    })
    const forgetClose = connection.onClose(() => {
      timer.cancel()
      resolve(null)
    })
  })
}

/** A lock that was renewed would end while records are waited for. */
function checkRenewal({ isRenewAck, maxBytes, minBytes, maxRecords, maxWaitMs }: ShareFetchRequest): ErrorRow | null {
  return isRenewAck && (maxBytes !== 0 || minBytes !== 0 || maxRecords !== 0 || maxWaitMs !== 0) ? ERRORS.invalidRequest : null
}

/** What must be told: of a session that goes on only what has news. */
function news({ tellsAll, session }: ShareScope, answers: readonly PlaceAnswer[]): readonly PlaceAnswer[] {
  if (tellsAll) return answers
  return answers.filter(({ place, response }) => {
    const hasRecords = response.records.length > 0
    const isTold = place.mustTell || hasRecords || response.errorCode !== 0
    place.mustTell = response.errorCode !== 0
    if (hasRecords && session !== null) moveToEnd(session, place)
    return isTold
  })
}

/** What the request fetched and what it acknowledged, each partition once. */
function joined(fetched: readonly PlaceAnswer[], acknowledged: readonly AckAnswer[]): Response['responses'] {
  const topics = new Map<string, Map<number, SharePartitionResponse>>()
  const partitionsOf = (topicId: string): Map<number, SharePartitionResponse> => {
    const partitions = topics.get(topicId) ?? new Map<number, SharePartitionResponse>()
    topics.set(topicId, partitions)
    return partitions
  }
  for (const { place, response } of fetched) partitionsOf(place.topicId).set(place.partition, response)
  for (const { topicId, partition, errorCode, errorMessage } of acknowledged) {
    const partitions = partitionsOf(topicId)
    const response = partitions.get(partition) ?? { partitionIndex: partition, errorCode: 0, records: [], acquiredRecords: [] }
    partitions.set(partition, { ...response, acknowledgeErrorCode: errorCode, acknowledgeErrorMessage: errorMessage })
  }
  return [...topics].map(([topicId, partitions]) => ({ topicId, partitions: [...partitions.values()] }))
}
