import { ERRORS, type ErrorRow, isFailure } from '../../broker/errors.ts'
import type { Handler, RequestContext } from '../handler.ts'
import type { CreateDelegationTokenRequest, CreateDelegationTokenResponse } from '../messages/create-delegation-token.ts'
import type { Input } from '../wire/message.ts'
import { mayUseTokens, principalFields, principalName, USER_TYPE } from './delegation-tokens.ts'

type Response = Input<typeof CreateDelegationTokenResponse>

const NOTHING = new Uint8Array(0)

/**
 * CreateDelegationToken (38, KIP-48): a credential that others log in with, answered when it is durable.
 *
 * v3: for another owner, with CREATE_TOKENS on that user (KIP-373). Refused with 64 to anonymous clients and to who logged in by
 * a token itself. The secret that makes passwords of tokens is the broker's own: there is none to configure.
 */
export const createDelegationToken: Handler<CreateDelegationTokenRequest, Response> = (request, context) => {
  const requester = context.connection.principal.name
  const hasOwner = request.ownerPrincipalName !== null && request.ownerPrincipalName !== ''
  const owner = hasOwner
    ? principalName({ principalType: request.ownerPrincipalType ?? USER_TYPE, principalName: request.ownerPrincipalName ?? '' })
    : requester
  const refused = refuse(request, owner, context)
  if (refused !== null) return failed(refused, owner, requester)
  const renewers = request.renewers.map(principalName)
  return new Promise((resolve) => {
    context.broker.security.tokens.create({ owner, requester, renewers, maxLifetimeMs: request.maxLifetimeMs }, (result) => {
      if (isFailure(result)) {
        resolve(failed(result.error, owner, requester))
        return
      }
      resolve({
        ...sides(owner, requester),
        errorCode: 0,
        issueTimestampMs: result.issuedMs,
        expiryTimestampMs: result.expiryMs,
        maxTimestampMs: result.maxMs,
        tokenId: result.tokenId,
        hmac: result.hmac,
      })
    })
  })
}

function refuse(request: CreateDelegationTokenRequest, owner: string, context: RequestContext): ErrorRow | null {
  const { principal } = context.connection
  if (!mayUseTokens(context)) return ERRORS.delegationTokenRequestNotAllowed
  if (owner !== principal.name && !context.broker.security.authorize(principal, 'create-tokens', 'user', owner)) {
    return ERRORS.delegationTokenAuthorizationFailed
  }
  const areUsers = principalFields(owner).principalType === USER_TYPE && request.renewers.every(({ principalType }) => principalType === USER_TYPE)
  return areUsers ? null : ERRORS.invalidPrincipalType
}

function sides(owner: string, requester: string) {
  const { principalType: tokenRequesterPrincipalType, principalName: tokenRequesterPrincipalName } = principalFields(requester)
  return { ...principalFields(owner), tokenRequesterPrincipalType, tokenRequesterPrincipalName }
}

function failed(error: ErrorRow, owner: string, requester: string): Response {
  return { ...sides(owner, requester), errorCode: error.kafka, issueTimestampMs: -1, expiryTimestampMs: -1, maxTimestampMs: -1, tokenId: '', hmac: NOTHING }
}
