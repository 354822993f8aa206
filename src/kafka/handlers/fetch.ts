import { ERRORS } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { FetchRequest, FetchResponse } from '../messages/fetch.ts'
import type { Input } from '../wire/message.ts'
import { FetchPlan } from './fetch-plan.ts'
import { ParkedFetch } from './parked-fetch.ts'

type Response = Input<typeof FetchResponse>

/** Epochs that make a full request, whatever the session (KIP-227). */
const INITIAL_EPOCH = 0
const FINAL_EPOCH = -1

/**
 * Fetch (1): whole record batches from each partition's offset on (rule 15), waiting for `minBytes` up to `maxWaitMs`.
 *
 * v7: fetch sessions; none is ever made (the answer's session id is 0, which clients take as "send all each time"), so an
 * incremental request gets 70. v9: leader epochs. v12: the last fetched epoch. v13: topics by id.
 * v15 to v18: fields of followers and of the controllers' quorum, which one broker has no use for.
 */
export const fetch: Handler<FetchRequest, Response> = (request, context) => {
  const incremental = request.sessionEpoch !== INITIAL_EPOCH && request.sessionEpoch !== FINAL_EPOCH
  if (context.version >= 7 && incremental) {
    return { errorCode: ERRORS.fetchSessionIdNotFound.kafka, sessionId: 0, responses: [] }
  }
  const plan = new FetchPlan(request, context)
  const read = plan.read()
  if (!(read instanceof Promise)) return read ? plan.response() : new ParkedFetch(plan, request, context).result
  return read.then((enough) => {
    if (enough || context.connection.closed) return plan.response()
    const parked = new ParkedFetch(plan, request, context)
    // Records may have come while the disk was read, before anybody listened.
    parked.evaluateSoon()
    return parked.result
  })
}
