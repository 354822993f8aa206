import { ERRORS } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { FetchRequest, FetchResponse } from '../messages/fetch.ts'
import type { Input } from '../wire/message.ts'
import { FetchPlan } from './fetch-plan.ts'
import { ParkedFetch } from './parked-fetch.ts'

type Response = Input<typeof FetchResponse>

const FIRST_WITH_TOPIC_ID = 13

/**
 * Fetch (1): whole record batches from each partition's offset on (rule 15), waiting for `minBytes` up to `maxWaitMs`.
 *
 * v7: fetch sessions (rule 15b; `fetch-sessions.ts`): only changes are asked for and told. v9: leader epochs. v12: the last
 * fetched epoch. v13: topics by id. v15 to v18: fields of followers and of the controllers' quorum, which one broker has no use for.
 */
export const fetch: Handler<FetchRequest, Response> = (request, context) => {
  const scope = context.broker.fetchSessions.begin(request, context.version >= FIRST_WITH_TOPIC_ID)
  if ('kafka' in scope) return { errorCode: scope.kafka, sessionId: 0, responses: [] }
  const plan = new FetchPlan(request, scope, context)
  if (plan.hasNoIsolation) return failed(request, context.version)
  const read = plan.read()
  if (!(read instanceof Promise)) return read ? plan.response() : new ParkedFetch(plan, request, context).result
  return read.then((enough) => {
    if (enough || context.connection.closed) return plan.response()
    const parked = new ParkedFetch(plan, request, context)
    // Records may have come while the disk was read, before anybody listened.
    parked.readAllSoon()
    return parked.result
  })
}

/** As Kafka answers where it meets an exception. */
function failed({ sessionId, topics }: FetchRequest, version: number): Response {
  const errorCode = ERRORS.unknownServerError.kafka
  // From then on a client knows an error of the whole.
  if (version >= FIRST_WITH_TOPIC_ID) return { errorCode, sessionId, responses: [] }
  const responses = topics.map(({ topic, topicId, partitions }) => ({
    topic,
    topicId,
    partitions: partitions.map(({ partition }) => ({ partitionIndex: partition, errorCode, highWatermark: -1, abortedTransactions: [], records: [] })),
  }))
  return { errorCode, sessionId, responses }
}
