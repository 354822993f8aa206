import { ERRORS, type Failure, failure } from '../../broker/errors.ts'
import type { Acl } from '../../broker/security/acl.ts'
import { aclOfCodes, hasUnknownCode, isFilterOnly } from '../acl-codes.ts'
import { CLUSTER_RESOURCE } from '../cluster-resource.ts'
import type { Handler } from '../handler.ts'
import type { CreateAclsRequest, CreateAclsResponse } from '../messages/create-acls.ts'
import type { Input } from '../wire/message.ts'

type Response = Input<typeof CreateAclsResponse>

/**
 * CreateAcls (30): adds ACLs, answered when they are durable; one that is there already is no error. Needs ALTER on the cluster.
 *
 * Each ACL has its own result: 42 for one that makes no sense, which the others do not suffer from. As in Kafka, a number 0
 * closes the connection, and with a number that only filters have nothing is added: all are -1.
 */
export const createAcls: Handler<CreateAclsRequest, Response> = (request, context) => {
  const { security } = context.broker
  const given = request.creations.map(({ resourcePatternType, ...rest }) => ({ ...rest, patternType: resourcePatternType }))
  if (given.some(({ resourceType, patternType, operation, permissionType }) => hasUnknownCode(resourceType, patternType, operation, permissionType))) {
    context.connection.close('an ACL of unknown elements')
    return null
  }
  if (!security.authorize(context.connection.principal, 'alter', 'cluster', CLUSTER_RESOURCE)) {
    return { results: request.creations.map(() => resultOf(failure(ERRORS.clusterAuthorizationFailed))) }
  }
  if (given.some(isFilterOnly)) return { results: given.map(() => resultOf(failure(ERRORS.unknownServerError, 'an ACL has elements that only filters have'))) }
  const asked = given.map(aclOfCodes)
  const legal = asked.filter((acl): acl is Acl => typeof acl !== 'string')
  return new Promise((resolve) => {
    security.acls.create(legal, (results) => {
      let next = 0
      resolve({ results: asked.map((acl) => resultOf(typeof acl === 'string' ? failure(ERRORS.invalidRequest, acl) : (results[next++] ?? null))) })
    })
  })
}

function resultOf(failed: Failure | null): Response['results'][number] {
  return { errorCode: failed?.error.kafka ?? 0, errorMessage: failed?.message ?? null }
}
