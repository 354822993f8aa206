import { ERRORS, isFailure } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { ExpireDelegationTokenRequest, ExpireDelegationTokenResponse } from '../messages/expire-delegation-token.ts'
import type { Input } from '../wire/message.ts'
import { mayUseTokens } from './delegation-tokens.ts'

type Response = Input<typeof ExpireDelegationTokenResponse>

/**
 * ExpireDelegationToken (40, KIP-48): the owner or a renewer says when a token, named by its HMAC, ends; a negative period ends it
 * now and for good. Answered when that is durable. Who logged in by it stays until its session ends (KIP-368).
 */
export const expireDelegationToken: Handler<ExpireDelegationTokenRequest, Response> = (request, context) => {
  if (!mayUseTokens(context)) return { errorCode: ERRORS.delegationTokenRequestNotAllowed.kafka, expiryTimestampMs: -1 }
  const { principal } = context.connection
  return new Promise((resolve) => {
    context.broker.security.tokens.expire(request.hmac, principal.name, request.expiryTimePeriodMs, (result) => {
      resolve(isFailure(result) ? { errorCode: result.error.kafka, expiryTimestampMs: 0 } : { errorCode: 0, expiryTimestampMs: result })
    })
  })
}
