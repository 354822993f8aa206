import { ERRORS, isFailure } from '../../broker/errors.ts'
import type { Handler } from '../handler.ts'
import type { RenewDelegationTokenRequest, RenewDelegationTokenResponse } from '../messages/renew-delegation-token.ts'
import type { Input } from '../wire/message.ts'
import { mayUseTokens } from './delegation-tokens.ts'

type Response = Input<typeof RenewDelegationTokenResponse>

/**
 * RenewDelegationToken (39, KIP-48): the owner or a renewer makes a token, named by its HMAC, good for longer; answered when that is
 * durable. 62: there is none, 66: too late, 63: neither owner nor renewer.
 */
export const renewDelegationToken: Handler<RenewDelegationTokenRequest, Response> = (request, context) => {
  if (!mayUseTokens(context)) return { errorCode: ERRORS.delegationTokenRequestNotAllowed.kafka, expiryTimestampMs: -1 }
  const { principal } = context.connection
  return new Promise((resolve) => {
    context.broker.security.tokens.renew(request.hmac, principal.name, request.renewPeriodMs, (result) => {
      resolve(isFailure(result) ? { errorCode: result.error.kafka, expiryTimestampMs: 0 } : { errorCode: 0, expiryTimestampMs: result })
    })
  })
}
