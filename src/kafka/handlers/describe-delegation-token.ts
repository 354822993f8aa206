import { ERRORS } from '../../broker/errors.ts'
import type { IssuedToken } from '../../broker/security/ports.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { DescribeDelegationTokenRequest, DescribeDelegationTokenResponse } from '../messages/describe-delegation-token.ts'
import type { Input } from '../wire/message.ts'
import { mayUseTokens, principalFields, principalName } from './delegation-tokens.ts'

type Response = Input<typeof DescribeDelegationTokenResponse>

/**
 * DescribeDelegationToken (41, KIP-48): the tokens one owns, asked for or renews; others with DESCRIBE on the token, or DESCRIBE_TOKENS on
 * its owner (KIP-373). v3: and who asked for them.
 */
export const describeDelegationToken: Handler<DescribeDelegationTokenRequest, Response> = (request, context) => {
  if (!mayUseTokens(context)) return { errorCode: ERRORS.delegationTokenRequestNotAllowed.kafka, tokens: [] }
  const owners = request.owners?.map(principalName) ?? null
  const tokens = [...context.broker.security.tokens.all()].filter(
    (token) => (owners === null || owners.some((owner) => concerns(token, owner))) && maySee(token, context),
  )
  return { errorCode: 0, tokens: tokens.map(toResponse) }
}

function concerns({ owner, requester, renewers }: IssuedToken, principal: string): boolean {
  return owner === principal || requester === principal || renewers.includes(principal)
}

function maySee(token: IssuedToken, { broker: { security }, connection: { principal } }: RequestContext): boolean {
  return (
    concerns(token, principal.name) ||
    security.authorize(principal, 'describe', 'delegation-token', token.tokenId) ||
    security.authorize(principal, 'describe-tokens', 'user', token.owner)
  )
}

function toResponse(token: IssuedToken): Response['tokens'][number] {
  const requester = principalFields(token.requester)
  return {
    ...principalFields(token.owner),
    tokenRequesterPrincipalType: requester.principalType,
    tokenRequesterPrincipalName: requester.principalName,
    issueTimestamp: token.issuedMs,
    expiryTimestamp: token.expiryMs,
    maxTimestamp: token.maxMs,
    tokenId: token.tokenId,
    hmac: token.hmac,
    renewers: token.renewers.map(principalFields),
  }
}
