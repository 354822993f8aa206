import { ERRORS, type Failure, failure } from '../errors.ts'
import type { Principal, Security } from '../security/ports.ts'
import type { SubscribeRequest } from './ports.ts'
import { parseReplayFrom, parseTopicFilter, type ReplayFrom } from './topic-filter.ts'

/** A subscription asked for, checked. */
export interface Wanted {
  readonly request: SubscribeRequest
  /** What topics are matched against. */
  readonly filter: string
  /** `$replay/FROM/`, or empty. */
  readonly prefix: string
  /** Null where it begins now. */
  readonly from: ReplayFrom | null
}

/** The subscription, or why it is refused; `isFull` where the session has no room for another one. */
export function checkSubscribe(request: SubscribeRequest, principal: Principal, security: Security, isFull: boolean): Wanted | Failure {
  const parsed = parseTopicFilter(request.filter)
  if (typeof parsed === 'string') return failure(ERRORS.invalidTopicFilter, parsed)
  if (parsed.share !== null) return failure(ERRORS.sharedSubscriptionsNotSupported)
  if (isFull) return failure(ERRORS.quotaExceeded, 'the session has as many subscriptions as are allowed')
  if (!principal.isAdministrator && !security.authorize(principal, 'describe', 'mqtt-topic', parsed.filter)) {
    return failure(ERRORS.topicAuthorizationFailed, `${principal.name} may not subscribe to ${JSON.stringify(parsed.filter)}`)
  }
  const from = parsed.replayFrom ?? (request.from === undefined ? null : parseReplayFrom(request.from))
  if (typeof from === 'string') return failure(ERRORS.invalidTopicFilter, from)
  const prefix = request.filter.slice(0, request.filter.length - parsed.filter.length)
  return { request, filter: parsed.filter, prefix, from }
}
